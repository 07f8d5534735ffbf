import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.venue import Floor, Georeference, Venue

anywhere = st.builds(Georeference, st.floats(-85, 85), st.floats(-180, 180), st.floats(-720, 720))
metres = st.floats(-2000, 2000)


@given(anywhere, metres, metres)
def test_round_trip(place, x, y):
    latitude, longitude = place.to_wgs84(x, y)
    assert -90 < latitude < 90
    assert -180 <= longitude <= 180
    back = place.to_local(latitude, longitude)
    assert math.dist(back, (x, y)) < 1e-5


def test_directions():
    origin = Georeference(48.0, 11.0)
    latitude, longitude = origin.to_wgs84(0, 100)
    assert latitude > 48.0
    assert longitude == pytest.approx(11.0)
    latitude, longitude = origin.to_wgs84(100, 0)
    assert latitude == pytest.approx(48.0)
    assert longitude > 11.0
    # Turned by 90 degrees counter-clockwise, the frame's x axis points north.
    assert Georeference(48.0, 11.0, 90).to_wgs84(100, 0) == pytest.approx(origin.to_wgs84(0, 100))


def ecef(latitude, longitude):
    a, e2 = 6378137.0, 6.69437999014e-3
    p, q = math.radians(latitude), math.radians(longitude)
    n = a / math.sqrt(1 - e2 * math.sin(p) ** 2)
    return (
        n * math.cos(p) * math.cos(q),
        n * math.cos(p) * math.sin(q),
        n * (1 - e2) * math.sin(p),
    )


@given(
    st.floats(-60, 60),
    st.floats(-180, 180),
    st.floats(0, 360),
    st.floats(0, 500),
    st.floats(0, 2 * math.pi),
)
def test_distances_on_the_ellipsoid(latitude, longitude, rotation, r, angle):
    place = Georeference(latitude, longitude, rotation)
    there = place.to_wgs84(r * math.cos(angle), r * math.sin(angle))
    assert math.dist(ecef(latitude, longitude), ecef(*there)) == pytest.approx(r, abs=0.04)


@pytest.mark.parametrize(
    "values", [(90, 0, 0), (math.nan, 0, 0), (0, 181, 0), (0, math.nan, 0), (0, 0, math.inf)]
)
def test_bad_georeferences_are_refused(values):
    with pytest.raises(ValueError, match="must"):
        Georeference(*values)


def test_no_georeference_gives_none_never_zero():
    venue = Venue("Here", floors=(Floor(0, "G"), Floor(1)))
    assert venue.to_wgs84(1, 2) is None
    assert venue.to_local(1, 2) is None
    assert venue.floor(0).label == "G"
    assert venue.floor(5) is None
    placed = Venue("Here", georeference=Georeference(10, 20))
    assert placed.to_local(*placed.to_wgs84(3, 4)) == pytest.approx((3, 4))
