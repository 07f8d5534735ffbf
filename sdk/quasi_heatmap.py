"""A proper probability out of LocUNet's quasi-heatmap, with the paper's centre of mass as mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Below this share of sum |H| the sum of H says nothing: the fix is flagged (SPEC 3.4).
LEAST_MASS = 1e-3
# Of the largest value: what a cell keeps that the map rules out, so that any centre can be reached.
_LEAST_SHARE = 1e-6
_STEPS = 30
_CLOSE_PX = 1e-3
_LONGEST, _HALVINGS = 20.0, 30


def centre_and_mass(heatmap: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Centre of mass (column, row) of a map (H, W) of any sign, and |sum H| / sum |H|."""
    values = heatmap.astype(np.float64)
    total = float(values.sum())
    size = float(np.abs(values).sum())
    if size == 0.0:
        return (np.array(values.shape[::-1]) - 1) / 2, 0.0
    guarded = total + (1e-7 if total >= 0 else -1e-7)
    columns, rows = np.arange(values.shape[1]), np.arange(values.shape[0])
    centre = np.array([values.sum(axis=0) @ columns, values.sum(axis=1) @ rows]) / guarded
    return centre, abs(total) / size


def belief(heatmap: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Weights (H, W) > 0 that sum to 1, and the mass of `centre_and_mass`.

    The paper calls the part of the sum's sign the belief map. Of all densities whose mean is the
    centre of mass this is the one nearest to it (smallest Kullback-Leibler divergence): the belief
    times exp(a x + b y). A centre outside the map is first moved onto it.
    """
    centre, mass = centre_and_mass(heatmap)
    height, width = heatmap.shape
    sign = -1.0 if float(heatmap.sum(dtype=np.float64)) < 0 else 1.0
    weights = np.maximum(sign * heatmap.astype(np.float64), 0.0)
    top = float(weights.max())
    weights += _LEAST_SHARE * top if top > 0 else 1.0
    # Not onto the edge itself, which only a density without width could have as its mean.
    centre = np.clip(centre, 0.5, [width - 1.5, height - 1.5])
    scale = float(max(width, height))
    x, y = (np.arange(width) - centre[0]) / scale, (np.arange(height) - centre[1]) / scale
    tilt = np.zeros(2)
    tilted, least = _tilted(weights, x, y, tilt)
    for _ in range(_STEPS):
        columns, rows = tilted.sum(axis=0), tilted.sum(axis=1)
        mean = np.array([columns @ x, rows @ y])
        if np.abs(mean).max() * scale < _CLOSE_PX:
            break
        cross = y @ tilted @ x
        second = np.array([[columns @ x**2, cross], [cross, rows @ y**2]]) - np.outer(mean, mean)
        step = np.linalg.solve(second + 1e-9 * np.eye(2), -mean)
        # The log of the sum is convex in the tilt; a whole Newton step may overshoot its minimum.
        step *= min(1.0, _LONGEST / float(np.abs(step).max()))
        for _ in range(_HALVINGS):
            tilted, value = _tilted(weights, x, y, tilt + step)
            if value <= least + 0.1 * float(mean @ step):
                break
            step /= 2
        tilt, least = tilt + step, value
    return tilted, mass


def _tilted(
    weights: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    tilt: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float]:
    """weights * exp(a x + b y), summing to 1, and the log of the sum before."""
    across, along = np.exp(tilt[0] * x), np.exp(tilt[1] * y)
    tilted: NDArray[np.float64] = weights * across * along[:, None]
    total = float(tilted.sum())
    return tilted / total, float(np.log(total))
