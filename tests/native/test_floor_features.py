"""floor_features against plain numpy, written from SPEC 5.2 and 5.3."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from sdk import native


def range_start(rssi, floor, floors, silent, span):
    over = np.where(np.isnan(rssi), -1.0, np.maximum(rssi.astype(np.float64), silent) - silent)
    sums = np.zeros(floors)
    np.add.at(sums, floor, np.maximum(over, 0))
    home = floor[over == over.max()].min()
    starts = np.arange(max(1, floors - span + 1))
    totals = np.array([sums[s : s + span].sum() for s in starts])
    ties = starts[totals == totals.max()]
    off = np.abs(ties + (span - 1) / 2 - home)
    return int(ties[off == off.min()].min())


def reference(rssi, xy, floor, floors, silent=-100.0, span=4):
    """start and features (span, 8) in float64; the margin to the nearest circle in metres."""
    start = range_start(rssi, floor, floors, silent, span)
    inside = (floor >= start) & (floor < start + span)
    heard = inside & ~np.isnan(rssi)
    level = np.maximum(np.where(heard, rssi.astype(np.float64), silent), silent)
    weight = 10 ** ((level[heard] - level[heard].max()) / 20)
    centre = weight @ xy[heard] / weight.sum()
    far = pdist(xy[heard]).max(initial=0.0)
    away = np.linalg.norm(xy - centre, axis=1)
    radii = (30.0, 80.0, far)
    margin = min(np.abs(away[inside] - r).min() for r in radii) if far else 1.0
    out = np.tile([0, silent, silent, 0, silent, silent, silent, 0], (span, 1))
    for k in range(span):
        mine = floor == start + k
        some = mine & heard
        if some.any():
            values = level[some]
            out[k, :4] = len(values), values.max(), values.mean(), values.var()
            out[k, 7] = pdist(xy[some]).max(initial=0.0)
        for r, radius in enumerate(radii):
            # One heard place is its own centre, whatever rounding says.
            near = mine & (away <= radius + (1e-9 if far == 0 else 0))
            if near.any():
                out[k, 4 + r] = level[near].mean()
    return start, out, margin


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any),
    st.sampled_from([0.05, 0.3, 1.0]),
    st.sampled_from([-100.0, -95.0, -110.0]),
    st.integers(1, 6),
    st.sampled_from([1.0, 60.0, 400.0]),
    st.integers(0, 2**32 - 1),
)
def test_is_the_plain_answer(counts, share, silent, span, size, seed):
    rng = np.random.default_rng(seed)
    floor = np.repeat(np.arange(len(counts)), counts)
    order = rng.permutation(len(floor))
    floor, xy = floor[order], rng.uniform(-size, size, (len(floor), 2))
    # Whole dBm in a narrow range and below silent, so that ranges and strongest APs tie.
    rssi = rng.integers(-112, -40, (3, len(floor))).astype(np.float32)
    rssi[1] = rng.integers(-101, -97, len(floor))
    rssi[rng.random(rssi.shape) > share] = np.nan
    rssi[:, rng.integers(len(floor))] = -99.0
    start, features = native.floor_features(rssi, xy, floor, len(counts), silent, span)
    assert (start.dtype, features.dtype) == (np.int32, np.float32)
    assert features.shape == (3, span, 8)
    for b in range(3):
        expected_start, expected, margin = reference(rssi[b], xy, floor, len(counts), silent, span)
        assert start[b] == expected_start
        assume(margin > 1e-6)
        np.testing.assert_allclose(features[b], expected, rtol=2e-6, atol=2e-5)


def test_nine_floors_and_fewer_than_four():
    rng = np.random.default_rng(3)
    for floors, starts in ((9, range(6)), (2, [0]), (4, [0])):
        floor = np.repeat(np.arange(floors), 6)
        xy = rng.uniform(0, 60, (len(floor), 2))
        # A user's own floor is loud, its neighbours less so.
        home = rng.integers(0, floors, 200)
        rssi = -55 - 15.0 * np.abs(floor - home[:, None]) + rng.normal(0, 4, (200, len(floor)))
        rssi[rssi < -95] = np.nan
        start, features = native.floor_features(rssi, xy, floor, floors)
        assert set(start.tolist()) <= set(starts)
        assert ((start <= home) & (home < start + 4)).all()
        assert not features[:, floors:, 0].any()
        for b in range(0, 200, 20):
            expected_start, expected, margin = reference(np.float32(rssi[b]), xy, floor, floors)
            assert start[b] == expected_start
            if margin > 1e-6:
                np.testing.assert_allclose(features[b], expected, rtol=2e-6, atol=2e-5)


def test_the_range_is_centred_on_the_strongest_where_sums_tie():
    # Floors 0 and 9 equally loud, seven silent ones between: ranges 0 and 6 tie with all others
    # that hold one of them; the strongest AP decides.
    floor, xy = [0, 9], [[0, 0], [1, 0]]
    assert native.floor_features([-50, -50], xy, floor, 10)[0] == 0
    assert native.floor_features([-50, -49.5], xy, floor, 10)[0] == 6
    middle = native.floor_features([-50.0], [[0, 0]], [5], 10)[0]
    assert middle == 3  # of 3 and 4, whose middles are half a floor off


def test_one_scan_has_no_batch_axis():
    xy, floor = [[0, 0], [10, 0]], [0, 1]
    start, features = native.floor_features([-50.0, np.nan], xy, floor, 2)
    batch = native.floor_features([[-50.0, np.nan]], xy, floor, 2)
    assert (start.shape, features.shape) == ((), (4, 8))
    assert int(start) == batch[0][0]
    np.testing.assert_array_equal(features, batch[1][0])
    none = native.floor_features(np.empty((0, 2)), xy, floor, 2)
    assert (none[0].shape, none[1].shape) == ((0,), (0, 4, 8))


def test_any_number_of_heard_aps_is_compared():
    rng = np.random.default_rng(1)
    xy, floor = rng.uniform(0, 300, (900, 2)), rng.integers(0, 3, 900)
    rssi = rng.uniform(-90, -40, 900).astype(np.float32)
    start, features = native.floor_features(rssi, xy, floor, 3)
    expected_start, expected, margin = reference(rssi, xy, floor, 3)
    assert margin > 1e-6
    assert start == expected_start
    np.testing.assert_allclose(features, expected, rtol=2e-6, atol=2e-5)


RSSI, XY, FLOOR = [-50.0, -60.0], [[0.0, 0.0], [5.0, 5.0]], [0, 1]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rssi_dbm": [np.nan, np.nan]}, "rssi_dbm is all NaN: expected at least one reading"),
        (
            {"rssi_dbm": [RSSI, [np.nan, np.nan]]},
            "rssi_dbm[1] is all NaN: expected at least one reading",
        ),
        (
            {"rssi_dbm": [RSSI, [np.inf, -40]]},
            "rssi_dbm[1, 0] is inf: expected a finite number, or NaN for unknown",
        ),
        ({"rssi_dbm": [-50.0]}, "rssi_dbm has shape (1,): expected (2,) or (B, 2), one column per"),
        ({"ap_xy_m": [[0, 0], [0, np.nan]]}, "ap_xy_m[1, 1] is nan: expected a finite number"),
        ({"ap_xy_m": [0.0, 1.0]}, "ap_xy_m has shape (2,): expected (N, 2)"),
        ({"ap_floor": [0, 2]}, "ap_floor[1] is 2: expected a floor from 0 to 1"),
        ({"ap_floor": [-1, 0]}, "ap_floor[0] is -1: expected a floor from 0 to 1"),
        ({"ap_floor": [0]}, "ap_floor has shape (1,): expected (2,), one floor per row of ap_xy_m"),
        ({"n_floors": 0}, "n_floors is 0: expected 1 to 1000"),
        ({"n_floors": 1001}, "n_floors is 1001: expected 1 to 1000"),
        ({"silent_dbm": math.nan}, "silent_dbm is nan: expected a finite number"),
        ({"span": 0}, "span is 0: expected 1 to 16"),
        ({"span": 17}, "span is 17: expected 1 to 16"),
        (
            {"rssi_dbm": [], "ap_xy_m": np.empty((0, 2)), "ap_floor": np.empty(0, int)},
            "ap_xy_m has shape (0, 2): expected at least one element",
        ),
    ],
)
def test_wrong_values_are_shown(changes, text):
    given = {"rssi_dbm": RSSI, "ap_xy_m": XY, "ap_floor": FLOOR, "n_floors": 2} | changes
    with pytest.raises(ValueError, match="expected") as error:
        native.floor_features(**given)
    assert str(error.value).startswith(text)


def test_floors_are_integers():
    with pytest.raises(TypeError, match="ap_floor has dtype float64: expected integers"):
        native.floor_features(RSSI, XY, [0.0, 1.0], 2)
    with pytest.raises(TypeError, match=r"n_floors is 2\.0: expected an integer"):
        native.floor_features(RSSI, XY, FLOOR, 2.0)
