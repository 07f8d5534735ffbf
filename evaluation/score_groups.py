"""Does a score tell right answers from wrong ones? The papers' groups and ratio, and AUC, KS, rho.

``error_m`` (n,) is the distance between the centres of the predicted and the true cell (eXLoc), so
that 0 means the right cell. ``value`` (n,) is one number per scan: the mean of the three highest
scores, or any other measure of confidence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp, spearmanr

GROUPS = ("0 m", "under 1 m", "1 to 2 m", "2 m and more")
TOP = 3
# Cell centres of the same cell differ by rounding only.
_SAME_M = 1e-6
# Shares of a group at which its distribution is kept: enough for a plot.
SHARES = np.linspace(0.0, 1.0, 41)


def group_of(error_m: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) index into GROUPS: {0}, (0, 1), [1, 2), [2, inf) m (SPEC 1.1)."""
    return np.where(error_m <= _SAME_M, 0, 1 + np.digitize(error_m, [1.0, 2.0]))


def top_mean(scores: NDArray[np.float64], k: int = TOP) -> NDArray[np.float64]:
    """(n, N) -> (n,) mean of the k largest scores of each row."""
    k = min(k, scores.shape[1])
    return np.partition(scores, -k, axis=1)[:, -k:].mean(axis=1)


def correct_to_worst(value: NDArray[np.float64], error_m: NDArray[np.float64]) -> float | None:
    """mean(value | right) / mean(value | 2 m and more); None where it means nothing.

    It needs both groups and positive means (SPEC 1.5: a shift of the score changes it).
    """
    group = group_of(error_m)
    right, worst = value[group == 0], value[group == len(GROUPS) - 1]
    if not len(right) or not len(worst) or right.mean() <= 0 or worst.mean() <= 0:
        return None
    return float(right.mean() / worst.mean())


def auc(value: NDArray[np.float64], error_m: NDArray[np.float64]) -> float | None:
    """Chance that a right answer has the higher value than a wrong one; None without both."""
    right = group_of(error_m) == 0
    if right.all() or not right.any():
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(right, value))


def ks(value: NDArray[np.float64], error_m: NDArray[np.float64]) -> float | None:
    """Largest distance between the distributions of right and wrong answers; None without both."""
    right = group_of(error_m) == 0
    if right.all() or not right.any():
        return None
    return float(ks_2samp(value[right], value[~right]).statistic)


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    """Rank correlation of two vectors; None where one of them is constant."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(spearmanr(a, b).statistic)


def judge(value: NDArray[np.float64], error_m: NDArray[np.float64]) -> dict[str, object]:
    """All figures of one score, with its mean and distribution per group (plain types)."""
    group = group_of(error_m)
    parts = {name: value[group == i] for i, name in enumerate(GROUPS)}
    return {
        "ratio": correct_to_worst(value, error_m),
        "auc": auc(value, error_m),
        "ks": ks(value, error_m),
        "spearman": spearman(value, error_m),
        "mean": {name: float(p.mean()) if len(p) else None for name, p in parts.items()},
        "quantiles": {
            name: [float(f"{q:.4g}") for q in np.quantile(p, SHARES)] if len(p) else None
            for name, p in parts.items()
        },
    }


def agreement(
    a: NDArray[np.float64], b: NDArray[np.float64], heard: NDArray[np.bool_]
) -> float | None:
    """Mean over scans of the rank correlation of two score sets (n, N) over the heard ones."""
    found = [spearman(x[h], y[h]) for x, y, h in zip(a, b, heard, strict=True) if h.sum() > 2]
    known = [r for r in found if r is not None]
    return float(np.mean(known)) if known else None
