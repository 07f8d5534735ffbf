"""A validation split for surveys that have none: by session and by spot, seeded, never by row.

What a validation split has to foretell is the error of a phone that comes later. Such a phone
stands on a spot of the survey (surveyed well or once) or between spots; scans of one visit are
alike, so a split by row would only measure the repetition. The rule ``auto``, fixed before any test
split was looked at:

* *known*: the latest sessions all of whose spots other sessions keep in training, until they hold
  ``share`` of the rows (the latest, because a bundle is always used after its survey: sessions of
  the same week resemble each other too much);
* *unseen*: ``share`` of the spots that a single session visited (of all spots where there are fewer
  than ten such), with every row on them;
* in calibration and tuning the unseen rows weigh UNSEEN_SHARE of the whole, whatever their number:
  the survey does not tell how often users stand on its spots. The share was set once on months 3, 4
  and 6 of uji_library (both floors: there it gives a coverage of 64-75 %, mean 69 %), and is used
  as it is for every other survey.

Where sessions walk their own ways (those covered by others hold under half of ``share``), whole
sessions are drawn, and where there is a single session, spots. A spot is a cell of 1 m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.survey import Survey, SurveyError

RULES = ("auto", "session", "spot")
SPOT_M = 1.0
UNSEEN_SHARE = 0.4


@dataclass(frozen=True)
class Validation:
    """``rows`` (M,) are held out of a survey's training rows; ``weight`` (M,) sums to their number.

    ``rule`` says in words how they were drawn; ``drawn`` is False where the survey brought them.
    """

    rows: NDArray[np.bool_]
    weight: NDArray[np.float64]
    rule: str
    drawn: bool


def validation_of(
    survey: Survey, seed: int = 0, rule: str = "auto", share: float = 0.15
) -> Validation:
    """The survey's own validation split, else one drawn from its training rows.

    Raises SurveyError when there are no training rows or nothing can be held out.
    """
    train = survey.rows("train")
    own = survey.rows("validation")
    if not train.any():
        raise SurveyError(f"survey {survey.header.name!r} has no labelled row in split 'train'")
    if own.any():
        return Validation(own, own.astype(np.float64), "validation split of the survey", False)
    if rule not in RULES:
        raise ValueError(f"validation rule is {rule!r}, expected one of {', '.join(RULES)}")
    rng = np.random.default_rng(seed)
    index = np.flatnonzero(train)
    session = np.unique(survey.session[index].astype(str), return_inverse=True)[1]
    spot = spots(survey)[index]
    known = unseen = np.zeros(len(index), dtype=bool)
    if rule == "auto":
        known = _covered_sessions(session, spot, survey.timestamp_ms[index], share)
        if known.mean() < share / 2:
            known = unseen  # a few short walks that happen to cross others: not a survey of spots
        else:
            unseen = _spots(session, spot, share, rng)
    if not known.any():
        if rule != "spot" and session.max() > 0:
            unseen = _members(session, rng.permutation(session.max() + 1), share)
        else:
            unseen = _members(spot, rng.permutation(spot.max() + 1), share)
    known &= ~unseen
    held = known | unseen
    if held.all() or not held.any():
        raise SurveyError(
            f"survey {survey.header.name!r}: {len(index)} training rows in {session.max() + 1} "
            f"sessions on {len(np.unique(spot))} spots; expected at least two sessions or spots"
        )
    weight = held.astype(np.float64)
    if known.any() and unseen.any():
        shares = (1 - UNSEEN_SHARE) * known / known.sum() + UNSEEN_SHARE * unseen / unseen.sum()
        weight = held.sum() * shares
    rows, weights = np.zeros(len(survey), dtype=bool), np.zeros(len(survey))
    rows[index], weights[index] = held, weight
    text = (
        f"{known.sum()} rows of sessions on known spots, {unseen.sum()} rows on spots (or of "
        f"sessions) kept out entirely; rule {rule}, seed {seed}"
    )
    return Validation(rows, weights, text, True)


def spots(survey: Survey) -> NDArray[np.int64]:
    """(M,) number of the 1 m cell each scan stands in; scans without a position share one."""
    return spots_of(survey.xy_m, survey.floor)


def spots_of(xy_m: NDArray[np.float64], floor: NDArray[np.int32]) -> NDArray[np.int64]:
    """The same of positions (M, 2) on floors (M,)."""
    place = xy_m / SPOT_M
    cell = np.floor(np.where(np.isfinite(place), place, 0.0)).astype(np.int64)
    key = np.column_stack([floor.astype(np.int64), cell])
    return np.unique(key, axis=0, return_inverse=True)[1].reshape(-1)


def _covered_sessions(
    session: NDArray[np.int64], spot: NDArray[np.int64], time: NDArray[np.int64], share: float
) -> NDArray[np.bool_]:
    """Sessions, latest first, whose spots the sessions left still hold."""
    visits = np.zeros((session.max() + 1, spot.max() + 1), dtype=bool)
    visits[session, spot] = True
    left = visits.sum(axis=0)
    taken = np.zeros(len(session), dtype=bool)
    start = np.full(len(visits), np.iinfo(np.int64).max)
    np.minimum.at(start, session, time)
    for one in np.argsort(-start, kind="stable"):
        if (left[visits[one]] >= 2).all():
            left -= visits[one]
            taken |= session == one
            if taken.mean() >= share:
                break
    return taken


def _spots(
    session: NDArray[np.int64], spot: NDArray[np.int64], share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """All rows on some spots, of those visited once where there are ten or more."""
    pairs = np.unique(np.column_stack([spot, session]), axis=0)
    found, sessions = np.unique(pairs[:, 0], return_counts=True)
    once = found[sessions == 1]
    pool = rng.permutation(once if len(once) >= 10 else found)
    return np.isin(spot, pool[: max(1, round(share * len(pool)))])


def _members(group: NDArray[np.int64], order: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Whole groups in the order given until they hold the share of the rows; one always stays."""
    taken = np.zeros(len(group), dtype=bool)
    present = [one for one in order if (group == one).any()]
    for one in present[:-1]:
        taken |= group == one
        if taken.mean() >= share:
            break
    return taken
