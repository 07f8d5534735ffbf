"""The accuracy protocols on invented data."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from invented import invented_survey

from evaluation import exloc_accuracy, exloc_accuracy_report
from export.errors import ExportError
from training import presets
from training.presets import PRESETS


def row(**changes):
    record = {
        "protocol": "known", "place": "floor 3", "system": "small", "seed": 0, "mean_m": 1.5,
        "median_m": 1.2, "p75_m": 2.0, "p95_m": 4.0, "floor_hit": 1.0, "coverage_68": 0.7,
        "median_accuracy_m": 1.6, "parameters": 1000, "model_bytes": 2000, "bundle_bytes": 3000,
        "p50_us": 90.0, "access_points": 50, "places": 80, "commit": "abc", "date": "2026-01-01",
    }  # fmt: skip
    return record | changes


def test_leaving_a_campaign_out():
    survey = invented_survey(sessions=6, side=2, floors=(0,))
    names = ["m01-trn01", "m01-tst02", "m01-tst03", "m02-trn01", "m02-tst02", "m02-tst03"]
    session = np.array([names[int(s[1:])] for s in survey.session], dtype=object)
    split = np.where(np.char.startswith(session.astype(str), "m02-tst"), "test", "train")
    survey = type(survey)(**{**vars(survey), "session": session, "split": split.astype(object)})
    made = exloc_accuracy.without_campaign(survey, 2)
    assert set(session[made.split == "test"]) == {"m02-tst02"}
    assert set(session[made.split == "train"]) == {"m01-trn01", "m01-tst03", "m02-trn01"}


def test_seeds_are_averaged_over_whole_sets_of_campaigns():
    rows = [
        row(protocol="unseen", place=f"floor 3, tst{k}", seed=seed, mean_m=mean)
        for seed, means in ((0, (1.0, 2.0, 3.0)), (1, (2.0, 3.0, 4.0)), (2, (9.0,)))
        for k, mean in zip((2, 3, 4), means, strict=False)
    ]
    text = exloc_accuracy_report.report([*rows, row()])
    assert "| floor 3 | `small` | 2 | 2.50 ± 0.71 |" in text, "seed 2 is not complete yet"
    assert "| floor 3 | `small` | 1 | 1.50 |" in text
    assert "| floor 3 | `small` | 1,000 | 2 | 3 | 90 | 50 | 80 |" in text


def test_refused_exports_are_told():
    refused = {k: row(seed=1)[k] for k in ("protocol", "place", "system", "seed", "commit", "date")}
    text = exloc_accuracy_report.report([row(), refused | {"refused": "fixes move by 0.08 m"}])
    assert "| floor 3 | `small` | 1 | 1.50 |" in text
    assert "floor 3, `small`, seed 1: fixes move by 0.08 m." in text


def test_refused_exports_do_not_end_the_run(tmp_path, monkeypatch):
    def refuse(*_):
        raise ExportError("run: no bundle was written. int8: fixes move by 1 m")

    monkeypatch.setattr(exloc_accuracy, "export_run", refuse)
    monkeypatch.setattr(
        exloc_accuracy, "cases", lambda *_: [("hall", lambda: invented_survey(sessions=4, side=3))]
    )
    words = [str(tmp_path), "--out", str(tmp_path), "--seeds", "2", "--protocol", "known"]
    result = CliRunner().invoke(exloc_accuracy.main, [*words, "--system", "neighbours"])
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "accuracy.json").read_text())
    assert [r["refused"] for r in rows] == ["int8: fixes move by 1 m"] * 2


def test_missing_data_are_skipped_and_rows_are_kept(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    words = [str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--seeds", "1"]
    result = CliRunner().invoke(exloc_accuracy.main, words)
    assert result.exit_code == 0, result.output
    assert "known, floor 3: skipped" in result.output
    assert not (tmp_path / "out").exists()

    changes = {"width": 8, "depth": 2, "batch": 16, "epochs": 4}
    for name in ("small", "edge"):
        monkeypatch.setitem(presets.PRESETS, name, presets.preset_of(PRESETS, name, changes))
    trained = []

    def survey():
        trained.append(1)
        return invented_survey(sessions=4, side=3)

    monkeypatch.setattr(exloc_accuracy, "cases", lambda *_: [("hall", survey)])
    words += ["--protocol", "known", "--system", "neighbours", "--system", "small"]
    for _ in range(2):
        result = CliRunner().invoke(exloc_accuracy.main, [*words, "--system", "edge"])
        assert result.exit_code == 0, result.output
    assert len(trained) == 1, "what is there is not measured again"
    assert not (tmp_path / "out" / "accuracy-development.json").exists()
    rows = json.loads((tmp_path / "out" / "accuracy.json").read_text())
    assert [r["system"] for r in rows] == ["neighbours", "small", "edge"]
    assert rows[1]["bundle_bytes"] < rows[2]["bundle_bytes"], "edge carries its scans"
    assert all(r["answered"] and r["p50_us"] > 0 for r in rows)
    assert "| hall | `edge` |" in (tmp_path / "out" / "accuracy.md").read_text()


def test_changed_presets_stand_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(
        exloc_accuracy, "cases", lambda *_: [("hall", lambda: invented_survey(sessions=4, side=3))]
    )
    words = [str(tmp_path), "--out", str(tmp_path), "--seeds", "1", "--protocol", "known"]
    words += ["--system", "small", "--change", "width=8", "--change", "epochs=2"]
    result = CliRunner().invoke(exloc_accuracy.main, words)
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "accuracy.json").exists()
    (found,) = json.loads((tmp_path / "accuracy-development.json").read_text())
    assert found["system"] == "small, width=8, epochs=2"
    for wrong in ("width", "width=x"):
        result = CliRunner().invoke(exloc_accuracy.main, [*words[:3], "--change", wrong])
        assert result.exit_code == 2


def test_development_months(tmp_path):
    places = [place for place, _ in exloc_accuracy.cases(tmp_path, "unseen", (3, 4))]
    assert len(places) == 12
    assert places[0] == "floor 3, month 3, tst2"


@pytest.mark.parametrize("protocol", exloc_accuracy.PROTOCOLS)
def test_cases_have_names(protocol, tmp_path):
    places = [place for place, _ in exloc_accuracy.cases(tmp_path, protocol)]
    assert len(set(places)) == len(places) == {"known": 2, "unseen": 6, "ujiindoorloc": 1}[protocol]
