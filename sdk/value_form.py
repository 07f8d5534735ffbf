"""RSSI as the values that neighbours are compared by, or that a network takes."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

ValueKind: TypeAlias = Literal["linear", "powed"]
VALUE_KINDS: tuple[ValueKind, ...] = ("linear", "powed")
MAX_EXPONENT = 100


def value_form(
    rssi_dbm: NDArray[np.float32], kind: str, not_heard_dbm: float, exponent: float
) -> NDArray[np.float32]:
    """RSSI with NaN = not heard as values, of the same shape.

    `linear`: dBm, not heard = `not_heard_dbm`. `powed`: ((rssi - min) / -min) ** exponent with
    min = `not_heard_dbm`, not heard = 0 (Torres-Sospedra et al. 2015).
    """
    filled = np.where(np.isnan(rssi_dbm), np.float32(not_heard_dbm), rssi_dbm)
    if kind == "linear":
        return filled
    level = np.maximum((filled - not_heard_dbm) / -not_heard_dbm, 0.0)
    powed: NDArray[np.float32] = (level**exponent).astype(np.float32)
    return powed
