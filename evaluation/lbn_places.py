"""The places the LBN-CNN is studied on: 74 reference points x 256 access points (SPEC 4).

The paper's corridor is not public. What stands in are selections that the data kit brings, made
before any network was trained: points of uji_library's floor 3 (the ``tst`` campaigns alone: every
month visits every point), and test points of SODIndoorLoc's HCXY. All points of floor 5 were added
last, to repeat there what was found on floor 3.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.readers import sodindoorloc, uji_library
from training.survey import Survey, SurveyError

TRAIN_MONTHS = (1, 2, 3, 4, 5)
# Settings are chosen on this one and on none of the others.
DEVELOPMENT_MONTH = 6
TEST_MONTHS = (7, 11, 12, 18, 25)
# Month 25's campaigns 6 to 10 were walked with another phone.
OTHER_PHONE = "month 25, other phone"
_SAME_POINT_M = 1e-3
_SEED = 0
_TEST_SHARE = 0.2
_HCXY_TRAIN_SAMPLES = 7
_COLUMNS = 256


@dataclass(frozen=True)
class Material:
    """Scans of a place: ``rssi_dbm`` (M, N) with NaN = not heard, and the point (M,) of each row.

    ``survey``: the same M rows; ``xy_m`` (R, 2): the points in the order of their index; ``train``
    and each of ``tests``: masks (M,). ``development``: tests that settings may be chosen on.
    """

    survey: Survey
    rssi_dbm: NDArray[np.float32]
    point: NDArray[np.int64]
    xy_m: NDArray[np.float64]
    train: NDArray[np.bool_]
    tests: dict[str, NDArray[np.bool_]]
    development: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """``leaks``: test rows stem from visits that training rows stem from, so figures flatter.

    ``epochs``: passes over the training rows and as many synthetic ones; month 1 alone takes as
    many steps as months 1-5, the small HCXY fewer.
    """

    name: str
    title: str
    leaks: bool
    epochs: int
    make: Callable[[Path], Material]


def _uji(data: Path, months: tuple[int, ...] = TRAIN_MONTHS) -> Material:
    """Train on months of the five, test on later ones."""
    return _by_month(months, *_uji_scans(data, (*months, DEVELOPMENT_MONTH, *TEST_MONTHS)))


def _uji_floor(data: Path, floor: int) -> Material:
    """As ``_uji``, at all points of a floor; columns by the data kit's rule: those most often heard
    in the training months."""
    months = (*TRAIN_MONTHS, DEVELOPMENT_MONTH, *TEST_MONTHS)
    survey = _visits(uji_library.read(data / "uji_library", [floor], months))
    first = np.isin([int(s[1:3]) for s in survey.session], TRAIN_MONTHS)
    heard = np.isfinite(survey.take(first).fingerprints(survey.bssids, None, None)).sum(axis=0)
    kept = np.sort(np.argsort(-heard, kind="stable")[:_COLUMNS])
    xy_m = np.unique(survey.xy_m[:, ::-1], axis=0)[:, ::-1]
    columns = [survey.bssids[i] for i in kept]
    return _by_month(TRAIN_MONTHS, *_at_points(survey, xy_m, columns))


def _by_month(
    months: tuple[int, ...],
    survey: Survey,
    rssi_dbm: NDArray[np.float32],
    point: NDArray[np.int64],
    xy_m: NDArray[np.float64],
) -> Material:
    month = np.array([int(s[1:3]) for s in survey.session])
    other = np.array([s.startswith("m25") and int(s[-2:]) > 5 for s in survey.session])
    tests = {f"month {m}": (month == m) & ~other for m in (DEVELOPMENT_MONTH, *TEST_MONTHS)}
    tests[OTHER_PHONE] = other
    development = (f"month {DEVELOPMENT_MONTH}",)
    train = np.isin(month, months)
    return Material(survey, rssi_dbm, point, xy_m, train, tests, development)


def _uji_by_row(data: Path) -> Material:
    """Months 1-5, rows drawn at random: scans of one visit stand on both sides."""
    survey, *scans = _uji_scans(data, TRAIN_MONTHS)
    test = np.random.default_rng(_SEED).random(len(survey)) < _TEST_SHARE
    return Material(survey, *scans, ~test, {"random rows": test})


def _uji_scans(data: Path, months: tuple[int, ...]) -> tuple:
    chosen = _selection(data / "uji_library" / "lbn_74rp_256ap.json")
    survey = uji_library.read(data / "uji_library", [chosen["floor"]], sorted(set(months)))
    xy_m = np.array([[p["x"], p["y"]] for p in chosen["points"]])
    return _at_points(_visits(survey), xy_m, chosen["ap_columns"])


def _visits(survey: Survey) -> Survey:
    """The tst campaigns: every month visits every point."""
    return survey.take(np.char.find(survey.session.astype(str), "tst") > 0)


def _hcxy(data: Path) -> Material:
    """Samples 1-7 of a visit to train, 8-10 of the same visit to test."""
    folder = data / "sodindoorloc"
    chosen = _selection(folder / "lbn_74tp_256mac_HCXY.json")
    survey = sodindoorloc.read(folder, "HCXY", "All_Avg")
    xy_m = np.array([[p["ECoord"], p["NCoord"]] for p in chosen["points"]])
    xy_m = xy_m - np.array(sodindoorloc.ORIGIN_M["HCXY"])
    survey, *scans = _at_points(survey.take(survey.rows("test")), xy_m, chosen["mac_columns"])
    # The set has no clock: the number of the sample stands for seconds.
    train = survey.timestamp_ms <= 1000 * _HCXY_TRAIN_SAMPLES
    return Material(survey, *scans, train, {"samples 8-10": ~train})


def _at_points(survey: Survey, xy_m: NDArray[np.float64], columns: list[str]) -> tuple:
    """The survey's rows at the points (R, 2), their levels (M, N), points (M,), and the points."""
    away = np.linalg.norm(survey.xy_m[:, None] - xy_m[None], axis=2)
    used = away.min(axis=1) < _SAME_POINT_M
    part = survey.take(used)
    return part, part.fingerprints(tuple(columns), None, None), away.argmin(axis=1)[used], xy_m


def _selection(file: Path) -> dict:
    """Raises SurveyError where the data kit's selection is missing."""
    if not file.is_file():
        raise SurveyError(f"{file} is missing; expected the data kit's selection of 74 points")
    return json.loads(file.read_text(encoding="utf-8"))


PLACES = {
    place.name: place
    for place in (
        Place("uji", "UJI library floor 3, months 1-5 to later months", False, 4, _uji),
        Place("uji-month1", "UJI library floor 3, month 1 to later months", False, 20,
              lambda data: _uji(data, (1,))),
        Place("uji-rows", "UJI library floor 3, months 1-5, random rows", True, 5, _uji_by_row),
        # As many steps as on floor 3, from more rows.
        Place("uji-floor5", "UJI library floor 5, months 1-5 to later months", False, 3,
              lambda data: _uji_floor(data, 5)),
        Place("hcxy", "SODIndoorLoc HCXY, samples of the same visit", True, 20, _hcxy),
    )
}  # fmt: skip
