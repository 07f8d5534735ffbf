"""Writes the golden vectors of the native kernels: python tests/golden/make_golden.py.

Everything is computed in float64 straight from the equations, one element at a time where that is
plainer, and shares no code with the kernels. C++ and Python read the same files. null stands for
NaN in inputs and for infinity in distances.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from golden_city import dominant_path_case
from golden_walk import MEAN_M, SIGMA_M, rank_locator_case

HERE = Path(__file__).parent
RNG = np.random.default_rng(20260611)


def dbm(*shape: int) -> np.ndarray:
    return RNG.integers(-100, -30, shape).astype(np.float64)


def plain(values: Any) -> Any:
    """JSON types; NaN and infinities become null."""
    if isinstance(values, dict):
        return {key: plain(value) for key, value in values.items()}
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, list):
        return [plain(value) for value in values]
    if isinstance(values, np.generic):
        values = values.item()
    if isinstance(values, float) and not math.isfinite(values):
        return None
    return values


def cyclic_map_case(n: int) -> dict[str, Any]:
    rssi = dbm(n)
    expected = [[rssi[(column - row) % n] for column in range(n)] for row in range(n)]
    return {"name": f"n={n}", "rssi": rssi, "expected": np.array(expected)}


def diagonal_mean_case(n: int) -> dict[str, Any]:
    maps = RNG.integers(-1000, 1000, (n, n)) / 8
    expected = [sum(maps[j, (i + j) % n] for j in range(n)) / n for i in range(n)]
    return {"name": f"n={n}", "maps": maps, "expected": np.array(expected)}


def geometric_median_case(
    name: str, places: int, origin: float, soft: float, steps: int
) -> dict[str, Any]:
    rng = np.random.default_rng(places)
    x, y = np.round(origin + rng.uniform(0, 250, (2, places)), 3)
    weight = rng.exponential(size=places) ** 3 * (rng.random(places) < 0.8)
    weight[0] = 1.0
    start = at = [origin + 100.0, origin + 30.0]
    for _ in range(steps):
        near = [w / math.sqrt((a - at[0]) ** 2 + (b - at[1]) ** 2 + soft**2)
                for a, b, w in zip(x, y, weight, strict=True)]  # fmt: skip
        at = [now + sum(n * (there - now) for n, there in zip(near, axis, strict=True)) / sum(near)
              for now, axis in zip(at, (x, y), strict=True)]  # fmt: skip
    return {
        "name": name, "x_m": x, "y_m": y, "weight": weight, "start_m": start, "soft_m": soft,
        "steps": steps, "expected": at,
    }  # fmt: skip


def level_likelihoods_case(name: str, measured: list[float], codes: int, power: float) -> dict:
    """Whole multiples of powers of two, which float32 holds."""
    rng = np.random.default_rng(codes)
    model = {
        "mean_db": rng.integers(-150 * 64, -40 * 64, codes) / 64,
        "sigma_db": rng.integers(1, 600, codes) / 64,
        "tail_factor": rng.integers(16, 200, codes) / 16,
        "narrow": rng.integers(0, 257, codes) / 256,
        "wide": rng.integers(0, 257, codes) / 256,
        "outliers": 2.0 ** -rng.integers(3, 40, codes),
        "silent": rng.integers(-27 * 64, 1, codes) / 64,
    }
    expected = []
    for p in measured:
        for mean, sigma, factor, narrow, wide, density, silent in zip(*model.values(), strict=True):
            for share, width in ((narrow, sigma), (wide, factor * sigma)):
                z = (p - mean) / width
                density += share * math.exp(-z * z / 2) / (width * math.sqrt(2 * math.pi))
            expected.append(power * (silent if math.isnan(p) else math.log(density)))
    return {
        "name": name, "measured_db": measured, **model, "power": power,
        "expected": np.reshape(expected, (len(measured), codes)),
    }  # fmt: skip


def level_sums_case(maps: int, cells: int, levels: int) -> dict[str, Any]:
    shown = RNG.integers(0, levels, (maps, cells))
    tables = RNG.integers(-4000, 1, (maps, levels)) / 64
    expected = [sum(tables[m, shown[m, c]] for m in range(maps)) for c in range(cells)]
    return {
        "name": f"{maps} maps, {cells} cells, {levels} levels", "maps": shown, "tables": tables,
        "expected": np.array(expected),
    }  # fmt: skip


def ratio_image_case(n: int) -> dict[str, Any]:
    rssi = dbm(n)
    expected = [[fj / fk - 1 for fk in rssi] for fj in rssi]
    return {"name": f"n={n}", "rssi": rssi, "expected": np.array(expected)}


def rank_pdf_case(
    name: str,
    combine: str,
    aps: int,
    origin: list[float],
    pitch: float,
    shape: list[int],
    spread: float,
    mean: list[float] = MEAN_M,
    sigma: list[float] = SIGMA_M,
) -> dict[str, Any]:
    size = np.array([shape[1], shape[0]]) * pitch
    places = np.round(np.array(origin) + size * RNG.uniform(-spread, 1 + spread, (aps, 2)), 3)
    ranks = RNG.integers(0, len(mean), aps)
    log_pdf = np.empty(shape)
    for row, column in np.ndindex(*shape):
        x, y = origin[0] + column * pitch, origin[1] + row * pitch
        logs = []
        for (ap_x, ap_y), rank in zip(places, ranks, strict=True):
            z = (math.hypot(x - ap_x, y - ap_y) - mean[rank]) / sigma[rank]
            logs.append(-z * z / 2 - math.log(sigma[rank]))
        if combine == "sum":
            top = max(logs)
            log_pdf[row, column] = top + math.log(sum(math.exp(v - top) for v in logs))
        else:
            log_pdf[row, column] = sum(logs) / (aps if combine == "tempered" else 1)
    return {
        "name": f"{name}, {combine}", "ap_xy_m": places, "ranks": ranks, "mean_m": mean,
        "sigma_m": sigma, "origin_m": origin, "pitch_m": pitch, "shape": shape,
        "combine": combine, "expected": np.exp(log_pdf - log_pdf.max()),
    }  # fmt: skip


def path_loss_pdf_case(
    name: str,
    aps: int,
    heard: int,
    origin: list[float],
    pitch: float,
    shape: list[int],
    radio: dict[str, float],
) -> dict[str, Any]:
    size = np.array([shape[1], shape[0]]) * pitch
    places = np.round(np.array(origin) + size * RNG.uniform(-0.1, 1.1, (aps, 2)), 3)
    rssi = RNG.integers(-95, -40, aps).astype(float)
    rssi[heard:] = math.nan
    weight = np.where(np.arange(aps) < heard, RNG.integers(1, 9, aps) / 8, 0.0625)
    extra = 20.0 * RNG.integers(0, 3, aps)
    sigma, prior = radio["sigma_db"], radio["offset_sigma_db"]
    log_pdf = np.empty(shape)
    for row, column in np.ndindex(*shape):
        x, y = origin[0] + column * pitch, origin[1] + row * pitch
        squares = total = weights = log = 0.0
        for i, (ap_x, ap_y) in enumerate(places):
            away = max(1.0, math.hypot(x - ap_x, y - ap_y))
            level = radio["reference_dbm"] - 10 * radio["exponent"] * math.log10(away) - extra[i]
            if math.isnan(rssi[i]):
                z = (radio["silence_dbm"] - level) / sigma
                log += weight[i] * math.log(math.erfc(-z / math.sqrt(2)) / 2)
                continue
            squares += weight[i] * (rssi[i] - level) ** 2
            total += weight[i] * (rssi[i] - level)
            weights += weight[i]
        if prior:
            squares -= total**2 / (weights + sigma**2 / prior**2)
        log_pdf[row, column] = log - squares / (2 * sigma**2)
    return {
        "name": name, "ap_xy_m": places, "rssi_dbm": rssi, "weight": weight,
        "extra_loss_db": extra, **radio, "origin_m": origin, "pitch_m": pitch, "shape": shape,
        "expected": np.exp(log_pdf - log_pdf.max()),
    }  # fmt: skip


def radio(p0: float, exponent: float, sigma: float, prior: float, silence: float) -> dict:
    return {
        "reference_dbm": p0, "exponent": exponent, "sigma_db": sigma, "offset_sigma_db": prior,
        "silence_dbm": silence,
    }  # fmt: skip


def threshold_centroid_case(name: str, shape: list[int], threshold: float) -> dict[str, Any]:
    pdf = RNG.integers(0, 257, shape) / 256
    pdf.flat[RNG.integers(pdf.size)] = 1
    origin, pitch = [-3.5, 12.25], 0.5
    inside = [(r, c) for r, c in np.ndindex(*shape) if pdf[r, c] >= threshold]
    mass = sum(pdf[r, c] for r, c in inside)
    x = sum(pdf[r, c] * (origin[0] + c * pitch) for r, c in inside) / mass
    y = sum(pdf[r, c] * (origin[1] + r * pitch) for r, c in inside) / mass
    return {
        "name": name, "pdf": pdf, "origin_m": origin, "pitch_m": pitch, "threshold": threshold,
        "expected": [x, y, len(inside) * pitch**2],
    }  # fmt: skip


def kalman_case(name: str, accel_sigma: float, measured: int, steps: int) -> dict[str, Any]:
    root = RNG.normal(size=(4, 4))
    state, covariance = RNG.normal(size=4), root @ root.T + np.eye(4)
    s, P = state.copy(), covariance.copy()
    record = []
    for _ in range(steps):
        dt = float(RNG.uniform(0, 2))
        z, variance = RNG.normal(size=measured) * 5, RNG.uniform(0.1, 9, measured)
        F = np.eye(4)
        F[0, 2] = F[1, 3] = dt
        G = np.array([[dt**2 / 2, 0], [0, dt**2 / 2], [dt, 0], [0, dt]])
        s, P = F @ s, F @ P @ F.T + accel_sigma**2 * G @ G.T
        H, R = np.eye(4)[:measured], np.diag(variance)
        K = P @ H.T @ np.linalg.inv(H @ P @ H.T + R)
        s, P = s + K @ (z - H @ s), (np.eye(4) - K @ H) @ P
        record.append(
            {"dt_s": dt, "z": z, "variance": variance, "state": s.copy(), "covariance": P.copy()}
        )
    return {
        "name": name, "accel_sigma": accel_sigma, "state": state, "covariance": covariance,
        "steps": record,
    }  # fmt: skip


def distance(row: np.ndarray, query: np.ndarray, metric: str) -> float:
    both = ~(np.isnan(row) | np.isnan(query))
    a, b = row[both], query[both]
    if not both.any():
        return math.inf
    scale = len(row) / both.sum()
    if metric == "l1":
        return float(scale * np.abs(a - b).sum())
    if metric == "l2":
        return math.sqrt(scale * ((a - b) ** 2).sum())
    above, below = np.abs(a - b).sum(), np.abs(a + b).sum()
    return float(above / below) if above or below else 0.0


def weighted_knn_case(metric: str, rows: int, columns: int, unknown: float) -> dict[str, Any]:
    database, query = dbm(rows, columns), dbm(3, columns)
    database[RNG.random(database.shape) < unknown] = np.nan
    query[RNG.random(query.shape) < unknown] = np.nan
    database[rows // 2] = database[0]  # a tie
    if unknown:
        database[1] = np.nan
    k = rows
    indices, distances = [], []
    for one in query:
        ranked = sorted((distance(row, one, metric), i) for i, row in enumerate(database))[:k]
        distances.append([d for d, _ in ranked])
        indices.append([i for _, i in ranked])
    return {
        "name": f"{metric} {rows}x{columns} unknown={unknown}", "database": database,
        "query": query, "k": k, "metric": metric, "indices": indices, "distances": distances,
    }  # fmt: skip


def floor_features_case(
    name: str, aps_per_floor: list[int], scans: int, heard: float, span: int = 4
) -> dict[str, Any]:
    """SPEC 5.2 and 5.3, floor by floor; its own random numbers, so that no other case moves."""
    rng = np.random.default_rng(sum(aps_per_floor))
    n, silent = sum(aps_per_floor), -100.0
    places = np.round(rng.uniform(0, [120, 70], (n, 2)), 3)
    floor = np.repeat(np.arange(len(aps_per_floor)), aps_per_floor)
    rssi = rng.integers(-102, -30, (scans, n)).astype(np.float64)
    rssi[rng.random(rssi.shape) > heard] = np.nan
    rssi[np.arange(scans), rng.integers(0, n, scans)] = -35.0
    starts, features = [], []
    for scan in np.maximum(rssi, silent):
        on = [[i for i in np.flatnonzero(floor == f) if scan[i] == scan[i]]
              for f in range(len(aps_per_floor))]  # fmt: skip
        top = max(scan[i] for some in on for i in some)
        home = min(f for f, some in enumerate(on) if any(scan[i] == top for i in some))
        possible = range(max(1, len(aps_per_floor) - span + 1))
        sums = [sum(scan[i] - silent for some in on[s : s + span] for i in some) for s in possible]
        best = [s for s in possible if sums[s] == max(sums)]
        start = min(best, key=lambda s: (abs(s + (span - 1) / 2 - home), s))
        taken = [i for some in on[start : start + span] for i in some]
        mass = sum(10 ** (scan[i] / 20) for i in taken)
        centre = sum(10 ** (scan[i] / 20) * places[i] for i in taken) / mass
        far = farthest(places[taken])
        rows = []
        for f in range(start, start + span):
            some = on[f] if f < len(on) else []
            row = [len(some), silent, silent, 0.0]
            if some:
                levels = [scan[i] for i in some]
                row = [len(some), max(levels), np.mean(levels), np.var(levels)]
            for radius in (30.0, 80.0, far):
                inside = [i for i in np.flatnonzero(floor == f)
                          if math.dist(places[i], centre) <= radius]  # fmt: skip
                level = [silent if math.isnan(scan[i]) else scan[i] for i in inside]
                row.append(np.mean(level) if level else silent)
            rows.append([*row, farthest(places[some])])
        starts.append(start)
        features.append(rows)
    return {
        "name": name, "rssi_dbm": rssi, "ap_xy_m": places, "ap_floor": floor,
        "n_floors": len(aps_per_floor), "silent_dbm": silent, "span": span, "start": starts,
        "features": np.array(features, dtype=np.float64),
    }  # fmt: skip


def farthest(places: np.ndarray) -> float:
    return max((math.dist(p, q) for p in places for q in places), default=0.0)


CASES = {
    "cyclic_map": lambda: [cyclic_map_case(n) for n in (1, 2, 5, 18)],
    "diagonal_mean": lambda: [diagonal_mean_case(n) for n in (1, 2, 5, 18)],
    "floor_features": lambda: [
        floor_features_case("a tall building", [5, 3, 0, 7, 6, 2, 4, 5, 1], 6, 0.5),
        floor_features_case("two floors", [4, 6], 4, 0.6),
        floor_features_case("one AP", [1], 1, 1.0),
        floor_features_case("span of two", [3, 2, 5], 4, 0.4, 2),
    ],
    "ratio_image": lambda: [ratio_image_case(n) for n in (1, 4, 19)],
    "rank_pdf": lambda: [
        case
        for combine in ("sum", "product", "tempered")
        for case in (
            rank_pdf_case("a floor", combine, 7, [-20.0, 5.0], 2.5, [14, 23], 0.1),
            rank_pdf_case("one AP", combine, 1, [0.0, 0.0], 1.0, [9, 17], 0.0),
            rank_pdf_case("far away", combine, 3, [5e5, 4e6], 1.0, [6, 10], 20.0),
            rank_pdf_case(
                "thin rings", combine, 4, [0.0, 0.0], 0.5, [11, 12], 0.2, [0.0, 3.0], [0.4, 0.05]
            ),
        )
    ],
    "rank_locator": lambda: [rank_locator_case("ranks"), rank_locator_case("path loss")],
    "threshold_centroid": lambda: [
        threshold_centroid_case("wide", [9, 21], 0.5),
        threshold_centroid_case("only the maximum", [4, 5], 1.0),
        threshold_centroid_case("one row", [1, 40], 0.9),
    ],
    "kalman_filter": lambda: [
        kalman_case("positions", 0.0, 2, 12),
        kalman_case("positions and velocities", 0.3, 4, 12),
    ],
    "weighted_knn": lambda: [
        weighted_knn_case(metric, rows, columns, unknown)
        for metric in ("l1", "l2", "sorensen")
        for rows, columns, unknown in ((12, 21, 0.0), (13, 6, 0.3))
    ],
    "path_loss_pdf": lambda: [
        path_loss_pdf_case("a floor", 14, 6, [-20.0, 5.0], 2.5, [14, 23], radio(-35, 3, 8, 2, -90)),
        path_loss_pdf_case("no offset", 9, 4, [0.0, 0.0], 0.5, [11, 17], radio(-59, 2, 6, 0, -85)),
        path_loss_pdf_case(
            "nothing heard", 5, 0, [3.0, 3.0], 1.0, [8, 9], radio(-35, 3, 8, 4, -80)
        ),
        path_loss_pdf_case("steep", 6, 4, [0.0, 0.0], 1.0, [9, 10], radio(-40, 4, 2, 300, -95)),
    ],
    "level_sums": lambda: [
        level_sums_case(*size) for size in ((1, 5, 2), (3, 17, 256), (5, 40, 600), (9, 3, 19))
    ],
    "level_likelihoods": lambda: [
        level_likelihoods_case("one code", [-81.25], 1, 1.0),
        level_likelihoods_case("levels of a map", [-90.5, math.nan, -60.0], 256, 0.875),
        level_likelihoods_case("silence alone", [math.nan], 21, 0.5),
        level_likelihoods_case("far off", [-10000.0, 10000.0, -150.0, -40.0, 0.0], 35, 1.0),
    ],
    "geometric_median": lambda: [
        geometric_median_case("a floor", 61, 0.0, 1.0, 10),
        geometric_median_case("one place", 1, 3.0, 0.5, 3),
        geometric_median_case("a national grid", 24, 6e6, 1.0, 25),
    ],
    "dominant_path": lambda: [
        dominant_path_case("one house", [(4.2, 3.1, 8.7, 7.9)], (2.5, 5.5), [11, 13]),
        dominant_path_case(
            "two houses", [(3.2, 3.1, 7.7, 6.9), (9.3, 1.4, 12.6, 8.2)], (1.5, 4.5), [11, 16]
        ),
        dominant_path_case(
            "a corner grazed", [(6, 2, 8, 10), (12, 11.735, 16, 20)], (2.5, 9.4), [24, 24]
        ),
    ],
}


def main() -> None:
    for name, cases in CASES.items():
        text = json.dumps(plain(cases()), separators=(",", ":"))
        (HERE / f"{name}.json").write_text(text.replace("},{", "},\n{") + "\n")


if __name__ == "__main__":
    main()
