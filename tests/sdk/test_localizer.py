import json
import math

import numpy as np
import pytest
import small_bundles as small
from hypothesis import given
from hypothesis import strategies as st

from sdk import ClosedError, Localizer, RssfixError, Scan, ScanError, Status


def test_posterior_is_the_network_in_plain_numpy(localizer, scans):
    for scan, row in zip(scans, small.survey(), strict=True):
        if len(scan) >= 3:
            expected = small.probability(row, "per_ap")
            np.testing.assert_allclose(localizer.posterior(scan).probability, expected, atol=1e-6)


def test_neighbours_are_plain_numpy_knn(neighbours_bundle, scans):
    rng = np.random.default_rng(0)
    with Localizer.open(neighbours_bundle) as localizer:
        assert localizer.info.runtime == "native"
        for row in small.survey():
            row = row + rng.normal(0, 3, row.shape).astype(np.float32)
            levels = {b: float(v) for b, v in zip(small.BSSIDS, row, strict=True) if v == v}
            if len(levels) < 3:
                continue
            found = localizer.posterior(Scan.from_dict(levels, 0)).probability
            np.testing.assert_allclose(found, small.knn_probability(row), atol=1e-5)


def test_fix_is_made_from_the_posterior(any_bundle, scan):
    with Localizer.open(any_bundle) as localizer:
        fix, posterior = localizer.locate(scan), localizer.posterior(scan)
    assert (fix.x_m, fix.y_m, fix.floor) == posterior.mean()
    assert fix.accuracy_m == pytest.approx(
        np.interp(posterior.spread_m(), [0, 1, 2], [0.5, 1.5, 4.0])
    )
    assert fix
    assert fix.timestamp_ms == scan.timestamp_ms
    assert fix.matched_aps == len(scan)
    assert fix.candidates == posterior.candidates(3)
    assert fix.status is (Status.OK if fix.accuracy_m <= 3 else Status.LOW_CONFIDENCE)
    assert (fix.provider, fix.model_id) == ("wifi_rssi", "0123456789abcdef")
    assert abs(fix.latitude - 40) < 1e-4
    assert abs(fix.longitude + 0.07) < 1e-4


def test_estimate_mode_gives_the_most_probable_place(scan):
    manifest, members = small.cells_parts()
    manifest["output"]["estimate"] = "mode"
    with Localizer.open(small.pack(manifest, members)) as localizer:
        fix, posterior = localizer.locate(scan), localizer.posterior(scan)
    assert (fix.x_m, fix.y_m, fix.floor) == posterior.mode()


def test_scans_without_a_position_have_a_status_and_no_coordinates(localizer):
    strangers = {f"00:00:00:00:01:{i:02x}": -50.0 for i in range(6)}
    known = dict.fromkeys(small.BSSIDS[:2], -60.0)
    old = [{"bssid": b, "rssi_dbm": -60, "age_ms": 10_001} for b in small.BSSIDS]
    cases = [
        (Scan(5, []), Status.TOO_FEW_APS, 0),
        (Scan.from_dict(known, 5), Status.TOO_FEW_APS, 2),
        (Scan.from_dict({**known, **dict(list(strangers.items())[:3])}, 5), Status.TOO_FEW_APS, 2),
        (Scan.from_dict({**known, **strangers}, 5), Status.OUT_OF_AREA, 2),
        (Scan.from_dict(strangers, 5), Status.OUT_OF_AREA, 0),
        (Scan(5, old), Status.STALE_SCAN, 0),
    ]
    for scan, status, matched in cases:
        fix = localizer.locate(scan)
        assert (fix.status, fix.matched_aps, bool(fix)) == (status, matched, False)
        assert {fix.x_m, fix.y_m, fix.floor, fix.accuracy_m, fix.latitude} == {None}
        assert fix.candidates == ()
        np.testing.assert_allclose(localizer.posterior(scan).probability, 1 / small.N_PLACES)
        with pytest.raises(ScanError, match=status.value):
            localizer.explain(scan)


def test_stale_readings_are_left_out(localizer, scan):
    readings = [reading._replace(age_ms=500) for reading in scan.readings]
    assert localizer.locate(Scan(1000, readings)) == localizer.locate(scan)
    readings[0] = readings[0]._replace(age_ms=10_001)
    fewer = Scan(1000, readings[1:])
    assert localizer.locate(Scan(1000, readings)) == localizer.locate(fewer)


