"""Smoothing and the paper's refinement against filterpy."""

import math
from itertools import pairwise

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter as Filterpy
from hypothesis import given
from hypothesis import strategies as st

from sdk.fix import Fix, Status
from sdk.smoothing import SMOOTHED_FLOOR, moved_for, refined, smooth
from sdk.track import R68_PER_SIGMA
from sdk.venue import Georeference, Venue

OK = Status.OK


def walk(n=30, seed=0, dt_ms=2000, noise_m=3.0):
    """A user at 1 m/s along a line, measured with noise: fixes and the truth (n, 2)."""
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.integers(dt_ms // 2, dt_ms * 2, n))
    truth = np.stack([time / 1000, 5 + 0.3 * time / 1000], axis=1)
    seen = truth + rng.normal(0, noise_m, (n, 2))
    return [
        Fix(int(t), OK, float(x), float(y), 2, 1.5 * noise_m)
        for t, (x, y) in zip(time, seen, strict=True)
    ], truth


def oracle(fixes, accel_sigma):
    """States and covariances of filterpy's Rauch-Tung-Striebel smoother."""
    first = fixes[0]
    variance = (first.accuracy_m / R68_PER_SIGMA) ** 2
    kalman = Filterpy(4, 2)
    kalman.x = np.array([first.x_m, first.y_m, 0, 0])
    kalman.P = np.diag([variance, variance, 1.0, 1.0])
    kalman.H = np.eye(2, 4)
    means, covariances, Fs, Qs = [kalman.x], [kalman.P], [np.eye(4)], [np.zeros((4, 4))]
    for before, fix in pairwise(fixes):
        left, F, Q = (fix.timestamp_ms - before.timestamp_ms) / 1000, np.eye(4), np.zeros((4, 4))
        while left > 1e-12:
            dt = min(left, 1.0)
            one = np.eye(4)
            one[0, 2] = one[1, 3] = dt
            block = np.array([[dt**4 / 4, dt**3 / 2], [dt**3 / 2, dt**2]]) * accel_sigma**2
            F, Q = one @ F, one @ Q @ one.T + np.kron(block, np.eye(2))
            left -= dt
        kalman.predict(F=F, Q=Q)
        if fix:
            kalman.update([fix.x_m, fix.y_m], R=(fix.accuracy_m / R68_PER_SIGMA) ** 2)
        means.append(kalman.x)
        covariances.append(kalman.P)
        Fs.append(F)
        Qs.append(Q)
    # filterpy takes F and Q of the step that leads away from k, its list begins with k = 0's own.
    states, smoothed, _, _ = kalman.rts_smoother(np.array(means), np.array(covariances), Fs, Qs)
    return states, smoothed


@pytest.mark.parametrize("accel_sigma", [0.1, 0.3, 1.0])
def test_agrees_with_filterpy(accel_sigma):
    fixes, _ = walk()
    fixes[7] = Fix(fixes[7].timestamp_ms, Status.TOO_FEW_APS)
    fixes[8] = Fix(fixes[8].timestamp_ms, OK, 9.0, 8.0, 3, 12.0)
    states, covariances = oracle(fixes, accel_sigma)
    for fix, state, covariance in zip(smooth(fixes, accel_sigma), states, covariances, strict=True):
        assert (fix.x_m, fix.y_m) == pytest.approx(tuple(state[:2]), abs=1e-6)
        radius = R68_PER_SIGMA * math.sqrt((covariance[0, 0] + covariance[1, 1]) / 2)
        assert fix.accuracy_m >= radius - 1e-6


def test_accuracy_is_that_of_the_covariance_but_never_far_below_the_fix():
    fixes, _ = walk(n=5)
    _, covariances = oracle(fixes, 3.0)
    for fix, own, covariance in zip(smooth(fixes, 3.0), fixes, covariances, strict=True):
        radius = R68_PER_SIGMA * math.sqrt((covariance[0, 0] + covariance[1, 1]) / 2)
        wanted = max(radius, SMOOTHED_FLOOR * own.accuracy_m)
        assert fix.accuracy_m == pytest.approx(wanted, abs=1e-6)
    still = [Fix(1000 * i, OK, 0.0, 0.0, 0, 4.0) for i in range(50)]
    assert {fix.accuracy_m for fix in smooth(still, 0.01)[20:30]} == {3.2}


def test_smoothing_helps_and_keeps_what_it_does_not_touch():
    fixes, truth = walk(n=60)
    smoothed = smooth(fixes, 0.1)

    def error(found):
        return np.mean([math.dist((f.x_m, f.y_m), t) for f, t in zip(found, truth, strict=True)])

    assert error(smoothed) < 0.5 * error(fixes)
    for before, after in zip(fixes, smoothed, strict=True):
        assert (after.floor, after.status, after.timestamp_ms) == (2, OK, before.timestamp_ms)


def test_gaps_split_a_walk():
    fixes, _ = walk(n=6)
    late = [
        Fix(fix.timestamp_ms + 100_000, OK, fix.x_m + 500, fix.y_m, 0, fix.accuracy_m)
        for fix in fixes
    ]
    between = [Fix(fixes[-1].timestamp_ms + ms, Status.TOO_FEW_APS) for ms in (30_000, 61_000)]
    both = smooth([Fix(0, Status.STALE_SCAN), *fixes, *between, *late])
    assert not both[0]
    assert both[1:7] != fixes
    alone = smooth([*fixes, between[0]])
    assert both[1:8] == alone
    assert both[7].status is Status.TOO_FEW_APS
    assert both[7].floor == 2
    assert not both[8]
    assert both[9:] == smooth(late)


def test_coordinates_of_the_venue_move_along():
    venue = Venue("house", georeference=Georeference(40.0, 3.0))
    fixes, _ = walk(n=4)
    for fix in smooth(fixes, venue=venue):
        assert (fix.latitude, fix.longitude) == venue.to_wgs84(fix.x_m, fix.y_m)
    assert smooth(fixes)[0].latitude is None


def test_nothing_and_one():
    assert smooth([]) == []
    one = Fix(5, OK, 1.0, 2.0, 0, 3.0)
    (fix,) = smooth([one])
    assert (fix.x_m, fix.y_m, fix.accuracy_m) == (1.0, 2.0, pytest.approx(3.0))
    lost = Fix(5, Status.OUT_OF_AREA)
    assert smooth([lost]) == [lost]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="fix 1: 4 ms comes after 5 ms"):
        smooth([Fix(5, OK, 0.0, 0.0, 0, 1.0), Fix(4, OK, 0.0, 0.0, 0, 1.0)])
    for bad in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match="accel_sigma must be >= 0"):
            smooth([], bad)


