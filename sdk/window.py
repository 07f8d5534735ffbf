"""The strongest level of every AP over a sliding window of fingerprints (Hapi eq. 1).

Like `Profile`, but over vectors: what a scan's virtual APs come to is settled scan by scan, and a
window of minutes costs no more than its vectors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._core import MAX_ENTRIES, ScanWindow
from .fingerprint import Fingerprint
from .rank_rules import Windows

__all__ = ["MAX_ENTRIES", "FloorAndPosition", "United", "Window"]


class United(NamedTuple):
    """The strongest levels (float32 (N,)), and heard and fresh readings of the richest scan."""

    rssi_dbm: NDArray[np.float32]
    heard: int
    fresh: int


class Window:
    """One window, for one user or device; not for several threads at once.

    A scan costs a few unions of two vectors, however long the window is. Scans nearer to each
    other than window_ms / MAX_ENTRIES leave it together, so that a source that floods fills no
    memory.
    """

    def __init__(self, window_ms: int) -> None:
        self.window_ms = window_ms
        self.clear()

    def clear(self) -> None:
        """Forget all scans."""
        self._scans: ScanWindow | None = None

    def __len__(self) -> int:
        return 0 if self._scans is None else len(self._scans)

    def add(self, timestamp_ms: int, scan: Fingerprint) -> None:
        """Add the fingerprint of a scan that is no older than the one before."""
        if self._scans is None:
            self._scans = ScanWindow(len(scan.rssi_dbm), self.window_ms)
        self._scans.add(timestamp_ms, scan.rssi_dbm, scan.heard, scan.fresh)

    def united(self) -> United:
        """The union of the window, which holds a scan."""
        assert self._scans is not None
        return United(*self._scans.united())


class FloorAndPosition:
    """The two windows of a bundle that names them: a long one tells the floor (SPEC 5.1)."""

    def __init__(self, windows: Windows) -> None:
        self._position = Window(windows.position_ms)
        self._floor = Window(windows.floor_ms)

    def add(self, timestamp_ms: int, scan: Fingerprint) -> Fingerprint:
        """Add a scan's fingerprint and return that of both windows under its mask."""
        for window in (self._position, self._floor):
            window.add(timestamp_ms, scan)
        rssi_dbm, heard, fresh = self._position.united()
        floor_rssi_dbm = self._floor.united().rssi_dbm
        if np.count_nonzero(scan.unknown):
            # The mask may be newer than the scans.
            rssi_dbm[scan.unknown] = np.nan
            floor_rssi_dbm[scan.unknown] = np.nan
        matched = len(rssi_dbm) - int(np.count_nonzero(np.isnan(rssi_dbm)))
        return Fingerprint(rssi_dbm, scan.unknown, heard, fresh, matched, floor_rssi_dbm)
