"""A walk through a building and its positions, step by step in plain numpy (make_golden.py)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# SPEC 5.5: very weak to very strong.
MEAN_M = [37.5, 31.6, 19.8, 11.4, 5.9, 2.7]
SIGMA_M = [9.8, 10.3, 8.5, 6.0, 3.3, 1.6]


def window_union(seen: list[tuple[int, np.ndarray]], now_ms: int, window_ms: int) -> np.ndarray:
    rows = [row for time_ms, row in seen if now_ms - time_ms <= window_ms]
    return np.fmax.reduce(rows)


def floor_weights(site: dict[str, Any], levels: np.ndarray, floor: int) -> np.ndarray:
    """Over the walkable cells of a floor, the highest = 1."""
    one = next(f for f in site["floors"] if f["floor"] == floor)
    cells = np.array(one["cells"] or range(one["height"] * one["width"]))
    x = one["origin_m"][0] + cells % one["width"] * one["pitch_m"]
    y = one["origin_m"][1] + cells // one["width"] * one["pitch_m"]
    away = np.hypot(x[:, None] - site["ap_xy_m"][:, 0], y[:, None] - site["ap_xy_m"][:, 1])
    extra = site["floor_attenuation_db"] * np.abs(site["ap_floor"] - floor)
    level = np.minimum(levels + extra, site["cap_dbm"])
    heard = np.flatnonzero(~np.isnan(levels))
    k = site["strongest"]
    if k and k < len(heard):
        heard = heard[level[heard] >= np.sort(level[heard])[-k]]
    if site["method"] == "ranks":
        density = np.zeros(len(cells))
        for i in heard:
            rank = sum(level[i] >= edge for edge in site["edges_dbm"])
            z = (away[:, i] - MEAN_M[rank]) / SIGMA_M[rank]
            density += np.exp(-z * z / 2) / SIGMA_M[rank]
        return density / density.max()
    expected = -35 - 30 * np.log10(np.maximum(away, 1)) - extra
    weight = 10 ** ((level - level[heard].max()) / 30)
    residual = ((level - extra) - expected)[:, heard]
    total, squares = residual @ weight[heard], residual**2 @ weight[heard]
    log = -(squares - total**2 / (weight[heard].sum() + 8**2 / 2**2)) / (2 * 8**2)
    for i in np.flatnonzero(np.isnan(levels)):
        z = (-90 - expected[:, i]) / 8
        log += 0.05 * np.log([math.erfc(-v / math.sqrt(2)) / 2 for v in z])
    return np.exp(log - log.max())


def rank_fix(site: dict[str, Any], levels: np.ndarray, at_floor: np.ndarray) -> list[float]:
    """floor, x_m, y_m, accuracy_m of levels, and the levels that tell the floor."""
    levels, at_floor = levels + site["offset_db"], at_floor + site["offset_db"]
    floor = int(site["ap_floor"][np.nanargmax(at_floor)])
    one = next(f for f in site["floors"] if f["floor"] == floor)
    weights = floor_weights(site, levels, floor)
    cells = np.array(one["cells"] or range(one["height"] * one["width"]))
    cut = np.where(weights >= site["threshold"], weights, 0)
    place = np.stack([cells % one["width"], cells // one["width"]]) * one["pitch_m"]
    mean = place @ cut / cut.sum()
    spread = math.sqrt(((place - mean[:, None]) ** 2).sum(axis=0) @ cut / cut.sum())
    if site["quality"]:
        area = np.count_nonzero(weights >= 0.5) * one["pitch_m"] ** 2
        heard = levels[~np.isnan(levels)]
        spread = 1 - 0.05 * len(heard) + 0.01 * heard.mean() - 0.02 * heard.max() + 0.1 * area
        spread = min(max(spread, 0.5), 50)
    radius = float(np.interp(spread, site["spread_m"], site["radius_m"]))
    return [floor, *(mean + one["origin_m"]).tolist(), radius]


def rank_locator_case(method: str) -> dict[str, Any]:
    """A walk over two floors: what sdk.Track does, step by step; see rank_locator.hpp."""
    rng = np.random.default_rng(len(method))
    n, away = 11, [0.0, 0.0]
    floors = [
        {"floor": -1, "origin_m": [5.0, -3.0], "pitch_m": 1.5, "height": 9, "width": 14,
         "cells": sorted(rng.choice(126, 90, replace=False).tolist())},
        {"floor": 0, "origin_m": [5.0, -3.0], "pitch_m": 1.0, "height": 12, "width": 20,
         "cells": []},
    ]  # fmt: skip
    site = {
        "method": method, "ap_id": np.cumsum(rng.integers(1, 1 << 40, n)),
        "ap_xy_m": np.round(rng.uniform([5, -3], [25, 9], (n, 2)), 2),
        "ap_floor": rng.permutation([-1] * 5 + [0] * 6), "floors": floors,
        "floor_attenuation_db": 15.0, "cap_dbm": -30.0, "strongest": 5, "threshold":
        0.7 if method == "ranks" else 0.0, "edges_dbm": [-80.0, -70.0, -62.0, -54.0, -46.0],
        "quality": int(method == "ranks"), "offset_db": 2.0, "spread_m": [1.0, 2.5, 6.0],
        "radius_m": [1.5, 3.0, 5.5], "min_matched_aps": 2, "max_age_ms": 3000,
        "low_confidence_m": 3.2, "floor_window_ms": 8000, "position_window_ms": 2500,
        "gap_ms": 20_000, "accel_sigma": 0.4, "floor_votes": 3,
    }  # fmt: skip
    if method == "ranks":
        site |= {"mean_m": MEAN_M, "sigma_m": SIGMA_M}
    scans: dict[str, list] = {"time_ms": [], "start": [0], "ap": [], "dbm": [], "age_ms": []}
    fixes: dict[str, list] = {key: [] for key in (
        "status", "has_position", "floor", "matched", "x_m", "y_m", "accuracy_m")}  # fmt: skip
    seen, state, P, votes = [], None, None, []
    time_ms = measured_ms = before_ms = 1_000_000
    where, shown, richest = 0, 0.0, []
    gaps = [
        0,
        900,
        1100,
        2000,
        500,
        1000,
        7000,
        1500,
        1000,
        800,
        1200,
        25_000,
        1000,
        600,
        4000,
        3000,
    ]
    for step, gap in enumerate(gaps):
        time_ms += gap
        where = -1 if 5 <= step < 10 else 0
        away = np.array([8 + 0.8 * step, 0.5 * step])
        distance = np.hypot(*(site["ap_xy_m"] - away).T)
        level = -38 - 28 * np.log10(np.maximum(distance, 1)) - 14 * np.abs(site["ap_floor"] - where)
        level = np.round(level + rng.normal(0, 3, n))
        heard = np.flatnonzero(level > -88)
        ages = np.where(rng.random(n) < 0.15, 5000, 100)
        if step == 6:
            heard = heard[:0]
        readings = [(int(site["ap_id"][i]), level[i], int(ages[i])) for i in heard]
        if step in (8, 15):
            readings = [(a, b, 9000) for a, b, _ in readings]
        strangers = 5 if step == 11 else 1
        readings = readings[: 1 if step == 11 else None]
        readings += [(7 + 2 * i, -60.0, 0) for i in range(strangers) if step not in (6, 8, 15)]
        fresh = [r for r in readings if r[2] <= 3000]
        row = np.full(n, np.nan)
        for ap, dbm_, _ in fresh:
            row[site["ap_id"] == ap] = dbm_
        scans["time_ms"].append(time_ms)
        scans["start"].append(scans["start"][-1] + len(readings))
        for key, values in zip(("ap", "dbm", "age_ms"), zip(*readings, strict=True), strict=False):
            scans[key] += values
        seen.append((time_ms, row))
        richest.append((time_ms, len(readings), len(fresh)))
        inside = [r for r in richest if time_ms - r[0] <= 2500]
        most, most_fresh = max(r[1] for r in inside), max(r[2] for r in inside)
        levels = window_union(seen, time_ms, 2500)
        matched = int(np.count_nonzero(~np.isnan(levels)))
        found, status = None, 2
        if most and not most_fresh:
            status = 4
        elif matched >= 2:
            found = rank_fix(site, levels, window_union(seen, time_ms, 8000))
        elif most_fresh >= 4:
            status = 3
        if state is not None and time_ms - measured_ms > 20_000:
            state, votes = None, []
        left = (time_ms - before_ms) / 1000
        before_ms = time_ms
        while state is not None and left > 0:
            dt = min(left, 1.0)
            left -= 1
            F, G = np.eye(4), np.array([[dt**2 / 2, 0], [0, dt**2 / 2], [dt, 0], [0, dt]])
            F[0, 2] = F[1, 3] = dt
            state, P = F @ state, F @ P @ F.T + 0.4**2 * G @ G.T
        if found:
            variance = found[3] ** 2 / (-2 * math.log(0.32))
            votes = [*votes, found[0]][-3:]
            if state is None:
                floor_now = found[0]
                state, P = np.array([*found[1:3], 0, 0]), np.diag([variance, variance, 1, 1])
            else:
                K = P[:, :2] @ np.linalg.inv(P[:2, :2] + variance * np.eye(2))
                state, P = state + K @ (np.array(found[1:3]) - state[:2]), P - K @ P[:2]
            winner = max(votes, key=votes.count)
            floor_now = winner if 2 * votes.count(winner) > len(votes) else floor_now
            measured_ms, shown = time_ms, found[3]
        position = [0, 0.0, 0.0, 0.0]
        if state is not None:
            sigma = math.sqrt((P[0, 0] + P[1, 1]) / 2)
            accuracy = max(math.sqrt(-2 * math.log(0.32)) * sigma, 0.85 * shown)
            position = [floor_now, float(state[0]), float(state[1]), accuracy]
        if found:
            status = 0 if position[3] <= 3.2 else 1
        values = (status, int(state is not None), position[0], matched, *position[1:])
        for key, value in zip(fixes, values, strict=True):
            fixes[key].append(value)
    for one in floors:
        one["cell_count"] = len(one["cells"])
    flat = {key: [one[key] for one in floors] for key in floors[0]}
    flat["cells"] = [cell for one in floors for cell in one["cells"]]
    flat = {f"floor_{key.removeprefix('floor')}".rstrip("_"): v for key, v in flat.items()}
    del site["floors"]
    name = site.pop("method")
    return {"name": name, **site, **flat, **scans, **{f"fix_{k}": v for k, v in fixes.items()}}
