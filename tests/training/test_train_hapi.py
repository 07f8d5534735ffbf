"""Training Hapi for a building that nobody has surveyed."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from sdk.rank_rules import RankRules
from training import cli_train, hapi
from training.hapi_presets import PRESETS
from training.hapi_site import read_site
from training.run import Run
from training.simulator import Crowd, Radio, place_access_points, simulate
from training.survey import SurveyError
from training.survey_file import write_survey

QUICK = {"users": 1500, "held_out": 300, "epochs": 3, "batch": 128}


@pytest.fixture(autouse=True)
def few_users(monkeypatch):
    monkeypatch.setattr(hapi, "QUALITY_USERS", 200)
    monkeypatch.setattr(hapi, "HELD_OUT_USERS", 120)
    monkeypatch.setattr(hapi, "CALIBRATION_USERS", 40)


def building(counts=(5, 4, 6), seed=0, networks=1, scans=60):
    rng = np.random.default_rng(seed)
    made = place_access_points("b", counts, 25.0, 18.0, rng)
    return simulate(made, Radio(networks=networks), Crowd(scans=scans, walks=6), seed=seed)


@pytest.fixture(scope="module")
def survey():
    return building()


def same(one: Run, other: Run) -> bool:
    plain = [
        json.dumps({k: v for k, v in vars(r).items() if k not in ("arrays", "state", "plans")})
        for r in (one, other)
    ]
    arrays = one.arrays.keys() == other.arrays.keys() and all(
        np.array_equal(one.arrays[k], other.arrays[k], equal_nan=True) for k in one.arrays
    )
    if one.state is None or other.state is None:
        return plain[0] == plain[1] and arrays and one.state is other.state
    states = all(torch.equal(one.state[k], other.state[k]) for k in one.state)
    return plain[0] == plain[1] and arrays and states


def test_scans_of_the_building_change_nothing(survey):
    louder = replace(
        survey, rssi_dbm=survey.rssi_dbm + 7, x_m=survey.y_m, y_m=survey.x_m, sha256="other",
        split=np.full(len(survey), "train", dtype=object),
    )  # fmt: skip
    run = hapi.train(survey, seed=3, changes=QUICK)
    assert same(run, hapi.train(louder, seed=3, changes=QUICK))
    assert same(run, hapi.train(survey.take(survey.floor < 0), seed=3, changes=QUICK))
    assert not same(run, hapi.train(survey, seed=4, changes=QUICK))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_is_complete(survey, preset, tmp_path):
    run = hapi.train(survey, preset, changes=QUICK)
    run.save(tmp_path / "run")
    assert same(run, Run.load(tmp_path / "run"))
    rules = RankRules.from_json(run.ranks)
    assert rules.quality is not None
    assert rules.floor_network is not None
    assert run.system == "hapi"
    assert run.network == {
        "kind": "floor", "kinds": 8, "span": 4, "width": 100, "depth": 4, "dropout": 0.25,
    }  # fmt: skip
    assert run.bssids == tuple(ap.bssid for ap in survey.access_points)
    assert run.metrics["split"] == run.accuracy["split"] == "simulated"
    assert run.metrics["n"] == run.metrics["centroid"]["n"] == 120
    assert run.metrics["floor_hit"] > 0.7
    assert run.metrics["mean_m"] < 12
    assert run.provenance["train_rows"] == 0
    assert run.provenance["validation"] == "120 virtual users, simulated"
    assert run.limits["min_matched_aps"] == 1
    assert run.virtual_rssi == ("mean" if preset == "paper" else "strongest")
    arrays = run.arrays
    assert arrays["calibration_rssi_dbm"].shape == (40, 15)
    assert arrays["validation_rssi_dbm"].shape == (120, 15)
    places = np.unique(arrays["places_floor"])
    assert places.tolist() == [g.floor for g in rules.grids] == [0, 1, 2]
    assert arrays["ap_floor"].dtype == np.int32
    assert all(np.diff(run.accuracy["spread_m"]) > 0)


def test_the_expected_error_follows_the_error(survey):
    run = hapi.train(survey, changes=QUICK)
    assert run.metrics["quality_spearman"] > 0.15
    assert 0.5 < run.metrics["coverage_68"] < 0.85


def test_one_floor_needs_no_network():
    run = hapi.train(building((6,)), changes=QUICK)
    assert run.network is None
    assert run.state is None
    assert run.ranks["floor_network"] is None
    assert run.metrics["floor_hit"] == 1.0


def test_floors_without_access_points_and_negative_ones(survey):
    floors = tuple(replace(f, floor=2 * f.floor - 3) for f in survey.header.floors)
    top = replace(floors[-1], floor=9)
    points = tuple(replace(ap, floor=2 * ap.floor - 3) for ap in survey.access_points)
    moved = replace(
        survey, header=replace(survey.header, floors=(top, *floors)), access_points=points
    )
    run = hapi.train(moved, changes=QUICK)
    assert [g["floor"] for g in run.ranks["grids"]] == [-3, -1, 1, 9]
    assert set(run.arrays["validation_floor"].tolist()) == {-3, -1, 1, 9}
    assert set(run.arrays["ap_floor"].tolist()) == {-3, -1, 1}


def test_virtual_access_points_are_one(tmp_path):
    survey = building(networks=3)
    run = hapi.train(survey, changes=QUICK)
    assert len(run.bssids) == 15
    assert len(run.physical) == 30
    assert set(run.physical.values()) == set(run.bssids)
    assert not set(run.physical) & set(run.bssids)
    merged = hapi.train(survey, changes=QUICK | {"merge_virtual_aps": "last_hex_digit"})
    assert merged.merge_virtual_aps == "last_hex_digit"
    assert merged.physical == {}
    assert all(name.endswith("0") for name in merged.bssids)
    apart = list(survey.access_points)
    apart[1] = replace(apart[1], x_m=apart[1].x_m + 2)
    with pytest.raises(SurveyError, match="stand at two places but are one access point by their"):
        hapi.train(
            replace(survey, access_points=tuple(apart)),
            changes=QUICK | {"merge_virtual_aps": "last_hex_digit"},
        )


def test_references_of_other_buildings(survey):
    others = [building((6, 5, 4, 7), 5, scans=400), building((4, 4), 6)]
    run = hapi.train(survey, "paper", references=others, changes=QUICK)
    assert run.ranks["position"]["mean_m"] != list(PRESETS["paper"].position.mean_m)
    assert [r["name"] for r in run.provenance["references"]] == [o.header.name for o in others]
    assert run.metrics["floor_hit"] > 0.6
    best = hapi.train(survey, "best", references=others, changes=QUICK)
    assert best.ranks["position"] == PRESETS["best"].position.to_json()
    assert not same(best, hapi.train(survey, "best", changes=QUICK))


def test_the_building_is_no_reference_for_itself(survey):
    with pytest.raises(SurveyError, match="has '02:00:00:00:00:00' at the same place as survey"):
        hapi.train(survey, references=[building((3,), 2), survey.take(survey.floor == 0)])


def test_wrong_settings(survey):
    for changes, text in (
        ({"depth": 3}, "no such setting"),
        ({"kinds": 4}, "kinds is 4, expected 8"),
        ({"merge_virtual_aps": "box"}, "merge_virtual_aps is 'box', expected one of none"),
    ):
        with pytest.raises(ValueError, match=text):
            hapi.train(survey, changes=changes)
    with pytest.raises(ValueError, match=r"preset 'tiny', expected one of paper, best"):
        hapi.train(survey, "tiny")
    with pytest.raises(SurveyError, match="no access point; expected one at least"):
        hapi.train(replace(survey, access_points=()))


def call(*words):
    return CliRunner().invoke(cli_train.train, [str(w) for w in words])


@pytest.fixture
def folder(survey, tmp_path):
    write_survey(survey, tmp_path / "survey")
    return tmp_path / "survey"


def test_from_the_command_line(folder, tmp_path):
    (folder / "scans.parquet").write_bytes(b"never opened")
    result = call("hapi", folder, "-o", tmp_path / "run", "--epochs", 2)
    assert result.exit_code == 0, result.output
    assert "15 access points" in result.stdout
    assert "no scan of the building" in result.stdout
    assert "simulated, hapi: mean" in result.stdout
    assert "simulated, strongest AP's floor, centroid of 4: mean" in result.stdout
    assert Run.load(tmp_path / "run").preset == hapi.DEFAULT_PRESET


def test_a_list_of_access_points_and_a_reference(folder, tmp_path):
    file, other = folder / "access_points.csv", tmp_path / "other"
    write_survey(building((4, 6, 5), 8, scans=200), other)
    result = call(
        "hapi", file, "--reference", other, "--preset", "paper", "-o", tmp_path / "run",
        "--epochs", 1, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    run = Run.load(tmp_path / "run")
    assert json.loads(result.stdout) == run.metrics
    assert run.survey["name"] == "access_points"
    assert run.survey["sha256"] == read_site(file).sha256
    assert len(run.provenance["references"]) == 1


def test_errors_are_clean(folder, tmp_path, monkeypatch):
    with (folder / "access_points.csv").open("a") as out:
        out.write("02:00:00:00:00:00,1,1,0\n")
    result = call("hapi", folder, "-o", tmp_path / "run")
    assert result.exit_code == 1
    assert "access_points.csv: line 17: '02:00:00:00:00:00' is at (1, 1)" in result.output
    result = call("exloc", folder, "--reference", folder, "-o", tmp_path / "run")
    assert result.exit_code == 2
    assert "--reference is for hapi, not for exloc" in result.output
    assert not (tmp_path / "run").exists()


def test_interrupted_training_leaves_nothing(folder, tmp_path, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.hapi.fit_floor", interrupted)
    result = call("hapi", folder, "-o", tmp_path / "run")
    assert result.exit_code == 1
    assert "interrupted" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["survey"]
