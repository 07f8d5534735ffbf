"""Updating iToLoc: co-training on a small invented drift, its guard, and taking up again."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from drifting_hall import APS, RULES, error_m, month
from test_unlabelled import stored

from sdk.silence import silent
from training import itoloc
from training.itoloc_cotraining import Cotraining, Rules
from training.itoloc_guard import levels_of
from training.itoloc_images import Images, recipe_of
from training.itoloc_update import update
from training.networks.itoloc import ItolocNet
from training.run import Run, RunError
from training.survey import SurveyError
from training.survey_file import write_survey
from training.update_cli import update as command

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(hall_run):
    return hall_run


def test_an_update_beats_the_static_model(run, monkeypatch):
    """Boxes changed their power: what two modules stay sure of teaches the third. Fine-tuning on
    the labelled scans alone does less."""
    later, other = month(1, 16, 1), month(1, 16, 2)
    updated, report = update(run, later, rules=RULES, seed=0)
    static, now = error_m(run, other), error_m(updated, other)
    assert report["kept"]
    assert static > 0.3, "the drift hurts"
    assert now < 0.85 * static
    added = [sum(one.get("added", [])) for one in report["rounds"]]
    assert sum(added) > 1000
    assert [sum(one.get("per_place", [])) for one in report["rounds"]] == added
    for name, tensor in run.state.items():
        if name.startswith("extractor"):
            assert torch.equal(updated.state[name], tensor), "M_E stays as it is"
    json.dumps(report, allow_nan=False)

    def none(game, rows, sigma):
        return np.full((3, len(rows)), -1)

    monkeypatch.setattr(Cotraining, "_pseudo_labels", none)
    alone, _ = update(run, later, rules=replace(RULES, quiet=99), seed=0)
    print(f"static {static:.2f} m, updated {now:.2f} m, without {error_m(alone, other):.2f} m")
    assert now < 0.95 * error_m(alone, other)


def test_bad_pseudo_labels_are_rolled_back(run, monkeypatch):
    def wrong(game, rows, sigma):
        return np.stack([(rows * 0 + 3 + module) % 16 for module in range(3)])

    monkeypatch.setattr(Cotraining, "_pseudo_labels", wrong)
    later = month(1, 16, 1)
    updated, report = update(run, later, rules=replace(RULES, rounds=3), seed=0)
    assert [one["rolled_back"] for one in report["rounds"]] == [True] * 3
    for name, tensor in run.state.items():
        assert torch.equal(updated.state[name], tensor), name
    # Where nothing watches the rounds, scans of the new time still have the last word.
    rules = replace(RULES, rounds=3, most_drop=2.0)
    updated, report = update(run, later, guard=month(1, 2, 3), rules=rules, seed=0)
    assert not report["kept"]
    assert report["co_trained"]["mean_m"] > report["masked"]["mean_m"]
    assert torch.equal(updated.state["predictors.0.0.0.weight"],
                       run.state["predictors.0.0.0.weight"])  # fmt: skip


def test_silent_access_points_become_unknown(run):
    dead = (1, 4, 7)
    names = tuple(f"02:00:00:00:00:{i:02x}" for i in dead)
    later, other = month(0, 16, 1, dead), month(0, 8, 2, dead)
    updated, report = update(run, later, rules=replace(RULES, rounds=1), seed=0)
    assert set(updated.unknown) == set(names) == set(report["unknown"])
    assert report["masked"]["mean_m"] <= error_m(run, other)
    assert error_m(run, other, names) < error_m(run, other)
    heard = np.isfinite(levels_of(later, run))
    on_the_device = silent(heard.sum(axis=0), len(heard))
    assert {run.bssids[i] for i in np.flatnonzero(on_the_device)} == set(names), "one rule"
    few = later.take(np.arange(len(later)) < 50)
    assert update(run, few, rules=replace(RULES, rounds=1))[0].unknown == (), "too few to tell"


def test_taken_up_again_it_ends_as_if_it_had_never_stopped(run, tmp_path, monkeypatch):
    later, file = month(1, 6, 1), tmp_path / ".run2.update"
    rules = replace(RULES, rounds=4, base=10)
    wanted, report = update(run, later, rules=rules, seed=3)
    again, _ = update(run, later, rules=rules, seed=3)
    step = Cotraining.step

    def interrupted(game):
        if game.state.round == 2:
            raise KeyboardInterrupt
        step(game)

    monkeypatch.setattr(Cotraining, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        update(run, later, rules=rules, seed=3, state_file=file)
    rounds = []
    monkeypatch.setattr(Cotraining, "step", lambda game: (rounds.append(1), step(game)))
    found, second = update(run, later, rules=rules, seed=3, state_file=file)
    assert len(rounds) == 2
    assert not file.exists()
    assert second["rounds"] == report["rounds"]
    for name, tensor in wanted.state.items():
        assert torch.equal(found.state[name], tensor), name
        assert torch.equal(again.state[name], tensor), name
    monkeypatch.setattr(Cotraining, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        update(run, later, rules=rules, seed=3, state_file=file)
    monkeypatch.setattr(Cotraining, "step", lambda game: (rounds.append(1), step(game)))
    update(run, later, rules=rules, seed=4, state_file=file)
    assert len(rounds) == 2 + 4, "another seed begins anew"
    file.write_bytes(b"nothing")
    with pytest.raises(RunError, match=r"\.run2\.update: not the state of an update"):
        update(run, later, rules=rules, seed=3, state_file=file)


class Fixed(torch.nn.Module):
    """A predictor that says what it was told, in the order of the rows' first level."""

    def __init__(self, table):
        super().__init__()
        self.table = torch.nn.Parameter(torch.tensor(table))

    def forward(self, features):
        return self.table[features.long()].log()


