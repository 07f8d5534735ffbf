"""The neighbours' rule of a survey asked about itself: every session in turn, by the others.

One validation split (`split.py`) settles by luck what few of its scans decide: on UJIIndoorLoc the
spots drawn with one seed chose neighbours that others call poor. Turns hold every session, so every
phone, campaign and walk; as many scans are asked between the spots of the survey as on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from training.knn import (
    KS,
    Database,
    Form,
    Near,
    Rule,
    best_rule,
    search,
)
from training.split import UNSEEN_SHARE, Validation, spots
from training.survey import Survey

# With 5, the sessions that happen to be left out together still decided (UJIIndoorLoc).
TURNS = 10
# Over all turns: each costs a search of the survey per way to measure distance.
MOST_ASKED = 1200
# A scan farther from every other of its floor tells of the hole in the survey, not of the rule.
REACH_M = 10.0
# For a network per group of turns in place of one per turn; how many scans are asked over all.
GROUPS = 3
_MOST_IN_GROUPS = 6000


@dataclass(frozen=True)
class Turn:
    """Rows of a survey that ask, and rows that may answer them: masks (M,).

    ``known`` (Q,): whether an answering row stands on the spot of the asked one, in their order.
    """

    answering: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    known: NDArray[np.bool_]


def turns_of(
    survey: Survey,
    held_out: Validation,
    seed: int = 0,
    rule: str = "auto",
    most: int = MOST_ASKED,
) -> list[Turn]:
    """Up to TURNS turns over the training rows.

    A validation split the survey brings is the only turn, every scan of it asked and of one kind.
    So is the drawn one where no turn is left.

    A turn leaves out whole sessions in a seeded order; spots, where ``rule`` (of `split.py`) is
    "spot" or no session can answer another. Asked is who has an answering row on the same floor
    within REACH_M; in all about ``most`` scans, as many on known spots as on unseen ones and as
    many of each session as there are.
    """
    train, held = survey.rows("train"), held_out.rows
    split = [Turn(train & ~held, held, np.ones(held.sum(), dtype=bool))]
    if not held_out.drawn:
        return split
    session = np.unique(survey.session.astype(str), return_inverse=True)[1].reshape(-1)
    spot = spots(survey)
    for group in (spot,) if rule == "spot" else (session, spot):
        rng = np.random.default_rng(seed)
        members = rng.permutation(np.unique(group[train]))
        count = min(TURNS, len(members))
        found = []
        for first in range(count):
            left_out = train & np.isin(group, members[first::TURNS])
            rest = train & ~left_out
            can = _within_reach(survey, left_out, rest)
            known = np.isin(spot, spot[rest])
            asked = np.zeros(len(survey), dtype=bool)
            for kind in (can & known, can & ~known):
                asked[_some(np.flatnonzero(kind), session, -(-most // (2 * count)), rng)] = True
            if asked.any():
                found.append(Turn(rest, asked, known[asked]))
        if found:
            return found
    return split


def left_out_in_groups(
    survey: Survey, held_out: Validation, seed: int = 0, rule: str = "auto"
) -> list[tuple[Validation, NDArray[np.bool_]]]:
    """The turns in GROUPS, for what is too dear to be fitted ten times: of each the scans asked, as
    held-out ones, and the rows (M,) of the sessions that may answer. Nobody is asked twice.

    Unseen spots weigh UNSEEN_SHARE of all groups together. A validation split the survey brings
    stays as it is, alone, and so does ``held_out`` where no session can answer another.
    """
    groups = []
    turns = turns_of(survey, held_out, seed, rule, _MOST_IN_GROUPS) if held_out.drawn else []
    spot, count = spots(survey), min(GROUPS, len(turns))
    for group in range(count):
        few = turns[group::count]
        rest = np.all([turn.answering for turn in few], axis=0)
        asked = _within_reach(survey, np.any([turn.asked for turn in few], axis=0), rest)
        if not asked.any():
            continue
        known = asked & np.isin(spot, spot[rest])
        text = (
            f"{known.sum()} rows on known spots, {(asked & ~known).sum()} on others, of "
            f"sessions left out whole in {len(few)} of {len(turns)} turns, seed {seed}"
        )
        groups.append((asked, known, rest, text))
    if not groups:
        return [(held_out, survey.rows("train") & ~held_out.rows)]
    all_asked, all_known = (np.any([one[i] for one in groups], axis=0) for i in (0, 1))
    weight = all_asked.astype(np.float64)
    if all_known.any() and (all_asked & ~all_known).any():
        kinds = (all_known, 1 - UNSEEN_SHARE), (all_asked & ~all_known, UNSEEN_SHARE)
        for kind, share in kinds:
            weight[kind] = share * all_asked.sum() / kind.sum()
    return [
        (Validation(asked, np.where(asked, weight, 0.0), text, True), rest)
        for asked, _, rest, text in groups
    ]


def pooled(parts: Sequence[Validation]) -> Validation:
    """Held-out scans of several groups, none of them in two, as one set."""
    rows = np.any([one.rows for one in parts], axis=0)
    weight = np.sum([one.weight for one in parts], axis=0)
    return Validation(rows, weight, "; ".join(one.rule for one in parts), parts[0].drawn)


def tune_in_turns(
    rssi_dbm: NDArray[np.float32],
    survey: Survey,
    turns: Sequence[Turn],
    progress: bool = False,
    shifts_db: Sequence[float] = (),
) -> tuple[Rule, float]:
    """The rule that best locates the scans asked in the turns; and its score, metres.

    Scans (M, N), NaN = not heard, are those of the survey, row for row. The score is the mean error
    (as `knn.penalised`), of which unseen spots count UNSEEN_SHARE, however many they are. Rules are
    tried without ``shifts_db`` and with them.
    """
    used = np.any([turn.answering | turn.asked for turn in turns], axis=0)
    rssi_dbm, survey = rssi_dbm[used], survey.take(used)
    rows = [np.flatnonzero(turn.answering[used]) for turn in turns]
    asked = [np.flatnonzero(turn.asked[used]) for turn in turns]
    known = np.concatenate([turn.known for turn in turns])
    most = min(max(KS), *(len(one) for one in rows))

    def near(metric: str, form: Form, by_db: float) -> Near:
        index, distance = [], []
        for answering, asking in zip(rows, asked, strict=True):
            found = search(rssi_dbm[answering], rssi_dbm[asking], form, most, metric, by_db)
            index.append(answering[found[0]])
            distance.append(found[1])
        return np.concatenate(index), np.concatenate(distance)

    def score(error_m: NDArray[np.float64]) -> float:
        if known.all() or not known.any():
            return float(error_m.mean())
        means = error_m[known].mean(), error_m[~known].mean()
        return float(np.average(means, weights=(1 - UNSEEN_SHARE, UNSEEN_SHARE)))

    truth = np.concatenate(asked)
    base, xy_m, floor = Database.of(rssi_dbm, survey), survey.xy_m[truth], survey.floor[truth]
    return best_rule(base, near, xy_m, floor, score, progress, shifts_db)


def _within_reach(
    survey: Survey, asking: NDArray[np.bool_], answering: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    near = np.zeros(len(survey), dtype=bool)
    for floor in np.unique(survey.floor[answering]):
        here = survey.floor == floor
        tree, rows = cKDTree(survey.xy_m[here & answering]), here & asking
        near[rows] = tree.query(survey.xy_m[rows], distance_upper_bound=REACH_M)[0] <= REACH_M
    return near


def _some(
    rows: NDArray[np.int64], session: NDArray[np.int64], most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """At most ``most`` of the rows, the first ones of every session before its second ones."""
    rows = rng.permutation(rows)
    order = np.argsort(session[rows], kind="stable")
    starts = np.flatnonzero(np.diff(session[rows][order], prepend=-1))
    rank = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    return rows[order][np.argsort(rank, kind="stable")[:most]]
