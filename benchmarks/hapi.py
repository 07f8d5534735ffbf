"""One update of a Hapi track through Python, beside the same pipeline in plain numpy and filterpy.

    python benchmarks/hapi.py            a table
    python benchmarks/hapi.py --write    writes benchmarks/hapi.md

A building of four floors of 60 x 40 m at 0.5 m, 40 access points on each; every scan has 40
readings. An update is: windows, floor features, network, grid of the floor, expected error, Kalman
filter. Both answer the same scans in turn, block by block, one process, one thread.
"""

# The libraries below read these variables when they are imported.
# ruff: noqa: E402

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filterpy.kalman import KalmanFilter
from numpy.typing import NDArray
from scipy.special import log_ndtr

from export.build import export_run
from sdk import Localizer, Scan
from sdk.bench import machine
from sdk.rank_rules import PathLoss, RankRules
from sdk.track import R68_PER_SIGMA
from training import hapi
from training.run import Run
from training.simulator import Crowd, Radio, place_access_points, simulate

FLOORS, APS, WIDTH_M, DEPTH_M, PITCH_M = 4, 40, 60.0, 40.0, 0.5
SCANS, EVERY_MS, READINGS = 60, 3000, 40
ROUNDS, WALKS = 5, 5
TARGET_US, TARGET_RATIO = 1000.0, 15.0
ACCEL, GAP_STEP_S = 0.3, 1.0


@dataclass(frozen=True)
class Case:
    """A run, its bundle, and scans of a walk as (timestamp, {bssid: dBm})."""

    run: Run
    bundle: Path
    scans: list[tuple[int, dict[str, float]]]


def case(preset: str, folder: Path) -> Case:
    """Train for a simulated building (few epochs: they do not change the speed) and export."""
    rng = np.random.default_rng(1)
    building = place_access_points("four floors", [APS] * FLOORS, WIDTH_M, DEPTH_M, rng)
    survey = simulate(building, Radio(loss=0.0), Crowd(scans=SCANS, walks=1, devices=1), 1)
    few = {"pitch_m": PITCH_M, "users": 2000, "held_out": 300, "epochs": 3}
    run = hapi.train(survey, preset, 0, changes=few)
    run.save(folder / preset)
    bundle = export_run(folder / preset, folder / f"{preset}.rssfix", ["onnx"], "fp32").path
    levels = survey.fingerprints(run.bssids)
    scans = []
    for i, row in enumerate(levels):
        loudest = np.argsort(-np.nan_to_num(row, nan=-200.0), kind="stable")[:READINGS]
        heard = [j for j in loudest if np.isfinite(row[j])]
        scans.append((i * EVERY_MS, {run.bssids[j]: float(row[j]) for j in heard}))
    return Case(run, bundle, scans)


