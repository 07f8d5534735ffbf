"""Training the systems on small surveys, and the run folders they leave."""

import json

import numpy as np
import pytest
import torch
from invented import invented_survey

from sdk.images import InputRecipe
from sdk.positioners.neighbours import neighbour_weights
from training import exloc, neighbours
from training.decode import decode, softmax
from training.fingerprints import Vectors
from training.knn import PLAIN, Database, Rule, apply, probability, votes
from training.presets import PRESETS, preset_of
from training.run import Run, RunError
from training.survey import SurveyError

TINY = {"width": 8, "depth": 2, "batch": 16, "epochs": 12, "patience": 12}


@pytest.fixture(scope="module")
def exloc_run(survey):
    return exloc.train(survey, "small", seed=3, changes=TINY)


@pytest.fixture(scope="module")
def neighbours_run(survey):
    return neighbours.train(survey, seed=3)


def errors(run, survey):
    test = survey.take(survey.rows("test"))
    rssi = Vectors(run.merge_virtual_aps, run.limits["max_age_ms"]).of(test, run.bssids)
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]
    if run.system == "neighbours":
        database = Database(run.arrays["database"], *places, run.arrays["place_of_row"])
        found = apply(database, Rule(**run.neighbours), rssi)
    else:
        with torch.inference_mode():
            logits = exloc.load_network(run)(torch.from_numpy(run.input_recipe.images(rssi)))
        found = decode(softmax(logits.numpy(), run.temperature), *places, run.estimate)
    return np.linalg.norm(found.xy_m - test.xy_m, axis=1), found.floor == test.floor


@pytest.mark.parametrize("name", ["exloc_run", "neighbours_run"])
def test_systems_learn(name, survey, request):
    """Chance is about 2 m on this 4 m floor."""
    error, hit = errors(request.getfixturevalue(name), survey)
    assert error.mean() < 1.0
    assert hit.mean() > 0.95


def test_a_run_says_all_that_a_bundle_needs(exloc_run, survey):
    run = exloc_run
    n, places = len(run.bssids), len(run.arrays["places_floor"])
    assert run.refitted
    assert places == 32, "two floors of 16 spots: no spot is missing after the second fit"
    assert run.arrays["calibration_rssi_dbm"].shape[1] == n
    held = run.arrays["validation_rssi_dbm"]
    assert held.shape == (len(run.arrays["validation_xy_m"]), n)
    assert run.arrays["validation_weight"].shape == run.arrays["validation_floor"].shape
    assert run.network["form"] == "1d"
    assert run.input_recipe.shape(n) == (1, 1, n)
    assert run.accuracy["n"] == run.metrics["answered"]
    assert run.metrics["wknn"]["n"] == run.metrics["n"]
    assert run.venue["floors"][1] == {"floor": 1, "label": "F1"}
    assert run.limits == {"min_matched_aps": 3, "max_age_ms": 10_000, "low_confidence_m": 8.0}
    json.dumps(run.metrics, allow_nan=False)


@pytest.mark.parametrize("name", ["exloc_run", "neighbours_run"])
def test_runs_are_read_back(name, request, tmp_path):
    run = request.getfixturevalue(name)
    run.save(tmp_path / "run")
    back = Run.load(tmp_path / "run")
    for field, value in vars(run).items():
        if field not in ("arrays", "state"):
            assert json.dumps(getattr(back, field)) == json.dumps(value), field
    for key, array in run.arrays.items():
        np.testing.assert_array_equal(back.arrays[key], array)
    for key, tensor in (run.state or {}).items():
        assert torch.equal(back.state[key], tensor)


@pytest.mark.parametrize("file", ["run.json", "arrays.npz", "checkpoint.pt"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"PK\x03\x04 broken"])
def test_broken_runs(file, content, exloc_run, tmp_path):
    exloc_run.save(tmp_path / "run")
    (tmp_path / "run" / file).unlink()
    if content is not None:
        (tmp_path / "run" / file).write_bytes(content)
    with pytest.raises(RunError, match=file.replace(".", r"\.")):
        Run.load(tmp_path / "run")


def test_one_seed_one_result(survey, exloc_run):
    again = exloc.train(survey, "small", seed=3, changes=TINY)
    for key, tensor in exloc_run.state.items():
        assert torch.equal(again.state[key], tensor), key


def test_torch_is_left_as_it_was(survey):
    """Flushed denormals and a single thread are for training alone."""
    before = torch.get_num_threads()
    exloc.train(survey, "small", changes=TINY | {"epochs": 1}, threads=before + 1)
    assert torch.get_num_threads() == before
    assert torch.tensor([1e-40]).mul(1.0).item() > 0


def test_the_survey_s_validation_split_stays_held_out(survey):
    split = np.where(survey.session == "s3", "validation", survey.split).astype(object)
    run = exloc.train(survey.with_split(split), "small", changes=TINY | {"epochs": 3})
    assert not run.refitted
    assert run.provenance["train_rows"] == (split == "train").sum()
    np.testing.assert_array_equal(run.arrays["validation_weight"], 1.0)


@pytest.mark.parametrize("head", ["gap", "gap_embedding", "per_ap"])
def test_2d_training_of_a_circular_network_leaves_its_1d_form(head, one_floor):
    run = exloc.train(one_floor, "small", changes=TINY | {"form": "2d", "head": head, "epochs": 1})
    assert run.network["form"] == "1d"
    assert run.input["image"] == "vector"
    assert exloc.load_network(run).head == head


