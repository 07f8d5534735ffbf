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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filterpy.kalman
import numpy as np
import simdkalman
from numpy.lib.stride_tricks import as_strided
from path_loss import PathLossScan
from sklearn.neighbors import NearestNeighbors

from sdk import native

ROOT = Path(__file__).parents[1]
ROUNDS = 30
RNG = np.random.default_rng(1)
F32 = np.float32

# SPEC 5.5, very weak to very strong, on a floor of 100 m x 100 m.
MEAN_M = np.array([37.5, 31.6, 19.8, 11.4, 5.9, 2.7])
SIGMA_M = np.array([9.8, 10.3, 8.5, 6.0, 3.3, 1.6])
APS, SIDE, PITCH_M = 40, 200, 0.5


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
- `cyclic_map`, `ratio_image`: writing the result, N² floats.
- `KalmanFilter`: two Python calls; the filter itself takes a quarter of the time.
"""


@dataclass
class Comparison:
    """One kernel at one size: ours through Python, and what it is compared with."""

    kernel: str
    raw: str  # its name in rssfix_kernel_bench
    ours: Callable[[], Any]
    peers: dict[str, Callable[[], Any]]
    target: float | None = None  # against the first peer
    target_of: dict[str, float] = field(default_factory=dict)
    median_us: dict[str, float] = field(default_factory=dict)


def scattered_aps() -> tuple[np.ndarray, np.ndarray]:
    """Places spread evenly over the floor, the same as in kernel_bench.cpp, and ranks in turn."""
    turns = np.outer(np.arange(APS) + 1, [0.7548776662, 0.5698402910])
    return turns % 1 * SIDE * PITCH_M, (np.arange(APS) % 6).astype(np.int32)


def dbm(*shape: int) -> np.ndarray:
    return RNG.uniform(-100, -30, shape).astype(F32)


def cyclic_map(n: int) -> Comparison:
    rssi = dbm(n)
    index = (np.arange(n) - np.arange(n)[:, None]) % n
    twice = np.empty(2 * n, F32)

    def strided() -> np.ndarray:
        twice[:n] = twice[n:] = rssi
        return as_strided(twice[n:], (n, n), (-4, 4)).copy()

    return Comparison(
        f"cyclic_map, N = {n}",
        f"cyclic_map_{n}",
        lambda: native.cyclic_map(rssi),
        {"numpy fancy indexing": lambda: rssi[index], "numpy strided copy": strided},
        target=3 if n == 256 else None,
    )


def diagonal_mean(n: int) -> Comparison:
    maps = dbm(n, n)
    twice = np.empty((n, 2 * n), F32)
    diagonals = as_strided(twice, (n, n), (8 * n + 4, 4))

    def strided() -> np.ndarray:
        twice[:, :n] = twice[:, n:] = maps
        return diagonals.mean(axis=0)

    return Comparison(
        f"diagonal_mean, N = {n}",
        f"diagonal_mean_{n}",
        lambda: native.diagonal_mean(maps),
        {"numpy strided mean": strided},
    )


def ratio_image(n: int) -> Comparison:
    rssi = dbm(n)

    def in_place() -> np.ndarray:
        image = rssi[:, None] / rssi
        image -= 1
        return image

    return Comparison(
        f"ratio_image, N = {n}",
        f"ratio_image_{n}",
        lambda: native.ratio_image(rssi),
        {"numpy": in_place},
    )


class NumpyRankPdf:
    """float32, in place, coordinates scaled so that a density costs seven passes."""

    def __init__(self, places: np.ndarray, ranks: np.ndarray, sigma_m: np.ndarray) -> None:
        self.places, self.ranks = places.astype(F32), ranks
        self.axis = (np.arange(SIDE) * PITCH_M).astype(F32)
        self.scale = (np.sqrt(0.5) / sigma_m).astype(F32)
        self.centre = (self.scale * MEAN_M).astype(F32)
        self.log_weight = np.log(sigma_m.min() / sigma_m).astype(F32)
        # Beyond this an AP's density is below 2.5e-8 of the largest, as in the kernel.
        reach_m = MEAN_M + sigma_m * np.sqrt(2 * (self.log_weight + np.log(APS / 1e-6)))
        first = np.floor((places - reach_m[ranks][:, None]) / PITCH_M).astype(int)
        last = np.ceil((places + reach_m[ranks][:, None]) / PITCH_M).astype(int) + 1
        self.box = np.clip(first, 0, SIDE), np.clip(last, 0, SIDE)
        self.term = np.empty(SIDE * SIDE, F32)
        self.pdf = np.empty((SIDE, SIDE), F32)
        scaled = self.scale[ranks][:, None, None]
        dx = self.axis - self.places[:, 0, None, None]
        dy = self.axis[:, None] - self.places[:, 1, None, None]
        self.distance = scaled * np.hypot(dx, dy)

    def whole_grid(self) -> np.ndarray:
        return self.add(range(APS), np.zeros((APS, 2), int), np.full((APS, 2), SIDE))

    def boxes(self) -> np.ndarray:
        return self.add(range(APS), *self.box)

    def add(self, aps: range, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        self.pdf[:] = 0
        for i in aps:
            rank = self.ranks[i]
            (x0, y0), (x1, y1) = first[i], last[i]
            dx = (self.axis[x0:x1] - self.places[i, 0]) * self.scale[rank]
            dy = (self.axis[y0:y1] - self.places[i, 1]) * self.scale[rank]
            term = self.term[: len(dx) * len(dy)].reshape(len(dy), len(dx))
            np.add((dy * dy)[:, None], dx * dx, out=term)
            np.sqrt(term, out=term)
            self.add_density(term, term, rank, self.pdf[y0:y1, x0:x1])
        return np.divide(self.pdf, self.pdf.max(), out=self.pdf)

    def distances_known(self) -> np.ndarray:
        self.pdf[:] = 0
        term = self.term.reshape(SIDE, SIDE)
        for i in range(APS):
            self.add_density(self.distance[i], term, self.ranks[i], self.pdf)
        return np.divide(self.pdf, self.pdf.max(), out=self.pdf)

    def add_density(self, d: np.ndarray, term: np.ndarray, rank: int, pdf: np.ndarray) -> None:
        np.subtract(d, self.centre[rank], out=term)
        np.square(term, out=term)
        np.subtract(self.log_weight[rank], term, out=term)
        np.exp(term, out=term)
        np.add(pdf, term, out=pdf)


def rank_pdf(kind: str) -> Comparison:
    places, ranks = scattered_aps()
    sigma_m = np.full(6, 1000.0) if kind == "nothing_to_skip" else SIGMA_M
    combine = "sum" if kind == "nothing_to_skip" else kind
    out = np.empty((SIDE, SIDE), F32)
    peer = NumpyRankPdf(places, ranks, sigma_m)
    total = np.empty((SIDE, SIDE), F32)
    term = np.empty((SIDE, SIDE), F32)

    def product() -> np.ndarray:
        total[:] = 0
        for i in range(APS):
            rank = ranks[i]
            dx = (peer.axis - peer.places[i, 0]) * peer.scale[rank]
            dy = (peer.axis - peer.places[i, 1]) * peer.scale[rank]
            np.add((dy * dy)[:, None], dx * dx, out=term)
            np.sqrt(term, out=term)
            np.subtract(term, peer.centre[rank], out=term)
            np.square(term, out=term)
            np.subtract(total, term, out=total)
        if combine == "tempered":
            np.multiply(total, F32(1 / APS), out=total)
        np.subtract(total, total.max(), out=total)
        return np.exp(total, out=total)

    peers = {"numpy float32, whole grid": peer.whole_grid}
    if combine == "sum":
        peers["numpy float32, boxes around the rings"] = peer.boxes
        peers["numpy float32, all distances known before"] = peer.distances_known
    else:
        peers = {"numpy float32": product}
    label = "sum, nothing to skip" if kind == "nothing_to_skip" else kind
    return Comparison(
        f"rank_pdf, {label}, {APS} APs, {SIDE} x {SIDE}",
        f"rank_pdf_{kind}",
        lambda: native.rank_pdf(
            places, ranks, MEAN_M, sigma_m, (0.0, 0.0), PITCH_M, (SIDE, SIDE), combine, out
        ),
        peers,
        target=10 if kind == "sum" else None,
    )


def path_loss_pdf() -> Comparison:
    scan = PathLossScan()
    return Comparison(
        "path_loss_pdf, 8 of 40 APs heard, 80 x 120",
        "path_loss_pdf",
        scan.ours,
        {"numpy float32 and scipy's log_ndtr, all distances known before": scan.numpy_form},
    )


def threshold_centroid() -> Comparison:
    places, ranks = scattered_aps()
    pdf = native.rank_pdf(places, ranks, MEAN_M, SIGMA_M, (0, 0), PITCH_M, (SIDE, SIDE))

    def numpy_form() -> tuple[float, float, float]:
        inside = np.flatnonzero(pdf >= F32(0.85))
        weight = pdf.ravel()[inside]
        row, column = np.divmod(inside, SIDE)
        mass = weight.sum()
        return weight @ column / mass, weight @ row / mass, len(inside) * PITCH_M**2

    return Comparison(
        f"threshold_centroid, {SIDE} x {SIDE}",
        "threshold_centroid",
        lambda: native.threshold_centroid(pdf, (0.0, 0.0), PITCH_M, 0.85),
        {"numpy": numpy_form},
    )


def weighted_knn(metric: str) -> Comparison:
    database, query = dbm(400, 100), dbm(100)
    norms = np.square(database).sum(1)
    work = np.empty_like(database)

    def smallest(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nearest = np.argpartition(distance, 4)[:5]
        nearest = nearest[np.argsort(distance[nearest])]
        return nearest, distance[nearest]

    def l2() -> tuple[np.ndarray, np.ndarray]:
        squared = database @ query
        squared *= -2
        squared += norms
        nearest, least = smallest(squared)
        return nearest, np.sqrt(least + query @ query)

    def l1() -> tuple[np.ndarray, np.ndarray]:
        np.abs(np.subtract(database, query, out=work), out=work)
        return smallest(work.sum(1))

    peers: dict[str, Callable[[], Any]] = {"numpy": l2 if metric == "l2" else l1}
    if metric == "l2":
        brute = NearestNeighbors(n_neighbors=5, algorithm="brute", n_jobs=1).fit(database)
        peers["scikit-learn brute"] = lambda: brute.kneighbors(query[None])
    return Comparison(
        f"weighted_knn, {metric}, 400 x 100, one query, k = 5",
        f"weighted_knn_{metric}",
        lambda: native.weighted_knn(database, query, 5, metric),  # type: ignore[arg-type]
        peers,
        target=3 if metric == "l2" else None,
        target_of={"scikit-learn brute": 20} if metric == "l2" else {},
    )


def floor_features() -> Comparison:
    n, floors, span = 4 * APS, 8, 4
    turns = np.outer(np.arange(n) + 1, [0.7548776662, 0.5698402910])
    xy, floor = turns % 1 * SIDE * PITCH_M, np.arange(n) // 20
    rssi = dbm(n)
    rssi[np.arange(n) % 4 != 0] = np.nan
    on_floor = [np.flatnonzero(floor == f) for f in range(floors)]

    def pairs(places: np.ndarray) -> float:
        x, y = places[:, 0], places[:, 1]
        dx, dy = x[:, None] - x, y[:, None] - y
        return float(np.sqrt((dx * dx + dy * dy).max())) if len(places) else 0.0

    def numpy_form() -> tuple[int, np.ndarray]:
        heard = ~np.isnan(rssi)
        over = np.where(heard, np.maximum(rssi + 100, 0), 0)
        sums = np.bincount(floor, over, floors)
        totals = np.convolve(sums, np.ones(span), "valid")
        middle = np.arange(floors - span + 1) + (span - 1) / 2
        start = int(np.lexsort((np.abs(middle - floor[over.argmax()]), -totals))[0])
        mine = heard & (floor >= start) & (floor < start + span)
        weight = 10 ** (over[mine] / 20)
        centre = weight @ xy[mine] / weight.sum()
        away = np.hypot(*(xy - centre).T)
        radii = (30.0, 80.0, pairs(xy[mine]))
        out = np.empty((span, 8), F32)
        for k in range(span):
            aps = on_floor[start + k]
            some = aps[heard[aps]]
            level = over[some]
            if len(some):
                out[k, :4] = len(some), level.max() - 100, level.mean() - 100, level.var()
            else:
                out[k, :4] = 0, -100, -100, 0
            for r, radius in enumerate(radii):
                near = aps[away[aps] <= radius]
                out[k, 4 + r] = over[near].mean() - 100 if len(near) else -100
            out[k, 7] = pairs(xy[some])
        return start, out

    ours = native.floor_features(rssi, xy, floor, floors)
    start, expected = numpy_form()
    assert int(ours[0]) == start
    assert np.allclose(ours[1], expected, atol=1e-3)
    floor = floor.astype(np.int32)
    return Comparison(
        f"floor_features, {n} APs on {floors} floors, {n // 4} heard",
        "floor_features",
        lambda: native.floor_features(rssi, xy, floor, floors),
        {"numpy": numpy_form},
    )


def kalman(measured: int) -> Comparison:
    z, variance = [1.0, 2.0, 0.1, 0.2][:measured], [4.0, 4.0, 1.0, 1.0][:measured]
    ours = native.KalmanFilter([0.0] * 4, 100 * np.eye(4), 0.1)

    def step() -> None:
        ours.predict(1.0)
        ours.update(z, variance)

    F = np.eye(4)
    F[0, 2] = F[1, 3] = 1
    G = np.array([[0.5, 0], [0, 0.5], [1, 0], [0, 1]])
    Q, H, R = 0.01 * G @ G.T, np.eye(4)[:measured], np.diag(variance)
    peer = filterpy.kalman.KalmanFilter(dim_x=4, dim_z=measured)
    peer.F, peer.Q, peer.H, peer.R, peer.P = F, Q, H, R, 100 * np.eye(4)
    measurement = np.array(z)[:, None]

    def filterpy_step() -> None:
        peer.predict()
        peer.update(measurement)

    simd = simdkalman.KalmanFilter(F, Q, H, R)
    mean, covariance = np.zeros((1, 4, 1)), 100 * np.eye(4)[None]
    observed = np.array(z).reshape(1, measured, 1)

    def simdkalman_step() -> None:
        nonlocal mean, covariance
        mean, covariance = simd.predict_next(mean, covariance)
        mean, covariance = simd.update(mean, covariance, observed)[:2]

    return Comparison(
        f"KalmanFilter predict + update, {measured} measured",
        f"kalman_{measured}",
        step,
        {"filterpy": filterpy_step, "simdkalman": simdkalman_step},
        target=15,
    )


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