def told(*tables, passes=9, sigma=0.8):
    """A game over numbered rows, of which each module says what it is told."""
    n = len(tables[0])
    network = ItolocNet(4, 3, 2, width=2)
    network.extractor = torch.nn.Flatten()
    network.predictors = torch.nn.ModuleList(
        [torch.nn.Sequential(Number(), Fixed(table)) for table in tables]
    )
    rows = np.full((n, 4), -50, dtype=np.float32) - np.arange(n, dtype=np.float32)[:, None]
    recipe = recipe_of("image", rows, -100.0, True)
    rules = Rules(sigma=sigma, passes=passes)
    return Cotraining(
        network, Images(recipe), rows, np.zeros(n), np.eye(3, dtype=np.float32), rows,
        np.zeros(4, dtype=bool), rules, 0, lambda *_: 1.0, 10,
    )  # fmt: skip


class Number(torch.nn.Module):
    """The row's number, from the channel of the level."""

    def forward(self, x):
        return (-100 * x[:, -1] - 50).round()


def test_what_becomes_a_pseudo_label():
    """Row 0: all agree. 1: the first two agree. 2: they agree, but are not sure. 3: none agree."""
    sure, unsure = [0.9, 0.05, 0.05], [0.7, 0.2, 0.1]
    other, third = [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]
    game = told([sure, sure, unsure, sure], [sure, sure, unsure, other], [sure, other, sure, third])
    found = game._pseudo_labels(np.arange(4), 0.8)
    assert found.tolist() == [[0, -1, -1, -1], [0, -1, -1, -1], [0, 0, -1, -1]]
    # (0.9 + 0.7) / 2 is not more than 0.8, but more than 0.79.
    assert game._pseudo_labels(np.arange(4), 0.79).tolist()[0][2] == 0


def test_what_wavers_under_dropout_is_left_out():
    """With dropout module 0 says 1 instead of 0; its pairs waver, the pair of the others not."""
    sure = [[0.9, 0.06, 0.04]]
    game = told(sure, sure, sure)

    class Waver(torch.nn.Dropout):
        def forward(self, x):
            return x.roll(1, dims=1) * 3 if self.training else x

    game.network.predictors[0] = torch.nn.Sequential(*game.network.predictors[0], Waver())
    found = game._pseudo_labels(np.arange(1), 0.8)
    differ = game._wavering(game.unlabelled, game._probability(game.unlabelled, game.unknown))
    assert differ[:, 0].tolist() == [0, 9, 9]
    assert found[:, 0].tolist() == [0, -1, -1]


