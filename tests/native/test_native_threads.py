"""Threads get the same results, and nothing is kept alive or lost."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from sdk import native

RNG = np.random.default_rng(5)
RSSI = RNG.uniform(-100, -30, 200).astype(np.float32)
MAP = native.cyclic_map(RSSI)
DATABASE = RNG.uniform(-100, -30, (300, 80)).astype(np.float32)
QUERY = RNG.uniform(-100, -30, (4, 80)).astype(np.float32)
FLOOR_XY, FLOORS = RNG.uniform(0, 60, (80, 2)), np.repeat(np.arange(8), 10)
PLACES, RANKS = RNG.uniform(0, 30, (12, 2)), RNG.integers(0, 2, 12)
LEVELS = np.where(np.arange(12) < 5, RNG.uniform(-80, -50, 12), np.nan)
MAPS = RNG.integers(0, 300, (3, 3000)).astype(np.uint16)
TABLES = RNG.normal(size=(3, 300)).astype(np.float32)
MODEL = np.repeat([[-90], [4], [2], [0.7], [0.2], [1e-3], [-3]], 700, axis=1).astype(np.float32)
MEASURED = np.array([-80, np.nan, -95], np.float32)


def rank_pdf() -> np.ndarray:
    return native.rank_pdf(PLACES, RANKS, [9.0, 3.0], [3.0, 1.0], (0, 0), 0.5, (80, 80))


PDF = rank_pdf()


def track() -> np.ndarray:
    ours = native.KalmanFilter([0.0] * 4, np.eye(4), 0.1)
    for i in range(50):
        ours.predict(1.0)
        ours.update((float(i), -float(i)), (1.0, 2.0))
    return np.vstack([ours.state, ours.covariance])


def refused() -> np.ndarray:
    with pytest.raises(ValueError, match="nan"):
        native.cyclic_map([-1.0, float("nan")])
    return np.empty(0)


CALLS = {
    "cyclic_map": lambda: native.cyclic_map(RSSI),
    "diagonal_mean": lambda: native.diagonal_mean(MAP),
    "floor_features": lambda: native.floor_features(QUERY, FLOOR_XY, FLOORS, 8)[1],
    "ratio_image": lambda: native.ratio_image(RSSI),
    "geometric_median": lambda: np.array(
        native.geometric_median(*DATABASE[:3].astype(np.float64) + 100, (0, 0), 1.0, 200)
    ),
    "level_likelihoods": lambda: native.level_likelihoods(MEASURED, *MODEL, 0.9),
    "level_sums": lambda: native.level_sums(MAPS, TABLES),
    "path_loss_pdf": lambda: native.path_loss_pdf(
        PLACES, LEVELS, np.ones(12), np.zeros(12), -35, 3, 8, 2, -90, (0, 0), 0.5, (80, 80)
    ),
    "rank_pdf": rank_pdf,
    "threshold_centroid": lambda: np.array(native.threshold_centroid(PDF, (0, 0), 0.5, 0.8)),
    "weighted_knn": lambda: np.vstack(native.weighted_knn(DATABASE, QUERY, 5)),
    "KalmanFilter": track,
    "an error": refused,
}


@pytest.mark.parametrize("name", CALLS)
def test_threads_get_the_same_result(name):
    expected = CALLS[name]()
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: CALLS[name](), range(64)):
            np.testing.assert_array_equal(result, expected)


def test_no_reference_is_kept():
    objects = [
        RSSI,
        MAP,
        DATABASE,
        QUERY,
        PLACES,
        RANKS,
        PDF,
        MAPS,
        TABLES,
        MODEL,
        MEASURED,
        None,
        np.dtype(np.float32),
    ]
    for call in CALLS.values():
        call()
    gc.collect()
    before = [sys.getrefcount(o) for o in objects]
    for call in CALLS.values():
        for _ in range(50):
            call()
    gc.collect()
    # None and the dtype are everybody's, so a few references come and go.
    for count, earlier in zip((sys.getrefcount(o) for o in objects), before, strict=True):
        assert abs(count - earlier) < 20


def resident_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
@pytest.mark.parametrize("name", CALLS)
def test_memory_does_not_grow(name):
    call = CALLS[name]
    for _ in range(60):
        call()
    gc.collect()
    before = sys.getallocatedblocks(), resident_kib()
    for _ in range(300):
        call()
    gc.collect()
    # One object leaked per call would be 300 blocks; one array of the larger kinds, megabytes.
    assert sys.getallocatedblocks() - before[0] < 150
    assert resident_kib() - before[1] < 1500
