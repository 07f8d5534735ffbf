"""What the baselines answer, and levels as the floors between would have left them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.ap_layout import Layout

__all__ = ["NO_FLOOR", "Found", "Layout", "with_floor_attenuation"]

NO_FLOOR = np.iinfo(np.int32).min


@dataclass(frozen=True)
class Found:
    """n scans: floor (NO_FLOOR = no answer) and place (n, 2) in metres (NaN = no answer)."""

    floor: NDArray[np.int32]
    xy_m: NDArray[np.float64]


def with_floor_attenuation(
    layout: Layout,
    rssi_dbm: NDArray[np.float64],
    floor: NDArray[np.int32],
    attenuation_db: float | None,
    cap_dbm: float = -30.0,
) -> NDArray[np.float64]:
    """(M, A) levels as they would be without the floors between (Hapi, eq. 13).

    None leaves only the access points of the user's own floor. A level that was raised ends at
    ``cap_dbm``. Scans without a floor hear nothing.
    """
    apart = np.abs(layout.floor[None].astype(np.int64) - floor[:, None])
    if attenuation_db is None:
        return np.where(apart == 0, rssi_dbm, np.nan)
    raised = np.where(apart == 0, rssi_dbm, np.minimum(rssi_dbm + attenuation_db * apart, cap_dbm))
    return np.where(floor[:, None] == NO_FLOOR, np.nan, np.maximum(raised, rssi_dbm))
