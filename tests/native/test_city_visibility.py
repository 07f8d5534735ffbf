"""corner_visibility against shapely."""

from __future__ import annotations

import boxes
import numpy as np
import pytest
from hypothesis import given, settings

from sdk import native_city


def pixels_of(town, sight):
    """(C, 2, cells) bool."""
    words = sight.pixels.view(np.uint8)
    return np.unpackbits(words, axis=-1, bitorder="little")[..., : len(town.cells)].astype(bool)


def cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


@settings(max_examples=40)
@given(boxes.towns())
def test_corners_see_what_shapely_sees(town):
    sight = town.sight()
    blocked, sure = boxes.hidden(town, town.corners[:, None], town.corners[None])
    sure |= np.eye(len(town.corners), dtype=bool)
    np.testing.assert_array_equal((sight.links == 0)[sure], blocked[sure])
    np.testing.assert_array_equal(sight.links, sight.links.T)


@settings(max_examples=15)
@given(boxes.towns(most=5))
def test_cells_are_seen_on_the_side_where_the_building_is(town):
    seen = pixels_of(town, town.sight())
    outdoors = town.buildings.reshape(-1) == 0
    blocked, sure = boxes.hidden(town, town.corners[:, None], town.cells[None])
    along = town.cells[None] - town.corners[:, None]
    before = cross(along, town.wedges[:, None, 1])
    after = cross(along, town.wedges[:, None, 2])
    sure &= (np.abs(before) > 1e-6) & (np.abs(after) > 1e-6)
    for side, inner in ((0, before > 0), (1, after < 0)):
        expected = ~blocked & outdoors & inner
        np.testing.assert_array_equal(seen[:, side][sure], expected[sure])


def test_many_walls_in_one_direction_are_all_asked():
    # Thin slats, one behind the other, seen end-on: every bin lists more than it can hold.
    rng = np.random.default_rng(0)
    slats = []
    for i in range(24):
        x, y = 3 + 0.4 * i, 12 + rng.uniform(-0.3, 0.3)
        slats.append([[x, y], [x + 0.1, y], [x + 0.1, y + 0.05], [x, y + 0.05]])
    town = boxes.Town(np.array(slats))
    blocked, sure = boxes.hidden(town, town.corners[:, None], town.corners[None])
    sure |= np.eye(len(town.corners), dtype=bool)
    links = town.sight().links
    np.testing.assert_array_equal((links == 0)[sure], blocked[sure])
    assert 0 < blocked.mean() < 1


def test_a_wrong_array_is_named():
    town = boxes.Town(np.array([[[5.0, 5], [9, 5], [9, 9], [5, 9]]]))
    place = (town.origin, town.pitch_m)
    see = native_city.corner_visibility
    with pytest.raises(ValueError, match=r"walls_m\[0, 1\] is inf: expected a finite number"):
        see([[0, np.inf, 1, 1]], town.corners, town.wedges, town.buildings, *place)
    with pytest.raises(ValueError, match=r"wedges has shape \(4, 3, 2\): expected \(3, 3, 2\)"):
        see(town.walls, town.corners[:3], town.wedges, town.buildings, *place)
    with pytest.raises(TypeError, match="buildings: expected a C-contiguous array of uint8"):
        see(town.walls, town.corners, town.wedges, town.buildings.astype(float), *place)
    with pytest.raises(ValueError, match=r"pitch_m is 0\.0: expected"):
        see(town.walls, town.corners, town.wedges, town.buildings, town.origin, 0.0)
    bad = town.corners.copy()
    bad[1, 0] = np.nan
    with pytest.raises(ValueError, match=r"corners_m\[1, 0\] is nan"):
        see(town.walls, bad, town.wedges, town.buildings, *place)
