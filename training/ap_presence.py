"""Access points that are missing or new, by who is heard beside whom; no positions needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdk.fingerprint import ApTable
from sdk.native import weighted_knn
from training.ap_health import LEAST_EXPECTED, LEAST_HEARD, SILENT_SHARE, Silent
from training.survey import Survey

# Appeared: in so large a share of the scans, and in LEAST_HEARD at least.
APPEARED_SHARE = 0.05
# Scans alike, by levels with this for silence.
_ALIKE = 3
_SILENT_DBM = -100.0


def silent_beside(reference_dbm: NDArray, rssi_dbm: NDArray) -> list[Silent]:
    """As ``silent``, without positions: what earlier scans (R, N) most alike heard is expected."""
    placed = rssi_dbm[np.isfinite(rssi_dbm).any(axis=1)]
    k = min(_ALIKE, len(reference_dbm))
    if not k or not len(placed):
        return []
    nearest, _ = weighted_knn(_filled(reference_dbm), _filled(placed), k, "l1")
    share = np.isfinite(reference_dbm)[nearest].mean(axis=1)
    expected, heard = share.sum(axis=0), np.isfinite(placed).sum(axis=0)
    return [
        Silent(int(ap), int(heard[ap]), float(expected[ap]))
        for ap in np.flatnonzero((expected >= LEAST_EXPECTED) & (heard <= SILENT_SHARE * expected))
    ]


def _filled(rssi_dbm: NDArray) -> NDArray[np.float32]:
    return np.where(np.isfinite(rssi_dbm), rssi_dbm, _SILENT_DBM).astype(np.float32)


def appeared(survey: Survey, table: ApTable) -> list[tuple[str, int]]:
    """Identifiers outside the table that many scans heard, and how many; most often first."""
    names = [table.key(bssid) for bssid in survey.bssids]
    strange = {name for name in names if name not in table.index}
    scans: dict[str, set[int]] = {name: set() for name in strange}
    for row, code in zip(survey.row_of_reading.tolist(), survey.bssid_code.tolist(), strict=True):
        if names[code] in strange:
            scans[names[code]].add(row)
    least = max(LEAST_HEARD, APPEARED_SHARE * len(survey))
    found = [(name, len(rows)) for name, rows in scans.items() if len(rows) >= least]
    return sorted(found, key=lambda one: (-one[1], one[0]))
