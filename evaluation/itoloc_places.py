"""The 25 months of uji_library as iToLoc is studied on them: campaigns, phones, regions.

Everything is learned from month 1, all of it. A later month's figures are over its ``tst``
campaigns walked with the survey's phone; in month 25 five more were walked with another one. What
is not heard any more is told, campaign by campaign, from the *other* campaigns of that month, the
four nearest in time: month 11's trn campaign was walked before the library's network was replaced,
its tst campaigns after, and scans of both together show next to nothing as silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics import cells_of
from training.readers import uji_library
from training.survey import Survey

FLOORS = (3, 5)
FIRST, LAST = 1, 25
MONTHS = tuple(range(2, LAST + 1))
# Months for what is too dear to be judged in all: right after the survey, before the library's
# network was replaced, while, right after, and later.
SHOWN = (2, 6, 11, 12, 18, 25)
PHONE, OTHER_PHONE = "Galaxy S3", "Galaxy A5 2017"
REGION_M = 4.0
# Campaigns of a month in two halves; either teaches the update that the other one judges.
FOLDS = (("tst01", "tst02", "tst05"), ("tst03", "tst04"))
NEAREST = 4
# Labelled scans of a month that nobody is judged by: its trn campaign.
GUARD = "trn01"


@dataclass(frozen=True)
class Months:
    """The scans of one floor. ``month`` (M,), ``campaign`` (M,) such as "tst03"; ``asked``: the
    months to be judged in, all later ones unless given."""

    floor: int
    survey: Survey
    month: NDArray[np.int64]
    campaign: NDArray[np.str_]
    asked: tuple[int, ...] | None = None

    def only(self, asked: Sequence[int]) -> Months:
        """The same floor, judged in some months."""
        return replace(self, asked=tuple(asked))

    @property
    def tests(self) -> list[tuple[str, int, str]]:
        """Name, month and phone of everything a system is judged by."""
        later = [int(m) for m in np.unique(self.month)
                 if m != FIRST and (self.asked is None or m in self.asked)]  # fmt: skip
        found = [(str(m), m, PHONE) for m in later]
        other = [(f"{m} other phone", m, OTHER_PHONE) for m in later]
        return [one for one in found + other if self.tested(*one[1:]).any()]

    def first(self) -> Survey:
        """Month 1, every row to learn from."""
        part = self.survey.take(self.month == FIRST)
        return part.with_split(np.full(len(part), "train", dtype=object))

    def tested(self, month: int, device: str = PHONE) -> NDArray[np.bool_]:
        """(M,) a month's scans to be judged by."""
        visit = np.char.startswith(self.campaign, "tst")
        return (self.month == month) & visit & (self.survey.device == device)

    def others(self, month: int, campaign: str) -> NDArray[np.bool_]:
        """(M,) what the four campaigns of the month nearest in time to one of them heard."""
        here = self.month == month

        def start(one: str) -> int:
            return int(self.survey.timestamp_ms[here & (self.campaign == one)].min())

        rest = [str(c) for c in np.unique(self.campaign[here]) if c != campaign]
        rest.sort(key=lambda one: abs(start(one) - start(campaign)))
        return here & np.isin(self.campaign, rest[:NEAREST])

    def regions(self, xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """(B, 2) column and row of the 4 x 4 m region each position lies in."""
        return cells_of(xy_m, self.survey.xy_m.min(axis=0), REGION_M)


def months_of(data: Path, floor: int) -> Months:
    """Raises SurveyError where the set is not there."""
    survey = uji_library.read(data / "uji_library", [floor], [FIRST, *MONTHS])
    session = survey.session.astype(str)
    month = np.array([int(one[1:3]) for one in session])
    return Months(floor, survey, month, np.array([one[4:] for one in session]))
