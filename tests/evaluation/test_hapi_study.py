"""The study of Hapi: answers as the device gives them, tracks as a track does, rows and tables."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from evaluation import hapi_effects, hapi_real, hapi_report, hapi_testbeds
from evaluation.hapi_effect_tables import gathered, summary
from evaluation.hapi_rows import pooled, row
from evaluation.hapi_system import System
from evaluation.hapi_walks import METHODS, TRACK, along, fixes_of, tracked
from evaluation.reproduce import reproduce
from export.build import export_run
from sdk import Localizer, Scan
from training import hapi
from training.ap_layout import NO_FLOOR
from training.hapi_floor import FloorSettings
from training.hapi_site import site_of
from training.simulator import Crowd, Radio, place_access_points, simulate
from training.simulator import replicas as beds

QUICK = {"users": 600, "held_out": 150, "epochs": 2, "batch": 64}
BUILDING = place_access_points("small", [4, 5, 4], 24, 15, np.random.default_rng(1))


@pytest.fixture(autouse=True)
def few_users(monkeypatch):
    for name, count in (("QUALITY_USERS", 150), ("HELD_OUT_USERS", 100), ("CALIBRATION_USERS", 30)):
        monkeypatch.setattr(hapi, name, count)
    monkeypatch.setitem(hapi.FLOOR_SETTINGS, "paper", FloorSettings(**QUICK))
    monkeypatch.setitem(hapi.FLOOR_SETTINGS, "best", FloorSettings(**QUICK))


@pytest.fixture
def survey():
    return simulate(BUILDING, Radio(), Crowd(scans=60, walks=3), seed=2)


def scan_of(run, levels, now=0):
    heard = np.flatnonzero(np.isfinite(levels))
    return Scan.from_dict({run.bssids[i]: float(levels[i]) for i in heard}, now)


@pytest.mark.parametrize("preset", ["paper", "best"])
def test_answers_and_tracks_are_the_device_s(survey, preset, tmp_path):
    system = System.trained(survey, preset, 1)
    system.run.save(tmp_path / "run")
    bundle = export_run(tmp_path / "run", tmp_path / "b.rssfix", ["onnx"], "fp32").path
    rssi = system.layout.levels(survey)
    # One access point heard; none; and nothing but another floor's.
    rssi[0] = np.where(np.arange(13) == np.nanargmax(rssi[0]), rssi[0], np.nan)
    rssi[1] = np.nan
    rssi[2] = np.where(system.layout.floor != survey.floor[2], rssi[2], np.nan)
    found = system.locate(rssi)
    assert found.floor[1] == NO_FLOOR
    assert np.isnan(found.xy_m[1]).all()
    assert found.floor[2] != NO_FLOOR
    with Localizer.open(bundle, runtime="onnx") as device:
        for i, levels in enumerate(rssi):
            fix = device.locate(scan_of(system.run, levels))
            if i == 1:
                assert not fix
                continue
            np.testing.assert_allclose(found.xy_m[i], [fix.x_m, fix.y_m], atol=2e-3)
            assert found.floor[i] == fix.floor
            assert found.radius_m[i] == pytest.approx(fix.accuracy_m, abs=2e-3)
        # Of single scans, as a track with windows of no length has them.
        rows = np.flatnonzero(survey.session == "walk0001")
        fixes = fixes_of(system.locate(rssi[rows]), survey.timestamp_ms[rows])
        track = device.start_track(window_ms=0, accel_sigma=0.3)
        for i, place in zip(rows, tracked(fixes, 0.3), strict=True):
            fix = track.update(scan_of(system.run, rssi[i], int(survey.timestamp_ms[i])))
            if track.measured.floor == found.floor[i]:
                np.testing.assert_allclose(place, [fix.x_m, fix.y_m], atol=0.05)


def test_variants_change_what_they_name(survey):
    system = System.trained(survey, "best", 1)
    rssi = system.layout.levels(survey)
    assert system.changed(offset_db=5.0).rules.offset_db == 5.0
    moved = system.changed(offset_db=5.0).locate(rssi - 5.0)
    np.testing.assert_allclose(moved.xy_m, system.locate(rssi).xy_m, atol=1e-3)
    alone = np.where(rssi == np.nanmax(rssi, axis=1)[:, None], rssi, np.nan)
    lonely = system.with_position(strongest=1, silence_weight=0.0).changed(floor_attenuation_db=0.0)
    few, all_heard = (lonely.locate(r, floor=survey.floor).xy_m for r in (alone, rssi))
    np.testing.assert_allclose(few, all_heard, atol=1e-4)
    assert np.abs(all_heard - system.locate(rssi, floor=survey.floor).xy_m).max() > 1.0
    given = system.locate(rssi, floor=survey.floor)
    np.testing.assert_array_equal(given.floor, survey.floor)


def test_every_way_along_a_walk_is_nearer_than_the_scans(survey):
    """White errors around the truth: whatever filters must do better."""
    rng = np.random.default_rng(0)
    system = System.trained(survey, "best", 1)
    found = system.locate(system.layout.levels(survey))
    noisy = replace(
        found, xy_m=survey.xy_m + rng.normal(0, 4, (60, 2)), radius_m=np.full(60, 4 * 1.51)
    )
    raw = np.linalg.norm(noisy.xy_m - survey.xy_m, axis=1).mean()
    for method in METHODS:
        xy = along(method, noisy, survey.timestamp_ms, survey.session)
        error = np.linalg.norm(xy - survey.xy_m, axis=1).mean()
        # Without acceleration the paper's filter holds on to a straight line.
        assert error < raw * (1.3 if "0 m/s²" in method else 1.0), method


def test_pooled_quantiles_are_those_of_all_errors():
    rng = np.random.default_rng(3)
    rows, every = [], []
    for n in (40, 400, 2000):
        error = rng.gamma(2.0, n / 400 + 1, n)
        xy = np.column_stack([error, np.zeros(n)])
        zeros = np.zeros(n, dtype=np.int32)
        rows.append(row("m", xy, zeros, np.zeros((n, 2)), zeros, np.arange(n)))
        every.append(error)
    for share in (0.25, 0.5, 0.9):
        exact = np.quantile(np.concatenate(every), share)
        assert pooled(rows, share) == pytest.approx(exact, rel=0.02)


def test_other_buildings_scans_as_they_are(survey):
    data = hapi_effects.as_they_are([survey], np.random.default_rng(0), 500)
    assert len(data) == 500
    site = site_of(survey)
    own = System.trained(survey, "best", 1).layout.levels(survey)
    strongest = np.nanmax(own, axis=1)
    assert set(np.unique(data.features[:, :, 1].max(axis=1))) <= set(strongest.astype(np.float32))
    assert data.label.max() < len(site.floors)


@pytest.fixture
def small_beds(monkeypatch):
    for name, bed in list(beds.REPLICAS.items()):
        small = replace(bed, samples=16, area_ft2=6000.0, aps_per_floor=bed.aps_per_floor[:3])
        monkeypatch.setitem(beds.REPLICAS, name, small)


def test_testbeds_differ_in_their_radio_and_not_by_thinning(small_beds):
    radios = {hapi_testbeds.radio_of(name, s) for name in beds.REPLICAS for s in range(2)}
    assert len(radios) == 10
    whole = hapi_testbeds.replica_survey("bldg98", 0)
    half = hapi_testbeds.replica_survey("bldg98", 0, keep=0.5)
    np.testing.assert_array_equal(whole.xy_m, half.xy_m)
    assert len(half.access_points) == 15
    assert set(half.access_points) != set(whole.access_points)
    names = {one.header.name for one in hapi_testbeds.others("bldg98", 0)}
    assert len(names) == 4
    assert whole.header.name not in names


def test_reproduce_from_end_to_end(small_beds, survey, tmp_path, monkeypatch):
    monkeypatch.setattr(hapi_effects, "FAF_DB", (0.0, 20.0))
    monkeypatch.setattr(hapi_effects, "STRONGEST", (3, None))
    monkeypatch.setattr(hapi_effects, "SHARES", (0.5, 0.9))
    monkeypatch.setattr(hapi_effects, "FLOOR_S", (0, 6))
    monkeypatch.setattr(hapi_effects, "POSITION_S", (0, 3))
    out = tmp_path / "out"
    words = ["hapi", "--data", str(tmp_path), "--out", str(out), "--only"]
    only = "testbed-bldg99,thin-bldg98-0.5,real-CETC331"
    first = CliRunner().invoke(reproduce, [*words, only])
    assert first.exit_code == 0, first.output
    assert "real-CETC331\n  skipped:" in first.output, "there is no such set"
    assert "2 parts" in first.output
    record = json.loads((out / "runs" / "testbed-bldg99-0.json").read_text())
    assert record["building"] == "bldg99"
    assert set(record["effects"]) == set(hapi_report.hapi_effect_tables.TITLES)
    assert [r["value"] for r in record["effects"]["FAF"]] == ["own floor", 0.0, 20.0] * 2
    got = summary(gathered([record])["walking"]["best", TRACK])
    one = hapi_report.find(record["places"], hapi_testbeds.BEST, TRACK)
    assert got["mean_m"] == pytest.approx(one["mean_m"]["value"])
    text = (out / "tables.md").read_text()
    assert str(tmp_path) not in text + (out / "tables.json").read_text()
    assert "| bldg99 | " in text
    assert "0.726 | 0.407 |" in text, "the paper's row"
    plots = {"effects.png", "testbeds-ecdf.png"}
    assert plots <= {p.name for p in out.iterdir()}
    before = (out / "runs" / "testbed-bldg99-0.json").read_bytes()
    again = CliRunner().invoke(reproduce, [*words, "testbed-bldg99"])
    assert "testbed-bldg99-0: done before" in again.output
    assert (out / "runs" / "testbed-bldg99-0.json").read_bytes() == before
    wrong = CliRunner().invoke(reproduce, [*words, "bldg99"])
    assert wrong.exit_code == 2
    assert "testbed-bldg98-0" in wrong.output


def test_a_real_set(survey, monkeypatch, tmp_path):
    from evaluation.baselines import sets

    part = replace(survey, split=np.where(np.arange(60) < 40, "train", "test").astype(object))
    queries = sets.queries(part, "a house", "simulated", part.split == "test", walks=True)
    monkeypatch.setitem(hapi_real.SOURCES, "HCXY", lambda _: iter([queries]))
    other = place_access_points("other", [6, 6], 30, 20, np.random.default_rng(9))
    reference = simulate(other, Radio(), Crowd(scans=300, walks=6), seed=9)
    monkeypatch.setattr(hapi_real.sodindoorloc, "read", lambda *_: reference)
    record = hapi_real.study("HCXY", tmp_path)
    table = record["tables"][0]
    methods = [r["method"] for r in table["rows"]]
    assert len(methods) == len(set(methods))
    assert hapi_real.KNN in methods
    assert f"preset best, {TRACK}" in methods
    assert {r["n"] for r in table["rows"]} == {20}
    hit = {r["method"]: r["floor_hit"]["value"] for r in table["floor_rules"]}
    rssi, layout = queries.rssi_dbm, queries.layout
    share = (layout.floor[np.nanargmax(rssi, axis=1)] == queries.floor).mean()
    assert hit["floor of the strongest AP"] == pytest.approx(share)
    text = hapi_report.hapi_real_tables.real([record])
    assert "### a house" in text
    assert "20 scans" in text
