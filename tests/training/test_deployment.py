"""rssfix update and rssfix health on simulated buildings: silent, moved, odd and new boxes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from sdk.fingerprint import ApTable
from training import hapi, hapi_update, neighbours
from training.ap_presence import appeared, silent_beside
from training.hapi_site import site_of
from training.run import Run, RunError
from training.simulator import Crowd, Radio, place_access_points, simulate
from training.survey_file import write_survey
from training.unlabelled import known_of_run
from training.update_cli import health, update

QUICK = {"users": 300, "held_out": 100, "epochs": 1, "batch": 128}
MOVED, DEAD, WALLED = 13, 11, 20


@pytest.fixture(scope="module")
def building():
    return place_access_points("b", (9, 9, 9), 50.0, 30.0, np.random.default_rng(1))


@pytest.fixture(scope="module")
def survey(building):
    """What users hear: one box is dead and one behind a wall of 25 dB."""
    radio = Radio(p0_dbm=-35, floor_attenuation_db=22)
    made = simulate(building, radio, Crowd(400, walks=8, device_spread_db=0), seed=1)
    rssi = made.rssi_dbm - 25.0 * (made.bssid_code == WALLED)
    kept = (made.bssid_code != DEAD) & (rssi >= -92)
    heard = np.bincount(made.row_of_reading[kept], minlength=len(made))
    return replace(
        made, rssi_dbm=rssi[kept].astype(np.float32), bssid_code=made.bssid_code[kept],
        offsets=np.concatenate([[0], np.cumsum(heard)]).astype(np.int64),
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(building, survey):
    """A deployment whose list has one box on the other side of the floor."""
    xy_m = building.ap_xy_m.copy()
    xy_m[MOVED] = [50.0, 30.0] - xy_m[MOVED]
    assert np.linalg.norm(xy_m[MOVED] - building.ap_xy_m[MOVED]) > 20
    stated = [
        replace(ap, x_m=float(x), y_m=float(y))
        for ap, (x, y) in zip(survey.access_points, xy_m, strict=True)
    ]
    sizes = {"QUALITY_USERS": 60, "HELD_OUT_USERS": 60, "CALIBRATION_USERS": 20}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sizes.items():
            patch.setattr(hapi, name, value)
        return hapi.train(site_of(replace(survey, access_points=tuple(stated))), changes=QUICK)


@pytest.fixture(scope="module")
def updated(run, survey):
    return hapi_update.update(run, survey)


def test_update_takes_over_the_attenuation_and_reports_the_boxes(run, survey, updated):
    result, report = updated
    assert run.ranks["floor_attenuation_db"] == 20
    assert result.ranks["floor_attenuation_db"] == pytest.approx(22, abs=2)
    changed = report["floor_attenuation_db"]
    assert (changed["was"], changed["kept_because"]) == (20, None)
    assert changed["now"] == result.ranks["floor_attenuation_db"]
    assert result.ranks["offset_db"] == 0
    assert report["offset_db"]["estimate"] == pytest.approx(0, abs=3)
    assert "--offset yes" in report["offset_db"]["kept_because"]
    boxes = report["access_points"]
    names = [ap.bssid for ap in survey.access_points]
    assert [one["bssid"] for one in boxes["silent"]] == [names[DEAD]]
    assert [one["bssid"] for one in boxes["moved"]] == [names[MOVED]]
    assert [one["bssid"] for one in boxes["odd_level"]] == [names[WALLED]]
    assert boxes["odd_level"][0]["excess_db"] == pytest.approx(-25, abs=8)
    assert boxes["appeared"] == []
    assert (boxes["known"], boxes["heard"]) == (27, 26)


def test_a_moved_box_is_found_where_it_stands(run, survey, building):
    found = hapi_update.findings(known_of_run(run, "run"), survey).moved
    assert len(found) == 1
    assert found[0].floor == building.ap_floor[MOVED]
    place = building.ap_xy_m[MOVED]
    assert np.hypot(found[0].x_m - place[0], found[0].y_m - place[1]) < 12


def test_truth_in_the_survey_changes_nothing(run, survey, updated):
    liar = replace(survey, x_m=survey.y_m, y_m=survey.x_m, floor=survey.floor[::-1].copy())
    assert hapi_update.update(run, liar)[1] == updated[1]


def test_offset_is_taken_over_where_it_is_wanted(run, survey, updated):
    quiet = replace(survey, rssi_dbm=survey.rssi_dbm - 8)
    before = updated[1]["offset_db"]["estimate"]
    taken, report = hapi_update.update(run, quiet, "yes")
    assert taken.ranks["offset_db"] == report["offset_db"]["now"]
    assert taken.ranks["offset_db"] == pytest.approx(before + 8, abs=0.6)
    by_ranks = replace(run, ranks={**run.ranks, "position": {"method": "ranks"}})
    taken, _ = hapi_update.update(by_ranks, quiet)
    assert taken.ranks["offset_db"] == pytest.approx(before + 8, abs=0.6)
    left, _ = hapi_update.update(by_ranks, quiet, "no")
    assert left.ranks["offset_db"] == 0


def test_too_few_scans_change_nothing(run, survey):
    few = survey.take(np.arange(len(survey)) < 20)
    result, report = hapi_update.update(run, few)
    assert result.ranks == run.ranks
    assert (
        "20 scans heard a known access point, needed 50"
        in (report["floor_attenuation_db"]["kept_because"])
    )
    assert report["access_points"]["silent"] == []


def test_updates_add_up_in_the_record(run, survey, updated):
    once, _ = updated
    twice, report = hapi_update.update(once, survey)
    assert len(twice.provenance["updates"]) == 2
    assert report["floor_attenuation_db"]["was"] == once.ranks["floor_attenuation_db"]
    assert twice.ranks == once.ranks
    with pytest.raises(ValueError, match="offset is 'maybe', expected one of auto, yes, no"):
        hapi_update.update(run, survey, "maybe")


def lines_of(survey, path, scans=60, strange=()):
    """JSON Lines; ``strange`` readings are in every scan."""
    rows = []
    for i in range(scans):
        here = slice(survey.offsets[i], survey.offsets[i + 1])
        readings = [
            {"bssid": survey.bssids[code], "rssi_dbm": float(level)}
            for code, level in zip(survey.bssid_code[here], survey.rssi_dbm[here], strict=True)
        ]
        readings += [{"bssid": name, "rssi_dbm": -70.0, "age_ms": 5} for name in strange]
        rows.append(json.dumps({"timestamp_ms": i * 1000, "readings": readings}))
    path.write_text("\n".join(rows) + "\n")


def test_commands_write_whole_runs_and_plain_reports(run, survey, updated, tmp_path):
    run.save(tmp_path / "run")
    write_survey(survey, tmp_path / "scans")
    arguments = [str(tmp_path / "run"), str(tmp_path / "scans"), "-o", str(tmp_path / "run2")]
    shown = CliRunner().invoke(update, arguments)
    assert shown.exit_code == 0, shown.output
    for text in ("400 scans", "floor_attenuation_db: 20 -> 2", "silent: ", "moved or misplaced: "):
        assert text in shown.output
    as_json = CliRunner().invoke(update, [*arguments, "--json"])
    again = Run.load(tmp_path / "run2")
    expected, report = updated
    assert json.loads(as_json.output) == report
    assert again.ranks == expected.ranks
    assert again.bssids == run.bssids

    lines_of(survey, tmp_path / "scans.jsonl", strange=("aa:bb:cc:00:11:22",))
    arguments = [str(tmp_path / "run2"), str(tmp_path / "scans.jsonl")]
    shown = CliRunner().invoke(health, arguments)
    assert shown.exit_code == 0, shown.output
    assert "appeared: aa:bb:cc:00:11:22, in 60 scans" in shown.output
    found = json.loads(CliRunner().invoke(health, [*arguments, "--json"]).output)
    assert found["looked_for"] == dict.fromkeys(("appeared", "silent", "moved", "odd_level"), True)


def test_errors_name_what_is_wrong_and_nothing_is_written(run, survey, tmp_path):
    run.save(tmp_path / "run")
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"timestamp_ms": 0, "readings": []}\nnonsense\n')
    out = tmp_path / "out"
    shown = CliRunner().invoke(update, [str(tmp_path / "run"), str(broken), "-o", str(out)])
    assert shown.exit_code == 1
    assert "broken.jsonl, line 2: not a line of JSON" in shown.output
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    shown = CliRunner().invoke(update, [str(tmp_path / "run"), str(empty), "-o", str(out)])
    assert "empty.jsonl: holds no scan" in shown.output
    assert not out.exists()
    shown = CliRunner().invoke(health, [str(empty), str(empty)])
    assert shown.exit_code == 1
    assert "empty.jsonl: not a zip" in shown.output or "empty.jsonl" in shown.output


def test_other_systems_are_compared_with_what_they_were_trained_on(survey, tmp_path):
    """One box falls silent after the training; positions are not known, so none can move."""
    trained = neighbours.train(survey)
    with pytest.raises(RunError, match="a neighbours run has no floor attenuation"):
        hapi_update.update(trained, survey)
    gone = trained.bssids[3]
    later = replace(survey, bssids=tuple("new" if b == gone else b for b in survey.bssids))
    trained.save(tmp_path / "run")
    write_survey(later, tmp_path / "later")
    shown = CliRunner().invoke(health, [str(tmp_path / "run"), str(tmp_path / "later"), "--json"])
    found = json.loads(shown.output)
    assert [one["bssid"] for one in found["access_points"]["silent"]] == [gone]
    assert found["access_points"]["appeared"][0]["bssid"] == "new"
    assert found["looked_for"] == {
        "appeared": True, "silent": True, "moved": False, "odd_level": False,
    }  # fmt: skip
    plain = CliRunner().invoke(health, [str(tmp_path / "run"), str(tmp_path / "later")])
    assert "not looked for: moved, odd_level" in plain.output


def test_nothing_is_silent_where_nothing_was_expected():
    reference = np.full((30, 3), np.nan)
    reference[:15, 0] = reference[15:, 1] = -50
    scans = np.full((40, 3), np.nan)
    scans[:, 0] = -50
    assert silent_beside(reference, scans) == []
    scans[:, 1], scans[:, 0] = -50, np.nan
    both = np.full((30, 3), -50.0)
    assert [one.ap for one in silent_beside(both, scans)] == [0, 2]


def test_rare_strangers_did_not_appear(survey):
    table = ApTable(sorted(survey.bssids)[:-1])
    last = sorted(survey.bssids)[-1]
    heard = int((survey.bssid_code == survey.bssids.index(last)).sum())
    assert appeared(survey, table) == ([(last, heard)] if heard >= 20 else [])
    assert appeared(survey.take(np.arange(len(survey)) < 15), table) == []
