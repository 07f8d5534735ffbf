"""The guard of an update: labelled scans that say what a network and a mask are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdk.fingerprint import ApTable
from training.decode import decode
from training.fingerprints import MERGES
from training.itoloc_answer import probability
from training.networks.itoloc import ItolocNet
from training.run import Run
from training.survey import Survey, SurveyError

# A fix within this of the truth, on its floor, counts as a success.
SUCCESS_M = 2.0


@dataclass(frozen=True)
class Guard:
    """Labelled scans (V, N) dBm, NaN = not heard, with weights (V,); ``own`` are the run's."""

    rssi_dbm: NDArray[np.float32]
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    weight: NDArray[np.float64]
    own: bool

    def take(self, rows: NDArray[np.bool_]) -> Guard:
        """Those of a mask (V,)."""
        parts = (self.rssi_dbm, self.xy_m, self.floor, self.weight)
        return Guard(*(part[rows] for part in parts), self.own)


def guard_of(run: Run, survey: Survey | None) -> Guard:
    """The labelled scans of a survey, or the run's validation rows.

    Raises SurveyError for a survey without a labelled scan.
    """
    if survey is None:
        arrays = run.arrays
        rssi, weight = arrays["validation_rssi_dbm"], arrays["validation_weight"]
        return Guard(rssi, arrays["validation_xy_m"], arrays["validation_floor"], weight, True)
    part = survey.take(survey.labelled)
    if not len(part):
        raise SurveyError(f"{survey.header.name}: no labelled scan to guard with")
    return Guard(levels_of(part, run), part.xy_m, part.floor, np.ones(len(part)), False)


def judged(
    run: Run, network: ItolocNet, guard: Guard, unknown: NDArray[np.bool_]
) -> tuple[float, float]:
    """Weighted mean error (metres) and share of successes on the guard."""
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]
    said = probability(run, network, guard.rssi_dbm, unknown)
    found = decode(said, *places, run.estimate)
    error = np.linalg.norm(found.xy_m - guard.xy_m, axis=1)
    hit = (error <= SUCCESS_M) & (found.floor == guard.floor)
    weights = guard.weight
    return float(np.average(error, weights=weights)), float(np.average(hit, weights=weights))


def levels_of(survey: Survey, run: Run) -> NDArray[np.float32]:
    """(M, N) dBm of a survey's scans over the run's access points, NaN = not heard."""
    merge = MERGES[run.merge_virtual_aps]
    return survey.fingerprints(run.bssids, merge, run.limits["max_age_ms"])


def mask_of(run: Run, unknown: tuple[str, ...]) -> NDArray[np.bool_]:
    """(N,) True where masked."""
    return ApTable(run.bssids, run.merge_virtual_aps).mask(unknown)  # type: ignore[arg-type]
