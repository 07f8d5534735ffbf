import math

import numpy as np
import pytest
import small_bundles as small
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk import Localizer, Reading, Scan, ScanError, Status
from sdk.profile import MAX_SCANS, Profile
from sdk.track import R68_PER_SIGMA

KNN = Localizer.open(small.pack(*small.neighbours_parts()))
ROWS = small.survey()
EMPTY = Scan(0, [])


def at(row, time):
    return small.scan_of(ROWS[row], time)


def test_first_fix_is_the_scans_own():
    scan = at(7, 1000)
    fix, alone = KNN.start_track().update(scan), KNN.locate(scan)
    for name, value in alone.to_dict().items():
        if isinstance(value, float):
            assert getattr(fix, name) == pytest.approx(value, rel=1e-6), name
        else:
            assert fix.to_dict()[name] == value, name


def test_r68_is_the_68_percent_radius_of_a_gaussian():
    points = np.random.default_rng(0).normal(0, 2, (200_000, 2))
    radius = 2 * R68_PER_SIGMA
    assert (np.hypot(*points.T) <= radius).mean() == pytest.approx(0.68, abs=0.005)


def test_agrees_with_a_plain_kalman_filter():
    track = KNN.start_track(window_ms=0, accel_sigma=0.3)
    state = covariance = None
    time = 0
    for row, gap in [(0, 0), (1, 900), (2, 1000), (7, 3500), (8, 250), (9, 1000), (9, 0)]:
        time += gap
        scan = at(row, time)
        alone = KNN.locate(scan)
        variance = (alone.accuracy_m / R68_PER_SIGMA) ** 2
        tracked = track.update(scan)
        if state is None:
            state = np.array([alone.x_m, alone.y_m, 0, 0])
            covariance = np.diag([variance, variance, 1.0, 1.0])
        elif gap:
            for dt in [1.0] * (gap // 1000) + ([gap % 1000 / 1000] if gap % 1000 else []):
                move = np.eye(4)
                move[0, 2] = move[1, 3] = dt
                pushed = np.array([[dt * dt / 2, 0], [0, dt * dt / 2], [dt, 0], [0, dt]]) * 0.3
                state = move @ state
                covariance = move @ covariance @ move.T + pushed @ pushed.T
            gain = covariance[:, :2] @ np.linalg.inv(covariance[:2, :2] + variance * np.eye(2))
            state = state + gain @ (np.array([alone.x_m, alone.y_m]) - state[:2])
            covariance = covariance - gain @ covariance[:2]
        # The last scan equals the one before, so it is not counted twice.
        assert (tracked.x_m, tracked.y_m) == pytest.approx(tuple(state[:2]), abs=1e-6)
        sigma = math.sqrt((covariance[0, 0] + covariance[1, 1]) / 2)
        expected = max(R68_PER_SIGMA * sigma, 0.85 * alone.accuracy_m)
        assert tracked.accuracy_m == pytest.approx(expected, abs=1e-6)


def test_one_long_gap_means_the_same_as_many_empty_scans():
    one, many = KNN.start_track(window_ms=0), KNN.start_track(window_ms=0)
    for track in (one, many):
        track.update(at(0, 0))
        track.update(at(1, 1000))
    for second in range(2, 31):
        many.update(Scan(1000 * second, []))
    first, second = one.update(at(9, 31_000)), many.update(at(9, 31_000))
    assert (first.x_m, first.y_m) == pytest.approx((second.x_m, second.y_m))
    assert first.accuracy_m == pytest.approx(second.accuracy_m)


def test_scans_without_a_position_predict_and_keep_their_status():
    track = KNN.start_track(window_ms=0)
    assert not track.update(Scan(0, []))
    before = track.update(at(7, 1000))
    fix = track.update(Scan(2000, []))
    assert fix.status is Status.TOO_FEW_APS
    assert fix
    assert fix.accuracy_m > before.accuracy_m / 2
    assert fix.latitude is not None
    assert (fix.matched_aps, fix.candidates) == (0, ())
    old = [Reading(b, -60, None, 60_000) for b in small.BSSIDS]
    assert track.update(Scan(3000, old)).status is Status.STALE_SCAN
    widths = [track.update(Scan(3000 + 1000 * i, [])).accuracy_m for i in range(1, 20)]
    assert widths == sorted(widths)


def test_a_long_gap_starts_anew():
    track = KNN.start_track(window_ms=0, gap_ms=60_000)
    track.update(at(0, 0))
    assert track.update(Scan(60_000, []))
    lost = track.update(Scan(60_001, []))
    assert (lost.x_m, lost.status) == (None, Status.TOO_FEW_APS)
    alone = KNN.locate(at(19, 70_000))
    again = track.update(at(19, 70_000))
    assert (again.x_m, again.y_m) == pytest.approx((alone.x_m, alone.y_m))


def test_time_must_not_go_back_and_the_track_survives_it():
    track, other = KNN.start_track(), KNN.start_track()
    for one in (track, other):
        one.update(at(0, 5000))
    with pytest.raises(ScanError, match="4999 comes after 5000"):
        track.update(at(1, 4999))
    with pytest.raises(ScanError, match="expected a Scan"):
        track.update({"a": -50})
    assert track.update(at(2, 5500)) == other.update(at(2, 5500))


def test_floor_changes_by_majority():
    track = KNN.start_track(window_ms=0, floor_votes=5)
    upstairs = small.COLUMNS * small.ROWS
    floors = [
        track.update(at(7 + (upstairs if up else 0), 1000 * i)).floor
        for i, up in enumerate([0, 0, 0, 1, 0, 0, 1, 1, 1, 1])
    ]
    assert floors == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1]