@given(
    st.lists(
        st.tuples(st.integers(0, 90_000), st.booleans(), st.floats(-1e3, 1e3), st.floats(0.5, 50)),
        max_size=25,
    ),
    st.floats(0, 3),
)
def test_any_walk_gives_finite_fixes(steps, accel_sigma):
    time, fixes = 0, []
    for dt_ms, measured, x_m, accuracy_m in steps:
        time += dt_ms
        place = (x_m, -x_m, 1, accuracy_m) if measured else ()
        fixes.append(Fix(time, OK if measured else Status.TOO_FEW_APS, *place))
    for before, after in zip(fixes, smooth(fixes, accel_sigma), strict=True):
        values = (after.x_m, after.y_m, after.accuracy_m)
        assert all(map(math.isfinite, values)) if after else set(values) == {None}
        assert after.timestamp_ms == before.timestamp_ms
        assert bool(after) or not before


def test_steps_add_up():
    transition, noise = moved_for(2.5, 0.4)
    parts = [moved_for(1.0, 0.4), moved_for(1.0, 0.4), moved_for(0.5, 0.4)]
    F, Q = np.eye(4), np.zeros((4, 4))
    for one, added in parts:
        F, Q = one @ F, one @ Q @ one.T + added
    np.testing.assert_allclose(transition, F)
    np.testing.assert_allclose(noise, Q)


@pytest.mark.parametrize("accel_sigma", [0.0, 0.2])
def test_the_papers_refinement_agrees_with_filterpy(accel_sigma):
    fixes, _ = walk(n=40)
    fixes[12] = Fix(fixes[12].timestamp_ms, Status.TOO_FEW_APS)
    found = refined(fixes, 60_000, accel_sigma)
    assert found[12] is None
    for i in (0, 1, 11, 13, 39):
        since = fixes[i].timestamp_ms - 60_000
        window = [fix for fix in fixes[: i + 1] if fix and fix.timestamp_ms > since]
        kalman = Filterpy(4, 4)
        kalman.x = np.array([window[0].x_m, window[0].y_m, 0, 0])
        kalman.P = 100 * np.eye(4)
        kalman.H = np.eye(4)
        for before, fix in pairwise(window):
            dt = (fix.timestamp_ms - before.timestamp_ms) / 1000
            F = np.eye(4)
            F[0, 2] = F[1, 3] = dt
            block = np.array([[dt**4 / 4, dt**3 / 2], [dt**3 / 2, dt**2]]) * accel_sigma**2
            kalman.predict(F=F, Q=np.kron(block, np.eye(2)))
            speed = (fix.accuracy_m**2 + before.accuracy_m**2) / dt**2
            z = [fix.x_m, fix.y_m, (fix.x_m - before.x_m) / dt, (fix.y_m - before.y_m) / dt]
            kalman.update(z, R=np.diag([fix.accuracy_m**2] * 2 + [speed] * 2))
        assert found[i] == pytest.approx(tuple(kalman.x[:2]), abs=1e-6)


def test_the_papers_refinement_with_fixes_of_one_time():
    twice = [Fix(0, OK, 0.0, 0.0, 0, 2.0), Fix(0, OK, 4.0, 0.0, 0, 2.0)]
    # Covariance 100 of the first against a variance of 4: the second counts 100 / 104.
    assert refined(twice)[1] == pytest.approx((4 * 100 / 104, 0.0))
