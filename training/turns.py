"""A survey asked about itself in turns: every session is left out once, the others answer.

One validation split (`split.py`) settles by luck what few of its scans decide: on UJIIndoorLoc the
spots drawn with one seed chose neighbours that others call poor. Turns hold every session, so every
phone, campaign and walk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.split import Validation, spots
from training.survey import Survey

TURNS = 5
# Over all turns: each costs a search of the survey per way to measure distance.
MOST_ASKED = 1200


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
    "spot" or no two sessions share a floor. At most ``most`` scans are asked in all, as evenly from
    the sessions as they allow, and none on a floor where nothing answers.
    """
    train = survey.rows("train")
    held = held_out.rows
    split = [Turn(train & ~held, held, np.ones(held.sum(), dtype=bool))]
    if not held_out.drawn:
        return split
    session = np.unique(survey.session.astype(str), return_inverse=True)[1].reshape(-1)
    spot = spots(survey)
    for group in (spot,) if rule == "spot" else (session, spot):
        rng = np.random.default_rng(seed)
        members = rng.permutation(np.unique(group[train]))
        parts = [np.isin(group, members[first::TURNS]) & train for first in range(TURNS)]
        each = -(-most // len(np.unique(session[train])))
        found = []
        for left_out in parts:
            rest = train & ~left_out
            pool = rng.permutation(
                np.flatnonzero(left_out & np.isin(survey.floor, survey.floor[rest]))
            )
            chosen = [pool[session[pool] == one][:each] for one in np.unique(session[pool])]
            if chosen:
                asked = np.zeros(len(survey), dtype=bool)
                asked[rng.permutation(np.concatenate(chosen))[: -(-most // TURNS)]] = True
                found.append(Turn(rest, asked, np.isin(spot[asked], spot[rest])))
        if found:
            return found
    return split
