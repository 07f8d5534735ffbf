"""Two windows of a Hapi bundle: one for the floor, one for the position."""

import numpy as np
import pytest
import small_bundles as small
import small_ranks as hapi
from hypothesis import given
from hypothesis import strategies as st

from sdk import Localizer, Reading, Scan, ScanError, Status
from sdk.fingerprint import ApTable, Fingerprint
from sdk.window import MAX_ENTRIES, Window

NAN = np.nan
ROWS = hapi.rows()
OUTER = hapi.BSSIDS[7]  # Of the upper floor.


def vector(*levels):
    rssi_dbm = np.array(levels, np.float32)
    heard = int(np.count_nonzero(~np.isnan(rssi_dbm)))
    return Fingerprint(rssi_dbm, np.zeros(len(levels), bool), heard, heard, heard)


def test_the_strongest_level_within_the_window():
    window = Window(1000)
    window.add(0, vector(-40, NAN, NAN))
    window.add(600, vector(-50, -60, NAN))
    np.testing.assert_array_equal(window.united().rssi_dbm, np.float32([-40, -60, NAN]))
    window.add(1000, vector(NAN, -70, NAN))
    np.testing.assert_array_equal(window.united().rssi_dbm, np.float32([-40, -60, NAN]))
    window.add(1001, vector(NAN, NAN, -80))
    np.testing.assert_array_equal(window.united().rssi_dbm, np.float32([-50, -60, -80]))
    window.clear()
    window.add(5000, vector(NAN, NAN, NAN))
    assert np.isnan(window.united().rssi_dbm).all()


scans = st.lists(
    st.tuples(st.integers(0, 700), st.lists(st.one_of(st.just(NAN), st.floats(-99, -1)),
                                            min_size=3, max_size=3)),
    min_size=1, max_size=60,
)  # fmt: skip


@given(scans, st.sampled_from([0, 100, 1000, 20_000]))
def test_any_scans_agree_with_plain_numpy(steps, window_ms):
    window, time, seen = Window(window_ms), 0, []
    grain = window_ms // MAX_ENTRIES
    for gap, levels in steps:
        time += gap
        seen.append((time, np.float32(levels)))
        window.add(time, vector(*levels))
        found = window.united().rssi_dbm
        surely = [row for at, row in seen if at >= time - window_ms + grain]
        at_most = [row for at, row in seen if at >= time - window_ms]
        least = np.fmax.reduce([*surely, np.full(3, NAN, np.float32)])
        most = np.fmax.reduce([*at_most, np.full(3, NAN, np.float32)])
        assert (np.nan_to_num(found, nan=-200) >= np.nan_to_num(least, nan=-200)).all()
        assert (np.nan_to_num(found, nan=-200) <= np.nan_to_num(most, nan=-200)).all()


def test_a_flood_of_scans_is_bounded_and_the_window_stays_whole():
    window = Window(120_000)
    window.add(0, vector(-30))
    for time in range(0, 120_000, 50):
        window.add(time, vector(-90))
    assert len(window) <= MAX_ENTRIES + 2
    assert window.united().rssi_dbm.tolist() == [-30]


def test_the_track_takes_the_windows_of_the_bundle():
    """The floor is heard for 60 s, the position for 5 s."""
    here = {hapi.BSSIDS[0]: -60.0}
    with Localizer.open(hapi.bundle(network=False)) as localizer:
        track = localizer.start_track(floor_votes=1)
        assert track.update(Scan.from_dict({OUTER: -40.0}, 0)).floor == 1
        later = track.update(Scan.from_dict(here, 30_000))
        assert later.floor == 1
        assert later.matched_aps == 1
        assert track.update(Scan.from_dict(here, 60_001)).floor == hapi.AP_FLOOR[0]


