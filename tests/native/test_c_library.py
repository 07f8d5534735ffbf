"""The C library as firmware gets it: installed, found, linked, and nothing else in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from test_cpp import ROOT, compiled, run, tool

HEADER = ROOT / "native" / "c_api" / "rssfix.h"
EXAMPLE = ROOT / "examples" / "c" / "locate.c"
CONSUMER = """
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES C)
find_package(rssfix 0.1 REQUIRED)
add_executable(shared locate.c)
target_link_libraries(shared PRIVATE rssfix::rssfix)
add_executable(static locate.c)
target_link_libraries(static PRIVATE rssfix::static)
set_target_properties(static PROPERTIES LINKER_LANGUAGE C)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    run(tool("cmake"), "--install", str(compiled("werror")), "--prefix", str(prefix))
    (library,) = prefix.glob("lib*/**/librssfix.so")
    return prefix, library


def declared():
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    return set(re.findall(r"RSSFIX_API [\w\s*]*?(rssfix_\w+)\(", text))


def test_it_exports_what_the_header_declares_and_nothing_else(installed):
    lines = run(tool("nm"), "-D", "--defined-only", str(installed[1])).splitlines()
    assert {line.split()[-1] for line in lines} == declared()
    assert len(declared()) > 30


def test_it_needs_no_cpp_library(installed):
    needed = re.findall(r"NEEDED.*\[(.*?)\]", run(tool("readelf"), "-d", str(installed[1])))
    assert {name.split(".")[0] for name in needed} <= {"libc", "libm"}


@pytest.mark.parametrize("language", ["c99", "c11", "c++11", "c++17"])
def test_the_header_compiles_alone_without_a_warning(tmp_path, language):
    source = tmp_path / ("alone.cpp" if "++" in language else "alone.c")
    source.write_text('#include "rssfix.h"\nint main(void) { return rssfix_version()[0] == 0; }\n')
    run(
        tool("c++" if "++" in language else "cc"), f"-std={language}", "-Wall", "-Wextra",
        "-Wconversion", "-Wsign-conversion", "-Wshadow", "-pedantic", "-Werror",
        f"-I{HEADER.parent}", "-c", str(source), "-o", str(tmp_path / "alone.o"),
    )  # fmt: skip


def positions(output):
    assert "0 ms: ok" in output
    found = re.findall(r"x ([\d.]+) m, y ([\d.]+) m, floor (\d)", output)
    assert len(found) == 3
    assert all(0 <= float(x) <= 20 and 0 <= float(y) <= 12 for x, y, _ in found)
    assert [floor for *_, floor in found] == ["0", "0", "1"]
    return output


def test_the_example_builds_with_find_package(installed, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(CONSUMER)
    shutil.copy(EXAMPLE, tmp_path)
    build = tmp_path / "build"
    run(
        tool("cmake"), "-S", str(tmp_path), "-B", str(build), "-G", "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", f"-DCMAKE_PREFIX_PATH={installed[0]}",
    )  # fmt: skip
    run(tool("cmake"), "--build", str(build))
    outputs = {positions(run(str(build / name))) for name in ("shared", "static")}
    assert len(outputs) == 1


def test_the_example_builds_with_pkg_config_in_plain_c(installed, tmp_path):
    """The line at the top of the example; and the static library wants the C compiler alone."""
    if shutil.which("pkg-config") is None:
        pytest.skip("pkg-config is not installed")
    prefix, library = installed
    (pc,) = prefix.glob("lib*/**/rssfix.pc")
    asked = ["env", f"PKG_CONFIG_PATH={pc.parent}", "pkg-config", "--cflags", "--libs", "rssfix"]
    flags = run(*asked).split()
    program = tmp_path / "locate"
    run(tool("cc"), str(EXAMPLE), *flags, f"-Wl,-rpath,{library.parent}", "-o", str(program))
    output = positions(run(str(program)))
    flags = [flag for flag in flags if flag != "-lrssfix"]
    run(tool("cc"), str(EXAMPLE), *flags, "-l:librssfix.a", "-lm", "-o", str(program))
    assert positions(run(str(program))) == output


def test_aarch64_maps_16_kib_pages_and_answers_alike(tmp_path):
    if shutil.which("aarch64-linux-gnu-g++") is None:
        pytest.skip("the cross compiler is missing: apt-get install g++-aarch64-linux-gnu")
    toolchain = ROOT / "native" / "toolchains" / "aarch64.cmake"
    build = ROOT / "build" / "c-aarch64"
    run(
        tool("cmake"), "-S", str(ROOT), "-B", str(build), "-G", "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}",
    )  # fmt: skip
    run(tool("cmake"), "--build", str(build))
    program_headers = run(tool("readelf"), "-lW", str(build / "native" / "c_api" / "librssfix.so"))
    loads = re.findall(r"^\s+LOAD .* (0x[0-9a-f]+)$", program_headers, flags=re.MULTILINE)
    assert loads
    assert all(int(alignment, 16) >= 16384 for alignment in loads), loads
    emulator = shutil.which("qemu-aarch64-static")
    if emulator is None:
        pytest.skip("aligned; not run: qemu-user-static is missing")
    program = tmp_path / "locate"
    run(
        "aarch64-linux-gnu-gcc", str(EXAMPLE), f"-I{HEADER.parent}",
        str(build / "librssfix.a"), "-lm", "-static", "-o", str(program),
    )  # fmt: skip
    positions(run(emulator, str(program)))


def test_every_function_is_documented():
    text = (ROOT / "docs" / "c_api.md").read_text()
    for name in declared():
        family = re.sub(r"_(init|create|destroy|size)$", "", name)
        assert name in text or f"`{family}`" in text, name


def test_every_declared_function_is_in_cffi():
    from sdk.capi import lib

    assert {name for name in dir(lib) if name.startswith("rssfix_")} == declared()


def test_build_info_is_that_of_pybind11():
    from sdk import capi, native

    info = native.build_info()
    assert capi.version() == info["version"]
    assert info["compiler"] in capi.build_info()


def test_a_missing_cffi_names_the_extra():
    code = "import sys; sys.modules['_cffi_backend'] = None\nimport sdk.capi"
    done = subprocess.run(
        [tool("python"), "-c", code], capture_output=True, text=True, cwd=Path("/"), check=False
    )
    assert "pip install 'rssfix[cffi]'" in done.stderr