class Plain:
    """The same update as one would write it with numpy, scipy and filterpy."""

    def __init__(self, run: Run) -> None:
        self.rules = rules = RankRules.from_json(run.ranks)
        self.index = {name: i for i, name in enumerate(run.bssids)}
        self.xy, self.ap_floor = run.arrays["ap_xy_m"], run.arrays["ap_floor"]
        state = {k: v.numpy() for k, v in (run.state or {}).items()}
        self.layers = [(state[k], state[k[:-6] + "bias"]) for k in state if k.endswith("weight")]
        grid = rules.grids[0]
        x = grid.origin_m[0] + PITCH_M * np.arange(grid.shape[1])
        y = grid.origin_m[1] + PITCH_M * np.arange(grid.shape[0])
        self.cells = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
        self.knots = run.accuracy["spread_m"], run.accuracy["radius_m"]
        self.restart()

    def restart(self) -> None:
        self.kalman: Any = None
        self.window: deque[tuple[int, NDArray[np.float32]]] = deque()

    def update(self, now_ms: int, scan: dict[str, float]) -> tuple[float, float, int]:
        """x, y, floor after a scan."""
        vector = np.full(len(self.index), np.nan, np.float32)
        for name, level in scan.items():
            if name in self.index:
                vector[self.index[name]] = level
        self.window.append((now_ms, vector))
        windows = self.rules.windows
        while now_ms - self.window[0][0] > windows.floor_ms:
            self.window.popleft()
        for_floor = np.fmax.reduce([v for _, v in self.window])
        recent = [v for t, v in self.window if now_ms - t <= windows.position_ms]
        levels = np.fmax.reduce(recent)
        floor = self.floor_of(for_floor)
        x, y, error = self.place_of(levels, floor)
        radius = float(np.interp(error, *self.knots))
        return (*self.filtered(x, y, (radius / R68_PER_SIGMA) ** 2), floor)

    def floor_of(self, levels: NDArray[np.float32]) -> int:
        """Four floors: the range is the building."""
        heard = ~np.isnan(levels)
        weight = np.where(heard, 10 ** (np.nan_to_num(levels) / 20), 0.0)
        centre = weight @ self.xy / weight.sum()
        away = np.linalg.norm(self.xy - centre, axis=1)
        pairs = self.xy[heard][:, None] - self.xy[heard][None]
        apart = np.linalg.norm(pairs, axis=2)
        near = self.ap_floor[heard][:, None] == self.ap_floor[heard][None]
        filled = np.where(heard, levels, -100.0)
        rows = []
        for f in range(FLOORS):
            here, on = heard & (self.ap_floor == f), self.ap_floor == f
            values = levels[here]
            row = [len(values), -100.0, -100.0, 0.0]
            if len(values):
                row = [len(values), values.max(), values.mean(), values.var()]
            for radius in (30.0, 80.0, apart.max()):
                within = on & (away <= radius)
                row.append(filled[within].mean() if within.any() else -100.0)
            mine = near & (self.ap_floor[heard] == f)[:, None]
            rows.append([*row, apart[mine].max() if mine.any() else 0.0])
        network = self.rules.floor_network
        assert network is not None
        x = (np.array(rows, np.float32).ravel() - network.mean) / network.std
        for i, (weights, bias) in enumerate(self.layers):
            x = weights @ x + bias
            if i < len(self.layers) - 1:
                x = np.maximum(x, 0)
        return int(x.argmax())

    def place_of(self, levels: NDArray[np.float32], floor: int) -> tuple[float, float, float]:
        rules, method = self.rules, self.rules.position
        heard = np.flatnonzero(~np.isnan(levels))
        extra = rules.floor_attenuation_db * np.abs(self.ap_floor - floor)
        level = np.minimum(levels[heard] + extra[heard], rules.cap_dbm)
        if method.strongest is not None and method.strongest < len(heard):
            kept = level >= np.sort(level)[-method.strongest]
            heard, level = heard[kept], level[kept]
        if isinstance(method, PathLoss):
            weights = self.path_loss(method, heard, level, extra, np.isnan(levels))
        else:
            rank = np.searchsorted(method.edges_dbm, level, side="right")
            mean, sigma = np.float32(method.mean_m)[rank], np.float32(method.sigma_m)[rank]
            away = self.away(heard)
            weights = (np.exp(-(((away - mean) / sigma) ** 2) / 2) / sigma).sum(axis=1)
            weights = np.where(weights >= method.threshold * weights.max(), weights, 0)
        quality = rules.quality
        assert quality is not None
        area = (weights >= quality.threshold * weights.max()).sum() * PITCH_M**2
        known = levels[~np.isnan(levels)]
        features = (len(known), known.mean(), known.max(), area)
        error = quality.intercept_m + np.dot(quality.coefficients, features)
        x, y = weights @ self.cells / weights.sum()
        return float(x), float(y), float(np.clip(error, quality.least_m, quality.most_m))

    def away(self, aps: NDArray[np.intp]) -> NDArray[np.float32]:
        """(cells, aps) metres."""
        return np.linalg.norm(self.cells[:, None] - self.xy[aps].astype(np.float32)[None], axis=2)

    def path_loss(self, method: PathLoss, heard, level, extra, silent) -> NDArray[np.float32]:
        def expected(aps):
            far = np.maximum(self.away(aps), 1.0)
            return np.float32(method.reference_dbm) - 10 * method.exponent * np.log10(far)

        weight = 10 ** ((level - level.max()) / method.weight_scale_db)
        residual = level - expected(heard)
        log = -((residual**2) @ weight)
        if method.offset_sigma_db > 0:
            ratio = (method.sigma_db / method.offset_sigma_db) ** 2
            log = log + (residual @ weight) ** 2 / (weight.sum() + ratio)
        log = log / (2 * method.sigma_db**2)
        if method.silence_weight > 0:
            loudest = method.reference_dbm - extra
            telling = silent & (loudest > method.silence_dbm - 4 * method.sigma_db)
            aps = np.flatnonzero(telling)
            below = (method.silence_dbm - expected(aps) + extra[aps]) / method.sigma_db
            log = log + method.silence_weight * log_ndtr(below).sum(axis=1)
        return np.exp(log - log.max())

    def filtered(self, x: float, y: float, variance: float) -> tuple[float, float]:
        if self.kalman is None:
            self.kalman = one = KalmanFilter(dim_x=4, dim_z=2)
            one.x = np.array([x, y, 0.0, 0.0])
            one.P = np.diag([variance, variance, 1.0, 1.0])
            one.H = np.eye(2, 4)
            return x, y
        one, step = self.kalman, GAP_STEP_S
        one.F = np.eye(4) + step * np.eye(4, k=2)
        push = ACCEL * np.concatenate([np.eye(2) * step**2 / 2, np.eye(2) * step])
        one.Q = push @ push.T
        for _ in range(EVERY_MS // 1000):
            one.predict()
        one.update(np.array([x, y]), np.eye(2) * variance)
        return float(one.x[0]), float(one.x[1])


def measure(one: Case) -> dict[str, float]:
    """Median microseconds per update of ours and of the plain one, and how far apart they are.

    The walk is taken in turns, then once scan by scan: ``cold`` is ours after each plain update.
    """
    plain, ours = Plain(one.run), []
    times: dict[str, list[float]] = {"ours": [], "plain": [], "cold": [], "apart_m": []}

    def timed(kind: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter_ns()
        answer = call()
        times[kind].append((time.perf_counter_ns() - start) / 1e3)
        return answer

    with Localizer.open(one.bundle, runtime="onnx") as localizer:
        for _ in range(ROUNDS):
            for _ in range(WALKS):
                track = localizer.start_track(accel_sigma=ACCEL)
                ours = [
                    timed("ours", lambda: track.update(Scan.from_dict(levels, now)))  # noqa: B023
                    for now, levels in one.scans
                ]
            plain.restart()
            for fix, (now, levels) in zip(ours, one.scans, strict=True):
                x, y, _ = timed("plain", lambda: plain.update(now, levels))  # noqa: B023
                times["apart_m"].append(float(np.hypot(fix.x_m - x, fix.y_m - y)))
        track = localizer.start_track(accel_sigma=ACCEL)
        plain.restart()
        for now, levels in one.scans:
            timed("cold", lambda: track.update(Scan.from_dict(levels, now)))  # noqa: B023
            plain.update(now, levels)
    found = {kind: statistics.median(values) for kind, values in times.items()}
    found["p95"] = float(np.quantile(times["ours"], 0.95))
    found["readings"] = statistics.mean(len(levels) for _, levels in one.scans)
    return found


def main() -> None:
    """Measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    about = machine()
    lines = [
        "| preset | readings | ours, median µs | p95 | cold | numpy + filterpy | ratio | apart m |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for preset in ("best", "paper"):
            got = measure(case(preset, Path(folder)))
            lines.append(
                f"| {preset} | {got['readings']:.0f} | {got['ours']:.0f} | {got['p95']:.0f} | "
                f"{got['cold']:.0f} | "
                f"{got['plain']:.0f} | {got['plain'] / got['ours']:.1f} | {got['apart_m']:.3f} |"
            )
    text = NOTES.format(**{"cores": os.cpu_count(), **about}, table="\n".join(lines))
    print(text)
    if options.write:
        (Path(__file__).parent / "hapi.md").write_text(text, encoding="utf-8")


NOTES = """\
# One update of a Hapi track

`python benchmarks/hapi.py --write`. To reach: under 1 ms in the median, 15 times numpy + filterpy.

{cpu}, {cores} cores shared with other work, Python {python}, numpy {numpy}, onnxruntime, one
thread. Four floors of 60 x 40 m at 0.5 m (9600 cells each), 40 access points on each; a walk of 60
scans.

{table}

- An update is `Track.update(Scan.from_dict(...))`: windows, floor features, network, grid of each
  probable floor, expected error, Kalman filter, candidates. Both take turns, walk by walk. "Cold":
  ours right after an update of the other, which leaves nothing of ours in the caches.
- The numpy one is written as one would write it, in float32 and without the tables that the kernels
  build; it looks at the most probable floor alone. "Apart" is the median distance of the answers.
- Of ours (preset best) the grid takes about 500 µs, most of it for the 120 access points that are
  not heard; the network 30, floor features 24, posterior and fix about 80.
"""

if __name__ == "__main__":
    main()
