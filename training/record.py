"""What is the same for every system's run: figures on held-out scans, and the record."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.calibration import PERCENTILE, fit_accuracy, radius_at
from training.decode import Decoded
from training.fingerprints import Vectors
from training.metrics import figures
from training.run import MOST_CALIBRATION_ROWS, Run
from training.split import SPOT_M, Validation, spots_of
from training.survey import Survey, SurveyError
from training.survey_header import plain

MIN_MATCHED_APS = 3
LOW_CONFIDENCE_M = 8.0
# Half a spot: held-out scans stand on the very marks of the survey, a user stands beside them.
LEAST_RADIUS_M = SPOT_M / 2
_FOLDS = 5


@dataclass(frozen=True)
class Held:
    """The held-out scans of a fit: what was found, the accuracy table, the figures."""

    found: Decoded
    accuracy: dict[str, Any]
    figures: dict[str, Any]
    temperature: float = 1.0


class Stood(Protocol):
    """Where scans were taken: a survey, or the same of several fits."""

    @property
    def xy_m(self) -> NDArray[np.float64]: ...
    @property
    def floor(self) -> NDArray[np.int32]: ...


def judge(
    found: Decoded,
    matched: NDArray[np.int64],
    truth: Stood,
    weight: NDArray[np.float64],
    temperature: float = 1.0,
    min_matched_aps: int = MIN_MATCHED_APS,
) -> Held:
    """Errors of the positions found against the truth, and the accuracy table they give.

    Scans with fewer than ``min_matched_aps`` access points ``matched`` (V,) have no position on the
    device and count as not answered. The coverage among the figures is cross-fitted over spots: a
    table is never judged on the scans it was fitted on.
    """
    answered = matched >= min_matched_aps
    if not answered.any():
        raise SurveyError(
            f"none of {len(matched)} held-out scans hears {min_matched_aps} of the model's access "
            "points; expected scans of the same venue in every split"
        )
    error = np.linalg.norm(found.xy_m - truth.xy_m, axis=1)
    spread = found.spread_m
    fit = partial(fit_accuracy, least_m=LEAST_RADIUS_M)
    knots = fit(spread[answered], error[answered], weight[answered])
    accuracy = {
        "percentile": PERCENTILE, "spread_m": knots[0], "radius_m": knots[1],
        "n": int(answered.sum()), "split": "validation",
    }  # fmt: skip
    spot = spots_of(truth.xy_m, truth.floor)
    fold = np.random.default_rng(0).permutation(spot.max() + 1)[spot] % _FOLDS
    radius = radius_at(knots, spread)
    for one in range(_FOLDS):
        rest = answered & (fold != one) & (weight > 0)
        if rest.any():
            table = fit(spread[rest], error[rest], weight[rest])
            radius[fold == one] = radius_at(table, spread[fold == one])
    got = figures(np.where(answered, error, np.nan), found.floor == truth.floor, radius, weight)
    return Held(found, accuracy, got, temperature)


def heard(rssi_dbm: NDArray[np.float32]) -> NDArray[np.int64]:
    """(V,) how many of the access points each scan (V, N) hears."""
    return np.isfinite(rssi_dbm).sum(axis=1)


def make_run(
    survey: Survey,
    system: str,
    preset: str,
    seed: int,
    bssids: tuple[str, ...],
    held_out: Validation,
    held: Held,
    vectors: Vectors,
    *,
    places_xy_m: NDArray[np.float64],
    places_floor: NDArray[np.int32],
    metrics: dict[str, Any],
    provenance: dict[str, Any],
    arrays: dict[str, NDArray] | None = None,
    **fields: Any,
) -> Run:
    """A run with everything that does not depend on the system filled in."""
    train = survey.rows("train")
    rows = train & ~held_out.rows
    learned = train if held_out.drawn else rows
    if 10 * rows.sum() < learned.sum():  # Asked in turns, (nearly) every row was held out once.
        rows = learned
    few = np.random.default_rng(seed).permutation(np.flatnonzero(rows))[:MOST_CALIBRATION_ROWS]
    calibration = np.zeros(len(survey), dtype=bool)
    calibration[few] = True
    validation = survey.take(held_out.rows)
    header = survey.header
    defaults: dict[str, Any] = {
        "order": {"method": "name"}, "input": None, "network": None, "estimate": "mean",
    }  # fmt: skip
    return Run(
        plans={name: path.read_bytes() for name, path in survey.plans.items()},
        system=system,
        preset=preset,
        survey={"name": header.name, "licence": header.licence, "sha256": survey.sha256},
        seed=seed,
        bssids=bssids,
        merge_virtual_aps=vectors.merge_virtual_aps,
        temperature=held.temperature,
        venue={
            "name": header.name,
            "frame": header.frame,
            "floors": [plain(floor) for floor in header.floors],
            "georeference": asdict(header.georeference) if header.georeference else None,
        },
        limits={
            "min_matched_aps": MIN_MATCHED_APS,
            "max_age_ms": vectors.max_age_ms,
            "low_confidence_m": LOW_CONFIDENCE_M,
        },
        accuracy=held.accuracy,
        refitted=held_out.drawn,
        metrics={"split": "validation", **metrics},
        provenance={
            "attribution": header.attribution,
            "train_rows": int(learned.sum()),
            "validation": held_out.rule,
            "versions": versions(),
            **provenance,
        },
        arrays={
            "places_xy_m": places_xy_m,
            "places_floor": places_floor.astype(np.int32),
            "calibration_rssi_dbm": vectors.of(survey.take(calibration), bssids),
            "validation_rssi_dbm": vectors.of(validation, bssids),
            "validation_xy_m": validation.xy_m,
            "validation_floor": validation.floor,
            "validation_weight": held_out.weight[held_out.rows],
            **(arrays or {}),
        },
        **{**defaults, **fields},
    )


def versions() -> dict[str, str]:
    """Of Python and of the packages that a result rests on."""
    found = {"python": platform.python_version()}
    for name in ("rssfix", "torch", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
