"""iToLoc's image of a fingerprint: every level over every other, less 1 (SPEC 2.1).

A common factor in all levels cancels, and with it the absolute level; a second channel may bring
the level back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import native
from .images import LOUDEST_DBM

# What the channel of the level is divided by.
LEVEL_DBM = 100.0


def cut(rssi_dbm: NDArray[np.float32], not_heard_dbm: float) -> NDArray[np.float32]:
    """Levels (..., N) with NaN = not heard -> within not_heard_dbm..-20 dBm, nothing missing."""
    filled = np.array(rssi_dbm, dtype=np.float32)
    filled[np.isnan(filled)] = not_heard_dbm
    np.clip(filled, not_heard_dbm, LOUDEST_DBM, out=filled)
    return filled


def images(
    rssi_dbm: NDArray[np.float32],
    not_heard_dbm: float,
    level: bool,
    unknown: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """(B, N) levels, NaN = not heard -> (B, C, N, N) float32, C = 2 with `level`, else 1.

    Channel 0 is `f_j / f_k - 1`; rows and columns of masked APs (bool (N,)) hold 0, as if each
    were as loud as the other: they tell nothing. Channel 1 is constant, the mean of the known
    APs' levels / 100 dBm (0 where none is known).
    """
    filled = cut(rssi_dbm, not_heard_dbm)
    n = filled.shape[1]
    made = np.empty((len(filled), 2 if level else 1, n, n), dtype=np.float32)
    for row, image in zip(filled, made, strict=True):
        native.ratio_image(row, out=image[0])
    if unknown is not None and unknown.any():
        made[:, 0, unknown, :] = 0.0
        made[:, 0, :, unknown] = 0.0
        filled = filled[:, ~unknown]
    if level:
        mean = filled.mean(axis=1) if filled.shape[1] else np.zeros(len(filled), np.float32)
        made[:, 1] = (mean / np.float32(LEVEL_DBM))[:, None, None]
    return made
