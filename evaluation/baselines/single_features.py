"""One of Hapi's eight floor features alone: the floor on which it is greatest (its section 5.1.2).

The paper has each of them at about 60 %. The features are those of the network's input (SPEC 5.3),
so they compete within its search range of four floors; ``by_count``, ``by_strongest`` and
``by_mean`` look at all floors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdk.native import floor_features
from training.ap_layout import NO_FLOOR, Layout

FEATURES = ("Num", "Max", "Avg", "Var", "LAvg 30 m", "LAvg 80 m", "LAvg far", "Far")
_MAX = FEATURES.index("Max")


def by_features(layout: Layout, rssi_dbm: NDArray[np.float64]) -> dict[str, NDArray[np.int32]]:
    """For each feature (M,) the floor with its greatest value, NO_FLOOR where nothing is heard.

    Of floors alike the one with the stronger access point, then the lowest. Levels (M, A); the
    building's floors are those of the layout's areas.
    """
    floors = np.array(sorted(layout.area_m), dtype=np.int32)
    heard = np.flatnonzero(np.isfinite(rssi_dbm).any(axis=1))
    out = {name: np.full(len(rssi_dbm), NO_FLOOR, dtype=np.int32) for name in FEATURES}
    if not len(heard):
        return out
    level = np.searchsorted(floors, layout.floor).astype(np.int32)
    start, features = floor_features(rssi_dbm[heard], layout.xy_m, level, len(floors))
    there = start[:, None] + np.arange(features.shape[1]) < len(floors)
    strongest = np.where(there, features[:, :, _MAX], -np.inf)
    for i, name in enumerate(FEATURES):
        value = np.where(there, features[:, :, i], -np.inf)
        best = value == value.max(axis=1, keepdims=True)
        out[name][heard] = floors[start + np.where(best, strongest, -np.inf).argmax(axis=1)]
    return out