def test_reset_forgets_everything():
    track = KNN.start_track()
    first = track.update(at(7, 9000))
    track.reset()
    assert track.update(at(7, 10)) == KNN.start_track().update(at(7, 10))
    assert first


def test_a_reload_with_another_building_starts_anew(neighbours_bundle, scans):
    manifest, members = small.neighbours_parts()
    manifest["venue"]["name"] = "Other House"
    with Localizer.open(neighbours_bundle) as localizer:
        track = localizer.start_track(window_ms=0)
        track.update(at(0, 0))
        localizer.reload(small.pack(manifest, members))
        fix, alone = track.update(at(19, 1000)), localizer.locate(at(19, 1000))
    assert (fix.x_m, fix.y_m) == pytest.approx((alone.x_m, alone.y_m))


@pytest.mark.parametrize(
    "options",
    [
        *({"window_ms": -1}, {"window_ms": 1.5}, {"accel_sigma": -1}, {"accel_sigma": math.nan}),
        *({"gap_ms": -1}, {"gap_ms": True}, {"floor_votes": 0}, {"floor_votes": "x"}),
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises((ValueError, TypeError), match=next(iter(options))):
        KNN.start_track(**options)


steps = st.lists(
    st.tuples(st.one_of(st.just(-1), st.integers(0, 39)), st.integers(0, 90_000)), max_size=40
)


@settings(max_examples=50)
@given(steps, st.sampled_from([0, 3000, 20_000]), st.floats(0, 3))
def test_any_walk_keeps_the_invariants(walk, window_ms, accel_sigma):
    track = KNN.start_track(window_ms=window_ms, accel_sigma=accel_sigma)
    time = 0
    for row, gap in walk:
        time += gap
        fix = track.update(Scan(time, []) if row < 0 else at(row, time))
        values = (fix.x_m, fix.y_m, fix.accuracy_m, fix.latitude, fix.longitude)
        assert all(map(math.isfinite, values)) if fix else set(values) == {None}
        assert fix.timestamp_ms == time
        if track._motion.tracked is not None:
            covariance = track._motion.covariance
            np.testing.assert_array_equal(covariance, covariance.T)
            assert np.linalg.eigvalsh(covariance).min() > 0


def test_profile_unites_the_window_and_the_strongest_wins():
    profile = Profile(3000, 10_000)
    profile.add(Scan(0, [Reading("a", -50), Reading("b", -60)]))
    profile.add(Scan(2000, [Reading("a", -70, 2412, 100)]))
    union = profile.add(Scan(3000, [Reading("a", -55, None, 20), Reading("c", -80)]))
    assert union.timestamp_ms == 3000
    assert {r.bssid: (r.rssi_dbm, r.age_ms) for r in union.readings} == {
        "a": (-50, 3000),
        "b": (-60, 3000),
        "c": (-80, 0),
    }
    later = profile.add(Scan(3001, []))
    assert dict(zip(later.bssids, later.rssi_dbm, strict=True)) == {"a": -55, "c": -80}


def test_profile_prefers_fresh_to_strong():
    profile = Profile(5000, 1000)
    profile.add(Scan(0, [Reading("a", -40), Reading("b", -40)]))
    union = profile.add(Scan(2000, [Reading("a", -90)]))
    assert {r.bssid: (r.rssi_dbm, r.age_ms) for r in union.readings} == {
        "a": (-90, 0),
        "b": (-40, 2000),
    }


def test_profile_is_bounded():
    profile = Profile(10**9, 10**9)
    for i in range(2 * MAX_SCANS):
        union = profile.add(Scan(i, [Reading(f"ap{i}", -50)]))
    assert len(union) == MAX_SCANS
    profile.clear()
    assert len(profile.add(Scan(0, []))) == 0
