"""Tours of access points (SPEC 1.1) against an exact solver, and what an order must keep."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_tsp.exact import solve_tsp_dynamic_programming

from training.order import (
    ZONINGS,
    closed_tour,
    correlation_distance,
    greedy_tour,
    order_aps,
    pseudo_positions,
    tour_length,
    two_opt,
)


def distances(place):
    return np.linalg.norm(place[:, None] - place[None], axis=2)


def test_tours_of_up_to_ten_are_within_a_few_percent_of_the_shortest():
    excess = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        distance = distances(rng.uniform(size=(int(rng.integers(4, 11)), 2)))
        _, shortest = solve_tsp_dynamic_programming(distance)
        excess.append(tour_length(distance, closed_tour(distance)) / shortest - 1)
    assert min(excess) > -1e-9
    assert np.mean(excess) < 0.01
    assert np.max(excess) < 0.10


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(0, 10_000))
def test_two_opt_never_lengthens_and_leaves_nothing_to_gain(n, seed):
    distance = distances(np.random.default_rng(seed).uniform(size=(n, 2)))
    greedy = greedy_tour(distance, n // 2)
    tour = two_opt(distance, greedy)
    assert sorted(tour) == list(range(n))
    assert tour[0] == greedy[0] == n // 2
    assert tour_length(distance, tour) <= tour_length(distance, greedy) + 1e-12
    for i in range(n):
        for j in range(i + 2, n + 1):
            other = np.concatenate([tour[:i], tour[i:j][::-1], tour[j:]])
            assert tour_length(distance, other) >= tour_length(distance, tour) - 1e-8


def test_the_tour_starts_nearest_to_the_corner_of_the_surveyed_area():
    aps = np.array([[9.0, 9.0], [-5.0, 9.0], [1.0, 2.0], [9.0, 1.0]])
    xy = np.array([[0.0, 0.0], [10.0, 10.0]])
    order = order_aps(np.full((2, 4), -50, np.float32), xy, "positions", aps)
    assert order[0] == 2


def test_the_order_follows_the_places_and_not_the_columns():
    rng = np.random.default_rng(4)
    rssi = rng.uniform(-90, -40, (60, 12)).astype(np.float32)
    rssi[rng.random(rssi.shape) < 0.4] = np.nan
    xy = rng.uniform(0, 9, (60, 2))
    columns = rng.permutation(12)
    distance = distances(pseudo_positions(rssi, xy))
    one = order_aps(rssi, xy)
    other = columns[order_aps(rssi[:, columns], xy)]
    assert tour_length(distance, one) == pytest.approx(tour_length(distance, other))


def test_positions_that_are_not_known_are_guessed():
    rng = np.random.default_rng(5)
    rssi, xy = rng.uniform(-90, -40, (40, 8)).astype(np.float32), rng.uniform(0, 9, (40, 2))
    nowhere = np.full((8, 2), np.nan)
    guessed = order_aps(rssi, xy, "positions", nowhere)
    assert list(guessed) == list(order_aps(rssi, xy, "pseudo_positions"))


def test_correlated_access_points_become_neighbours():
    rng = np.random.default_rng(6)
    radios = rng.uniform(-90, -40, (80, 4))
    rssi = np.repeat(radios, 2, axis=1).astype(np.float32)[:, [0, 2, 4, 6, 1, 3, 5, 7]]
    order = list(order_aps(rssi, np.zeros((80, 2)), "correlation"))
    for a in range(4):
        assert (order.index(a) - order.index(a + 4)) % 8 in (1, 7)
    assert correlation_distance(rssi, -100.0)[0, 4] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("zoning", ZONINGS)
def test_zones_are_toured_one_after_the_other(zoning):
    rng = np.random.default_rng(7)
    middle = np.repeat([[0, 0], [9, 9], [9, 0], [0, 9]], 5, axis=0)
    aps = middle + rng.uniform(0.5, 1.5, (20, 2))
    shuffled = rng.permutation(20)
    xy = np.array([[0.0, 0.0], [11.0, 11.0]])
    rssi = np.full((2, 20), -50, np.float32)
    order = order_aps(rssi, xy, "positions", aps[shuffled], zones=4, zoning=zoning)
    visited = shuffled[order] // 5
    assert sorted(order) == list(range(20))
    assert [len(set(part)) for part in np.split(visited, 4)] == [1, 1, 1, 1]
    # Corner by corner round the square, never across it.
    across = {frozenset((0, 1)), frozenset((2, 3))}
    steps = zip(visited[::5], np.roll(visited[::5], -1), strict=True)
    assert not across & {frozenset(step) for step in steps}


def test_random_orders_are_seeded_permutations():
    rssi, xy = np.full((2, 30), -50, np.float32), np.zeros((2, 2))
    seen = [tuple(order_aps(rssi, xy, method)) for method in ("random", "random:0", "random:1")]
    assert seen[0] == seen[1] != seen[2]
    assert sorted(seen[2]) == list(range(30))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "randomly"}, "order method is 'randomly'"),
        ({"method": "random:x"}, "order method is 'random:x'"),
        ({"method": "name:3"}, "order method is 'name:3'"),
        ({"zoning": "squares"}, "zoning is 'squares'"),
        ({"method": "random", "zones": 2}, "zones need places"),
        ({"zones": 5}, "5 zones for 4"),
    ],
)
def test_what_cannot_be_ordered_is_named(settings, said):
    with pytest.raises(ValueError, match=said):
        order_aps(np.full((2, 4), -50, np.float32), np.zeros((2, 2)), **settings)
