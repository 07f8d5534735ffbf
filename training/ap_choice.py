"""Which access points an image of fixed size holds: those that tell most about the place.

The rule: mutual information (bits) between the place and what a scan says of the access point, not
heard or a level in steps of STEP_DB, over the training rows alone, less the bias of a finite
sample (Miller and Madow: half the cells that occur, less the places and the levels that occur,
plus one, over the rows). Ties fall to the order the access points came in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP_DB = 6.0
WEAKEST_DBM = -100.0


def place_information(
    rssi_dbm: NDArray[np.float32], place: NDArray[np.integer]
) -> NDArray[np.float64]:
    """(N,) bits that each column of (M, N), NaN = not heard, tells about ``place`` (M,) numbers.

    May be slightly negative, where a column tells nothing. Raises ValueError without rows.
    """
    if not len(rssi_dbm) or len(rssi_dbm) != len(place):
        raise ValueError(f"{len(rssi_dbm)} rows and {len(place)} places: expected as many, not 0")
    heard = np.isfinite(rssi_dbm)
    level = np.where(heard, np.maximum(rssi_dbm - WEAKEST_DBM, 0.0) // STEP_DB + 1.0, 0.0)
    bins = int(level.max()) + 1
    _, number = np.unique(place, return_inverse=True)
    count, rows = int(number.max()) + 1, len(place)
    bits = np.empty(rssi_dbm.shape[1])
    for column in range(len(bits)):
        cell = number.reshape(-1) * bins + level[:, column].astype(np.int64)
        table = np.bincount(cell, minlength=count * bins).reshape(count, bins) / rows
        by_place, by_level = table.sum(axis=1), table.sum(axis=0)
        occurs = table > 0
        ratio = table[occurs] / (by_place[:, None] * by_level)[occurs]
        surplus = occurs.sum() - (by_place > 0).sum() - (by_level > 0).sum() + 1
        bias = surplus / (2.0 * rows * np.log(2.0))
        bits[column] = (table[occurs] * np.log2(ratio)).sum() - bias
    return bits


def most_informative(
    rssi_dbm: NDArray[np.float32], place: NDArray[np.integer], most: int
) -> NDArray[np.int64]:
    """Columns (at most ``most``) of (M, N) that tell most about the place, in ascending order."""
    order = np.argsort(-place_information(rssi_dbm, place), kind="stable")
    return np.sort(order[:most])
