"""Calibration-free baselines: floors, centroids, Locus, path loss, windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from evaluation.baselines import (
    Layout,
    by_count,
    by_mean,
    by_strongest,
    hard_voronoi,
    locus,
    log_distance_fit,
    soft_voronoi,
    strongest_over,
    weighted_centroid,
)
from evaluation.baselines.log_distance import fit
from sdk.venue import AccessPoint, Floor
from training.ap_layout import NO_FLOOR, with_floor_attenuation
from training.simulator import Crowd, Radio, place_access_points, simulate
from training.survey import Header, SurveyError, from_rows

NAN = np.nan
LAYOUT = Layout(
    ids=tuple((f"ap{i}",) for i in range(6)),
    xy_m=np.array([[0, 0], [10, 0], [0, 10], [10, 10], [2, 2], [8, 8]], dtype=float),
    floor=np.array([0, 0, 0, 1, 1, 1], dtype=np.int32),
    area_m={0: (0.0, 0.0, 10.0, 10.0), 1: (0.0, 0.0, 10.0, 10.0)},
)
METHODS = {
    "centroid": weighted_centroid,
    "all floors": lambda a, r: weighted_centroid(a, r, 4, 10.0, 20.0),
    "locus": locus,
    "hard": hard_voronoi,
    "soft": soft_voronoi,
    "path loss": log_distance_fit,
    "free offset": lambda a, r: log_distance_fit(a, r, free_offset=True),
}
levels = st.lists(
    st.lists(st.one_of(st.just(NAN), st.integers(-100, -20)), min_size=6, max_size=6),
    min_size=1, max_size=4,
)  # fmt: skip


def test_floor_rules():
    rssi = np.array([
        [-50, NAN, NAN, -60, -60, -60],  # strongest 0, most 1, mean 0
        [-50, -90, -90, -60, NAN, NAN],  # strongest 0, most 0, mean 1
        [-70, NAN, NAN, -70, NAN, NAN],  # all alike: the lowest
        [NAN] * 6,
    ])  # fmt: skip
    assert by_strongest(LAYOUT, rssi).tolist() == [0, 0, 0, NO_FLOOR]
    assert by_count(LAYOUT, rssi).tolist() == [1, 0, 0, NO_FLOOR]
    assert by_mean(LAYOUT, rssi).tolist() == [0, 1, 0, NO_FLOOR]
    tie = np.array([[-60, NAN, NAN, -50, NAN, NAN]])
    assert by_count(LAYOUT, tie).tolist() == [1], "of equal counts, the stronger"


def test_centroid_by_hand():
    rssi = np.array([[-50, -60, -90, -40, NAN, NAN]])
    found = weighted_centroid(LAYOUT, rssi, k=2, decibels=20, floor=np.array([0]))
    share = 10**-0.5 / (1 + 10**-0.5)
    np.testing.assert_allclose(found.xy_m, [[10 * share, 0]])
    # Floor 1's access point is -40 + 20, but never above -30.
    found = weighted_centroid(LAYOUT, rssi, 2, 10, 20.0, np.array([0]))
    np.testing.assert_allclose(found.xy_m, np.array([[10, 10]]) / (1 + 10**-2), rtol=1e-12)
    nearest = weighted_centroid(LAYOUT, rssi, k=1)
    assert nearest.floor.tolist() == [1]
    np.testing.assert_array_equal(nearest.xy_m, [[10, 10]])
    with pytest.raises(ValueError, match="k must be 1 or more, got 0"):
        weighted_centroid(LAYOUT, rssi, k=0)


def test_floor_attenuation():
    rssi = np.array([[-50, -60, NAN, -70, -20, -45]])
    floor = np.array([0], dtype=np.int32)
    np.testing.assert_array_equal(
        with_floor_attenuation(LAYOUT, rssi, floor, 20.0), [[-50, -60, NAN, -50, -20, -30]]
    )
    np.testing.assert_array_equal(
        with_floor_attenuation(LAYOUT, rssi, floor, None), [[-50, -60, NAN, NAN, NAN, NAN]]
    )


@pytest.mark.parametrize(
    ("rssi", "floor"),
    [([-50, NAN, NAN, -60, -60, -60], 0),  # strongest and mean agree on 0
     ([-70, -90, -90, -72, NAN, NAN], 0),  # strongest and count
     ([-60, -90, NAN, -62, -63, -64], 1)],  # count and mean
)  # fmt: skip
def test_locus_votes(rssi, floor):
    assert locus(LAYOUT, np.array([rssi], dtype=float)).floor.tolist() == [floor]


def test_locus_when_all_differ():
    three = Layout(LAYOUT.ids, LAYOUT.xy_m, np.array([0, 0, 1, 1, 1, 2], dtype=np.int32), {})
    clear = np.array([[-50, -90, -80, -80, -80, -65.0]])  # strongest 0, count 1, mean 2
    near = np.array([[-61, -90, -80, -80, -80, -65.0]])
    assert locus(three, clear).floor.tolist() == [0]
    assert locus(three, near).floor.tolist() == [1], "a lead of under 5 dB is none"


def test_path_loss_finds_the_place_of_exact_levels():
    rng = np.random.default_rng(0)
    true = rng.uniform(1, 9, (20, 2))
    one = Layout(LAYOUT.ids, LAYOUT.xy_m, np.zeros(6, dtype=np.int32), {0: (0, 0, 10, 10)})
    squared = ((true[:, None] - one.xy_m[None]) ** 2).sum(axis=2) + 1
    rssi = -35 - 15 * np.log10(squared)
    np.testing.assert_allclose(log_distance_fit(one, rssi, k=6).xy_m, true, atol=1e-4)
    shifted = log_distance_fit(one, rssi - 8, k=6, free_offset=True)
    np.testing.assert_allclose(shifted.xy_m, true, atol=1e-3)
    wrong = log_distance_fit(one, rssi - 8, k=6).xy_m
    assert np.linalg.norm(wrong - true, axis=1).mean() > 0.2


def test_the_jacobian_of_path_loss_is_right():
    """scipy with finite differences ends at the same place."""
    rng = np.random.default_rng(1)
    xy = rng.uniform(0, 20, (6, 2))
    for _ in range(10):
        level = rng.uniform(-80, -50, 6)

        def cost(state, level=level):
            squared = ((state[:2] - xy) ** 2).sum(axis=1) + 1
            return -40 - 12.5 * np.log10(squared) - level + state[2]

        start = xy.mean(axis=0)
        place = fit(xy, level, -40, 2.5, start, True, (-1e4, -1e4, 1e4, 1e4))
        begin = np.append(start + 0.1, 0.0)
        begin[2] = -cost(begin).mean()
        other = least_squares(cost, begin, method="lm", max_nfev=2000)
        best = cost(np.append(place, -cost(np.append(place, 0.0)).mean()))
        assert (best**2).sum() <= 2 * other.cost * (1 + 1e-4)


@settings(max_examples=60, deadline=None)
@given(levels)
def test_every_method_keeps_its_promises(rows):
    rssi = np.array(rows, dtype=float)
    before = rssi.copy()
    heard = np.isfinite(rssi).any(axis=1)
    order = np.array([4, 2, 0, 5, 3, 1])
    turned = Layout(tuple(LAYOUT.ids[i] for i in order), LAYOUT.xy_m[order], LAYOUT.floor[order],
                    LAYOUT.area_m)  # fmt: skip
    for name, method in METHODS.items():
        found = method(LAYOUT, rssi)
        np.testing.assert_array_equal(np.isfinite(found.xy_m).all(axis=1), heard, name)
        np.testing.assert_array_equal(found.floor != NO_FLOOR, heard, name)
        inside = found.xy_m[heard]
        assert ((inside >= -1e-9) & (inside <= 10 + 1e-9)).all(), name
        np.testing.assert_array_equal(rssi, before, name)
        if name in ("centroid", "all floors", "locus", "soft"):
            again = method(turned, rssi[:, order])
            np.testing.assert_array_equal(again.floor, found.floor, name)
            np.testing.assert_allclose(again.xy_m, found.xy_m, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("name", ["centroid", "locus", "hard", "soft", "free offset"])
def test_a_phones_offset_changes_nothing(name):
    """All but fixed path loss and capped floor attenuation look at differences only."""
    rssi = np.random.default_rng(3).integers(-80, -55, (30, 6)).astype(float)
    one, other = (METHODS[name](LAYOUT, rssi + d) for d in (0, -8))
    np.testing.assert_array_equal(one.floor, other.floor)
    np.testing.assert_allclose(one.xy_m, other.xy_m, atol=2e-3)


def test_windows():
    rssi = np.array([[-50, NAN], [-60, -80], [-70, -90], [-40, NAN], [NAN, NAN]])
    session = np.array(["a", "a", "a", "b", "b"], dtype=object)
    np.testing.assert_array_equal(strongest_over(rssi, session, 1), rssi)
    np.testing.assert_array_equal(
        strongest_over(rssi, session, 2),
        [[-50, NAN], [-50, -80], [-60, -80], [-40, NAN], [-40, NAN]],
    )
    np.testing.assert_array_equal(strongest_over(rssi, session, 9)[2], [-50, -80])
    with pytest.raises(ValueError, match="w must be 1 or more, got 0"):
        strongest_over(rssi, session, 0)


def test_layout_joins_ids_at_one_place():
    header = Header("x", "none", "", (Floor(0, width_m=30, height_m=20), Floor(1)))
    aps = [AccessPoint("a", 1, 2, 0), AccessPoint("b", 1, 2, 0), AccessPoint("c", 1, 2, 1)]
    rows = [
        {"timestamp_ms": 0, "x_m": 0, "y_m": 0, "floor": 0, "bssid": ["a", "b", "z"],
         "rssi_dbm": [-70, -60, -20]}
    ]  # fmt: skip
    survey = from_rows(header, rows, aps)
    layout = Layout.of(survey)
    assert layout.ids == (("a", "b"), ("c",))
    np.testing.assert_array_equal(layout.levels(survey), [[-60, NAN]])
    assert layout.area_m == {0: (0.0, 0.0, 30, 20), 1: (-2.0, -1.0, 4.0, 5.0)}
    with pytest.raises(SurveyError, match=r"no access_points\.csv"):
        Layout.of(from_rows(header, rows))


def test_floors_and_places_of_a_simulated_building():
    building = place_access_points("b", [10, 9, 11], 40, 25, np.random.default_rng(1))
    survey = simulate(building, Radio(), Crowd(scans=200, walks=8), seed=3)
    layout = Layout.of(survey)
    rssi = layout.levels(survey)
    assert (by_strongest(layout, rssi) == survey.floor).mean() > 0.9

    def mean_error(found):
        return np.linalg.norm(found.xy_m - survey.xy_m, axis=1).mean()

    raised = mean_error(weighted_centroid(layout, rssi, 5, 10.0, 15.0))
    assert raised < 5
    assert raised < mean_error(locus(layout, rssi))
