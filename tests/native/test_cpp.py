"""Builds the core without Python and runs its C++ tests: with warnings as errors, and sanitized."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEBIAN_PACKAGES = {
    "doctest/doctest.h": "doctest-dev",
    "nlohmann/json.hpp": "nlohmann-json3-dev",
}
BUILDS = {
    "werror": ["-DCMAKE_BUILD_TYPE=Release", "-DRSSFIX_WERROR=ON", "-DRSSFIX_BENCH=ON"],
    "sanitize": [
        "-DCMAKE_BUILD_TYPE=Debug",
        "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1",
        "-DRSSFIX_SANITIZE=ON",
    ],
}


def tool(name: str) -> str:
    """The virtual environment's tool, else the system's."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    assert found, f"{name} is not installed: pip install {name}"
    return found


def run(*command: str, timeout: int = 300) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def compiler() -> str:
    return os.environ.get("CXX") or tool("c++")


def test_the_headers_of_the_cpp_tests_are_installed():
    for header, package in DEBIAN_PACKAGES.items():
        found = subprocess.run(
            [compiler(), "-E", "-x", "c++", "-"],
            input=f"#include <{header}>\n", text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert found.returncode == 0, f"{header} is missing: apt-get install {package}"


def compiled(build):
    """The folder of a build; kept under the ignored build folder, so only the first is slow."""
    folder = ROOT / "build" / f"cpp-{build}"
    run(
        tool("cmake"), "-S", str(ROOT), "-B", str(folder), "-G", "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", "-DRSSFIX_TESTS=ON", *BUILDS[build],
    )  # fmt: skip
    run(tool("cmake"), "--build", str(folder))
    return folder


@pytest.mark.parametrize("build", BUILDS)
def test_cpp_tests_pass(build):
    output = run(tool("ctest"), "--test-dir", str(compiled(build)), "--output-on-failure")
    assert "100% tests passed" in output


def test_the_core_exports_no_code_compiled_for_newer_processors():
    """A weak symbol of avx512.cpp could be linked in for everyone."""
    archive = compiled("werror") / "librssfix.a"
    for line in run(tool("nm"), "-A", "-C", str(archive)).splitlines():
        file, _, symbol = line.rpartition(".o:")
        if file.endswith(("avx2.cpp", "avx512.cpp")) and " W " in symbol:
            pytest.fail(f"weak symbol: {line}")