def test_closed_localizer_refuses_everything(per_ap_bundle, scan):
    with Localizer.open(per_ap_bundle) as localizer:
        track = localizer.start_track()
    for call in (
        lambda: localizer.locate(scan),
        lambda: localizer.posterior(scan),
        lambda: localizer.explain(scan),
        lambda: localizer.info,
        lambda: localizer.start_track(),
        lambda: localizer.set_unknown(set()),
        lambda: localizer.reload(per_ap_bundle),
        lambda: track.update(scan),
    ):
        with pytest.raises(ClosedError, match="closed"):
            call()
    localizer.close()


def test_what_is_not_a_scan_is_refused_by_name(localizer):
    with pytest.raises(ScanError, match=r"got dict: see Scan\.from_dict"):
        localizer.locate({"aa:bb:cc:00:00:00": -60})


def test_bad_options_are_refused(per_ap_bundle):
    with pytest.raises(ValueError, match="runtime must be one of"):
        Localizer.open(per_ap_bundle, runtime="torch")
    for threads in (0, -1, True, 1.5):
        with pytest.raises(ValueError, match="num_threads must be an int >= 1"):
            Localizer.open(per_ap_bundle, num_threads=threads)


def test_info_says_what_is_served(localizer, per_ap_bundle):
    import hashlib

    info = localizer.info
    assert (info.system, info.aps, info.floors, info.places) == ("exloc", 8, (0, 1), 40)
    assert info.sha256 == hashlib.sha256(per_ap_bundle).hexdigest()
    assert info.measured["mean_m"] == 1.25
    assert info.runtime.startswith("onnxruntime")
    assert info.explains_by_cam
    assert info.to_dict()["floors"] == [0, 1]


def test_set_unknown_masks_and_is_kept_beside_the_bundle(tmp_path, per_ap_bundle, scan):
    path = tmp_path / "small.rssfix"
    path.write_bytes(per_ap_bundle)
    masked = scan.bssids[0]
    with Localizer.open(path) as localizer:
        before = localizer.locate(scan)
        localizer.set_unknown({masked.upper().replace(":", "-")})
        after = localizer.locate(scan)
        assert after.matched_aps == before.matched_aps - 1
        without = Scan.from_dict(dict(zip(scan.bssids[1:], scan.rssi_dbm[1:], strict=True)), 1000)
        assert after == localizer.locate(without)
        assert localizer.info.unknown_aps == (masked,)
        with pytest.raises(ScanError, match="not in the AP table: 00:00:00:00:00:99"):
            localizer.set_unknown({"00:00:00:00:00:99", small.BSSIDS[1]})
        assert localizer.info.unknown_aps == (masked,)
    assert (tmp_path / "small.rssfix.unknown.json").read_text() == f'[\n "{masked}"\n]'
    with Localizer.open(path) as localizer:
        assert localizer.locate(scan) == after
        localizer.set_unknown(set())
        assert localizer.locate(scan) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "small.rssfix",
        "small.rssfix.unknown.json",
    ]


def test_a_damaged_mask_file_is_said_and_not_skipped(tmp_path, per_ap_bundle):
    path = tmp_path / "small.rssfix"
    path.write_bytes(per_ap_bundle)
    for text in ("{}", "[1]", "no json", '["', "[" * 100_000, '[""]'):
        (tmp_path / "small.rssfix.unknown.json").write_text(text)
        with pytest.raises(RssfixError, match=r"unknown\.json: must be a JSON list"):
            Localizer.open(path)


def test_set_unknown_of_bytes_lives_in_memory_and_through_reload(per_ap_bundle, gap_bundle, scan):
    with Localizer.open(per_ap_bundle) as localizer:
        localizer.set_unknown({scan.bssids[0]})
        localizer.reload(gap_bundle)
        assert localizer.info.unknown_aps == (scan.bssids[0],)
        assert localizer.locate(scan).matched_aps == len(scan) - 1


def test_exported_unknown_aps_stay_masked(scan):
    manifest, members = small.neighbours_parts()
    manifest["ap_table"]["unknown"] = [small.BSSIDS[7]]
    manifest["golden"]["tolerance"] = 1.0
    with Localizer.open(small.pack(manifest, members)) as localizer:
        localizer.set_unknown({small.BSSIDS[0]})
        assert localizer.info.unknown_aps == (small.BSSIDS[0], small.BSSIDS[7])


