"""Error figures of the papers (SPEC 0), on top of the ones every command prints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.metrics import figures

__all__ = ["KEYS", "accuracy", "ecdf", "figures", "loose_accuracy"]

# What ``rssfix evaluate --json`` writes (DESIGN 6).
KEYS = (
    "n", "answered", "mean_m", "median_m", "p75_m", "p95_m", "floor_hit", "coverage_68",
    "median_accuracy_m",
)  # fmt: skip


def ecdf(error_m: NDArray[np.float64], grid_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of all n scans with an error of at most each grid value; NaN = not answered."""
    answered = np.sort(error_m[np.isfinite(error_m)])
    return np.searchsorted(answered, grid_m, side="right") / max(len(error_m), 1)


def cells_of(xy_m: NDArray[np.float64], origin_m: NDArray[np.float64], pitch_m: float) -> NDArray:
    """(n, 2) column and row of the grid cell each position lies in."""
    return np.floor((xy_m - origin_m) / pitch_m + 1e-9)


def accuracy(
    xy_m: NDArray[np.float64],
    truth_m: NDArray[np.float64],
    origin_m: NDArray[np.float64],
    pitch_m: float = 1.0,
) -> float:
    """Share of positions (n, 2) in the cell of the truth (n, 2); NaN counts as wrong."""
    return _within(xy_m, truth_m, origin_m, pitch_m, 0)


def loose_accuracy(
    xy_m: NDArray[np.float64],
    truth_m: NDArray[np.float64],
    origin_m: NDArray[np.float64],
    pitch_m: float = 1.0,
) -> float:
    """Share of positions at most one cell from the truth's (Chebyshev; eXLoc, Table II)."""
    return _within(xy_m, truth_m, origin_m, pitch_m, 1)


def _within(
    xy_m: NDArray[np.float64],
    truth_m: NDArray[np.float64],
    origin_m: NDArray[np.float64],
    pitch_m: float,
    cells: int,
) -> float:
    off = np.abs(cells_of(xy_m, origin_m, pitch_m) - cells_of(truth_m, origin_m, pitch_m))
    return float((off.max(axis=1) <= cells).mean())
