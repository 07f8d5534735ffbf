"""Training the LBN-CNN on small surveys."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from invented import invented_survey

from sdk.images import InputRecipe
from training import lbn
from training.cli_train import train
from training.decode import decode, softmax
from training.lbn_presets import PRESETS, LbnPreset
from training.presets import preset_of
from training.run import Run
from training.split import validation_of
from training.survey import SurveyError
from training.survey_file import write_survey

TINY = {
    "norm": "lbn", "side": 6, "block": 3, "factor": 3, "epochs": 5, "patience": 5, "batch": 32,
    "dropout": 0.1, "momentum": 0.9,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(survey):
    return lbn.train(survey, "lbn-best", seed=3, changes=TINY, threads=1)


def located(run, survey):
    test = survey.take(survey.rows("test"))
    images = run.input_recipe.images(test.fingerprints(run.bssids))
    with torch.inference_mode():
        logits = lbn.load_network(run).scores(torch.from_numpy(images)).numpy()
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]
    found = decode(softmax(logits, run.temperature), *places, run.estimate)
    return np.linalg.norm(found.xy_m - test.xy_m, axis=1), found.floor == test.floor


def test_it_learns(run, survey):
    """Chance is about 2 m on this 4 m floor."""
    error, hit = located(run, survey)
    assert error.mean() < 1.0
    assert hit.mean() > 0.95


def test_a_run_says_all_that_a_bundle_needs(run, tmp_path):
    assert (run.system, run.preset, run.refitted) == ("lbn", "lbn-best", True)
    assert run.arrays["places_floor"].tolist() == [0] * 16 + [1] * 16, "reference points"
    assert run.pitch_m is None
    assert len(run.bssids) == 12
    assert run.input_recipe == InputRecipe("square", -100, -100, -100, 100, 6)
    assert run.network["block"] == 3
    assert run.metrics["wknn"]["n"] == run.metrics["n"] == run.accuracy["n"]
    assert run.provenance["settings"]["factor"] == 3
    json.dumps(run.metrics, allow_nan=False)
    run.save(tmp_path / "run")
    back = Run.load(tmp_path / "run")
    for key, tensor in run.state.items():
        assert torch.equal(back.state[key], tensor)
    lbn.load_network(back)
    with pytest.raises(SurveyError, match="a hapi run holds no LBN-CNN"):
        lbn.load_network(replace(run, system="hapi"))


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
    again = lbn.train(other, "lbn-best", seed=3, changes=TINY, threads=1)
    for key, tensor in run.state.items():
        assert torch.equal(again.state[key], tensor), key
    assert again.bssids == run.bssids


def test_held_out_scans_only_watch(survey):
    """They choose the epoch; what the network learns from is the same without them."""
    preset = preset_of(PRESETS, "lbn-best", TINY | {"epochs": 2, "patience": 2})
    held = validation_of(survey, 0)
    rows = survey.rows("train") & ~held.rows
    watched = lbn.fit_rows(survey, rows, held, preset, 0, "")
    alone = lbn.fit_rows(survey, rows, None, preset, 0, "", stop_after=watched.fitting.epochs)
    state = alone.fitting.network.state_dict()
    for key, tensor in watched.fitting.network.state_dict().items():
        assert torch.equal(state[key], tensor), key


def test_the_image_holds_the_most_informative_access_points(survey):
    preset = preset_of(PRESETS, "lbn-best", TINY | {"side": 4, "block": 2, "min_share": 0.2})
    few = lbn.fit_rows(survey, survey.rows("train"), None, preset, 0, "", stop_after=1)
    assert len(few.bssids) == 12, "fewer than 16 cells: the others are not heard"
    assert few.material.recipe.images(few.material.rssi_dbm).shape[1:] == (1, 4, 4)
    assert (few.material.recipe.images(few.material.rssi_dbm)[:, 0, 3] == 0.0).all()
    assert list(few.bssids) == sorted(few.bssids)


@pytest.mark.parametrize("changes", [{"norm": "none"}, {"norm": "bn", "layer": 2},
                                     {"norm": "ln", "ln_affine": "scalar"}, {"compat75": True},
                                     {"running": "pooled"}, {"scope": "sample"},
                                     {"draw": "session"}, {"draw": "draw", "factor": 1},
                                     {"places": "cells", "soften_m": 1.0},
                                     {"order": "pseudo_positions"}])  # fmt: skip
def test_every_variant_trains(changes, one_floor):
    tiny = TINY | {"epochs": 1, "factor": 1} | changes
    run = lbn.train(one_floor, "paper", changes=tiny, threads=1)
    assert np.isfinite(run.metrics["mean_m"])
    outputs = run.state["head.bias"].shape[0]
    assert outputs == len(run.arrays["places_floor"]) + ("compat75" in changes)
    if "places" in changes:
        assert run.pitch_m == 1.0


def test_the_command_line(tmp_path):
    write_survey(invented_survey(floors=(0,), side=3, sessions=3), tmp_path / "hall")
    words = ["lbn", str(tmp_path / "hall"), "-o", str(tmp_path / "run"), "--epochs", "1"]
    result = CliRunner().invoke(train, words)
    assert result.exit_code == 0, result.output
    assert "lbn lbn-best: " in result.output
    assert Run.load(tmp_path / "run").network["n_places"] == 9


def test_presets():
    paper = PRESETS["paper"]
    assert (paper.norm, paper.layer, paper.block, paper.side) == ("lbn", 1, 4, 16)
    assert (paper.factor, paper.epochs, paper.learning_rate) == (61, 200, 1e-3)
    assert (paper.one_cycle, paper.weight_decay, paper.dropout) == (False, 0.0, 0.5)
    for settings, text in (({"factor": 0}, "factor is 0"), ({"places": "rooms"}, "places is")):
        with pytest.raises(ValueError, match=text):
            LbnPreset(**settings)
