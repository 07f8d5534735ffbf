"""Where access points and places go: tour, cells, validation split."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import header, invented_survey

from training.cells import make_cells
from training.order import METHODS, closed_tour, order_aps, pseudo_positions, tour_length
from training.split import UNSEEN_SHARE, spots, validation_of
from training.survey import SurveyError, from_rows


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 7), st.integers(0, 10_000))
def test_tours_are_near_the_shortest(n, seed):
    place = np.random.default_rng(seed).uniform(size=(n, 2))
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    tour = closed_tour(distance)
    assert sorted(tour) == list(range(n))
    best = min(tour_length(distance, np.array((0, *p))) for p in permutations(range(1, n)))
    assert tour_length(distance, tour) <= 1.15 * best + 1e-9


def test_a_circle_is_walked_round():
    angle = np.random.default_rng(3).permutation(24) * (2 * np.pi / 24)
    place = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    assert tour_length(distance, closed_tour(distance)) == pytest.approx(48 * np.sin(np.pi / 24))


@pytest.mark.parametrize("method", METHODS)
def test_orders_are_permutations(method):
    rng = np.random.default_rng(0)
    rssi = rng.uniform(-90, -40, (50, 10)).astype(np.float32)
    rssi[rng.random(rssi.shape) < 0.3] = np.nan
    xy, aps = rng.uniform(0, 9, (50, 2)), rng.uniform(0, 9, (10, 2))
    aps[3] = np.nan
    order = order_aps(rssi, xy, method, aps)
    assert sorted(order) == list(range(10))
    if method in ("positions", "pseudo_positions"):
        assert sorted(order_aps(rssi, xy, method, aps, zones=3)) == list(range(10))


def test_pseudo_positions_lean_to_the_strongest():
    rssi = np.array([[-40, np.nan], [-60, np.nan]], dtype=np.float32)
    place = pseudo_positions(rssi, np.array([[0.0, 0.0], [11.0, 0.0]]))
    np.testing.assert_allclose(place, [[1.0, 0.0], [5.5, 0.0]])


def test_order_refuses():
    rssi, xy = np.zeros((2, 3), np.float32) - 50, np.zeros((2, 2))
    for changes in ({"method": "nearest"}, {"method": "positions"}, {"zones": 4},
                    {"method": "correlation", "zones": 2}):  # fmt: skip
        with pytest.raises(ValueError, match=r"expected|needs|need"):
            order_aps(rssi, xy, **changes)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["exact1m", "tile"]), st.sampled_from(["mean", "centroid"]),
       st.integers(0, 999))  # fmt: skip
def test_every_position_is_near_its_cell(pitch, position, seed):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-5, 5, (40, 2)) * rng.choice([0.1, 1.0], 2)
    floor = rng.integers(0, 2, 40).astype(np.int32)
    cells = make_cells(xy, floor, pitch, position)
    nearest = cells.squared_distance(xy, floor).min(axis=1)
    assert (nearest <= 2.0 if position == "mean" else nearest <= 0.5 + 1e-6).all()
    assert len(cells) <= len(np.unique(np.column_stack([floor, xy]), axis=0))
    target = cells.soft_targets(xy, floor, 0.7)
    np.testing.assert_allclose(target.sum(axis=1), 1.0, rtol=1e-5)
    assert (target[floor[:, None] != cells.floor[None]] == 0).all()
    hard = cells.soft_targets(xy, floor, 0.0)
    assert set(np.unique(hard)) <= {0.0, 1.0}
    np.testing.assert_array_equal(hard.argmax(axis=1), cells.squared_distance(xy, floor).argmin(1))


def test_tiling_has_the_paper_s_number_of_cells():
    """8.1 x 6.3 m are 9 x 7 = 63 classes (SPEC 1.1)."""
    x, y = np.meshgrid(np.linspace(0, 8.1, 200), np.linspace(0, 6.3, 200))
    xy = np.stack([x.ravel(), y.ravel()], axis=1)
    assert len(make_cells(xy, np.zeros(len(xy), np.int32), "tile", "centroid")) == 63


def test_an_unknown_floor_has_no_target():
    cells = make_cells(np.zeros((1, 2)), np.zeros(1, np.int32))
    assert cells.soft_targets(np.zeros((1, 2)), np.ones(1, np.int32), 0.5).sum() == 0


def test_the_survey_s_own_validation_split_is_taken():
    survey = invented_survey(sessions=4, side=2)
    split = np.where(survey.session == "s2", "validation", survey.split).astype(object)
    own = validation_of(survey.with_split(split))
    assert not own.drawn
    np.testing.assert_array_equal(own.rows, survey.session == "s2")


def test_known_sessions_and_unseen_spots():
    """Ten spots that one session visited alone, the others visited by all."""
    survey = invented_survey(sessions=5, side=5, floors=(0,), test_sessions=0)
    spot, session = spots(survey), survey.session
    survey = survey.take(~((spot < 12) & (session != "s0")))
    spot, session = spots(survey), survey.session
    held = validation_of(survey, seed=1, share=0.2)
    train = survey.rows("train") & ~held.rows
    known = held.rows & np.isin(spot, spot[train])
    unseen = held.rows & ~known
    assert set(session[known]) == {"s3", "s4"}, "the latest sessions on known spots"
    assert len(set(spot[unseen])) == 2
    assert set(spot[unseen]) <= set(range(12)), "spots visited once"
    assert held.weight[unseen].sum() / held.weight.sum() == pytest.approx(UNSEEN_SHARE)
    assert held.weight.sum() == pytest.approx(held.rows.sum())
    assert (held.weight[~held.rows] == 0).all()


def test_walks_are_held_out_whole():
    rng = np.random.default_rng(0)
    rows = [
        {"timestamp_ms": 100 * w + i, "x_m": 10.0 * w + i, "y_m": rng.uniform(0, 9), "floor": 0,
         "session": f"w{w}", "split": "train", "bssid": ["a"], "rssi_dbm": [-50.0]}
        for w in range(8) for i in range(5)
    ]  # fmt: skip
    survey = from_rows(header(), rows)
    held = validation_of(survey, seed=0).rows
    assert 0 < held.sum() < len(rows)
    assert not set(survey.session[held]) & set(survey.session[~held])


@pytest.mark.parametrize("rule", ["auto", "spot", "session"])
def test_never_by_row(rule):
    survey = invented_survey(sessions=2, side=3, test_sessions=1)
    held = validation_of(survey, seed=2, rule=rule).rows
    train = survey.rows("train") & ~held
    assert held.any()
    assert train.any()
    assert not set(spots(survey)[held]) & set(spots(survey)[train])
    assert not (held & survey.rows("test")).any()


def test_splits_are_seeded(survey):
    a, b, c = (validation_of(survey, seed).rows for seed in (0, 0, 1))
    assert (a == b).all()
    assert (a != c).any()


def test_nothing_to_hold_out():
    row = {"timestamp_ms": 0, "x_m": 0.0, "y_m": 0.0, "floor": 0, "session": "s", "split": "train",
           "bssid": ["a"], "rssi_dbm": [-50.0]}  # fmt: skip
    with pytest.raises(SurveyError, match="at least two sessions or spots"):
        validation_of(from_rows(header(), [row]))
    with pytest.raises(SurveyError, match="no labelled row in split 'train'"):
        validation_of(from_rows(header(), [row | {"split": "test"}]))
