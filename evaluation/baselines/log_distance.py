"""Least squares on log-distance path loss: the place whose predicted levels fit the heard ones.

The usual model-based baseline, with textbook constants:
RSS = P0 - 10 n log10 d. With ``free_offset`` P0 is fitted for every scan along with the place, as
phones and transmit powers differ. scipy's bounded least squares.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from training.ap_centroid import weighted_centroid
from training.ap_layout import Found, Layout, with_floor_attenuation

_NEAREST_M = 1.0
_DECIBELS = 10.0 / np.log(10.0)


def log_distance_fit(
    layout: Layout,
    rssi_dbm: NDArray[np.float64],
    k: int = 5,
    p0_dbm: float = -35.0,
    exponent: float = 3.0,
    floor_attenuation_db: float | None = 20.0,
    free_offset: bool = False,
    floor: NDArray[np.int32] | None = None,
) -> Found:
    """Fit to the k strongest after floor attenuation, from their centroid; levels (M, A).

    The answer lies within the floor's rectangle. Scans with fewer levels than unknowns keep the
    centroid.
    """
    start = weighted_centroid(layout, rssi_dbm, k, 10.0, floor_attenuation_db, floor)
    level = with_floor_attenuation(layout, rssi_dbm, start.floor, floor_attenuation_db)
    out = start.xy_m.copy()
    for i in np.flatnonzero(np.isfinite(out[:, 0])):
        heard = np.flatnonzero(np.isfinite(level[i]))
        kept = heard[np.argsort(-level[i, heard], kind="stable")[:k]]
        if len(kept) >= 2 + free_offset:
            area = layout.area_m[int(start.floor[i])]
            out[i] = fit(
                layout.xy_m[kept], level[i, kept], p0_dbm, exponent, out[i], free_offset, area
            )
    return Found(start.floor, out)


def fit(
    xy_m: NDArray[np.float64],
    level_dbm: NDArray[np.float64],
    p0_dbm: float,
    exponent: float,
    start_m: NDArray[np.float64],
    free_offset: bool,
    area_m: tuple[float, float, float, float],
) -> NDArray[np.float64]:
    """(2,) least squares place of levels (k,) from access points (k, 2), within x0, y0, x1, y1.

    The distance is softened by 1 m, as under an access point: sqrt(d^2 + 1). The bounds matter:
    with a free offset a place far outside, where all distances are alike, can fit as well.
    """

    def residual(state: NDArray[np.float64]) -> NDArray[np.float64]:
        squared = ((state[:2] - xy_m) ** 2).sum(axis=1) + _NEAREST_M**2
        predicted = p0_dbm - exponent * _DECIBELS / 2 * np.log(squared)
        return predicted - level_dbm + (state[2] if free_offset else 0.0)

    def jacobian(state: NDArray[np.float64]) -> NDArray[np.float64]:
        apart = state[:2] - xy_m
        squared = (apart**2).sum(axis=1, keepdims=True) + _NEAREST_M**2
        slope = -exponent * _DECIBELS * apart / squared
        return np.hstack([slope, np.ones((len(xy_m), 1))]) if free_offset else slope

    low, high = np.array(area_m[:2]), np.array(area_m[2:])
    # In the very middle of an access point the slope is nought.
    begin = np.clip(start_m + 0.1, low + 1e-3, high - 1e-3)
    if free_offset:
        begin = np.append(begin, -np.mean(residual(np.append(begin, 0.0))))
        low, high = np.append(low, -np.inf), np.append(high, np.inf)
    return least_squares(residual, begin, jacobian, bounds=(low, high), max_nfev=100).x[:2]
