"""One row of a result: a method's score with its intervals and the distribution of its errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines.bootstrap import score

# Levels at which a row keeps its errors: enough to draw a distribution and to pool rows.
LEVELS = np.linspace(0.0, 1.0, 101)
Row = dict[str, Any]


def row(
    method: str,
    xy_m: NDArray[np.float64],
    floor: NDArray[np.int32],
    truth_m: NDArray[np.float64],
    truth_floor: NDArray[np.int32],
    group: NDArray[np.int64],
    radius_m: NDArray[np.float64] | None = None,
    **about: object,
) -> Row:
    """Scores of places (n, 2) and floors (n,); ``about`` is kept as it is."""
    error = np.linalg.norm(xy_m - truth_m, axis=1)
    got = score(error, floor == truth_floor, group, radius_m=radius_m)
    answered = error[np.isfinite(error)]
    kept = np.quantile(answered, LEVELS).round(3).tolist() if len(answered) else []
    stated = None
    if radius_m is not None and len(answered):
        stated = float(np.nanmedian(radius_m))
    return {
        "method": method, **about, **got.plain(), "median_radius_m": stated, "errors_m": kept,
    }  # fmt: skip


def floor_row(
    method: str,
    floor: NDArray[np.int32],
    truth_floor: NDArray[np.int32],
    group: NDArray[np.int64],
    **about: object,
) -> Row:
    """The score of a floor rule alone."""
    nowhere = np.zeros(len(floor))
    got = score(nowhere, floor == truth_floor, group).plain()
    return {"method": method, **about, "n": got["n"], "floor_hit": got["floor_hit"]}


def text(figure: dict[str, float | None] | None, digits: int = 2) -> str:
    """A figure with its interval."""
    if figure is None or figure["value"] is None:
        return "–"
    value, low, high = (f"{figure[k]:.{digits}f}" for k in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def pooled(rows: list[Row], share: float) -> float:
    """A quantile of the errors of several rows together, each by its number of answers."""
    errors = np.concatenate([r["errors_m"] for r in rows])
    weight = np.concatenate([np.full(len(r["errors_m"]), r["answered"]) for r in rows])
    order = np.argsort(errors, kind="stable")
    held = np.cumsum(weight[order]) - weight[order] / 2
    return float(np.interp(share * weight.sum(), held, errors[order]))
