"""dominant_path and reflections against networkx, shapely and brute force."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import boxes
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sdk import native_city
from sdk.native_city import PathModel

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=15)
@given(boxes.towns(most=6, overlap=False), SEEDS)
def test_without_losses_at_corners_lengths_are_shortest_paths(town, seed):
    start = town.outdoors(np.random.default_rng(seed))
    model = PathModel(nlos_exponent=2.0, least_bend_db=0, most_bend_db=0, most_corners=1000)
    loss, length, los = town.paths(start, model)
    points = np.concatenate([[start], town.corners])
    blocked, _ = boxes.hidden(town, points[:, None], points[None])
    graph = nx.Graph()
    graph.add_nodes_from(range(len(points)))
    for a, b in np.argwhere(~blocked):
        if a < b:
            graph.add_edge(int(a), int(b), weight=float(np.linalg.norm(points[a] - points[b])))
    reach = nx.single_source_dijkstra_path_length(graph, 0)
    to_points = np.array([reach.get(i, np.inf) for i in range(len(points))])
    out = np.flatnonzero(town.buildings.reshape(-1) == 0)
    cells = town.cells[out]
    # Where a hair decides, the oracle cannot.
    blocked, sure = boxes.hidden(town, points[:, None], cells[None])
    apart = np.linalg.norm(points[:, None] - cells[None], axis=2)
    expected = np.where(blocked, np.inf, to_points[:, None] + apart).min(axis=0)
    sure = sure.all(axis=0)
    # Corners stand 0.05 m off their buildings: a path through one that is bent the wrong way round
    # it may be shorter than the taut ones, by millimetres.
    found = length.reshape(-1)[out][sure]
    assert (found >= expected[sure] * (1 - 1e-5)).all()
    np.testing.assert_allclose(found, expected[sure], rtol=1e-5, atol=0.02)
    np.testing.assert_array_equal(los.reshape(-1)[out][sure], ~blocked[0][sure])
    free = 47.86 + 20 * np.log10(np.maximum(expected, 1))
    np.testing.assert_allclose(loss.reshape(-1)[out][sure], free[sure], atol=0.05)
    assert np.isinf(loss[town.buildings == 1]).all()
    assert not los[town.buildings == 1].any()


def path_loss(points, vertices, model):
    """SPEC 3.11, straight from the equation; angles are those at the buildings' own corners."""
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    bends = 0.0
    for i in range(len(vertices) - 2):
        one, two = vertices[i + 1] - vertices[i], vertices[i + 2] - vertices[i + 1]
        along = one @ two / (np.linalg.norm(one) * np.linalg.norm(two))
        angle = math.acos(np.clip(along, -1, 1))
        if np.cross(one, two) * np.cross(*np.diff(points[i : i + 3], axis=0)) < 0:
            angle = 0  # bends where it passes, but not at the corner itself
        share = min(angle / model.full_bend_rad, 1)
        loss = model.least_bend_db + (model.most_bend_db - model.least_bend_db) * share
        bends += loss / (1 + model.decay * i)
    exponent = model.nlos_exponent if len(lengths) > 1 else model.los_exponent
    return model.reference_db + 10 * exponent * math.log10(max(lengths.sum(), 1)) + bends


def taut(points, wedges):
    """Whether a path through corners' points bends round each one's building."""
    for i, (_, before, after) in enumerate(wedges):
        arrive, leave = np.diff(points[i : i + 3], axis=0)
        turn = np.cross(arrive, leave)
        left = turn > -1e-9 and min(np.cross(arrive, after), np.cross(leave, before)) > 1e-9
        right = turn < 1e-9 and max(np.cross(arrive, before), np.cross(leave, after)) < -1e-9
        if not (left or right):
            return False
    return True


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
@settings(max_examples=25)
@given(boxes.towns(most=3, overlap=False), SEEDS, st.sampled_from([0.0, 0.3]))
def test_no_taut_path_of_tiny_towns_is_better(town, seed, decay):
    rng = np.random.default_rng(seed)
    start, goal = town.outdoors(rng), town.outdoors(rng)
    assume(np.linalg.norm(start - goal) > 1e-6)
    model = PathModel(decay=decay, most_corners=3)
    loss, _, _ = town.paths(start, model)
    row, column = np.floor(goal[::-1] / town.pitch_m).astype(int)
    points = np.concatenate([[start], town.corners, [goal]])
    vertices = np.concatenate([[start], town.wedges[:, 0], [goal]])
    blocked, sure = boxes.hidden(town, points[:, None], points[None])
    assume((sure | np.eye(len(points), dtype=bool)).all())
    best, last = np.inf, len(points) - 1

    def walk(path):
        nonlocal best
        if not taut(points[list(path)], town.wedges[np.array(path[1:-1], dtype=int) - 1]):
            return
        if path[-1] == last:
            along = list(path)
            best = min(best, path_loss(points[along], vertices[along], model))
            return
        for then in range(1, last + 1):
            seen = then not in path and not blocked[path[-1], then]
            if seen and (then == last or len(path) <= model.most_corners):
                walk((*path, then))

    walk((0,))
    found = float(loss[row, column])
    if np.isinf(best):
        assert np.isinf(found)
    else:
        # One path is kept per corner and side, so the best one may be missed, never bettered.
        assert found >= best - 2e-3
        assert found <= best + 1.0 or not blocked[0, last]


