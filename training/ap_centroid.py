"""Weighted centroid of the strongest access points, on one floor or on all.

The oldest of them (Bulusu et al. 2000; weights as in Blumenthal et al. 2007), faithful in form; the
numbers are SPEC 5.11's. Weights 10^(RSS/20) follow the field strength, 10^(RSS/10) the power.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.ap_floors import by_strongest
from training.ap_layout import Found, Layout, with_floor_attenuation


def weighted_centroid(
    layout: Layout,
    rssi_dbm: NDArray[np.float64],
    k: int | None = 3,
    decibels: float = 20.0,
    floor_attenuation_db: float | None = None,
    floor: NDArray[np.int32] | None = None,
) -> Found:
    """Centroid of the k strongest (None: all), weights 10^(RSS / decibels).

    Args:
        layout: A access points.
        rssi_dbm: (M, A), NaN = not heard.
        k: those as strong as the k-th count as well, so that the order of access points is nothing.
        decibels: 10 or 20.
        floor_attenuation_db: None = access points of the user's floor only, otherwise all, raised
            by this for each floor between.
        floor: (M,) of the user, that of the strongest access point when left out.

    Raises:
        ValueError: k is less than 1.
    """
    if k is not None and k < 1:
        raise ValueError(f"k must be 1 or more, got {k}")
    floor = by_strongest(layout, rssi_dbm) if floor is None else floor
    level = with_floor_attenuation(layout, rssi_dbm, floor, floor_attenuation_db)
    level = np.where(np.isfinite(level), level, -np.inf)
    if k is not None and k < level.shape[1]:
        last = np.partition(level, -k, axis=1)[:, -k][:, None]
        level = np.where(level >= last, level, -np.inf)
    return Found(floor, centroid(layout.xy_m, level, decibels))


def centroid(
    xy_m: NDArray[np.float64], level_dbm: NDArray[np.float64], decibels: float
) -> NDArray[np.float64]:
    """(M, 2) mean of places (A, 2) with weights 10^(level / decibels); -inf = left out."""
    most = level_dbm.max(axis=1, keepdims=True)
    heard = np.isfinite(most)
    weight = np.where(heard, 10 ** ((level_dbm - np.where(heard, most, 0.0)) / decibels), 0.0)
    total = weight.sum(axis=1, keepdims=True)
    out = np.full((len(level_dbm), 2), np.nan)
    return np.divide(weight @ xy_m, total, out=out, where=total > 0)
