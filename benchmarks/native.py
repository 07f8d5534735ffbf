"""Times the native kernels against the best numpy we could write, filterpy, simdkalman and sklearn.

    python benchmarks/native.py            a table
    python benchmarks/native.py --json     the same for machines
    python benchmarks/native.py --write    writes benchmarks/native.md

One process, one thread. The candidates of a comparison take turns, round by round, so that drift of
the machine falls on all of them; ratios are ratios of medians. The kernels without Python are timed
by rssfix_kernel_bench, which is built under build/ and also takes turns.
"""

# The libraries below read these variables when they are imported.
# ruff: noqa: E402

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from native_comparison import APS, SIDE, Comparison
from native_floors import floor_features, path_loss_pdf, rank_pdf, threshold_centroid
from native_radio_maps import geometric_median, level_likelihoods, level_sums
from native_vectors import cyclic_map, diagonal_mean, kalman, ratio_image, weighted_knn

from sdk import native

ROOT = Path(__file__).parents[1]
ROUNDS = 30


NOTES = """\
## How to read it

- "Raw" is the kernel called from C++ (`rssfix_kernel_bench`), "through Python" `sdk.native`. The
  difference is 0.2 to 0.5 µs of argument checks and result arrays per call, plus the caches: in
  turns with numpy the data has to come back from further away.
- The numpy of `rank_pdf` works in place in float32 on scaled coordinates, seven passes per AP. Its
  second form leaves out, as the kernel does, what lies beyond a ring's reach; its third one is
  given the distances of all cells to all APs (6.4 MB), which the kernel computes each time.
- "Nothing to skip" has rings that cover the whole floor.

## What bounds the kernels

- `weighted_knn`: reading the database, 160 kB, from the second-level cache at about 57 GB/s. What
  Python adds (two arrays and a tuple) is a seventh of the call.
- `rank_pdf`, sum: square roots and 2^x, about 12 cycles for 16 cells. Wide rings are computed at
  8 of 16 rows and interpolated; the rings of the two strongest ranks are too narrow for that.
- `rank_pdf`, product and tempered: one float64 square root per AP and cell. The exponents of 40 APs
  add up to hundreds, of which float32 would keep too few digits to hold 1e-5.
- `path_loss_pdf`: a logarithm for each heard AP and cell; for the others a polynomial of degree 6
  whose coefficients are looked up by the exponent of the squared distance. Wider vectors gain
  little where the processor takes them in two halves.
- `level_likelihoods`: two 2^x and a logarithm for each value and code.
- `level_sums`: two loads for each cell and map, the level and what its table holds.
- `geometric_median`: one float64 square root and one division for each place and step.
- `cyclic_map`, `ratio_image`: writing the result, N² floats.
- `KalmanFilter`: two Python calls; the filter itself takes a quarter of the time.
"""