def test_one_corner_by_hand():
    town = boxes.Town(np.array([[[8.0, 8], [16, 8], [16, 16], [8, 16]]]))
    loss, length, los = town.paths((4.5, 4.5))
    assert not los[20, 12]
    corner = np.array([7.95, 16.05])
    metres = math.dist((4.5, 4.5), corner) + math.dist(corner, (12.5, 20.5))
    legs = np.array([8.0, 16.0]) - (4.5, 4.5), np.array([12.5, 20.5]) - (8.0, 16.0)
    angle = math.acos(legs[0] @ legs[1] / np.linalg.norm(legs[0]) / np.linalg.norm(legs[1]))
    expected = 47.86 + 23 * math.log10(metres) + 1 + 11 * angle / (math.pi / 2)
    assert length[20, 12] == pytest.approx(metres, rel=1e-6)
    assert loss[20, 12] == pytest.approx(expected, abs=1e-3)
    assert loss[4, 4] == pytest.approx(47.86)  # no nearer than a metre
    none, _, _ = town.paths((4.5, 4.5), PathModel(most_corners=0))
    assert np.isinf(none[20, 12])


def test_a_corner_may_hide_the_next_one_by_centimetres():
    # The far house's own corner is in sight by 2 cm, the point 5 cm outside of it is not.
    low, high = (
        [[6.0, 2], [8, 2], [8, 10], [6, 10]],
        [[12, 11.735], [16, 11.735], [16, 20], [12, 20]],
    )
    town = boxes.Town(np.array([low, high]))
    start, cell = (2.5, 9.4), (19.5, 16.5)
    blocked, _ = boxes.hidden(town, np.array(start), np.array([[16, 11.735], [16.05, 11.685]]))
    assert blocked.tolist() == [False, True]
    ways = [start, (5.95, 10.05), (16.05, 11.685), cell]
    _, length, los = town.paths(start)
    assert not los[16, 19]
    metres = sum(math.dist(p, q) for p, q in itertools.pairwise(ways))
    assert length[16, 19] == pytest.approx(metres, rel=1e-6)


def test_a_closed_courtyard_is_not_reached():
    outline = [[6.0, 6], [18, 6], [18, 18], [6, 18]]
    court = [[9.0, 9], [9, 15], [15, 15], [15, 9]]
    town = boxes.Town(np.array([outline]))
    town.walls = np.array(
        [[*ring[i], *ring[(i + 1) % 4]] for ring in (outline, court) for i in range(4)]
    )
    town.buildings[9:15, 9:15] = 0
    loss, length, _ = town.paths((2.5, 2.5))
    assert np.isinf(loss[9:15, 9:15]).all()
    assert np.isinf(length[9:15, 9:15]).all()
    assert np.isfinite(loss[town.buildings == 0]).sum() == (town.buildings == 0).sum() - 36


def test_a_car_in_the_way_costs_its_decibels_on_every_leg():
    town = boxes.Town(np.array([[[8.0, 8], [16, 8], [16, 16], [8, 16]]]))
    car = np.array([[2.0, 10], [6, 10], [6, 12], [2, 12]])
    car_walls = np.concatenate([car, np.roll(car, -1, axis=0)], axis=1)
    clear = town.sight(np.concatenate([town.walls, car_walls]))
    model = PathModel(obstacle_db=6.5)
    plain, _, los = town.paths((4.5, 4.5), model)
    behind, _, los_too = town.paths((4.5, 4.5), model, clear=clear)
    np.testing.assert_array_equal(los, los_too)
    assert behind[18, 4] - plain[18, 4] == pytest.approx(6.5, abs=1e-4)
    assert behind[4, 18] == plain[4, 18]
    # The way round the other corner is now the cheaper one, or this one costs a car more.
    worse = behind[town.buildings == 0] - plain[town.buildings == 0]
    assert worse.min() >= 0
    assert worse.max() <= 6.5 + 1e-4


