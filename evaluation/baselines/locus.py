"""Locus (Bhargava et al. 2012, 2015): a vote for the floor, then triangulation on it.

In spirit, not faithful: the exact heuristics were not recovered (SPEC 5.8). Known is that the floor
comes from counts and levels per floor, that the levels are taken raw, and that only the floor's own
access points place the user; the vote and its thresholds are ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.ap_centroid import weighted_centroid
from training.ap_floors import by_count, by_mean, by_strongest, per_floor
from training.ap_layout import Found, Layout

LEAD_DB = 5.0


def locus(layout: Layout, rssi_dbm: NDArray[np.float64]) -> Found:
    """Floor by the vote of count, strongest and mean; centroid of that floor's access points.

    Two rules that agree win. If all three differ, the floor of the strongest access point is taken
    where it leads the next floor's by 5 dB, else the floor with the greatest count. Levels (M, A).
    """
    count, most, mean = (rule(layout, rssi_dbm) for rule in (by_count, by_strongest, by_mean))
    _, level, _ = per_floor(layout, rssi_dbm)
    ranked = np.sort(level, axis=1)
    second = ranked[:, -2] if ranked.shape[1] > 1 else np.full(len(ranked), -np.inf)
    leads = ranked[:, -1] >= second + LEAD_DB
    floor = np.where(leads, most, count)
    floor = np.where(count == mean, count, floor)
    floor = np.where((most == count) | (most == mean), most, floor)
    return weighted_centroid(layout, rssi_dbm, k=None, decibels=20.0, floor=floor)
