"""Towns, rasters, cars and a real city's outlines against shapely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from training.propagation.dataset import CityError
from training.propagation.real_city import RealCity, outlines, read_real_city
from training.propagation.sampling import streets
from training.propagation.scene import Scene, rasterize, walls_of
from training.propagation.towns import Plan, draw_cars, draw_town

CITY = Path(__file__).parents[3] / "shared" / "data" / "usc_city_geometry"


def cells(size, pitch):
    centre = pitch * (np.arange(size) + 0.5)
    return np.stack(np.meshgrid(centre, centre), axis=-1).reshape(-1, 2)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(64, 4.0), (40, 1.0)]))
def test_the_raster_is_shapelys(seed, raster):
    size, pitch = raster
    town = draw_town(Plan(), size * pitch, np.random.default_rng(seed))
    solid = shapely.union_all([shapely.Polygon(ring) for ring in town.rings])
    inside = shapely.contains_xy(solid, cells(size, pitch)).reshape(size, size)
    np.testing.assert_array_equal(rasterize(town.rings, size, pitch), inside)


def test_a_courtyard_is_outdoors():
    outline = np.array([[2.0, 2], [18, 2], [18, 18], [2, 18]])
    court = np.array([[6.0, 6], [6, 14], [14, 14], [14, 6]])
    scene = Scene((outline, court), 20, 1.0)
    assert scene.buildings.sum() == 16 * 16 - 8 * 8
    assert len(scene.corners_m) == 4
    assert streets(scene).sum() == 400 - 16 * 16


def test_towns_are_rings_with_the_building_on_the_left():
    rng = np.random.default_rng(3)
    plan = Plan(cut_share=0.5)
    towns = [draw_town(plan, 256.0, rng) for _ in range(20)]
    areas = [shapely.LinearRing(ring) for town in towns for ring in town.rings]
    assert all(ring.is_ccw and ring.is_valid for ring in areas)
    assert {len(ring.coords) - 1 for ring in areas} == {4, 6}
    turns = [town.turn_rad for town in towns]
    assert np.ptp(turns) > 0.5
    assert np.abs(turns).max() <= np.pi / 4
    built = [rasterize(town.rings, 64, 4.0).mean() for town in towns]
    assert min(built) < 0.3 < max(built)


def test_the_same_seed_gives_the_same_town():
    one, two = (draw_town(Plan(), 256.0, np.random.default_rng(7)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one.rings, two.rings, strict=True))


@pytest.mark.parametrize(("size", "pitch"), [(256, 1.0), (64, 4.0)])
def test_cars_stand_outdoors_along_or_across_the_streets(size, pitch):
    rng = np.random.default_rng(0)
    town = draw_town(Plan(), 256.0, rng)
    scene = Scene(town.rings, size, pitch)
    cars = draw_cars(scene, town.turn_rad, 100, rng)
    assert len(cars) == 100
    solid = shapely.union_all([shapely.Polygon(ring) for ring in town.rings])
    for car in cars:
        sides = np.diff(np.vstack([car, car[:1]]), axis=0)
        assert sorted(np.linalg.norm(sides, axis=1)) == pytest.approx([2, 2, 5, 5])
        quarter = np.arctan2(sides[0, 1], sides[0, 0]) - town.turn_rad
        assert quarter / (np.pi / 2) == pytest.approx(round(quarter / (np.pi / 2)), abs=1e-9)
        # Probed at nine points, in the raster's pixels where that is fine enough.
        assert shapely.Polygon(car).intersection(solid).area < 2.0


def test_a_town_without_buildings():
    scene = Scene((), 16, 4.0)
    assert not scene.buildings.any()
    assert scene.walls_m.shape == (0, 4)
    assert scene.sight.links.shape == (0, 0)
    assert walls_of([]).shape == (0, 4)


def blob(seed):
    """A random mask of rectangles with a turned one among them."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((80, 80), dtype=bool)
    for _ in range(5):
        row, column = rng.integers(0, 60, 2)
        mask[row : row + rng.integers(6, 20), column : column + rng.integers(6, 20)] = True
    angle = rng.uniform(0, np.pi)
    across = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    off = (cells(80, 1.0) - 40) @ across.T
    return mask | ((np.abs(off) < (14, 9)).all(axis=1)).reshape(80, 80)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_outlines_keep_to_the_mask_within_their_tolerance(seed):
    mask = blob(seed)
    rings = outlines(mask)
    back = rasterize(rings, 80, 1.0).astype(bool)
    edge = shapely.union_all([shapely.LinearRing(ring) for ring in rings])
    away = shapely.distance(edge, shapely.points(cells(80, 1.0))).reshape(80, 80)
    # Only pixels near an outline may differ; courts and specks under 20 m² are left out.
    wrong = (back != mask) & (away > 2.3)
    assert wrong.sum() <= 20
    assert sum(map(len, rings)) < 60


def test_a_turned_box_has_four_corners_and_no_staircase():
    angle = np.deg2rad(27)
    across = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    mask = (np.abs((cells(80, 1.0) - 40) @ across.T) < (22, 14)).all(axis=1).reshape(80, 80)
    (ring,) = outlines(mask)
    assert 4 <= len(ring) <= 6
    assert shapely.LinearRing(ring).is_ccw
    assert shapely.Polygon(ring).area == pytest.approx(44 * 28, rel=0.05)


def test_pixels_that_touch_at_a_corner_stay_apart():
    mask = np.zeros((30, 30), dtype=bool)
    mask[2:12, 2:12] = mask[12:22, 12:22] = True
    rings = outlines(mask)
    assert len(rings) == 2
    np.testing.assert_array_equal(rasterize(rings, 30, 1.0), mask)


def test_a_raster_that_is_none(tmp_path):
    with pytest.raises(CityError, match=r"city_map.png: no raster"):
        read_real_city(tmp_path)
    small = RealCity("small", np.ones((10, 10), dtype=bool))
    with pytest.raises(CityError, match=r"small: raster \(10, 10\), expected 256 px or more"):
        small.draw(256.0, np.random.default_rng(0))
    full = RealCity("full", np.ones((300, 300), dtype=bool))
    with pytest.raises(CityError, match="full: no window is 20 to 50 % built"):
        full.draw(256.0, np.random.default_rng(0))


@pytest.mark.skipif(not CITY.exists(), reason="needs the data kit's usc_city_geometry")
def test_windows_of_the_real_city_keep_their_buildings():
    real = read_real_city(CITY)
    assert real.built.shape == (900, 900)
    assert real.built.mean() == pytest.approx(0.172, abs=0.001)
    rng = np.random.default_rng(1)
    for _ in range(3):
        scene = Scene(real.draw(256.0, rng).rings, 256, 1.0)
        assert 0.15 < scene.buildings.mean() < 0.55
        assert 30 < len(scene.corners_m) < 1500