def test_smearing_adds_noise_to_the_labels_alone(run):
    """Eq. 12, 13: none is negative, each row sums to 1, and each module gets its own."""
    game = Cotraining(
        itoloc.load_network(run), Images(run.input_recipe), run.arrays["database"],
        run.arrays["place_of_row"], np.eye(16, dtype=np.float32), run.arrays["database"][:40],
        np.zeros(APS, dtype=bool), RULES, 0, lambda *_: 1.0, 10,
    )  # fmt: skip
    seen = []
    game._tune = lambda *given: seen.append((given[2], len(given[3])))
    game._smear(np.random.default_rng(0))
    assert [count for _, count in seen] == [0, 0, 0]
    hard = game.targets[game.place]
    for target, _ in seen:
        assert (target >= 0).all()
        torch.testing.assert_close(target.sum(dim=1), torch.ones(len(target)))
        assert torch.equal(target.argmax(dim=1), hard.argmax(dim=1))
        off = target[hard == 0]
        # Half of a normal of 0.05 is cut; 15 of them share a row with the 1.
        assert off.mean().item() == pytest.approx(0.05 * 0.399 / (1 + 16 * 0.05 * 0.399), rel=0.05)
    assert not torch.equal(seen[0][0], seen[1][0])
    # Of a hundred places the label still holds most: noise of 100 x 0.01 x 0.399.
    game.targets, game.place = torch.eye(100), torch.arange(100)
    game._smear(np.random.default_rng(0))
    assert seen[-1][0].diagonal().mean().item() == pytest.approx(1 / 1.4, rel=0.03)


def test_rounds_pools_thresholds_and_smearing(run):
    later = month(0, 16, 1)
    _, report = update(run, later, rules=replace(RULES, rounds=8, quiet=9), seed=0)
    rounds = report["rounds"]
    assert [one["pool"] for one in rounds] == [120, 240] + [256] * 6
    assert [one["round"] for one in rounds if one.get("smeared")] == [5, 8]
    assert rounds[5]["sigma"] == pytest.approx(0.6)
    assert rounds[6]["sigma"] == pytest.approx(0.7)


def test_what_is_refused(run):
    with pytest.raises(RunError, match="a lbn run has no three modules"):
        update(replace(run, system="lbn"), month(0, 1, 0))
    deaf = month(0, 1, 0, dead=range(APS))
    with pytest.raises(SurveyError, match="none of 16 scans hears 3"):
        update(run, deaf)
    nowhere = month(0, 1, 0)
    nowhere = replace(nowhere, x_m=nowhere.x_m * np.nan)
    with pytest.raises(SurveyError, match="no labelled scan to guard with"):
        update(run, month(0, 1, 0), guard=nowhere)


def test_the_command_line(run, tmp_path):
    run.save(tmp_path / "run")
    later = month(1, 8, 1, dead=(2,))
    stored(later, tmp_path / "store.db")
    write_survey(month(1, 4, 2, dead=(2,)), tmp_path / "guard")
    words = [str(tmp_path / "run"), str(tmp_path / "store.db"), "-o", str(tmp_path / "run2")]
    shown = CliRunner().invoke(command, [*words, "--guard", str(tmp_path / "guard"), "--json"])
    assert shown.exit_code == 0, shown.output
    report = json.loads(shown.output)
    back = Run.load(tmp_path / "run2")
    assert back.unknown == tuple(report["unknown"]) == ("02:00:00:00:00:02",)
    assert back.provenance["updates"][0]["scans"] == len(later)
    assert not (tmp_path / ".run2.update").exists()
    shown = CliRunner().invoke(command, words)
    assert "1 of 12 access points masked" in shown.output, shown.output
    write_survey(later, tmp_path / "survey")
    words[1] = str(tmp_path / "survey")
    shown = CliRunner().invoke(command, words)
    assert "holds no scan whose split is empty" in shown.output
