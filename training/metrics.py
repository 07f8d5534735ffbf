"""Error figures, one implementation for training, export and evaluation.

Training needs them for the run's own figures, so they stand here; ``evaluation.metrics`` adds the
figures of the papers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.calibration import weighted_quantile


def figures(
    error_m: NDArray[np.float64],
    floor_hit: NDArray[np.bool_],
    accuracy_m: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
) -> dict[str, float | int | None]:
    """The keys of ``rssfix evaluate --json`` (DESIGN 6) over n scans; NaN = not answered.

    Args:
        error_m: (n,) horizontal distance to the truth; NaN where there was no position.
        floor_hit: (n,) floor is right; not answered counts as wrong.
        accuracy_m: (n,) the radius stated with the position; NaN where none.
        weight: (n,) of the scans, all alike by default.

    Errors, coverage and radius are over the answered scans, ``floor_hit`` over all n; with no
    answer they are None.
    """
    answered = np.isfinite(error_m)
    mass = np.ones(len(error_m)) if weight is None else np.asarray(weight, dtype=np.float64)
    out: dict[str, float | int | None] = {"n": len(error_m), "answered": int(answered.sum())}
    error, w = error_m[answered], mass[answered]

    def quantile(values: NDArray[np.float64], share: float) -> float:
        if weight is None:
            return float(np.quantile(values, share))
        return weighted_quantile(values, share, w)

    if not len(error) or w.sum() <= 0:
        names = "mean_m", "median_m", "rmse_m", "p75_m", "p90_m", "p95_m"
        return out | dict.fromkeys((*names, "floor_hit", "coverage_68", "median_accuracy_m"))
    out["mean_m"] = float(np.average(error, weights=w))
    out["median_m"] = quantile(error, 0.5)
    out["rmse_m"] = float(np.sqrt(np.average(error**2, weights=w)))
    for name, share in (("p75_m", 0.75), ("p90_m", 0.9), ("p95_m", 0.95)):
        out[name] = quantile(error, share)
    out["floor_hit"] = float(np.average(np.asarray(floor_hit) & answered, weights=mass))
    radius = accuracy_m[answered]
    out["coverage_68"] = float(np.average(error <= radius, weights=w))
    out["median_accuracy_m"] = quantile(radius, 0.5)
    return out