def half_surveyed():
    """A nearest-neighbours bundle whose table also has access points that no row heard: 4 to 7."""
    manifest, members = small.neighbours_parts()
    heard = small.survey().copy()
    heard[:, 4:] = np.nan
    members |= small.database_members(heard)
    manifest["golden"]["tolerance"] = 1.0
    return small.pack(manifest, members)


def test_what_no_row_heard_is_not_compared():
    surveyed = dict.fromkeys(small.BSSIDS[:4], -60.0)
    with Localizer.open(half_surveyed()) as localizer:
        known = localizer.posterior(Scan.from_dict(surveyed, 0)).probability
        new = Scan.from_dict({**surveyed, small.BSSIDS[5]: -40.0}, 0)
        np.testing.assert_array_equal(localizer.posterior(new).probability, known)


def test_a_scan_of_nothing_that_a_row_heard_is_doubted():
    scan = Scan.from_dict(dict.fromkeys(small.BSSIDS[4:], -60.0), 0)
    with Localizer.open(half_surveyed()) as localizer:
        localizer.set_unknown(small.BSSIDS[:4], keep=False)
        fix = localizer.locate(scan)
        assert fix.status is Status.LOW_CONFIDENCE
        assert "the survey heard none of the access points" in fix.reason
        assert np.ptp(localizer.posterior(scan).probability) == 0


def test_merged_virtual_aps_match_by_their_box(scan):
    import hashlib

    boxes = [f"aa:bb:cc:00:{i:02x}:00" for i in range(8)]
    manifest, members = small.neighbours_parts()
    manifest["ap_table"] = {
        "bssids": boxes,
        "sha256": hashlib.sha256("\n".join(boxes).encode()).hexdigest(),
        "unknown": [],
        "merge_virtual_aps": "last_hex_digit",
    }
    with Localizer.open(small.pack(manifest, members)) as localizer:
        virtual = {f"aa:bb:cc:00:00:0{d}": -70.0 - d for d in range(4)}
        virtual |= {"aa:bb:cc:00:01:0f": -55.0, "aa:bb:cc:00:02:01": -60.0}
        fix = localizer.locate(Scan.from_dict(virtual, 0))
        assert fix.matched_aps == 3
        single = {boxes[0]: -70.0, boxes[1]: -55.0, boxes[2]: -60.0}
        assert fix == localizer.locate(Scan.from_dict(single, 0))


OPENED = [
    Localizer.open(small.pack(*parts))
    for parts in (small.cells_parts(), small.cells_parts("gap"), small.neighbours_parts())
]
any_reading = st.builds(
    dict,
    bssid=st.one_of(st.sampled_from(small.BSSIDS), st.text(min_size=1, max_size=3)),
    rssi_dbm=st.one_of(st.floats(-150, -1e-9), st.integers(-150, -1)),
    age_ms=st.one_of(st.none(), st.integers(0, 20_000)),
)


@given(st.sampled_from(OPENED), st.lists(any_reading, max_size=25), st.sets(st.integers(0, 7)))
def test_any_readings_give_a_fix_with_finite_or_no_fields(localizer, readings, masked):
    readings = [r for r in readings if r["bssid"].strip()]
    localizer.set_unknown({small.BSSIDS[i] for i in masked})
    scan = Scan(12, readings)
    for fix in (localizer.locate(scan), localizer.start_track().update(scan)):
        numbers = (fix.x_m, fix.y_m, fix.accuracy_m, fix.latitude, fix.longitude)
        if fix:
            assert all(map(math.isfinite, numbers))
            assert fix.floor in (0, 1)
            assert fix.accuracy_m > 0
            assert 0 < fix.candidates[0].probability <= 1
            assert fix.status in (Status.OK, Status.LOW_CONFIDENCE)
        else:
            assert set(numbers) == {None}
            assert fix.floor is None
            assert fix.status in (Status.TOO_FEW_APS, Status.OUT_OF_AREA, Status.STALE_SCAN)
        json.dumps(fix.to_dict(), allow_nan=False)
    assert localizer.posterior(scan).probability.sum() == pytest.approx(1)


def test_plans_come_from_the_bundle(localizer):
    assert localizer.plan(0) == small.PLAN
    assert localizer.plan(1) is None
    with pytest.raises(ValueError, match="no floor 7"):
        localizer.plan(7)
