"""Error groups, deletion, nearness and the grid, on cases whose truth is known."""

import numpy as np
import pytest

from evaluation.cell_grid import Grid
from evaluation.deletion import deletion, mean_of
from evaluation.influential import distances_m, most_influential, nearness
from evaluation.score_groups import (
    GROUPS,
    agreement,
    auc,
    correct_to_worst,
    group_of,
    judge,
    ks,
    spearman,
    top_mean,
)
from sdk.venue import AccessPoint
from training.cells import make_cells


def test_groups_are_half_open():
    error = np.array([0.0, 1e-9, 0.5, 0.999, 1.0, 1.999, 2.0, 40.0])
    assert group_of(error).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(GROUPS) == 4


def test_top_mean():
    scores = np.array([[1.0, 5.0, 3.0, 4.0], [0.0, 0.0, -1.0, 3.0]])
    assert top_mean(scores).tolist() == [4.0, 1.0]
    assert top_mean(scores[:, :2]).tolist() == [3.0, 0.0]


def test_a_score_that_knows_and_one_that_does_not():
    error = np.array([0.0] * 50 + [3.0] * 50)
    knows = np.where(error == 0, 4.0, 1.0) + np.linspace(0, 0.1, 100)
    assert correct_to_worst(knows, error) == pytest.approx(4, rel=0.1)
    assert auc(knows, error) == 1.0
    assert ks(knows, error) == 1.0
    assert spearman(knows, error) < -0.8
    blind = np.tile([1.0, 2.0], 50)
    assert correct_to_worst(blind, error) == 1.0
    assert auc(blind, error) == 0.5
    assert ks(blind, error) == 0.0
    assert spearman(blind, error) == pytest.approx(0.0)


def test_figures_that_mean_nothing_are_none():
    error = np.array([0.0, 0.0, 3.0])
    assert correct_to_worst(np.array([-1.0, -2.0, 1.0]), error) is None
    assert correct_to_worst(np.ones(3), np.zeros(3)) is None
    assert auc(np.ones(3), np.zeros(3)) is None
    assert ks(np.ones(3), np.full(3, 2.0)) is None
    assert spearman(np.ones(3), error) is None
    found = judge(np.array([3.0, 5.0, 1.0]), error)
    assert found["mean"] == {"0 m": 4.0, "under 1 m": None, "1 to 2 m": None, "2 m and more": 1.0}
    assert found["ratio"] == 4.0
    assert found["quantiles"]["0 m"][0] == 3.0
    assert found["quantiles"]["0 m"][-1] == 5.0


def test_agreement_looks_at_heard_access_points():
    a = np.array([[1.0, 2.0, 3.0, -9.0]])
    heard = np.array([[True, True, True, False]])
    assert agreement(a, np.array([[10.0, 20.0, 30.0, 99.0]]), heard) == pytest.approx(1.0)
    assert agreement(a, -a, heard) == pytest.approx(-1.0)
    assert agreement(a, a, np.zeros_like(heard)) is None


def weighing(weights):
    """p(right) falls with the weight of what is silent; class 0 is right."""

    def probability(rows):
        p = 0.9 * (rows @ weights) / weights.sum() + 0.05
        return np.stack([p, 1 - p], axis=1)

    return probability


def test_deletion_tells_a_true_order_from_a_false_one():
    weights = np.array([8.0, 4.0, 2.0, 1.0])
    rows, heard = np.ones((6, 4), np.float32), np.ones((6, 4), bool)
    silent = np.zeros(4, np.float32)

    def harm(scores, heard=heard):
        return deletion(weighing(weights), rows, heard, scores, silent,
                        lambda c: 3.0 * (c != 0))  # fmt: skip

    best, worst = harm(np.tile(weights, (6, 1))), harm(np.tile(-weights, (6, 1)))
    assert best.accuracy.tolist() == [1, 0, 0, 0, 0]
    assert worst.accuracy.tolist() == [1, 1, 1, 1, 0]
    assert best.error_m.tolist() == [0, 3, 3, 3, 3]
    assert best.probability[0] == pytest.approx(0.95)
    assert best.probability[-1] == pytest.approx(0.05)
    less = best.less(worst)
    assert less["accuracy"] == pytest.approx(3 / 4)
    assert less["error_m"] == pytest.approx(3 * 3 / 4)
    assert less["probability"] > 0
    middle = mean_of([best, worst])
    assert middle.accuracy.tolist() == [1, 0.5, 0.5, 0.5, 0]
    assert best.to_json()["accuracy"] == [1, 0, 0, 0, 0]


