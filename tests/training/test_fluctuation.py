"""Synthetic scans of a reference point (SPEC 4.4)."""

import numpy as np
import pytest
from scipy import stats

from training.fluctuation import DRAWS, Fluctuation

NAN = np.nan
# Two reference points, three access points; the rows of a point do not stand together.
ROWS = np.float32([
    [-60, NAN, -90], [-40, NAN, NAN], [-64, NAN, -90], [-50, -70, NAN],
    [-61, -80, -90], [-44, NAN, NAN], [-70, NAN, -90], [-47, NAN, NAN],
])  # fmt: skip
PLACE = np.array([0, 1, 0, 1, 0, 1, 0, 1])
SESSION = np.array(["a", "a", "a", "b", "b", "b", "b", "c"], dtype=object)


def scans(draw, place, count=4000, seed=0, **changes):
    made = Fluctuation(
        **({"rssi_dbm": ROWS, "place": PLACE, "session": SESSION} | changes), draw=draw
    )
    return made.scans(np.full(count, place), np.random.default_rng(seed))


def test_uniform_between_the_levels_seen_and_missing_as_often():
    one = scans("uniform", 0)
    assert set(one[:, 0]) == set(range(-70, -59))
    inner = one[(one[:, 0] > -70) & (one[:, 0] < -60), 0]
    assert stats.chisquare(np.unique(inner, return_counts=True)[1]).pvalue > 1e-3
    assert np.isnan(one[:, 1]).mean() == pytest.approx(0.75, abs=0.03)
    assert set(one[np.isfinite(one[:, 1]), 1]) == {-80.0}
    assert set(one[:, 2]) == {-90.0}
    two = scans("uniform", 1)
    assert np.isnan(two[:, 2]).all(), "never heard there"
    assert (two[:, 0].min(), two[:, 0].max()) == (-50, -40)


def test_access_points_are_drawn_apart_but_by_session():
    """In these rows the second access point is heard with the first at -61 alone."""
    heard = scans("uniform", 0)
    assert len(set(heard[np.isfinite(heard[:, 1]), 0])) > 5
    drawn = scans("draw", 0)
    assert set(drawn[np.isfinite(drawn[:, 1]), 0]) == {-60.0, -64.0, -61.0, -70.0}
    assert np.unique(drawn[:, 0], return_counts=True)[1] / 4000 == pytest.approx(0.25, abs=0.03)
    assert np.isnan(drawn[:, 1]).mean() == pytest.approx(0.75, abs=0.03)


def test_sessions_are_equally_likely_and_jitter_has_the_spread_of_the_point():
    """At point 1, session b has two rows of four and a third of the draws."""
    made = scans("session", 1)
    heard = np.isfinite(made[:, 1])
    assert heard.mean() == pytest.approx(1 / 6, abs=0.02), "half of session b"
    assert set(made[heard, 1]) == {-70.0}, "seen once: no spread"
    spread = np.std([-40, -50, -44, -47])
    assert (made[heard, 0] + 50).std() == pytest.approx(np.hypot(spread, 12**-0.5), abs=0.35)
    assert made[heard, 0].mean() == pytest.approx(-50, abs=0.5)
    assert np.isnan(made[:, 2]).all()


def test_levels_stay_under_zero():
    loud = np.where(np.isfinite(ROWS), ROWS + 40, NAN).astype(np.float32)
    made = scans("session", 1, rssi_dbm=loud)
    assert np.nanmax(made) == 0.0


@pytest.mark.parametrize("draw", DRAWS)
def test_seeded_and_of_the_point_alone(draw):
    np.testing.assert_array_equal(scans(draw, 0, 50, 3), scans(draw, 0, 50, 3))
    assert not np.array_equal(scans(draw, 0, 50, 3), scans(draw, 0, 50, 4), equal_nan=True)
    other = ROWS.copy()
    other[PLACE == 1] = -33
    np.testing.assert_array_equal(scans(draw, 0, 50, 3, rssi_dbm=other), scans(draw, 0, 50, 3))
    assert scans(draw, 0, 50).dtype == np.float32


def test_many_points_in_one_batch():
    made = Fluctuation(ROWS, PLACE, SESSION)
    place = np.array([1, 0, 1, 1, 0])
    got = made.scans(place, np.random.default_rng(0))
    assert np.array_equal(np.isnan(got[:, 2]), place == 1)
    assert ((got[:, 0] >= -50) == (place == 1)).all()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"draw": "gauss"}, "draw is 'gauss'"),
        ({"place": PLACE[1:]}, "8 rows, 7 places"),
        ({"place": PLACE * 2}, "point 1 has no rows"),
    ],
)
def test_refused(changes, text):
    settings = {"rssi_dbm": ROWS, "place": PLACE, "session": SESSION}
    with pytest.raises(ValueError, match=text):
        Fluctuation(**(settings | changes))
