"""What an update leaves behind: an honest radius, nothing lost by Ctrl-C, no place that leaked."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from drifting_hall import RULES, month
from test_unlabelled import stored

from sdk.fix import AccuracyTable
from training import itoloc
from training.decode import decode
from training.itoloc_answer import probability
from training.itoloc_cotraining import Cotraining, Rules
from training.itoloc_guard import guard_of, mask_of
from training.itoloc_update import update
from training.run import Run
from training.survey_file import write_survey
from training.unlabelled import read_unlabelled
from training.update_cli import update as command

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(hall_run):
    return hall_run


def coverage(run, survey):
    """Of the radius of a run on a survey, by the device's own table."""
    guard = guard_of(run, survey)
    unknown = mask_of(run, run.unknown)
    said = probability(run, itoloc.load_network(run), guard.rssi_dbm, unknown)
    found = decode(said, run.arrays["places_xy_m"], run.arrays["places_floor"], run.estimate)
    matched = (np.isfinite(guard.rssi_dbm) & ~unknown).sum(axis=1)
    wider = run.accuracy["matched"]
    table = AccuracyTable(
        run.accuracy["spread_m"], run.accuracy["radius_m"], wider["aps"], wider["factor"]
    )
    radius = [table(s, m) for s, m in zip(found.spread_m, matched, strict=True)]
    return float((np.linalg.norm(found.xy_m - guard.xy_m, axis=1) <= radius).mean())


def test_the_radius_is_calibrated_anew_on_the_guard(run):
    """After two months of drift the old radius lies; the guard's holds what it says elsewhere."""
    run = replace(run, estimate="mean")
    rules = replace(RULES, rounds=2, base=4)
    later, other = month(2, 8, 1), month(2, 16, 2)
    updated, report = update(run, later, guard=month(2, 16, 3), rules=rules, seed=0)
    was = coverage(replace(updated, accuracy=run.accuracy, temperature=run.temperature), other)
    now = coverage(updated, other)
    said = report["accuracy"]
    print(f"old radius holds {was:.2f}, new {now:.2f}; {said}")
    assert said["how"] == "fitted anew"
    assert said["unseen"]
    assert was < 0.6, "the old radius lies"
    assert now == pytest.approx(0.68, abs=0.09)
    assert said["coverage_68"][0] < 0.6 < said["coverage_68"][1]
    assert updated.accuracy["split"] == "guard"
    assert 0 < updated.limits["least_agreement"] <= 1
    # Of two dozen scans no table can be made: one factor.
    few, report = update(run, later, guard=month(2, 2, 3), rules=rules, seed=0)
    said = report["accuracy"]
    assert said["how"] == "scaled"
    assert said["factor"] > 1.2
    ratio = np.divide(few.accuracy["radius_m"], run.accuracy["radius_m"])
    np.testing.assert_allclose(ratio, said["factor"], rtol=1e-3)
    assert few.temperature == run.temperature
    assert abs(coverage(few, other) - 0.68) < abs(was - 0.68)


def test_rows_that_the_network_has_learned_only_widen_the_radius(run):
    assert not run.refitted, "the hall brings its own validation rows"
    later, rules = month(0, 8, 1), replace(RULES, rounds=1)
    plain = update(run, later, rules=rules)[1]["accuracy"]
    assert (plain["how"], plain["unseen"]) == ("fitted anew", True)
    seen = replace(run, refitted=True)
    updated, report = update(seen, later, rules=rules)
    said = report["accuracy"]
    assert (said["how"], said["unseen"]) == ("widened at most", False)
    assert said["factor"] >= 1.0
    assert all(a >= b for a, b in zip(updated.accuracy["radius_m"], run.accuracy["radius_m"],
                                      strict=True))  # fmt: skip
    small = {**run.accuracy, "radius_m": [0.6] * len(run.accuracy["radius_m"])}
    wide = update(replace(seen, accuracy=small), month(1, 8, 1), rules=rules)[1]["accuracy"]
    assert wide["factor"] >= 1.0


