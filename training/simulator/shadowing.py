"""Spatially correlated shadowing: Gaussian fields with correlation exp(-d / length).

Gudmundson (1991) for the correlation. A field is a sum of plane waves with Gaussian amplitudes;
the wave numbers follow the correlation's spectrum, in the plane a bivariate Cauchy law, drawn
stratified so that their mean cosine is that correlation to a few hundredths at every distance.
There is no grid: a field has its full spread everywhere, and the same value at the same place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WAVES = 512
_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))
_CHUNK = 2048


class Shadowing:
    """``count`` independent fields of mean 0 and variance 1.

    Args:
        count: number of fields.
        length_m: distance at which the correlation is 1/e.
        rng: where the randomness comes from.
    """

    def __init__(self, count: int, length_m: float, rng: np.random.Generator) -> None:
        share = (np.arange(WAVES) + rng.random(WAVES)) / WAVES
        # The law's radius: P(|k| <= r) = 1 - 1 / sqrt(1 + (r length)^2).
        radius = np.sqrt(1.0 / (1.0 - share) ** 2 - 1.0) / length_m
        angle = _GOLDEN_ANGLE * np.arange(WAVES) + rng.uniform(0, 2 * np.pi)
        self.waves = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        self.amplitudes = rng.standard_normal((2 * WAVES, count))
        self.amplitudes /= np.sqrt(WAVES)

    def at(self, xy_m: NDArray[np.float64], fields: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, F) values of F fields at points (n, 2)."""
        amplitudes = self.amplitudes[:, fields]
        out = np.empty((len(xy_m), len(fields)))
        for first in range(0, len(xy_m), _CHUNK):
            rows = slice(first, first + _CHUNK)
            phase = xy_m[rows] @ self.waves.T
            waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
            out[rows] = waves @ amplitudes
        return out

    def on_grid(self, x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> NDArray[np.float32]:
        """(count, H, W) all fields at the crossings of columns x (W,) and rows y (H,).

        The values of ``at`` to float32's rounding; a plane wave is a product of one in x and one in
        y, so that a raster costs a matrix product per field and hardly any sines.
        """
        columns = np.exp(1j * np.outer(self.waves[:, 0], x_m)).astype(np.complex64)
        rows = np.exp(1j * np.outer(y_m, self.waves[:, 1])).astype(np.complex64)
        cosine, sine = np.split(self.amplitudes.astype(np.float32), 2)
        out = np.empty((cosine.shape[1], len(y_m), len(x_m)), dtype=np.float32)
        for f, amplitude in enumerate((cosine - 1j * sine).T):
            out[f] = ((rows * amplitude) @ columns).real
        return out
