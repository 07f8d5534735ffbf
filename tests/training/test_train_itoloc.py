"""Training iToLoc on small surveys."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from invented import invented_survey

from evaluation.evaluate import evaluate_bundle
from export.build import export_run
from sdk import Localizer
from training import itoloc
from training.cli_train import train
from training.decode import decode, softmax
from training.itoloc_answer import probability
from training.itoloc_fitting import scores
from training.itoloc_presets import PRESETS, ItolocPreset
from training.itoloc_update import update
from training.knn import Database, Rule
from training.knn import probability as neighbour_probability
from training.networks.itoloc import ItolocNet
from training.presets import preset_of
from training.run import Run, RunError
from training.split import validation_of
from training.survey import SurveyError
from training.survey_file import write_survey
from training.turns import GROUPS

TINY = {
    "width": 4, "cap": 12, "epochs": 12, "patience": 12, "batch": 32, "period_days": 0.0,
    "ap_unknown": 0.2, "dropout": 0.1, "learning_rate": 2e-2,
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(survey):
    return itoloc.train(survey, "small", seed=3, changes=TINY, threads=1)


def located(run, survey, rows, unknown=None):
    test = survey.take(rows)
    logits = scores(
        itoloc.load_network(run), run.input_recipe, test.fingerprints(run.bssids), unknown
    )
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]
    found = decode(softmax(logits, run.temperature), *places, run.estimate)
    return np.linalg.norm(found.xy_m - test.xy_m, axis=1), found.floor == test.floor


def test_it_learns(run, survey):
    """Chance is about 2 m on this 4 m floor."""
    error, hit = located(run, survey, survey.rows("test"))
    assert error.mean() < 1.0
    assert hit.mean() > 0.95


def test_unknown_access_points_are_a_state_it_knows(run, survey):
    """A quarter of them gone: masked costs less than taken as not heard."""
    rows = survey.rows("test")
    gone = np.arange(len(run.bssids)) % 4 == 0
    silent = replace(
        survey,
        rssi_dbm=np.where(
            np.isin(np.array(survey.bssids)[survey.bssid_code], np.array(run.bssids)[gone]),
            np.float32(-100), survey.rssi_dbm,
        ),
    )  # fmt: skip
    masked, _ = located(run, silent, rows, gone)
    taken, _ = located(run, silent, rows)
    assert masked.mean() < taken.mean()


def test_a_run_says_all_that_a_bundle_and_an_update_need(run, survey, tmp_path):
    assert (run.system, run.preset, run.refitted) == ("itoloc", "small", True)
    assert run.arrays["places_floor"].tolist() == [0] * 16 + [1] * 16, "reference points"
    assert len(run.bssids) == 12
    assert run.input_recipe.shape(12) == (1, 2, 12, 12)
    assert run.metrics["wknn"]["n"] == run.metrics["n"] == run.accuracy["n"]
    assert run.provenance["domains"] == [f"phone, s{i}" for i in range(4)]
    labelled = survey.take(survey.rows("train"))
    np.testing.assert_array_equal(run.arrays["database"], labelled.fingerprints(run.bssids))
    place = run.arrays["place_of_row"]
    np.testing.assert_allclose(run.arrays["places_xy_m"][place], labelled.xy_m)
    json.dumps(run.metrics, allow_nan=False)
    run.save(tmp_path / "run")
    back = Run.load(tmp_path / "run")
    for key, tensor in run.state.items():
        assert torch.equal(back.state[key], tensor)
    itoloc.load_network(back)
    with pytest.raises(SurveyError, match="a hapi run holds no iToLoc network"):
        itoloc.load_network(replace(run, system="hapi"))


def test_one_seed_one_result_and_test_scans_are_not_looked_at(run, survey):
    """The test split with other levels, positions and sessions leaves every weight as it was."""
    test = survey.split == "test"
    reading = test[survey.row_of_reading]
    other = replace(
        survey,
        rssi_dbm=np.where(reading, -33.0, survey.rssi_dbm).astype(np.float32),
        x_m=np.where(test, 77.0, survey.x_m),
        session=np.where(test, "s0", survey.session).astype(object),
    )
    again = itoloc.train(other, "small", seed=3, changes=TINY, threads=1)
    for key, tensor in run.state.items():
        assert torch.equal(again.state[key], tensor), key
    assert again.bssids == run.bssids


def test_held_out_scans_only_watch(survey):
    """They choose the epoch; what the network learns from is the same without them."""
    preset = preset_of(PRESETS, "small", TINY | {"epochs": 2, "patience": 2})
    held = validation_of(survey, 0)
    rows = survey.rows("train") & ~held.rows
    watched = itoloc.fit_rows(survey, rows, held, preset, 0, "")
    found = watched.fitting
    alone = itoloc.fit_rows(survey, rows, None, preset, 0, "", rates=found.rates[: found.epochs])
    state = alone.fitting.network.state_dict()
    for key, tensor in found.network.state_dict().items():
        assert torch.equal(state[key], tensor), key


def test_the_discriminator_is_fooled(one_floor):
    """Two phones 8 dB apart: with the adversary their features tell less about the phone."""
    other = replace(
        one_floor, rssi_dbm=one_floor.rssi_dbm - np.float32(8),
        device=np.full(len(one_floor), "watch", dtype=object),
    )  # fmt: skip
    rows = one_floor.rows("train")
    changes = TINY | {"period_days": 1000.0, "ap_unknown": 0.0, "ap_lost": 0.0, "epochs": 15}
    told = {}
    for adversary, most in (("alternating", 1.0), ("alternating", 0.0)):
        preset = preset_of(
            PRESETS, "small", changes | {"adversary": adversary, "most_lambda": most}
        )
        model = itoloc.fit_rows(
            one_floor, rows, None, preset, 0, "", unlabelled=other.take(other.rows("train"))
        )
        assert model.domains == ("phone, period 0", "watch, period 0")
        told[most] = np.mean(model.fitting.domain_losses[-3:])
    assert told[1.0] > told[0.0] + 0.02
    assert told[1.0] < 1.0


def test_unlabelled_scans_join_the_domain_loss_alone(one_floor):
    preset = preset_of(PRESETS, "small", TINY | {"epochs": 1, "adversary": "none"})
    rows = one_floor.rows("train")
    later = one_floor.take(one_floor.rows("test"))
    alone = itoloc.fit_rows(one_floor, rows, None, preset, 0, "")
    beside = itoloc.fit_rows(one_floor, rows, None, preset, 0, "", unlabelled=later)
    assert beside.domains == (*alone.domains, "phone, s4")
    assert len(beside.material.target_dbm) == len(later)
    moved = replace(later, x_m=later.x_m + 50)
    preset = preset_of(PRESETS, "small", TINY | {"epochs": 1})
    one, two = (
        itoloc.fit_rows(one_floor, rows, None, preset, 0, "", unlabelled=other).fitting.network
        for other in (later, moved)
    )
    assert len(one.discriminator[-1].bias) == 5
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b), "their places are never looked at"


def test_site_asks_every_session_and_becomes_an_int8_bundle(survey, tmp_path):
    """Every row of so small a survey is held out once: the last network learns from all of them."""
    run = itoloc.train(survey, "site", 0, changes={"epochs": 4, "width": 4}, threads=1)
    train = int(survey.rows("train").sum())
    assert run.provenance["validation"].count("left out whole") == GROUPS
    assert len(run.arrays["validation_xy_m"]) == run.provenance["train_rows"] == train
    assert len(run.arrays["calibration_rssi_dbm"]) > 100
    assert run.refitted
    assert np.isfinite(run.metrics["mean_m"])
    assert "disagreement_m" not in run.accuracy, "of one fit of several it would be"
    run.save(tmp_path / "run")
    export_run(tmp_path / "run", tmp_path / "site.rssfix", ("onnx",), "int8")
    test = survey.take(survey.rows("test"))
    with Localizer.open(tmp_path / "site.rssfix") as localizer:
        found = evaluate_bundle(localizer, test)
    assert found.figures["mean_m"] < 2.0
    assert found.figures["floor_hit"] > 0.9


@pytest.mark.parametrize("changes", [{"adversary": "reversal"}, {"adversary": "none"},
                                     {"input": "vector", "level": False},
                                     {"input": "vector", "level": False, "pool": "rows"},
                                     {"gamma": 0.0}, {"level": True}, {"pool": "rows"},
                                     {"places": "cells", "soften_m": 1.0},
                                     {"optimizer": "adam"}])  # fmt: skip
def test_every_variant_trains(changes, one_floor):
    tiny = {"width": 4, "cap": 5, "epochs": 1, "period_days": 0.0} | changes
    run = itoloc.train(one_floor, "paper", changes=tiny, threads=1)
    assert np.isfinite(run.metrics["mean_m"])
    assert len(run.bssids) == 5
    assert run.network["form"] == ("1d" if "input" in changes else "2d")


def test_the_rate_falls_where_the_error_does_not(one_floor):
    preset = preset_of(
        PRESETS, "paper", {"width": 4, "cap": 4, "epochs": 8, "plateau": 2, "learning_rate": 1e-9}
    )
    model = itoloc.fit_rows(
        one_floor, one_floor.rows("train"), validation_of(one_floor, 0), preset, 0, ""
    )
    rates = model.fitting.rates
    assert rates[0] == 1e-9
    assert rates[-1] < 1e-10
    assert rates == sorted(rates, reverse=True)


def test_the_command_line(tmp_path):
    small = invented_survey(floors=(0,), side=3, sessions=3)
    write_survey(small, tmp_path / "hall")
    later = invented_survey(floors=(0,), side=3, sessions=2, seed=0, test_sessions=0)
    split = np.where(later.session == "s0", "", "train").astype(object)
    write_survey(later.with_split(split), tmp_path / "later")
    words = ["itoloc", str(tmp_path / "hall"), "-o", str(tmp_path / "run"), "--epochs", "1"]
    result = CliRunner().invoke(train, [*words, "--unlabelled", str(tmp_path / "later")])
    assert result.exit_code == 0, result.output
    assert "itoloc small: " in result.output
    run = Run.load(tmp_path / "run")
    assert run.network["n_places"] == 9
    assert run.provenance["unlabelled_rows"] == (split == "").sum()
    words[0] = "exloc"
    result = CliRunner().invoke(train, [*words, "--unlabelled", str(tmp_path / "later")])
    assert "--unlabelled is for itoloc, not for exloc" in result.output


def test_presets():
    paper = PRESETS["paper"]
    assert (paper.width, paper.pool, paper.input, paper.level) == (32, "global", "image", False)
    assert (paper.optimizer, paper.learning_rate, paper.weight_decay) == ("sgd", 0.1, 1e-4)
    assert (paper.epochs, paper.batch, paper.dropout) == (200, 32, 0.5)
    assert (paper.gamma, paper.most_lambda, paper.adversary) == (1.0, 0.1, "alternating")
    assert (paper.noise_db, paper.ap_unknown, paper.soften_m) == (0.0, 0.0, 0.0)
    for settings, text in (
        ({"adversary": "yes"}, "adversary is 'yes'"), ({"input": "photo"}, "input is 'photo'"),
        ({"input": "vector", "level": True}, "a vector has it already"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=text):
            ItolocPreset(**settings)


@pytest.fixture(scope="module")
def fused(survey):
    tiny = {"width": 4, "cap": 12, "epochs": 4, "learning_rate": 2e-2}
    return itoloc.train(survey, "best", seed=1, changes=tiny, threads=1)


def test_a_fused_run_multiplies_the_votes_of_neighbours(fused, survey):
    """Beside plain numpy, with access points masked in both."""
    test = survey.take(survey.rows("test"))
    rssi, network = test.fingerprints(fused.bssids), itoloc.load_network(fused)
    unknown = np.arange(12) < 4
    got = probability(fused, network, rssi, unknown)
    fusion = fused.neighbours
    rule = Rule(**fusion["rule"])
    arrays = fused.arrays
    base = Database(
        np.ascontiguousarray(arrays["database"][:, 4:]), arrays["places_xy_m"],
        arrays["places_floor"], arrays["place_of_row"],
    )  # fmt: skip
    votes = neighbour_probability(base, rule, np.ascontiguousarray(rssi[:, 4:]))
    net = softmax(scores(network, fused.input_recipe, rssi, unknown), fused.temperature)
    upper = arrays["places_floor"] == 1
    wanted = np.empty_like(net)
    for one in range(len(net)):
        for here in (upper, ~upper):
            share = votes[one, here] / max(votes[one, here].sum(), 1e-200)
            within = net[one, here] * (share + fusion["least"]) ** fusion["power"]
            on = (
                net[one, here].sum() * (votes[one, here].sum() + fusion["least"]) ** fusion["power"]
            )
            wanted[one, here] = on * within / within.sum()
    wanted /= wanted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(got, wanted, atol=1e-9)
    plain = probability(replace(fused, neighbours=None), network, rssi, unknown)
    np.testing.assert_allclose(plain, net, atol=1e-12)


def test_a_guard_of_its_own_rows_does_not_ask_the_neighbours(fused, survey):
    """The rows stand in the database, and each would find itself."""
    arrays, nothing = fused.arrays, np.zeros(12, dtype=bool)
    assert fused.refitted
    rows = arrays["validation_rssi_dbm"]
    network = itoloc.load_network(fused)
    error = {}
    for name, one in (("fused", fused), ("alone", replace(fused, neighbours=None))):
        said = probability(one, network, rows, nothing)
        found = decode(said, arrays["places_xy_m"], arrays["places_floor"], one.estimate)
        away = np.linalg.norm(found.xy_m - arrays["validation_xy_m"], axis=1)
        error[name] = np.average(away, weights=arrays["validation_weight"])
    assert error["fused"] < 0.5 * error["alone"]
    _, report = update(fused, survey, rounds=1)
    assert report["static"]["mean_m"] == pytest.approx(error["alone"], abs=1e-4)


def test_modules_fewer_than_three_are_no_run_to_update(survey):
    """M_E and M_1 alone: the plain CNN of the study."""
    changes = TINY | {"modules": 1, "epochs": 1, "gamma": 0.0, "adversary": "none"}
    plain = itoloc.train(survey, "small", changes=changes, threads=1)
    network = itoloc.load_network(plain)
    assert len(network.predictors) == 1
    images = torch.from_numpy(plain.input_recipe.images(plain.arrays["database"][:3]))
    with torch.inference_mode():
        (one,) = network(images)
        np.testing.assert_allclose(network.scores(images), one.log_softmax(dim=1), atol=1e-5)
    with pytest.raises(RunError, match="1 modules, expected 3"):
        update(plain, survey)
    with pytest.raises(ValueError, match="modules is 4"):
        ItolocNet(8, 3, 2, modules=4)
