"""The public places eXLoc is studied on, each a survey with train, validation and test rows.

None of them is a place of the paper: its University sets are not public, and the sample of the
Microsoft set that is has too few scans in any small box.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.readers import microsoft_indoor, uji_library
from training.survey import Survey, SurveyError

UJI, MICROSOFT = "uji_library", "microsoft_indoor"
# A campaign of month 1 on points that other campaigns visit too.
_UJI_VALIDATION = "m01-tst05"
_SEED = 0


@dataclass(frozen=True)
class Place:
    """``source``: folder of the data kit. ``leaks``: the split lets repeats of training rows into
    the test rows, so its figures flatter."""

    name: str
    title: str
    source: str
    leaks: bool
    make: Callable[[Path], Survey]

    def survey(self, data: Path) -> Survey:
        """Raises SurveyError where the data is not there or cannot be read."""
        folder = Path(data) / self.source
        if not folder.is_dir():
            raise SurveyError(f"no folder {self.source} in the data folder")
        return self.make(folder)


def by_row(survey: Survey) -> Survey:
    """70 % train, 10 % validation, 20 % test, drawn row by row: it leaks, as the papers' do."""
    rank = np.random.default_rng(_SEED).permutation(len(survey)) / len(survey)
    split = np.select([rank < 0.7, rank < 0.8], ["train", "validation"], "test")
    return survey.with_split(split.astype(object))


def with_validation(survey: Survey, share: float = 0.15) -> Survey:
    """Some sessions of the training rows become the validation split, drawn at random."""
    train = survey.rows("train")
    sessions = np.unique(survey.session[train].astype(str))
    drawn = np.random.default_rng(_SEED).permutation(sessions)
    held = np.isin(survey.session.astype(str), drawn[: max(1, round(share * len(sessions)))])
    return survey.with_split(np.where(train & held, "validation", survey.split).astype(object))


def _uji(folder: Path, floor: int) -> Survey:
    survey = uji_library.read(folder, [floor], [1, 2])
    held = survey.session == _UJI_VALIDATION
    return survey.with_split(np.where(held, "validation", survey.split).astype(object))


def _uji_late(folder: Path, floor: int) -> Survey:
    """Train on month 1, test in month 25: the access points changed in between."""
    survey = uji_library.read(folder, [floor], [1, 25])
    late = np.char.startswith(survey.session.astype(str), "m25")
    survey = survey.take(~late | survey.rows("test"))
    held = survey.session == _UJI_VALIDATION
    return survey.with_split(np.where(held, "validation", survey.split).astype(object))


def _uji_rows(folder: Path, floor: int) -> Survey:
    return by_row(uji_library.read(folder, [floor], [1, 2]))


def _mall(folder: Path, site: str, level: int) -> Survey:
    survey = microsoft_indoor.read(folder, site)
    rows: NDArray[np.bool_] = survey.labelled & (survey.floor == level)
    return survey.take(rows)


def _places() -> dict[str, Place]:
    made = []
    for f in (3, 5):
        made += [
            Place(f"uji-floor{f}", f"UJI library floor {f}, month 2", UJI, False,
                  lambda folder, f=f: _uji(folder, f)),
            Place(f"uji-floor{f}-rows", f"UJI library floor {f}, by row", UJI, True,
                  lambda folder, f=f: _uji_rows(folder, f)),
            Place(f"uji-floor{f}-late", f"UJI library floor {f}, month 25", UJI, False,
                  lambda folder, f=f: _uji_late(folder, f)),
        ]  # fmt: skip
    for label in ("B1", "F1", "F2", "F3", "F4"):
        n = microsoft_indoor.floor_number(label)
        made += [
            Place(f"mall-{label}", f"Microsoft site1 {label}, by walk", MICROSOFT, False,
                  lambda folder, n=n: with_validation(_mall(folder, "site1", n))),
            Place(f"mall-{label}-rows", f"Microsoft site1 {label}, by row", MICROSOFT, True,
                  lambda folder, n=n: by_row(_mall(folder, "site1", n))),
        ]  # fmt: skip
    return {place.name: place for place in made}


PLACES = _places()
