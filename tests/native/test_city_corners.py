"""convex_corners against shapely."""

from __future__ import annotations

import boxes
import numpy as np
import pytest
import shapely
from hypothesis import given, settings

from sdk import native_city


@settings(max_examples=100)
@given(boxes.towns())
def test_corners_of_boxes_stand_outside_all_of_them(town):
    points = shapely.points(town.corners)
    assert (shapely.distance(points, town.solid) > 0).all()
    kept = {tuple(v) for v in np.round(town.wedges[:, 0], 9)}
    pushed = 0
    for box in town.boxes:
        for i, vertex in enumerate(box):
            outward = 2 * vertex - box[i - 1] - box[(i + 1) % 4]
            # Of a right angle: both walls 0.05 m away. outward is not the diagonal, so by hand.
            before, after = box[i - 1] - vertex, box[(i + 1) % 4] - vertex
            diagonal = -(before / np.linalg.norm(before) + after / np.linalg.norm(after))
            assert diagonal @ outward > 0
            place = shapely.Point(vertex + 0.05 * diagonal)
            if town.solid.distance(place) > 1e-9:
                pushed += 1
                assert tuple(np.round(vertex, 9)) in kept
    assert pushed == len(town.corners)


def test_both_walls_are_as_far_as_asked_for_at_any_angle():
    triangle = np.array([[0.0, 0.0], [10.0, 0.0], [2.0, 6.0]])
    corners, wedges = native_city.convex_corners(triangle, [0, 3], 0.25)
    assert len(corners) == 3
    for corner, (vertex, before, after) in zip(corners, wedges, strict=True):
        for along in (before, after):
            away = corner - vertex
            assert abs(along[0] * away[1] - along[1] * away[0]) == pytest.approx(0.25)
        np.testing.assert_allclose(np.linalg.norm([before, after], axis=1), 1)


def test_a_needle_is_not_pushed_far():
    needle = np.array([[0.0, 0.0], [100.0, 0.1], [0.0, 0.2]])
    corners, wedges = native_city.convex_corners(needle, [0, 3], 0.1)
    assert np.linalg.norm(corners - wedges[:, 0], axis=1).max() <= 0.4 + 1e-9


def test_inner_corners_straight_ones_and_courtyards():
    ell = [[0, 0], [4, 0], [8, 0], [8, 8], [4, 8], [4, 4], [0, 4]]
    corners, _ = native_city.convex_corners(ell, [0, 7])
    assert len(corners) == 5  # not (4, 0), which is straight, nor (4, 4), which turns right
    outline = [[0, 0], [9, 0], [9, 9], [0, 9]]
    court = [[3, 3], [3, 6], [6, 6], [6, 3]]
    corners, _ = native_city.convex_corners(outline + court, [0, 4, 8])
    assert len(corners) == 4
    # A courtyard with a spur of building that juts into it.
    spur = [[2, 2], [2, 7], [7, 7], [7, 2], [5, 2], [4.5, 4], [4, 2]]
    corners, wedges = native_city.convex_corners(outline + spur, [0, 4, 11])
    assert [4.5, 4.0] in wedges[:, 0].tolist()
    assert len(corners) == 5


def test_no_rings_no_corners():
    corners, wedges = native_city.convex_corners(np.empty((0, 2)), [0])
    assert (corners.shape, wedges.shape) == ((0, 2), (0, 3, 2))


@pytest.mark.parametrize(
    ("vertices", "starts", "push", "text"),
    [
        ([[0, 0], [1, 0]], [0, 2], 0.1, r"ring_start\[1\] is 2: expected ring starts"),
        ([[0, 0], [1, 0], [np.nan, 1]], [0, 3], 0.1, r"vertices_m\[2, 0\] is nan: expected"),
        ([[0, 0], [0, 0], [1, 1]], [0, 3], 0.1, r"vertices_m\[0, 0\] is 0: expected a number"),
        ([[0, 0], [1, 0], [1, 1]], [0, 3], -1.0, r"push_m is -1.0: expected a finite"),
        ([[0, 0], [1, 0], [1, 1]], [0, 2], 0.1, r"ring_start has shape \(2,\): expected"),
        ([[0, 0, 1]], [0, 1], 0.1, r"vertices_m has shape \(1, 3\): expected \(N, 2\)"),
    ],
)
def test_wrong_values_are_shown(vertices, starts, push, text):
    with pytest.raises(ValueError, match=text):
        native_city.convex_corners(vertices, starts, push)
