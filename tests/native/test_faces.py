"""One golden file, four readers: C++, C, cffi and pybind11 give the same bits for every case."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import golden_faces
import pytest
from test_cpp import compiled

from sdk import _core, capi

GOLDEN = Path(__file__).parents[1] / "golden"
TESTS = Path("native") / "tests"


@pytest.fixture(scope="module")
def build():
    return compiled("werror")


def digests(lines):
    """{(kernel, case, vector kernels): digest}; a case may be noted more than once, alike."""
    found = {}
    for line in lines.splitlines():
        kernel, case, simd, digest = line.split("|")
        assert found.setdefault((kernel, case, simd), digest) == digest
    return found


@pytest.fixture(scope="module")
def cpp(build, tmp_path_factory):
    path = tmp_path_factory.mktemp("golden") / "digests.txt"
    program = build / TESTS / "rssfix_tests"
    subprocess.run(
        [program, "--test-case=golden.*"],
        env={**os.environ, "RSSFIX_GOLDEN_DIGESTS": str(path)}, check=True, capture_output=True,
    )  # fmt: skip
    return digests(path.read_text())


@pytest.fixture(scope="module")
def c(build):
    program = build / TESTS / "rssfix_golden_c"
    done = subprocess.run([program, GOLDEN], check=True, capture_output=True, text=True)
    return digests(done.stdout)


def cases(kernel):
    return json.loads((GOLDEN / f"{kernel}.json").read_text())


@pytest.mark.parametrize("kernel", golden_faces.CFFI)
def test_cffi_and_pybind11_give_the_bits_of_cpp_and_c(kernel, simd, c, cpp):
    level = capi.ffi.string(capi.lib.rssfix_simd())
    assert capi.lib.rssfix_set_simd(simd.encode())
    try:
        for case in cases(kernel):
            key = (kernel, case["name"], simd)
            assert c[key] == cpp[key], key
            assert golden_faces.digest(golden_faces.CFFI[kernel](case)) == c[key], key
            if kernel in golden_faces.PYBIND11:
                assert golden_faces.digest(golden_faces.PYBIND11[kernel](case)) == c[key], key
    finally:
        capi.lib.rssfix_set_simd(level)


def test_no_case_is_left_out(c):
    named = {(kernel, case["name"]) for kernel in golden_faces.CFFI for case in cases(kernel)}
    assert {key[:2] for key in c} == named
    # The locator is glue over parts that pybind11 has one by one.
    assert set(golden_faces.CFFI) - set(golden_faces.PYBIND11) == {"rank_locator"}
    assert len({simd for *_, simd in c}) == len(_core.build_info()["simd_supported"])
