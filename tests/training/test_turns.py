"""A survey asked about itself in turns, and the neighbours' rule that comes of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import invented_survey
from sklearn.neighbors import KNeighborsRegressor

from training import exloc, itoloc, neighbours
from training.decode import Decoded
from training.knn import (
    FLOOR_PENALTY_M,
    KS,
    LINEAR,
    MOST_ERROR_M,
    POWED,
    POWERS,
    in_form,
    penalised,
)
from training.split import UNSEEN_SHARE, spots, validation_of
from training.turns import (
    GROUPS,
    REACH_M,
    TURNS,
    Turn,
    left_out_in_groups,
    pooled,
    tune_in_turns,
    turns_of,
)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 13), st.integers(0, 99), st.sampled_from([20, 60, 10_000]))
def test_every_session_is_left_out_once(sessions, seed, most):
    survey = invented_survey(sessions + 1, side=2)
    turns = turns_of(survey, validation_of(survey, seed), seed, most=most)
    train, session = survey.rows("train"), survey.session.astype(str)
    left_out = []
    for turn in turns:
        rest = train & ~turn.answering
        assert not (turn.asked & ~rest).any()
        assert not (turn.answering & ~train).any()
        left_out += list(np.unique(session[rest]))
        assert not np.isin(session[turn.asked], session[turn.answering]).any()
        assert turn.known.all()  # Every session visits every spot.
        assert len(turn.known) == turn.asked.sum()
    assert sorted(left_out) == sorted(np.unique(session[train]))
    assert len(turns) == min(TURNS, sessions)
    asked = sum(turn.asked.sum() for turn in turns)
    assert asked == train.sum() if most == 10_000 else asked <= most / 2 + TURNS


def test_sessions_of_a_turn_ask_alike():
    """However many rows one of them has; one with fewer leaves its place to the others."""
    survey = invented_survey(25, side=3)
    few = np.flatnonzero(survey.session == "s0")[3:]
    survey = survey.take(~np.isin(np.arange(len(survey)), few))
    for turn in turns_of(survey, validation_of(survey), most=320):
        assert turn.asked.sum() == 16
        names, count = np.unique(survey.session[turn.asked].astype(str), return_counts=True)
        assert set(count[names == "s0"]) <= {3}
        assert np.ptp(count[names != "s0"]) <= 1


@pytest.mark.parametrize("seed", [0, 2])
def test_turns_in_groups(seed):
    """All 24 sessions left out whole, each once; only s1 has spots of its own."""
    survey = invented_survey(25, side=3)
    survey.x_m[survey.session == "s1"] += 4.0
    drawn = validation_of(survey, seed)
    groups = left_out_in_groups(survey, drawn, seed)
    assert len(groups) == GROUPS
    train, session = survey.rows("train"), survey.session.astype(str)
    gone, unseen = [], np.zeros(len(survey), dtype=bool)
    for found, rest in groups:
        left_out = np.unique(session[train & ~rest])
        assert not np.intersect1d(session[rest], left_out).size
        assert not (found.rows & (rest | ~train)).any()
        assert found.drawn
        known = np.isin(spots(survey), spots(survey)[rest])
        assert not found.weight[~found.rows].any()
        unseen |= found.rows & ~known
        assert (found.rows & ~known).any() == ("s1" in left_out)
        gone += left_out.tolist()
    assert sorted(gone) == np.unique(session[train]).tolist()
    both = pooled([found for found, _ in groups])
    assert both.rows.sum() == sum(found.rows.sum() for found, _ in groups)
    assert both.weight.sum() == pytest.approx(both.rows.sum())
    assert both.weight[unseen].sum() / both.weight.sum() == pytest.approx(UNSEEN_SHARE)
    assert len(set(both.weight[both.rows])) == 2, "known and unseen spots, whatever the group"
    assert both.drawn
    assert both.rule.count("left out whole") == GROUPS
    again = left_out_in_groups(survey, drawn, seed)
    for (one, rest), (other, same) in zip(groups, again, strict=True):
        assert (one.rows == other.rows).all()
        assert (rest == same).all()


def test_a_split_of_its_own_is_left_as_it_is(survey):
    """Also where there is nothing to leave out in turns."""
    own = validation_of(survey)
    split = survey.split.copy()
    split[own.rows] = "validation"
    brought = survey.with_split(split)
    ((found, rest),) = left_out_in_groups(brought, validation_of(brought))
    assert (found.rows == own.rows).all()
    assert not found.drawn
    assert (rest == brought.rows("train")).all()


def test_who_is_out_of_reach_is_not_asked():
    survey = invented_survey(4, side=4, floors=(0,))
    lonely = (survey.session == "s0") & (survey.x_m > 3.0)
    survey.x_m[lonely] += 2 * REACH_M
    asked = np.zeros(len(survey), dtype=int)
    for turn in turns_of(survey, validation_of(survey, rule="session"), rule="session"):
        asked += turn.asked
    assert not asked[lonely].any()
    assert (asked[survey.rows("train") & ~lonely] == 1).all()


def test_unseen_spots_are_told_from_known_ones():
    survey = invented_survey(4, side=2, floors=(0,))
    alone = (survey.session == "s0") == (survey.x_m < 1.0)  # s0 alone on the left, and only there.
    survey = survey.take(alone)
    for turn in turns_of(survey, validation_of(survey, rule="session"), rule="session"):
        spot = spots(survey)
        expected = np.isin(spot[turn.asked], spot[turn.answering])
        np.testing.assert_array_equal(turn.known, expected)
        if (survey.session[turn.asked] == "s0").any():
            assert not turn.known.any()


def test_spots_where_they_are_asked_for_or_nothing_else_is_left():
    survey = invented_survey(2, side=3, floors=(0,))
    cases = [(survey, "auto"), (invented_survey(5, side=3), "spot")]
    # Each session on a floor of its own: none could answer the other.
    apart = invented_survey(3, side=3)
    cases.append((apart.take((apart.session == "s0") == (apart.floor == 0)), "session"))
    for one, rule in cases:
        spot = spots(one)
        for turn in turns_of(one, validation_of(one, rule=rule), rule=rule):
            assert turn.asked.any()
            assert not turn.known.any()
            assert not np.isin(spot[turn.asked], spot[turn.answering]).any()
            assert np.isin(one.floor[turn.asked], one.floor[turn.answering]).all()


def test_the_survey_s_own_split_is_the_only_turn(survey):
    split = np.where(survey.session == "s3", "validation", survey.split).astype(object)
    own = survey.with_split(split)
    (turn,) = turns_of(own, validation_of(own), most=3)
    np.testing.assert_array_equal(turn.asked, split == "validation")
    np.testing.assert_array_equal(turn.answering, split == "train")


def test_the_best_rule_of_all_turns_is_found(survey):
    """Against scikit-learn's neighbours (Sorensen is Bray-Curtis), turn by turn."""
    survey = survey.take(survey.floor == 0)
    levels = survey.fingerprints(survey.bssids)
    rssi = levels + np.random.default_rng(0).normal(0, 6, levels.shape).astype(np.float32)
    turns = turns_of(survey, validation_of(survey), most=60)
    for turn in turns:
        turn.known[:3] = False  # Two kinds of spots, so that their mean matters.
    known = np.concatenate([turn.known for turn in turns])

    def score(metric, form, k, power):
        errors, values = [], in_form(rssi, form).astype(np.float64)
        for turn in turns:
            model = KNeighborsRegressor(
                k, metric={"sorensen": "braycurtis"}.get(metric, metric), algorithm="brute",
                weights=lambda d: (d.min(axis=1, keepdims=True) / d) ** power,
            )  # fmt: skip
            model.fit(values[turn.answering], survey.xy_m[turn.answering])
            found = model.predict(values[turn.asked])
            errors.append(np.linalg.norm(found - survey.xy_m[turn.asked], axis=1))
        error = np.concatenate(errors)
        return (1 - UNSEEN_SHARE) * error[known].mean() + UNSEEN_SHARE * error[~known].mean()

    best, found = tune_in_turns(rssi, survey, turns)
    assert found == pytest.approx(
        score(best.metric, best.value_form, best.k, best.weight_power), rel=1e-3
    )
    others = [
        score(metric, form, k, power)
        for metric, form in (("l1", LINEAR[1]), ("l2", LINEAR[0]), ("sorensen", POWED[1]))
        for k in KS[1:3]
        for power in POWERS
    ]
    assert found <= min(others) * 1.001


