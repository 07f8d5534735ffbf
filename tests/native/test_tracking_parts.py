"""The parts of a track and the floor maps, as Python hands them over: what they refuse, and that
threads may share a map."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sdk import _core

RANKS = {
    "edges_dbm": [-70.0, -50.0], "mean_m": [12.0, 6.0, 2.0], "sigma_m": [5.0, 3.0, 1.0],
    "combine": "sum", "threshold": 0.5,
}  # fmt: skip
NONE_MASKED = np.zeros(3, bool)


def floor_map(method=RANKS, ap_xy_m=((0, 0), (10, 0), (5, 8)), ap_floor=(0, 0, 1), cells=None,
              attenuation_db=15.0, pitch_m=1.0):  # fmt: skip
    return _core.FloorMap(
        method, attenuation_db, -30.0, 0, np.array(ap_xy_m, float), np.array(ap_floor), 0,
        (0.0, 0.0), pitch_m, (9, 11), cells,
    )  # fmt: skip


def test_the_walkable_cells_alone_are_returned():
    levels = np.float32([-45, -60, np.nan])
    everywhere, reached = floor_map().weights(levels, NONE_MASKED, 0.5)
    assert everywhere.shape == (99,)
    assert everywhere.max() == 1
    assert reached == np.count_nonzero(everywhere >= 0.5)
    cells = np.flatnonzero(everywhere)[::3]
    some, _ = floor_map(cells=cells).weights(levels, NONE_MASKED, 0.5)
    kept = everywhere[cells] >= 0.5 * everywhere[cells].max()
    np.testing.assert_array_equal(some, np.where(kept, everywhere[cells], 0))


def test_nothing_heard_means_every_cell_alike():
    weights, reached = floor_map().weights(np.full(3, np.nan, np.float32), NONE_MASKED, 0.5)
    assert (weights == 1).all()
    assert reached == 99


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": RANKS | {"edges_dbm": [-50.0, -70.0]}}, "edges_dbm"),
        ({"method": RANKS | {"mean_m": [1.0]}}, "one edge less than ranks"),
        ({"method": RANKS | {"sigma_m": [5.0, 0.0, 1.0]}}, "sigma_m: expected a finite number gr"),
        ({"method": RANKS | {"threshold": 0.0}}, "threshold"),
        ({"method": RANKS | {"combine": "max"}}, "combine is 'max'"),
        ({"ap_xy_m": ((0, 0), (10, np.nan), (5, 8))}, r"ap_xy_m\[1, 1\] is nan"),
        ({"ap_floor": (0, 0)}, "two for each of ap_floor"),
        ({"cells": [3, 3]}, r"cells\[1\] is 3: expected more than the one before"),
        ({"cells": [98, 99]}, r"cells\[1\] is 99"),
        ({"cells": [-1]}, r"cells\[0\] is -1"),
        ({"attenuation_db": -1.0}, "floor_attenuation_db"),
        ({"pitch_m": 0.0}, "pitch_m is 0.0"),
    ],
)
def test_a_map_names_what_it_cannot_be_made_of(change, words):
    with pytest.raises(ValueError, match=words):
        floor_map(**change)


def test_a_map_wants_a_level_for_every_access_point():
    with pytest.raises(ValueError, match=r"rssi_dbm has shape \(2,\): expected \(3,\)"):
        floor_map().weights(np.zeros(2, np.float32), NONE_MASKED, 0.5)


def test_threads_share_a_map():
    one, rng = floor_map(), np.random.default_rng(1)
    scans = rng.uniform(-90, -40, (40, 3)).astype(np.float32)
    expected = [one.weights(scan, NONE_MASKED, 0.5)[0] for scan in scans]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda scan: one.weights(scan, NONE_MASKED, 0.5)[0], list(scans) * 5)
        for i, weights in enumerate(found):
            np.testing.assert_array_equal(weights, expected[i % 40])


def test_a_window_names_what_it_refuses():
    with pytest.raises(ValueError, match="ap_count is 0"):
        _core.ScanWindow(0, 1000)
    with pytest.raises(ValueError, match="window_ms is -1"):
        _core.ScanWindow(2, -1)
    window = _core.ScanWindow(2, 1000)
    assert np.isnan(window.united()[0]).all()
    window.add(5, np.float32([-40, np.nan]), 1, 1)
    with pytest.raises(ValueError, match="timestamp_ms is 4: expected a time no earlier"):
        window.add(4, np.float32([-40, np.nan]), 1, 1)
    with pytest.raises(ValueError, match=r"rssi_dbm\[1\] is inf"):
        window.add(6, np.float32([-40, np.inf]), 1, 1)
    with pytest.raises(ValueError, match=r"rssi_dbm has shape \(3,\): expected \(2,\)"):
        window.add(6, np.zeros(3, np.float32), 1, 1)
    assert len(window) == 1


def test_a_motion_names_what_it_refuses():
    with pytest.raises(ValueError, match="floor_votes is 65: expected 1 to 64"):
        _core.Motion(0.3, 1000, 65)
    with pytest.raises(ValueError, match="accel_sigma is nan"):
        _core.Motion(float("nan"), 1000, 5)
    motion = _core.Motion(0.3, 1000, 5)
    assert motion.tracked is None
    motion.advance(10)
    with pytest.raises(ValueError, match=r"accuracy_m is 0\.0"):
        motion.measure(1.0, 2.0, 0, 0.0)
    assert motion.tracked is None
    motion.measure(1.0, 2.0, 3, 4.0)
    assert motion.tracked == pytest.approx((1.0, 2.0, 3, 4.0))
    with pytest.raises(ValueError, match="timestamp_ms is 9"):
        motion.advance(9)