@settings(max_examples=12)
@given(boxes.towns(most=4), SEEDS)
def test_reflections_are_those_of_the_image_method(town, seed):
    rng = np.random.default_rng(seed)
    start = town.outdoors(rng)
    losses = rng.uniform(5, 12, len(town.walls))
    gain = native_city.reflections(
        start, town.walls, losses, 47.86, town.buildings, town.origin, town.pitch_m
    )
    out = np.flatnonzero(town.buildings.reshape(-1) == 0)
    cells = town.cells[out]
    expected, sure = np.zeros(len(cells)), np.ones(len(cells), dtype=bool)
    for (x1, y1, x2, y2), off in zip(town.walls, losses, strict=True):
        a, along = np.array([x1, y1]), np.array([x2 - x1, y2 - y1])
        along /= np.linalg.norm(along)
        outward = np.array([along[1], -along[0]])
        height = (start - a) @ outward
        if height <= 0:
            continue
        image = start - 2 * height * outward
        heights = (cells - a) @ outward
        front = heights > 0
        share = height / np.where(front, heights + height, 1)
        spots = image + share[:, None] * (cells - image)
        on = (spots - a) @ along
        length = np.hypot(x2 - x1, y2 - y1)
        lit = front & (on > 0) & (on < length)
        sure &= ~front | (np.abs(on) > 1e-3) & (np.abs(on - length) > 1e-3)
        near = spots + 1e-6 * outward
        for ends in (np.broadcast_to(start, cells.shape), cells):
            blocked, clear_cut = boxes.hidden(town, near, ends)
            lines = shapely.linestrings(np.stack([near, ends], axis=1))
            others = shapely.length(shapely.intersection(lines, town.solid))
            lit &= ~blocked
            sure &= clear_cut | ~front | (others == 0)
        metres = np.linalg.norm(cells - image, axis=1)
        expected += np.where(lit, 10 ** (-(47.86 + off) / 10) / np.maximum(metres, 1) ** 2, 0)
    found = gain.reshape(-1)[out]
    # A few cells lie where a hair decides; elsewhere all agree.
    np.testing.assert_allclose(found[sure], expected[sure], rtol=1e-4, atol=1e-12)
    assert not gain[town.buildings == 1].any()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"los_exponent": 0.0}, "los_exponent is 0.0: expected a finite value of 0 or more"),
        ({"nlos_exponent": math.nan}, "nlos_exponent is nan: expected"),
        ({"most_bend_db": 0.5}, "most_bend_db is 0.5: expected"),
        ({"full_bend_rad": 0.0}, "full_bend_rad is 0.0: expected"),
        ({"decay": -1.0}, "decay is -1.0: expected"),
        ({"obstacle_db": math.inf}, "obstacle_db is inf: expected"),
        ({"most_corners": 1001}, "most_corners is 1001: expected 0 to 1000"),
    ],
)
def test_wrong_values_are_shown(changes, text):
    town = boxes.Town(np.array([[[8.0, 8], [16, 8], [16, 16], [8, 16]]]))
    with pytest.raises(ValueError, match=text):
        town.paths((4.5, 4.5), replace(PathModel(), **changes))


def test_sights_of_another_raster_are_refused():
    town = boxes.Town(np.array([[[8.0, 8], [16, 8], [16, 16], [8, 16]]]))
    sight = town.sight()
    with pytest.raises(ValueError, match=r"pixels has shape \(4, 2, 9\): expected \(4, 2, 7\)"):
        native_city.dominant_path(
            (4.5, 4.5), town.corners, town.wedges, sight, np.zeros((20, 20), np.uint8),
            PathModel(), town.origin, town.pitch_m,
        )  # fmt: skip
    with pytest.raises(ValueError, match=r"transmitter_m\[1\] is nan: expected a finite number"):
        town.paths((4.5, math.nan))
    with pytest.raises(ValueError, match=r"wall_db\[2\] is nan"):
        native_city.reflections(
            (4.5, 4.5), town.walls, np.array([8, 8, np.nan, 8]), 47.86, town.buildings,
            town.origin, town.pitch_m,
        )  # fmt: skip