def test_the_position_comes_from_its_own_window():
    with Localizer.open(hapi.bundle(network=False)) as localizer:
        track = localizer.start_track()
        track.update(hapi.scan_of(ROWS[0], 0))
        track.update(hapi.scan_of(ROWS[1], 4000))
        merged = localizer.locate(hapi.scan_of(np.fmax(ROWS[0], ROWS[1]), 4000))
        assert track.measured == merged
        track.update(hapi.scan_of(ROWS[2], 9500))
        assert (track.measured.x_m, track.measured.y_m) == pytest.approx(
            _place(localizer, ROWS[2], np.fmax.reduce(ROWS[:3]))
        )
        track.reset()
        assert track.measured is None


def _place(localizer, position, floor):
    mask = np.zeros(hapi.N_APS, bool)
    made = Fingerprint(position, mask, 9, 9, 9, floor)
    fix, _ = localizer._serving().answer(made, 0)
    return fix.x_m, fix.y_m


def test_a_window_of_ones_own():
    """As long as asked for the position; the floor's is never the shorter."""
    with Localizer.open(hapi.bundle(network=False)) as localizer:
        track = localizer.start_track(window_ms=90_000)
        track.update(hapi.scan_of(ROWS[0], 0))
        track.update(hapi.scan_of(ROWS[1], 90_000))
        merged = localizer.locate(hapi.scan_of(np.fmax(ROWS[0], ROWS[1]), 90_000))
        assert track.measured == merged


def test_virtual_aps_are_settled_scan_by_scan():
    """The paper's order: the mean of a scan's virtual APs, then the strongest scan."""
    box = hapi.BSSIDS[0]
    table = {"physical": {"guest": box}, "virtual_rssi": "mean"}
    with Localizer.open(hapi.bundle(network=False, table=table)) as localizer:
        track = localizer.start_track()
        track.update(Scan.from_dict({box: -50.0, "guest": -70.0}, 0))
        track.update(Scan.from_dict({box: -64.0, "guest": -58.0}, 1000))
        levels = track._windows[1]._position.united().rssi_dbm
        assert levels[0] == -60


def test_old_readings_do_not_enter_and_a_stale_scan_says_so():
    with Localizer.open(hapi.bundle(network=False)) as localizer:
        track = localizer.start_track()
        stale = [Reading(name, -50, None, 20_000) for name in hapi.BSSIDS]
        fix = track.update(Scan(0, stale))
        assert (fix.status, fix.x_m) == (Status.STALE_SCAN, None)
        assert track.update(hapi.scan_of(ROWS[0], 1000)).matched_aps == 9


def test_masking_takes_effect_on_what_was_heard_before():
    with Localizer.open(hapi.bundle(network=False)) as localizer:
        track = localizer.start_track(floor_votes=1)
        track.update(Scan.from_dict({OUTER: -40.0}, 0))
        localizer.set_unknown({OUTER})
        fix = track.update(Scan.from_dict({hapi.BSSIDS[0]: -60.0}, 1000))
        assert (track.measured.floor, fix.matched_aps) == (-1, 1)


def test_time_must_not_go_back_and_the_track_survives_it():
    with Localizer.open(hapi.bundle(network=False)) as localizer:
        track, other = localizer.start_track(), localizer.start_track()
        for one in (track, other):
            one.update(hapi.scan_of(ROWS[0], 5000))
        with pytest.raises(ScanError, match="4999 comes after 5000"):
            track.update(hapi.scan_of(ROWS[5], 4999))
        scan = hapi.scan_of(ROWS[1], 5500)
        assert track.update(scan) == other.update(scan)


def test_a_reload_with_another_table_starts_new_windows():
    names = [f"aa:bb:cc:00:02:{i:x}0" for i in range(hapi.N_APS)]
    table = {"bssids": names, "sha256": ApTable(names).sha256}
    with Localizer.open(hapi.bundle(network=False)) as localizer:
        track = localizer.start_track()
        track.update(hapi.scan_of(ROWS[0], 0))
        localizer.reload(hapi.bundle(network=False, table=table))
        track.update(hapi.scan_of(ROWS[1], 1000, names))
        assert track.measured == localizer.locate(hapi.scan_of(ROWS[1], 1000, names))
        localizer.reload(small.pack(*small.neighbours_parts()))
        assert track.update(small.scan_of(small.survey()[7], 2000))
