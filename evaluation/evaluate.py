"""Runs a bundle, or tuned kNN, over the scans of a split and compares with the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics import KEYS, figures
from sdk import Localizer
from training import neighbours
from training.calibration import radius_at
from training.fingerprints import Vectors
from training.knn import Database, Rule, apply
from training.survey import Survey, SurveyError
from training.survey_scans import scans_of


@dataclass(frozen=True)
class Evaluation:
    """n scans: where they were (n, 2), where they were put (NaN = no position), how far off."""

    truth_xy_m: NDArray[np.float64]
    truth_floor: NDArray[np.int32]
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    accuracy_m: NDArray[np.float64]

    @property
    def error_m(self) -> NDArray[np.float64]:
        """(n,) horizontal error, NaN where there was no position."""
        return np.linalg.norm(self.xy_m - self.truth_xy_m, axis=1)

    @property
    def figures(self) -> dict[str, float | int | None]:
        """The keys of DESIGN 6."""
        got = figures(self.error_m, self.floor == self.truth_floor, self.accuracy_m)
        return {key: got[key] for key in KEYS}


def split_of(survey: Survey, split: str) -> Survey:
    """The labelled scans of a split. Raises SurveyError naming the splits there are."""
    rows = survey.rows(split)
    if not rows.any():
        found = sorted({s for s in survey.split[survey.labelled] if s})
        raise SurveyError(
            f"survey {survey.header.name!r} has no labelled scan in split {split!r}; "
            f"it has {', '.join(found) or 'no splits'}"
        )
    return survey.take(rows)


def evaluate_bundle(
    localizer: Localizer, scans: Survey, advance: Callable[[], None] | None = None
) -> Evaluation:
    """Locate every scan one by one, as on the device; ``advance`` is called after each."""
    n = len(scans)
    xy, accuracy = np.full((n, 2), np.nan), np.full(n, np.nan)
    floor = np.full(n, np.iinfo(np.int32).min, dtype=np.int32)
    for i, scan in enumerate(scans_of(scans)):
        fix = localizer.locate(scan)
        if fix:
            xy[i], floor[i], accuracy[i] = (fix.x_m, fix.y_m), fix.floor, fix.accuracy_m
        if advance is not None:
            advance()
    return Evaluation(scans.xy_m, scans.floor, xy, floor, accuracy)


def evaluate_knn(survey: Survey, scans: Survey, seed: int = 0) -> tuple[Evaluation, Rule]:
    """Weighted kNN tuned on the survey's training and validation rows, on the same scans."""
    run = neighbours.train(survey, seed=seed)
    assert run.neighbours is not None
    rule = Rule(**run.neighbours)
    arrays, limits = run.arrays, run.limits
    database = Database(
        arrays["database"], arrays["places_xy_m"], arrays["places_floor"], arrays["place_of_row"]
    )
    rssi = Vectors(run.merge_virtual_aps, limits["max_age_ms"]).of(scans, run.bssids)
    found = apply(database, rule, rssi)
    knots = run.accuracy["spread_m"], run.accuracy["radius_m"]
    refused = np.isfinite(rssi).sum(axis=1) < limits["min_matched_aps"]
    xy = np.where(refused[:, None], np.nan, found.xy_m)
    radius = np.where(refused, np.nan, radius_at(knots, found.spread_m))
    return Evaluation(scans.xy_m, scans.floor, xy, found.floor, radius), rule