def test_deletion_leaves_unheard_access_points_to_the_end():
    weights = np.array([8.0, 4.0, 2.0, 1.0])
    rows = np.array([[0, 1, 1, 1]], np.float32)
    heard = rows > 0
    got = deletion(weighing(weights), rows, heard, np.array([[9.0, 3.0, 2.0, 1.0]]),
                   np.zeros(4, np.float32), lambda c: 1.0 * (c != 0), most=99)  # fmt: skip
    probability = [0.05 + 0.9 * w / 15 for w in (7, 3, 1, 0, 0)]
    np.testing.assert_allclose(got.probability, [1 - p for p in probability], atol=1e-6)


def test_influence_and_nearness():
    """Access point 0 stands at (0, 0) and decides near it; 1 has no position."""
    xy = np.repeat(np.array([[i, 0.0] for i in range(10)]), 4, axis=0)
    distance = np.linalg.norm(xy, axis=1)
    level = np.column_stack([-40 - 3 * distance, np.full(40, -60.0)]).astype(np.float32)
    scores = np.column_stack([5 - distance, np.zeros(40)])
    heard = np.isfinite(level)
    spots, top = most_influential(scores, heard, xy)
    assert spots[:, 0].tolist() == list(range(10))
    assert top.tolist() == [0] * 6 + [1] * 4
    metres = distances_m(["a", "b"], [AccessPoint("a", 0.0, 0.0, 0)], xy)
    np.testing.assert_allclose(metres[:, 0], distance)
    assert np.isnan(metres[:, 1]).all()
    found = nearness(scores, level, metres)
    assert found["access_points"] == 1
    assert found["score_distance"] == pytest.approx(-1)
    assert found["level_distance"] == pytest.approx(-1)
    assert found["score_level"] == pytest.approx(1)
    assert found["top3_share"] == 1.0
    assert found["top3_distance_m"] == found["all_distance_m"] == 4.5
    assert nearness(scores, level, np.full_like(metres, np.nan)) is None


def test_an_access_point_not_heard_does_not_decide():
    heard = np.array([[False, True]])
    assert most_influential(np.array([[9.0, 1.0]]), heard, np.zeros((1, 2)))[1].tolist() == [1]


def test_the_grid_is_that_of_the_classes():
    xy = np.random.default_rng(0).uniform([2, 3], [10.1, 9.3], (4000, 2))
    cells = make_cells(xy, np.zeros(len(xy), np.int32), "tile", "centroid")
    grid = Grid.tiling(xy)
    assert grid.count.tolist() == [9, 7]
    np.testing.assert_allclose(grid.centre(grid.index(cells.xy_m)), cells.xy_m)
    nearest = cells.squared_distance(xy, np.zeros(len(xy))).argmin(axis=1)
    np.testing.assert_array_equal(grid.index(xy), grid.index(cells.xy_m[nearest]))


def test_figures_of_the_paper():
    grid = Grid(np.zeros(2), np.ones(2), np.array([5, 5]))
    truth = np.array([[0.5, 0.5]] * 4)
    found = np.array([[0.9, 0.1], [1.4, 1.6], [3.5, 0.2], [0.5, -0.2]])
    got = grid.figures(found, truth)
    assert got["accuracy"] == 0.25
    assert got["loose_accuracy"] == 0.75
    assert got["distance_m"] == pytest.approx((0 + 2**0.5 + 3 + 1) / 4)
