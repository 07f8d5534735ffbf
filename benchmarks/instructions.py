"""Instructions that one call of each native kernel takes, counted by callgrind.

    python benchmarks/instructions.py            a table
    python benchmarks/instructions.py --write    writes benchmarks/instructions.md and .json

Unlike times, counts are the same on a busy machine and on an idle one, so that a kernel which has
become slower shows anywhere. They are those of the baseline vector kernels (valgrind knows no
AVX-512) with the C library's plain functions, for one compiler and one C library: tests compare
with the same ones only. The second call of each is counted, on the data of rssfix_kernel_bench.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from evaluation.provenance import commit, today  # noqa: E402

RESULTS = Path(__file__).with_suffix(".json")
ALLOWED_GROWTH = 0.05
# The loader would else choose functions for the processor that valgrind shows it.
PLAIN_LIBC = "glibc.cpu.hwcaps=" + ",".join(
    f"-{name}" for name in ("AVX", "AVX2", "FMA", "FMA4", "ERMS", "FSRM", "AVX512F", "AVX512VL")
)
NOTES = """\
One call each, counted by callgrind at the baseline vector level.
`tests/native/test_instructions.py` fails when a count grows by more than 5 %. A change that is
worth its instructions (a more exact result, say) writes the table anew:
`python benchmarks/instructions.py --write`. The locator's calls are one scan of the simulated
building of `native/bench/building.hpp`: windows, a map of 80 x 120 cells, centre of mass, filter.
"""


def build() -> Path:
    """rssfix_kernel_bench, compiled as for benchmarks/native.md."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    cmake = shutil.which("cmake", path=path)
    if cmake is None:
        raise SystemExit("cmake is not installed: pip install cmake")
    folder = ROOT / "build" / "bench"
    configure = [cmake, "-S", ROOT, "-B", folder, "-DRSSFIX_BENCH=ON", "-DRSSFIX_WERROR=OFF"]
    for command in (configure, [cmake, "--build", folder, "--target", "rssfix_kernel_bench"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "native" / "bench" / "rssfix_kernel_bench"


def toolchain() -> dict[str, str]:
    """What counts depend on besides the code."""
    compiler = os.environ.get("CXX") or "c++"
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return {
        "compiler": version.stdout.splitlines()[0],
        "libc": " ".join(platform.libc_ver()),
        "architecture": platform.machine(),
    }


def count() -> dict[str, int]:
    """Instructions per kernel. Raises RuntimeError where valgrind or its header is missing."""
    if shutil.which("valgrind") is None:
        raise RuntimeError("valgrind is not installed: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
             "--combine-dumps=yes", build(), "--instructions"],
            env={**os.environ, "RSSFIX_SIMD": "baseline", "GLIBC_TUNABLES": PLAIN_LIBC},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 3:
            raise RuntimeError("valgrind/callgrind.h is missing: apt-get install valgrind")
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        dump = out.read_text(errors="replace")
    parts = re.findall(
        r"^desc: Trigger: Client Request: (\S+)\n(?:.*\n)*?summary: (\d+)$", dump, re.MULTILINE
    )
    return {name: int(number) for name, number in parts}


def grown(before: dict[str, int], now: dict[str, int]) -> list[str]:
    """The kernels that take more than ALLOWED_GROWTH more instructions, in words."""
    return [
        f"{name}: {now[name]} instructions, {now[name] / number - 1:+.1%} over {number}"
        for name, number in before.items()
        if name in now and now[name] > (1 + ALLOWED_GROWTH) * number
    ]


def table(record: dict[str, Any]) -> str:
    """The results in Markdown."""
    about = record["toolchain"]
    lines = [
        "# Instructions per call",
        "",
        f"{about['compiler']}, {about['libc']}, {about['architecture']}; commit "
        f"{record['commit']}, {record['date']}, `python benchmarks/instructions.py --write`.",
        "",
        NOTES,
        "| kernel | instructions |",
        "|---|--:|",
        *(f"| {name} | {number:,} |" for name, number in record["instructions"].items()),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the committed results")
    arguments = parser.parse_args()
    record = {
        "commit": commit("native"),
        "date": today(),
        "toolchain": toolchain(),
        "instructions": count(),
    }
    text = table(record)
    print(text)
    if arguments.write:
        RESULTS.write_text(json.dumps(record, indent=1) + "\n")
        RESULTS.with_suffix(".md").write_text(text)


if __name__ == "__main__":
    main()
