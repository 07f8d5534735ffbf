"""Plans and overlays before anything is drawn."""

import json

import numpy as np
import pytest
from fixmap.heat import MOST_CELLS, STRONGEST_ALPHA, heat_of
from fixmap.plan import plan_of
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, mapping, shape

from sdk import Posterior
from sdk.places import Places
from sdk.venue import Floor


def test_geojson_lines_are_those_shapely_sees():
    yard = Polygon([(0, 0), (9, 0), (9, 5), (0, 5)], [[(1, 1), (2, 1), (2, 2)]])
    parts = [yard, LineString([(1, 1), (3, 4)]), MultiPolygon([yard]), Point(2, 2)]
    document = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": mapping(part)} for part in parts],
    }
    plan = plan_of(json.dumps(document).encode(), Floor(0, width_m=4.0, height_m=20.0))
    total = sum(LineString(line).length for line in plan.lines)
    wanted = sum(shape(mapping(part)).length for part in parts)
    assert total == pytest.approx(wanted)
    assert (plan.width_m, plan.height_m) == (9.0, 20.0)


def test_images_need_a_size():
    png = b"\x89PNG\r\n\x1a\n..."
    assert plan_of(png, Floor(0, width_m=10.0, height_m=5.0)).image == png
    assert plan_of(png, Floor(0)).image == b""
    assert plan_of(None, None).lines == ()
    with pytest.raises(ValueError, match="Expecting value"):
        plan_of(b"neither", None)


def test_the_overlay_lies_where_the_places_are():
    x, y = np.meshgrid(np.arange(3) + 0.5, np.arange(2) + 0.5)
    places = Places(x.ravel(), y.ravel(), np.zeros(6, np.int32), 1.0)
    heat = heat_of(Posterior(places, [0, 0, 0, 0.25, 0, 0.75]), 0)
    assert (heat.left_m, heat.bottom_m, heat.width_m, heat.height_m) == (0, 0, 3, 2)
    alpha = heat.rgba[..., 3].astype(float)
    assert alpha[1, 2] == STRONGEST_ALPHA
    assert alpha[1, 0] == pytest.approx(STRONGEST_ALPHA / np.sqrt(3), abs=1)
    assert alpha[0].max() == 0


def test_single_points_get_cells_and_other_floors_nothing():
    places = Places([0.0, 30.0], [0.0, 0.0], [0, 0])
    assert heat_of(Posterior(places, [1, 1]), 0).rgba.shape == (1, 16, 4)
    assert heat_of(Posterior(places, [1, 1]), 5) is None
    wide = Places([0.0, 1e4], [0.0, 1e4], [0, 0], 1.0)
    assert MOST_CELLS < 1e8
    assert heat_of(Posterior(wide, [1, 1]), 0) is None
