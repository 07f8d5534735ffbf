"""The baselines of the iToLoc study over the months of one floor, as records."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines.acmu import acmu
from evaluation.baselines.aged_knn import masked, static
from evaluation.baselines.chameleon import chameleon
from evaluation.baselines.cnnloc import fit as fit_cnnloc
from evaluation.baselines.wideep import fit as fit_wideep
from evaluation.itoloc_places import FOLDS, Months
from evaluation.itoloc_study import Said, by_month, figures, gathered, over_months
from training.decode import Decoded
from training.knn import Database

# Access points heard in so large a share of month 1's scans count.
LEAST_SHARE = 0.01


def neighbours(months: Months) -> dict[str, Any]:
    """Weighted kNN static and masked, and retrained on the month's own trn campaign."""
    names, base, _ = survey_of(months)

    def answers(query: NDArray, unknown: NDArray) -> dict[str, Said]:
        found = masked(base, query, unknown) if unknown.any() else static(base, query)
        return {"": Said.of(found)}

    return {"access_points": len(names), "ways": over_months(months, names, answers)}


def retrained(months: Months) -> dict[str, Any]:
    """Weighted kNN on labelled rows of each month's trn campaign: 24 of the 106 points."""

    def one(month: int, query: NDArray, rssi: NDArray) -> Decoded:
        rows = (months.month == month) & (months.campaign == "trn01")
        return static(Database.of(rssi[rows], months.survey.take(rows)), query)

    every = tuple(sorted(months.survey.bssids))
    return {"access_points": len(every), "ways": {"labelled": by_month(months, every, one)}}


def acmu_like(months: Months) -> dict[str, Any]:
    """Levels carried on by labelled scans of each month's trn campaign."""
    names, base, visit = survey_of(months)

    def one(month: int, query: NDArray, rssi: NDArray) -> Decoded:
        rows = (months.month == month) & (months.campaign == "trn01")
        return acmu(base, visit, rssi[rows], months.survey.take(rows).xy_m, query)

    return {"access_points": len(names), "ways": {"labelled": by_month(months, names, one)}}


def chameleon_like(months: Months) -> dict[str, Any]:
    """Altered access points found and estimated anew: each half of a month's campaigns teaches what
    the other half judges."""
    names, base, _ = survey_of(months)
    rssi = months.survey.fingerprints(names)
    out = {}
    for name, month, device in months.tests:
        rows = months.tested(month, device)
        parts = []
        for fold in FOLDS:
            own = (months.month == month) & np.isin(months.campaign, fold)
            here = ~np.isin(months.campaign[rows], fold)
            found = chameleon(base, rssi[own], rssi[rows][here])
            parts.append((here, Said.of(found)))
        out[name] = figures(months, gathered(int(rows.sum()), parts), months.survey.take(rows))
    return {"access_points": len(names), "ways": {"updated": out}}


def cnnloc(months: Months, seed: int) -> dict[str, Any]:
    """CNNLoc on month 1."""

    def fitted(base: Database, visit: NDArray[np.int64]) -> Locate:
        del visit
        found = fit_cnnloc(base.rssi_dbm, months.first(), seed)
        return lambda query: found.locate(query)[0]

    return _without_mask(months, fitted)


def wideep_like(months: Months, seed: int) -> dict[str, Any]:
    """An autoencoder for every place of month 1."""
    return _without_mask(months, lambda base, visit: fit_wideep(base, visit, seed).locate)


# Scans (B, N) to places (B, 2).
Locate: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def _without_mask(
    months: Months, fit: Callable[[Database, NDArray[np.int64]], Locate]
) -> dict[str, Any]:
    """A network of month 1's rows and their campaigns; masked access points count as not heard,
    the only way it has."""
    names, base, visit = survey_of(months)
    began = time.process_time()
    locate = fit(base, visit)
    took = time.process_time() - began

    def answers(query: NDArray, unknown: NDArray) -> dict[str, Said]:
        del unknown
        xy_m = locate(query)
        return {"": Said(xy_m, np.full(len(xy_m), np.nan))}

    ways = over_months(months, names, answers)
    return {"access_points": len(names), "cpu_s": round(took, 1),
            "ways": {"static": ways["static"]}}  # fmt: skip


def survey_of(months: Months) -> tuple[tuple[str, ...], Database, NDArray[np.int64]]:
    """What the baselines go by: access points, month 1's rows, and the campaign of each row."""
    first = months.first()
    names = tuple(sorted(first.bssids))
    rssi = first.fingerprints(names)
    kept = np.isfinite(rssi).mean(axis=0) >= LEAST_SHARE
    visit = np.unique(first.session.astype(str), return_inverse=True)[1]
    chosen = tuple(name for name, one in zip(names, kept, strict=True) if one)
    return chosen, Database.of(np.ascontiguousarray(rssi[:, kept]), first), visit
