"""Figures of one test of the LBN study, whole and per reference point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics import ecdf

MARGINS = (0, 1, 2)
# Of the ECDF.
GRID_M = np.arange(0.0, 10.01, 0.25)
WITHIN_M = (2.0, 4.0)


def figures(
    probability: NDArray[np.float64], point: NDArray[np.int64], xy_m: NDArray[np.float64]
) -> dict[str, Any]:
    """Figures of (n, R) posteriors of scans at points (n,).

    The answer is the most probable point, as in the paper; ``expected_m`` is the mean error of the
    expected position instead. ``margins``: shares of scans whose answer's index is at most 0, 1, 2
    from the truth's (SPEC 0). ``by_point``: scans, mean error and shares of exact answers of each
    point, for tests that treat a point's scans as one: they resemble each other.
    """
    answer = probability.argmax(axis=1)
    error = np.linalg.norm(xy_m[answer] - xy_m[point], axis=1)
    expected = np.linalg.norm(probability @ xy_m - xy_m[point], axis=1)
    off = np.abs(answer - point)
    count = np.bincount(point, minlength=len(xy_m))

    def per_point(values: NDArray) -> list[float]:
        total = np.bincount(point, values.astype(np.float64), minlength=len(xy_m))
        return [round(float(v), 4) for v in total / np.maximum(count, 1)]

    return {
        "n": len(point),
        "margins": [round(float((off <= m).mean()), 4) for m in MARGINS],
        "within": [round(float((error <= w + 1e-9).mean()), 4) for w in WITHIN_M],
        "mean_m": round(float(error.mean()), 4),
        "variance_m2": round(float(error.var()), 4),
        "std_m": round(float(error.std()), 4),
        "median_m": round(float(np.median(error)), 4),
        "p95_m": round(float(np.quantile(error, 0.95)), 4),
        "expected_m": round(float(expected.mean()), 4),
        "ecdf": [round(float(v), 4) for v in ecdf(error, GRID_M + 1e-9)],
        "by_point": {"n": count.tolist(), "mean_m": per_point(error), "exact": per_point(off == 0)},
    }
