"""From `rssfix record` to a bundle that locates: the way of somebody with a building and a Pi."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from sdk import Localizer, cli
from training.readers import recorded
from training.survey import NO_FLOOR, SurveyError
from training.survey_check import check

sys.path.append(str(Path(__file__).parents[1] / "sdk"))

import small_bundles as small


@pytest.fixture
def walks(tmp_path):
    """Three walks over the small building, one line per place, as `rssfix record` writes them."""
    folder = tmp_path / "walks"
    folder.mkdir()
    xy, floor = small.places()
    rng = np.random.default_rng(2)
    for day in range(3):
        lines = []
        for i, row in enumerate(small.survey()):
            scan = small.scan_of(np.minimum(row + rng.normal(0, 1, row.shape), -1), 1000 * i)
            place = {"x_m": xy[i, 0], "y_m": xy[i, 1], "floor": int(floor[i])}
            label = {"source": "iw", "device": "pi", "session": "" if day == 0 else f"day{day}"}
            lines.append(json.dumps({**json.loads(scan.to_json()), **label, **place}))
        (folder / f"day{day}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def rssfix(*arguments):
    result = CliRunner().invoke(cli.main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result


def test_labels_become_a_survey(walks):
    unlabelled = (
        '{"timestamp_ms": 7, "readings": [{"bssid": "aa:bb:cc:00:00:01", "rssi_dbm": -50}]}'
    )
    (walks / "extra.jsonl").write_text(unlabelled)
    survey = recorded.read(walks, "my house", test=["day2"])
    assert [problem.level for problem in check(survey)] == []
    assert len(survey) == 3 * small.N_PLACES + 1
    assert set(survey.session) == {"day0", "day1", "day2", "extra"}
    for session, split in (("day0", "train"), ("day2", "test"), ("extra", "")):
        assert set(survey.split[survey.session == session]) == {split}
    (extra,) = np.flatnonzero(survey.session == "extra")
    assert survey.floor[extra] == NO_FLOOR
    assert np.isnan(survey.x_m[extra])
    assert [floor.floor for floor in survey.header.floors] == [0, 1]
    xy, floor = small.places()
    here = survey.session == "day1"
    np.testing.assert_allclose(survey.xy_m[here], xy)
    np.testing.assert_array_equal(survey.floor[here], floor)
    assert set(survey.device[here]) == {"pi"}


def test_from_recording_to_fixes(walks, tmp_path):
    survey, run, bundle = tmp_path / "survey", tmp_path / "run", tmp_path / "house.rssfix"
    converted = rssfix(
        "survey", "convert", "recorded", walks, "-o", survey, "--name", "house", "--test", "day2"
    )
    assert "80 train, 40 test" in converted.output
    rssfix("survey", "check", survey)
    rssfix("train", "neighbours", survey, "-o", run)
    rssfix("export", run, "-o", bundle)
    fixes = rssfix("run", bundle, "--source", f"replay:{walks / 'day2.jsonl'}").stdout.splitlines()
    xy, floor = small.places()
    found = [json.loads(line) for line in fixes]
    error_m = np.hypot(*(np.array([[fix["x_m"], fix["y_m"]] for fix in found]) - xy).T)
    assert np.mean(error_m) < 1.0
    assert np.mean([fix["floor"] for fix in found] == floor) > 0.9
    with Localizer.open(bundle) as localizer:
        assert localizer.venue.frame == recorded.FRAME


def test_what_cannot_be_used_is_named(walks, tmp_path):
    with pytest.raises(SurveyError, match=r"no session 'day9', expected some of \['day0'"):
        recorded.read(walks, "x", test=["day9"])
    with pytest.raises(SurveyError, match=r"no \*.jsonl; expected files of rssfix record"):
        recorded.read(tmp_path, "x")
    bad = walks / "bad.jsonl"
    for line, message in (
        ("nonsense", "line 1: not a line of JSON"),
        ('{"timestamp_ms": 1, "readings": [], "x_m": 1}', "go together, got"),
        ('{"timestamp_ms": 1, "readings": [], "x_m": 1, "y_m": 1, "floor": 0.5}', "floor an int"),
        ('{"timestamp_ms": 1, "readings": [], "x_m": NaN, "y_m": 1, "floor": 0}', "in metres"),
    ):
        bad.write_text(line)
        with pytest.raises(SurveyError, match=message):
            recorded.read(walks, "x")
    for file in walks.glob("*.jsonl"):
        file.write_text('{"timestamp_ms": 1, "readings": []}')
    with pytest.raises(SurveyError, match="record with --at X Y FLOOR"):
        recorded.read(walks, "x")