def test_interrupted_in_the_middle_of_a_round_nothing_is_lost(run, tmp_path, monkeypatch):
    """Ctrl-C while a module learns: no run is written, what was done is kept, and the same command
    ends as if nothing had happened, in the radius too."""
    run.save(tmp_path / "run")
    stored(month(1, 4, 1), tmp_path / "store.db")
    words = [str(tmp_path / "run"), str(tmp_path / "store.db"), "--seed", "2", "--json", "-o"]
    monkeypatch.setattr(Rules, "__init__", _few(Rules.__init__))
    wanted = CliRunner().invoke(command, [*words, str(tmp_path / "wanted")])
    assert wanted.exit_code == 0, wanted.output
    tune, calls = Cotraining._tune, []

    def stopped(game, *given):
        calls.append(given[0])
        if len(calls) == 5:
            raise KeyboardInterrupt
        tune(game, *given)

    monkeypatch.setattr(Cotraining, "_tune", stopped)
    shown = CliRunner().invoke(command, [*words, str(tmp_path / "run2")])
    assert shown.exit_code == 1
    assert "run2 was not written; the same command goes on where it stopped" in shown.output
    assert not (tmp_path / "run2").exists()
    assert (tmp_path / ".run2.update").exists()
    left = {p.name for p in tmp_path.iterdir() if not p.name.startswith("store.db")}
    assert left == {".run2.update", "run", "wanted"}
    shown = CliRunner().invoke(command, [*words, str(tmp_path / "run2")])
    assert shown.exit_code == 0, shown.output
    assert len(calls) == 5 + 3 * 3, "round 1 was not done again"
    assert json.loads(shown.output) == json.loads(wanted.output)
    one, other = Run.load(tmp_path / "run2"), Run.load(tmp_path / "wanted")
    assert (one.accuracy, one.temperature) == (other.accuracy, other.temperature)
    for name, tensor in one.state.items():
        assert torch.equal(tensor, other.state[name]), name


def _few(init):
    def made(self, **given):
        init(self, **{"sigma": 0.7, "rounds": 4, "base": 8, **given})

    return made


def test_places_of_unlabelled_scans_cannot_leak(run, tmp_path):
    """A survey with wrong places and one without, and a store of the same scans: one result. Rows
    of a split are left out."""
    later = month(1, 6, 1)
    empty = np.array([""] * len(later), dtype=object)
    rng = np.random.default_rng(0)
    wrong = replace(
        later, x_m=rng.permutation(later.x_m), y_m=rng.permutation(later.y_m), split=empty
    )
    nowhere = replace(later, x_m=later.x_m * np.nan, y_m=later.y_m * np.nan, split=empty)
    split = empty.copy()
    split[::5] = ["train", "test", "validation", "test", "train"] * 3 + ["test"] * (
        len(split[::5]) - 15
    )
    rules = replace(RULES, rounds=2)
    found = {}
    for name, survey in {
        "right": replace(later, split=empty), "wrong": wrong, "nowhere": nowhere,
    }.items():  # fmt: skip
        write_survey(survey, tmp_path / name)
        found[name] = read_unlabelled(tmp_path / name, outside_splits=True)
    stored(later, tmp_path / "store.db")
    found["store"] = read_unlabelled(tmp_path / "store.db", outside_splits=True)
    write_survey(replace(wrong, split=split), tmp_path / "parts")
    parts = read_unlabelled(tmp_path / "parts", outside_splits=True)
    assert len(parts) == len(later) - len(split[::5])
    assert set(parts.timestamp_ms) == set(later.timestamp_ms[split == ""])
    results = {}
    for name, survey in found.items():
        assert not survey.labelled.any(), name
        assert np.isnan(survey.x_m).all()
        updated, report = update(run, survey, rules=rules, seed=1)
        results[name] = updated, report["rounds"], report["accuracy"]
    wanted = results.pop("right")
    for name, (updated, rounds, radius) in results.items():
        assert (rounds, radius) == wanted[1:], name
        assert updated.accuracy == wanted[0].accuracy
        for key, tensor in updated.state.items():
            assert torch.equal(tensor, wanted[0].state[key]), (name, key)
    # And where the reader would leave them in, update() itself does not look.
    updated, _ = update(run, wrong, rules=rules, seed=1)
    assert torch.equal(updated.state["predictors.0.0.0.weight"],
                       wanted[0].state["predictors.0.0.0.weight"])  # fmt: skip
