"""Floor rules over what is heard of each floor: the strongest, the most, the best on average.

They are the single features of Hapi (Elbakly and Youssef 2019, section 5.1.2) as it compares them:
the floor with the greatest value wins. Of equal floors the one with the stronger access point is
taken, and of those the lowest. A scan that hears nothing has no floor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.ap_layout import NO_FLOOR, Layout


def per_floor(
    layout: Layout, rssi_dbm: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(M, F) number heard, greatest and mean level of each floor; -inf where nothing is heard."""
    shape = len(rssi_dbm), len(layout.floors)
    count, most, mean = np.zeros(shape), np.full(shape, -np.inf), np.full(shape, -np.inf)
    for i, floor in enumerate(layout.floors):
        here = rssi_dbm[:, layout.floor == floor]
        heard = np.isfinite(here)
        count[:, i] = heard.sum(axis=1)
        most[:, i] = np.where(heard, here, -np.inf).max(axis=1)
        total = np.where(heard, here, 0.0).sum(axis=1)
        np.divide(total, count[:, i], out=mean[:, i], where=count[:, i] > 0)
    return count, most, mean


def winner(
    layout: Layout, value: NDArray[np.float64], strongest: NDArray[np.float64]
) -> NDArray[np.int32]:
    """(M,) the floor of the greatest value (M, F); ``strongest`` (M, F) decides between equals."""
    best = value == value.max(axis=1, keepdims=True)
    index = np.where(best, strongest, -np.inf).argmax(axis=1)
    heard = np.isfinite(strongest).any(axis=1)
    return np.where(heard, layout.floors[index], NO_FLOOR).astype(np.int32)


def by_strongest(layout: Layout, rssi_dbm: NDArray[np.float64]) -> NDArray[np.int32]:
    """(M,) the floor of the strongest access point (Hapi's Max)."""
    _, most, _ = per_floor(layout, rssi_dbm)
    return winner(layout, most, most)


def by_count(layout: Layout, rssi_dbm: NDArray[np.float64]) -> NDArray[np.int32]:
    """(M,) the floor of which most access points are heard (Hapi's Num)."""
    count, most, _ = per_floor(layout, rssi_dbm)
    return winner(layout, count, most)


def by_mean(layout: Layout, rssi_dbm: NDArray[np.float64]) -> NDArray[np.int32]:
    """(M,) the floor whose heard access points are the strongest on average (Hapi's Avg)."""
    _, most, mean = per_floor(layout, rssi_dbm)
    return winner(layout, mean, most)
