"""Neighbours sought with a scan's levels moved: for phones that hear more or less than others."""

from dataclasses import replace

import numpy as np
import pytest
from invented import invented_survey
from sklearn.neighbors import NearestNeighbors

from export.build import export_run
from export.verify import scan_of
from sdk import Localizer
from training import exloc, neighbours
from training.knn import KS, POWED, Database, Rule, nearest, probability
from training.run import Run
from training.split import validation_of
from training.turns import tune_in_turns, turns_of

SHIFTS = (-6.0, 0.0, 6.0)
RULE = Rule("sorensen", 5, 8.0, POWED[0])


def other_gains(survey, by_db):
    """The levels of a survey, every session by a phone that reads by_db more than the last one."""
    number = np.char.lstrip(survey.session.astype(str), "s").astype(np.float32)
    return survey.fingerprints(survey.bssids) + np.float32(by_db) * (number[:, None] - 2.0)


def powed(levels):
    return np.clip(np.nan_to_num(levels, nan=-105.0) + 105.0, 0.0, None) / 105.0


def test_the_shift_of_least_mean_distance_decides():
    """Against scikit-learn's search (Sorensen is Bray-Curtis), one shift at a time."""
    survey = invented_survey()
    base = Database.of(
        survey.fingerprints(survey.bssids)[::2], survey.take(np.arange(320) % 2 == 0)
    )
    rng = np.random.default_rng(0)
    query = survey.fingerprints(survey.bssids)[1::8]
    query = (query + rng.uniform(-9, 9, (len(query), 1))).astype(np.float32)
    index, distance = nearest(base, replace(RULE, shifts_db=SHIFTS), query)
    search = NearestNeighbors(n_neighbors=5, metric="braycurtis", algorithm="brute")
    search.fit(powed(base.rssi_dbm))
    found = [search.kneighbors(powed(query + by)) for by in SHIFTS]
    means = np.array([d.mean(axis=1) for d, _ in found])
    best = means.argmin(axis=0)
    assert len(set(best)) == 3
    clear = np.sort(means, axis=0)[1] - means.min(axis=0) > 1e-4
    assert clear.mean() > 0.9
    wanted = np.array([found[b][0][i] for i, b in enumerate(best)])
    np.testing.assert_allclose(distance[clear], wanted[clear], atol=1e-5)
    assert index.shape == (len(query), 5)


def test_no_shift_is_the_plain_search():
    survey = invented_survey()
    base = Database.of(survey.fingerprints(survey.bssids), survey)
    query = survey.fingerprints(survey.bssids)[::9]
    np.testing.assert_array_equal(
        probability(base, RULE, query), probability(base, Rule(**vars(RULE)), query)
    )
    assert RULE.shifts_db == (0.0,)
    assert Rule(**(vars(RULE) | {"shifts_db": [0.0]})) == RULE


@pytest.mark.parametrize(("gain_db", "taken"), [(6.0, True), (0.0, False)])
def test_turns_take_the_shifts_where_they_help(gain_db, taken):
    survey = invented_survey(sessions=6)
    levels = other_gains(survey, gain_db)
    turns = turns_of(survey, validation_of(survey), most=200)
    plain, least = tune_in_turns(levels, survey, turns)
    rule, score = tune_in_turns(levels, survey, turns, shifts_db=SHIFTS)
    assert plain.shifts_db == (0.0,)
    assert (rule.shifts_db == SHIFTS) is taken
    assert taken or rule == plain
    assert score < least if taken else score == least
    assert rule.k in KS


@pytest.mark.parametrize("fused", [False, True])
def test_the_device_moves_levels_as_training_does(fused, tmp_path):
    survey = invented_survey()
    if fused:
        tiny = {"width": 4, "depth": 1, "epochs": 1, "fused": True}
        run = exloc.train(survey, "small", changes=tiny)
        rule = run.neighbours["rule"] | {"shifts_db": SHIFTS}
        run = replace(run, neighbours=run.neighbours | {"rule": rule, "power": 1.0})
    else:
        run = neighbours.train(survey)
        run = replace(run, neighbours=run.neighbours | {"shifts_db": SHIFTS})
    run.save(tmp_path / "run")
    path = tmp_path / "site.rssfix"
    # What the export checks, every row through the device, is the checkpoint's own product.
    (verdict,) = export_run(tmp_path / "run", path, ["onnx"], "fp32").verdicts
    assert verdict.difference < 1e-4
    if fused:
        return
    back = Run.load(tmp_path / "run")
    test = survey.take(survey.rows("test"))
    levels = test.fingerprints(back.bssids)[::5] + np.float32(5.0)
    base = Database(
        back.arrays["database"], back.arrays["places_xy_m"], back.arrays["places_floor"],
        back.arrays["place_of_row"],
    )  # fmt: skip
    wanted = probability(base, Rule(**back.neighbours), levels)
    plain = probability(base, Rule(**(back.neighbours | {"shifts_db": [0.0]})), levels)
    assert np.abs(wanted - plain).max() > 0.1
    with Localizer.open(path) as localizer:
        for row, probabilities in zip(levels, wanted, strict=True):
            if np.isfinite(row).sum() < 3:
                continue
            found = localizer.posterior(scan_of(back.bssids, row)).probability
            np.testing.assert_allclose(found, probabilities, atol=1e-5)
