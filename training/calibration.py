"""What held-out data say about a posterior: its temperature, and the radius that keeps its word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

PERCENTILE = 68
ROWS_PER_KNOT = 40
MOST_KNOTS = 8


def weighted_quantile(
    values: NDArray[np.float64], share: float, weight: NDArray[np.float64] | None = None
) -> float:
    """The smallest value at or below which ``share`` of the weight lies."""
    order = np.argsort(values, kind="stable")
    held = np.cumsum(np.ones(len(values)) if weight is None else weight[order])
    first = int(np.searchsorted(held, share * held[-1] * (1 - 1e-12)))
    return float(values[order[min(first, len(values) - 1)]])


def fit_accuracy(
    spread_m: NDArray[np.float64],
    error_m: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
    percentile: float = PERCENTILE,
    least_m: float = 1e-3,
) -> tuple[list[float], list[float]]:
    """Knots (spread_m ascending, radius_m non-decreasing) of the accuracy table of a bundle.

    Bins of equal weight along the spread give the percentile of the error, isotonic regression
    makes it monotone, and one factor makes the interpolated table cover ``percentile`` % of the
    held-out errors. Few rows give few knots; one knot is a constant radius. No radius is under
    ``least_m``.
    Raises ValueError for no rows, unequal lengths or values that are not finite.
    """
    spread = np.asarray(spread_m, dtype=np.float64)
    error = np.asarray(error_m, dtype=np.float64)
    mass = np.ones_like(error) if weight is None else np.asarray(weight, dtype=np.float64)
    if not len(error) or spread.shape != error.shape or mass.shape != error.shape:
        raise ValueError(
            f"{spread.shape} spreads, {error.shape} errors, {mass.shape} weights: "
            "expected as many of each, and at least one"
        )
    if not (np.isfinite(spread).all() and np.isfinite(error).all() and (mass >= 0).all()):
        raise ValueError("spreads and errors must be finite and weights not negative")
    share = percentile / 100.0
    bins = int(np.clip(len(error) // ROWS_PER_KNOT, 1, MOST_KNOTS))
    order = np.argsort(spread, kind="stable")
    held = np.cumsum(mass[order]) / mass.sum()
    number = np.minimum((held * bins * (1 - 1e-12)).astype(int), bins - 1)
    knots, radii, masses = [], [], []
    for b in range(bins):
        rows = order[number == b]
        if len(rows) and mass[rows].sum() > 0:
            knots.append(weighted_quantile(spread[rows], 0.5, mass[rows]))
            radii.append(weighted_quantile(error[rows], share, mass[rows]))
            masses.append(mass[rows].sum())
    # Equal spreads may fill several bins: one knot each.
    x, member = np.unique(np.array(knots), return_inverse=True)
    total = np.bincount(member, masses)
    y = np.bincount(member, np.array(radii) * masses) / total
    y = np.maximum(IsotonicRegression().fit_transform(x, y, sample_weight=total), 1e-3)
    factor = weighted_quantile(error / np.interp(spread, x, y), share, mass)
    return x.tolist(), np.maximum(y * factor, least_m).tolist()


def radius_at(
    knots: tuple[list[float], list[float]], spread_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """accuracy_m of the device: interpolated between the knots, held beyond them."""
    return np.interp(spread_m, knots[0], knots[1])


def fit_temperature(
    logits: NDArray[np.floating],
    target: NDArray[np.floating],
    weight: NDArray[np.float64] | None = None,
) -> float:
    """The T > 0 in softmax(logits / T) with the least cross-entropy to ``target``, both (n, G).

    Searched by golden section over 1/4..4; the loss is convex in 1/T.
    """
    z = np.asarray(logits, dtype=np.float64)
    y = np.asarray(target, dtype=np.float64)
    mass = np.ones(len(z)) if weight is None else np.asarray(weight, dtype=np.float64)

    def loss(inverse: float) -> float:
        scaled = z * inverse
        top = scaled.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(scaled - top).sum(axis=1)) + top[:, 0]
        return float((mass * (log_sum * y.sum(axis=1) - (y * scaled).sum(axis=1))).sum())

    low, high = 0.25, 4.0
    ratio = (5**0.5 - 1) / 2
    while high - low > 1e-3:
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if loss(a) < loss(b):
            high = b
        else:
            low = a
    return float(2.0 / (low + high))
