"""Builds and tests rssfix for Arm on this machine, under qemu, and weighs what a device gets.

    python benchmarks/edge.py            builds, tests, prints the tables (`make test-edge`)
    python benchmarks/edge.py --write    writes benchmarks/edge.md too

1. armhf and aarch64: the C++ core is cross-compiled and its tests run.
2. aarch64: the wheel is cross-built and checked, and `ARM_TESTS` run in Debian's arm64 Python with
   onnxruntime, LiteRT and tflite-runtime from their wheels.

Everything lies in build/edge and is kept; /sys is hidden from the emulated Python, because
onnxruntime and LiteRT read the host's processors there and die (SIGSEGV).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from edge_costs import MEASURE, PACKAGES, ROWS, costs

from evaluation import provenance
from sdk.atomic import write_file

ROOT = Path(__file__).parents[1]
EDGE = ROOT / "build" / "edge"
ARM64 = EDGE / "arm64"
ARM_TESTS = (
    "tests/test_minimal.py",
    "tests/native/test_native_golden.py",
    "tests/sdk/test_sources_text.py",
    "tests/edge/on_arm.py",
)
SUFFIX = ".cpython-311-aarch64-linux-gnu.so"
PLATFORMS = (
    "manylinux_2_17",
    "manylinux2014",
    "manylinux_2_27",
    "manylinux_2_28",
    "manylinux_2_34",
)
BIN = Path(sys.executable).parent


def run(*command: object, **environment: str) -> str:
    """Run a command in the repository; what it printed. Ends with its output where it fails."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **one_thread, "PATH": path, **environment},
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def core(machine: str) -> None:
    """Cross-compile the C++ core and run its tests under qemu."""
    folder = EDGE / f"cpp-{machine}"
    toolchain = ROOT / "native" / "toolchains" / f"{machine}.cmake"
    run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja",
        f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-DRSSFIX_TESTS=ON")  # fmt: skip
    run("cmake", "--build", folder)
    run("ctest", "--test-dir", folder, "--output-on-failure")


def wheel() -> Path:
    """Cross-build the aarch64 wheel; its modules must be named for the target."""
    headers = ARM64 / "headers" / "usr" / "include"
    toolchain = ROOT / "native" / "toolchains" / "aarch64.cmake"
    folder = EDGE / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    arguments = (
        f"-DCMAKE_TOOLCHAIN_FILE={toolchain} -DPython_INCLUDE_DIR={headers}/python3.11 "
        "-DPYBIND11_USE_CROSSCOMPILING=ON "
        f"-DCMAKE_CXX_FLAGS=-I{headers} -DCMAKE_C_FLAGS=-I{headers}"
    )
    run(
        "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps",
        "--config-settings", f"build-dir={EDGE / 'wheel-build'}", "--wheel-dir", folder, ROOT,
        _PYTHON_HOST_PLATFORM="linux-aarch64", SETUPTOOLS_EXT_SUFFIX=SUFFIX, CMAKE_ARGS=arguments,
    )  # fmt: skip
    (path,) = folder.glob("rssfix-*-linux_aarch64.whl")
    modules = [name for name in zipfile.ZipFile(path).namelist() if name.endswith(".so")]
    wrong = [name for name in modules if not name.endswith(SUFFIX)]
    if wrong or not modules:
        sys.exit(f"{path.name}: modules are not for the target: {wrong or 'none at all'}")
    return path


def packages(own: Path) -> Path:
    """A folder with the arm64 wheels of all runtimes, and ours, unpacked beside as `site`."""
    wheels, site = ARM64 / "wheels", ARM64 / "site"
    if not wheels.exists():
        platforms = [f"--platform={name}_aarch64" for name in PLATFORMS]
        run(
            "pip", "download", "--quiet", "--only-binary=:all:", *platforms,
            "--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=none",
            "--abi=abi3", "--constraint", ROOT / "constraints.txt", "--dest", wheels, *PACKAGES,
        )  # fmt: skip
    shutil.rmtree(site, ignore_errors=True)
    for path in (*wheels.glob("*.whl"), own):
        zipfile.ZipFile(path).extractall(site)
    return wheels


def emulated(*arguments: object, **environment: str) -> str:
    """Run the arm64 Python."""
    root = ARM64 / "root"
    hidden = 'mount -t tmpfs none /sys && exec qemu-aarch64-static -L "$0" "$@"'
    return run(
        "unshare", "--map-root-user", "--mount", "sh", "-c", hidden,
        # -P: the source tree must not stand in for the wheel.
        root, root / "usr/bin/python3.11", "-P", *arguments,
        PYTHONPATH=str(ARM64 / "site"), PYTHONDONTWRITEBYTECODE="1", **environment,
    )  # fmt: skip


def main() -> None:
    """Build, test, weigh."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    lines = []

    def step(what: str, began: float) -> None:
        lines.append(f"| {what} | passed |")
        print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)

    for machine in ("armhf", "aarch64"):
        began = time.monotonic()
        core(machine)
        step(f"{machine}: C++ tests of the core", began)
    began = time.monotonic()
    run(ROOT / ".ci" / "arm64-root", ARM64)
    own = wheel()
    wheels = packages(own)
    step("aarch64: wheel cross-built, modules named for the target", began)
    began = time.monotonic()
    bundles = EDGE / "bundles"
    run(sys.executable, "tests/edge/make_bundles.py", bundles)
    told = emulated(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--override-ini", "addopts=", *ARM_TESTS,
        RSSFIX_EDGE=str(bundles), RSSFIX_EDGE_MACHINE="aarch64", CI="1",
    )  # fmt: skip
    step(f"aarch64: {told.splitlines()[-1].split(' in ')[0]}, {', '.join(ARM_TESTS)}", began)
    names = ("nothing", *ROWS)
    under_qemu = {name: emulated("-c", MEASURE, name, bundles) for name in names}
    here = {name: run(sys.executable, "-c", MEASURE, name, bundles) for name in names}
    table = costs(wheels, own, under_qemu, here)
    print(table)
    if write:
        made = f"`make test-edge`, commit {provenance.commit()}, {provenance.today()}."
        head = "# Arm: what is tested under qemu, and what a device gets\n"
        tested = "\n".join(["| step | |", "|---|---|", *lines])
        write_file(ROOT / "benchmarks" / "edge.md", f"{head}\n{made}\n\n{tested}\n\n{table}")


if __name__ == "__main__":
    main()