def test_the_paper_s_preset_in_small(one_floor):
    run = exloc.train(
        one_floor, "paper", changes={"width": 6, "depth": 2, "epochs": 1, "patience": 1}
    )
    assert run.network["padding"] == "zero"
    assert run.input["image"] == "cyclic_map"
    assert isinstance(run.input_recipe.mean_dbm, float)
    assert run.estimate == "mode"


def test_presets_are_complete():
    assert set(PRESETS) == {"small", "edge", "additive", "site", "paper"}
    assert PRESETS["additive"].kernel == 1
    paper = PRESETS["paper"]
    assert (paper.width, paper.depth, paper.kernel, paper.padding) == (512, 6, 3, "zero")


def test_early_stopping_keeps_the_best_epoch(survey):
    run = exloc.train(survey, "small", changes=TINY | {"epochs": 14, "patience": 2})
    history = run.provenance["validation_error_m"]
    assert run.provenance["epochs"] == int(np.argmin(history)) + 1
    assert len(history) <= run.provenance["epochs"] + 2


def test_zscore():
    rssi = np.array([[-50, np.nan], [-70, np.nan]], dtype=np.float32)
    place = exloc.zscore(rssi, -100.0, "place", "vector")
    assert (place.mean_dbm, place.std_db) == (-80.0, pytest.approx(np.sqrt(450)))
    per_ap = exloc.zscore(rssi, -100.0, "per_ap", "vector")
    assert per_ap == InputRecipe("vector", -100.0, -100.0, (-60.0, -100.0), (10.0, 1.0))
    np.testing.assert_allclose(per_ap.normalised(rssi), [[1, 0], [-1, 0]])
    powed = exloc.zscore(rssi, -100.0, "place", "vector", "powed", 2.0)
    level = np.array([0.25, 0, 0.09, 0])
    assert (powed.mean_dbm, powed.std_db) == (
        pytest.approx(level.mean()), pytest.approx(level.std()),
    )  # fmt: skip
    with pytest.raises(ValueError, match="'global'"):
        exloc.zscore(rssi, -100.0, "global", "vector")


def test_refused():
    survey = invented_survey(sessions=3, side=2)
    for preset in ("large", ""):
        with pytest.raises(ValueError, match="expected one of small"):
            exloc.train(survey, preset)
    with pytest.raises(ValueError, match="no such setting"):
        exloc.train(survey, "small", changes={"layers": 3})
    with pytest.raises(ValueError, match="no epochs"):
        neighbours.train(survey, epochs=3)
    with pytest.raises(SurveyError, match="holds no eXLoc network"):
        exloc.load_network(neighbours.train(survey))


def test_changes_may_come_from_json():
    changed = preset_of(PRESETS, "edge", {"shifts_db": [-6, 0, 6]})
    assert changed == preset_of(PRESETS, "edge", {"shifts_db": (-6, 0, 6)})
    assert hash(changed) != hash(PRESETS["edge"])


def test_deaf_validation_scans_are_named(survey):
    split = np.where(survey.session == "s3", "validation", survey.split).astype(object)
    deaf = survey.with_split(split)
    level = deaf.rssi_dbm.copy()
    keep = ~np.isin(deaf.row_of_reading, np.flatnonzero(split == "validation"))
    lengths = np.where(split == "validation", 0, np.diff(deaf.offsets))
    deaf = type(deaf)(
        **{
            **vars(deaf),
            "offsets": np.concatenate([[0], np.cumsum(lengths)]),
            "bssid_code": deaf.bssid_code[keep],
            "rssi_dbm": level[keep],
        }
    )
    with pytest.raises(SurveyError, match="none of 64 held-out scans"):
        neighbours.train(deaf)


def test_a_scan_that_shares_nothing_with_the_rows_votes_for_all_alike(survey):
    base = Database.of(survey.fingerprints(survey.bssids), survey)
    row, power = int(np.flatnonzero(base.place_of_row != base.place_of_row[0])[0]), 2.0
    index, distance = np.array([[0, 1, 2], [0, row, 0]]), np.array([[np.inf] * 3, [1, 2, np.inf]])
    held = votes(base, index, distance, power)
    assert np.ptp(held[0]) == 0
    np.testing.assert_allclose(held.sum(axis=1), 1.0)
    near, far = base.place_of_row[[0, row]]
    np.testing.assert_allclose(held[1, [near, far]], [0.8, 0.2])


def test_knn_votes_like_the_device(survey):
    train, test = survey.take(survey.rows("train")), survey.take(survey.rows("test"))
    names = survey.bssids
    database = Database.of(survey.fingerprints(names)[survey.rows("train")], train)
    rule = Rule(*PLAIN)
    query = test.fingerprints(names)[:20]
    got = probability(database, rule, query)
    filled = [np.nan_to_num(v, nan=-95.0).astype(np.float64) for v in (database.rssi_dbm, query)]
    for i, one in enumerate(filled[1]):
        distance = np.abs(filled[0] - one).sum(axis=1)
        nearest = np.argsort(distance, kind="stable")[: rule.k]
        weight = neighbour_weights(distance[nearest], rule.weight_power)
        held = np.bincount(database.place_of_row[nearest], weight, minlength=32)
        # Equal distances at the k-th place may be broken either way.
        if distance[nearest[-1]] < np.sort(distance)[rule.k]:
            np.testing.assert_allclose(got[i], held / held.sum(), rtol=1e-4, atol=1e-6)