def build_kernel_bench() -> Path:
    folder = ROOT / "build" / "bench"
    beside_python = Path(sys.executable).parent
    path = os.pathsep.join([str(beside_python), os.environ.get("PATH", "")])
    cmake = shutil.which("cmake", path=path)
    if cmake is None:
        raise SystemExit("cmake is not installed: pip install cmake")
    configure = [cmake, "-S", ROOT, "-B", folder, "-DRSSFIX_BENCH=ON", "-DRSSFIX_WERROR=OFF"]
    for command in (configure, [cmake, "--build", folder]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "native" / "bench" / "rssfix_kernel_bench"


def calls_per_sample(call: Callable[[], Any]) -> int:
    call()
    start = time.perf_counter_ns()
    call()
    return max(1, 200_000 // max(1, time.perf_counter_ns() - start))


def measure(comparisons: list[Comparison]) -> None:
    bench = build_kernel_bench()
    raw: dict[str, list[float]] = {c.raw: [] for c in comparisons}
    for comparison in comparisons:
        candidates = {"ours": comparison.ours, **comparison.peers}
        calls = {name: calls_per_sample(call) for name, call in candidates.items()}
        times: dict[str, list[float]] = {name: [] for name in candidates}
        for _ in range(ROUNDS):
            for name, call in candidates.items():
                start = time.perf_counter_ns()
                for _ in range(calls[name]):
                    call()
                times[name].append((time.perf_counter_ns() - start) / calls[name])
        comparison.median_us = {n: statistics.median(t) / 1e3 for n, t in times.items()}
        # Once per comparison, so that the raw times see the same machine as the others.
        output = subprocess.run([bench], check=True, capture_output=True, text=True).stdout
        for name, ns in json.loads(output)["ns"].items():
            if name in raw:
                raw[name].append(ns)
    for comparison in comparisons:
        comparison.median_us["raw"] = statistics.median(raw[comparison.raw]) / 1e3


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return "unknown processor"


def rows(comparison: Comparison) -> list[dict[str, Any]]:
    us = comparison.median_us
    result = []
    for i, peer in enumerate(comparison.peers):
        target = comparison.target_of.get(peer, comparison.target if i == 0 else None)
        ratio = us[peer] / us["ours"]
        result.append(
            {
                "kernel": comparison.kernel,
                "raw_us": us["raw"],
                "python_us": us["ours"],
                "peer": peer,
                "peer_us": us[peer],
                "ratio_raw": us[peer] / us["raw"],
                "ratio_python": ratio,
                "target": target,
                "met": None if target is None else ratio >= target,
            }
        )
    return result


def number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def table(report: dict[str, Any]) -> str:
    lines = [
        "| kernel | raw C++ µs | through Python µs | compared with | µs | raw × | Python × "
        "| to reach |",
        "|---|--:|--:|---|--:|--:|--:|---|",
    ]
    for row in report["rows"]:
        target = ""
        if row["target"] is not None:
            target = f"{row['target']}×: {'met' if row['met'] else 'missed'}"
        cells = [
            row["kernel"], number(row["raw_us"]), number(row["python_us"]), row["peer"],
            number(row["peer_us"]), number(row["ratio_raw"]), number(row["ratio_python"]), target,
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(report: dict[str, Any]) -> str:
    build = report["build"]
    per_cell = ", ".join(f"{kind} {ns:.2f}" for kind, ns in report["rank_pdf_ns_per_term"].items())
    return (
        f"{report['processor']}, kernels: {build['simd']}, {build['compiler']}, "
        f"numpy {report['numpy']}, one thread, medians of {ROUNDS} interleaved rounds.\n\n"
        f"rank_pdf through Python, ns per AP and cell (to reach: 1.5): {per_cell}."
    )


def run() -> dict[str, Any]:
    comparisons = [
        kalman(2),
        kalman(4),
        weighted_knn("l2"),
        weighted_knn("l1"),
        rank_pdf("sum"),
        rank_pdf("nothing_to_skip"),
        rank_pdf("product"),
        rank_pdf("tempered"),
        path_loss_pdf(),
        threshold_centroid(),
        floor_features(),
        level_likelihoods(),
        level_sums(),
        geometric_median(),
        cyclic_map(27),
        cyclic_map(256),
        diagonal_mean(27),
        diagonal_mean(256),
        ratio_image(27),
        ratio_image(256),
    ]
    measure(comparisons)
    terms = APS * SIDE * SIDE
    return {
        "processor": processor(),
        "build": native.build_info(),
        "numpy": np.__version__,
        "rounds": ROUNDS,
        "rows": [row for comparison in comparisons for row in rows(comparison)],
        "rank_pdf_ns_per_term": {
            c.raw.removeprefix("rank_pdf_"): c.median_us["ours"] * 1e3 / terms
            for c in comparisons
            if c.raw.startswith("rank_pdf_")
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--write", action="store_true", help="write benchmarks/native.md")
    arguments = parser.parse_args()
    report = run()
    print(
        json.dumps(report, indent=2) if arguments.json else f"{summary(report)}\n\n{table(report)}"
    )
    if arguments.write:
        text = f"# Native kernels\n\n{summary(report)}\n\n{table(report)}\n\n{NOTES}"
        (Path(__file__).parent / "native.md").write_text(text)


if __name__ == "__main__":
    main()
