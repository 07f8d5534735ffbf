"""GeoJSON outlines against shapely."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from training.floor_outline import bounds, inside, read_outline
from training.survey import SurveyError


def geojson(shape, wrap=True):
    part = json.loads(shapely.to_geojson(shape))
    if wrap:
        feature = {"type": "Feature", "properties": {}, "geometry": part}
        part = {"type": "FeatureCollection", "features": [feature]}
    return json.dumps(part).encode()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_cells_are_those_shapely_finds(seed, wrap):
    rng = np.random.default_rng(seed)
    blobs = [
        shapely.Point(*rng.uniform(-20, 20, 2)).buffer(rng.uniform(3, 12), quad_segs=3)
        for _ in range(rng.integers(1, 5))
    ]
    shape = shapely.union_all(blobs)
    hole = shapely.box(*rng.uniform(-10, 0, 2), *rng.uniform(0, 10, 2))
    shape = shape.difference(hole)
    if shape.is_empty:
        return
    polygons = read_outline(geojson(shape, wrap), "plan")
    assert bounds(polygons) == pytest.approx(shape.bounds)
    x, y = np.arange(-33, 33, 1.7) + rng.uniform(0, 1), np.arange(-33, 33, 2.3) + rng.uniform(0, 1)
    expected = shapely.contains_xy(shape, *np.meshgrid(x, y))
    np.testing.assert_array_equal(inside(polygons, x, y), expected)


def test_overlapping_polygons_are_both_inside():
    two = shapely.MultiPolygon([shapely.box(0, 0, 4, 4)])
    parts = [json.loads(shapely.to_geojson(shapely.box(2, 0, 6, 4))),
             json.loads(shapely.to_geojson(two))]  # fmt: skip
    data = json.dumps({"type": "GeometryCollection", "geometries": parts}).encode()
    found = inside(read_outline(data, "plan"), np.arange(0.5, 7), np.array([1.0]))
    assert found.tolist() == [[True] * 6 + [False]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not GeoJSON"),
        ("[]", "not GeoJSON"),
        ('{"type": "Polygon"}', "not GeoJSON"),
        ('{"type": "Point", "coordinates": [1, 2]}', "no Polygon or MultiPolygon"),
        ('{"type": "FeatureCollection", "features": []}', "no Polygon or MultiPolygon"),
        ('{"type": "Polygon", "coordinates": []}', "a polygon without rings"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}', "at least three corn"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1e999], [2, 0]]]}', "expected finite"),
        ('{"type": "Polygon", "coordinates": [[[0, "a"], [1, 1], [2, 0]]]}', "not GeoJSON"),
    ],
)
def test_what_is_no_outline_is_refused(text, message):
    with pytest.raises(SurveyError, match=f"^plan.json: .*{message}"):
        read_outline(text.encode(), "plan.json")