def test_a_wrong_floor_is_penalised(survey):
    """One fingerprint stands on both floors: whichever is chosen, the error is the penalty."""
    train = np.flatnonzero(survey.floor == 0)[:2]
    two = survey.take(np.isin(np.arange(len(survey)), [train[0], np.argmax(survey.floor == 1)]))
    asked, answering = np.array([True, False]), np.array([False, True])
    rssi = np.full((2, 3), -50.0, dtype=np.float32)
    turn = Turn(answering, asked, np.array([False]))
    distance = np.linalg.norm(two.xy_m[0] - two.xy_m[1])
    assert tune_in_turns(rssi, two, [turn])[1] == pytest.approx(distance + FLOOR_PENALTY_M)


def test_no_error_counts_more_than_it_may():
    """A fix in another building is wrong, not more wrong the farther off."""
    found = Decoded(
        np.array([[3.0, 4.0], [3.0, 4.0], [300.0, 0.0]]), np.array([0, 1, 0]), np.zeros(3)
    )
    error = penalised(found, np.zeros((3, 2)), np.zeros(3, dtype=np.int32))
    assert error.tolist() == [5.0, 5.0 + FLOOR_PENALTY_M, MOST_ERROR_M]


def test_neighbours_and_fused_networks_share_the_rule(survey):
    """With the same access points both take the rule of the same turns."""
    changes = {"min_share": 0.0, "cap": None}
    tuned = neighbours.train(survey, seed=1, changes=changes)
    tiny = {"width": 4, "depth": 1, "epochs": 1, "fused": True} | changes
    fused = exloc.train(survey, "small", seed=1, changes=tiny)
    assert sorted(fused.bssids) == sorted(tuned.bssids)
    assert fused.neighbours["rule"] == tuned.neighbours
    assert tuned.provenance["tuned_m"] > 0
    tiny = {"width": 4, "epochs": 1, "cap": 512, "min_share": 0.0}
    other = itoloc.train(survey, "site", seed=1, changes=tiny, threads=1)
    assert sorted(other.bssids) == sorted(tuned.bssids)
    assert other.neighbours["rule"] == tuned.neighbours
