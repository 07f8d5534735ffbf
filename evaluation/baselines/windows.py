"""Profiles: the last scans of one user taken together (Hapi, eq. 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def strongest_over(
    rssi_dbm: NDArray[np.float64], session: NDArray[np.object_], w: int
) -> NDArray[np.float64]:
    """(M, A) for every scan the strongest level of each access point in its last w scans.

    ``session`` (M,): the scans of one session follow each other in time; no window reaches into
    another session, and the first scans of a session have shorter windows.

    Raises:
        ValueError: w is less than 1.
    """
    if w < 1:
        raise ValueError(f"w must be 1 or more, got {w}")
    out = rssi_dbm.copy()
    for name in dict.fromkeys(session):
        rows = np.flatnonzero(session == name)
        for back in range(1, min(w, len(rows))):
            out[rows[back:]] = np.fmax(out[rows[back:]], rssi_dbm[rows[:-back]])
    return out


def strongest_within(
    rssi_dbm: NDArray[np.float64],
    timestamp_ms: NDArray[np.int64],
    session: NDArray[np.object_],
    window_ms: int,
) -> NDArray[np.float64]:
    """(M, A) the same with all scans of the last ``window_ms``, its end included, as a track does.

    Raises:
        ValueError: window_ms is negative.
    """
    if window_ms < 0:
        raise ValueError(f"window_ms must be 0 or more, got {window_ms}")
    out = rssi_dbm.copy()
    for name in dict.fromkeys(session):
        rows = np.flatnonzero(session == name)
        time = timestamp_ms[rows]
        for back in range(1, len(rows)):
            near = np.flatnonzero(time[back:] - time[:-back] <= window_ms) + back
            if not len(near):
                break
            out[rows[near]] = np.fmax(out[rows[near]], rssi_dbm[rows[near - back]])
    return out
