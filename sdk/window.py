"""The strongest level of every AP over a sliding window of fingerprints (Hapi eq. 1).

Like `Profile`, but over vectors: what a scan's virtual APs come to is settled scan by scan, and a
window of minutes costs no more than its vectors.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .fingerprint import Fingerprint
from .rank_rules import Windows

# Scans nearer to each other than this share of the window leave it together, so that a source
# that floods fills no memory.
MAX_ENTRIES = 128


class _Entry(NamedTuple):
    begin_ms: int
    rssi_dbm: NDArray[np.float32]
    heard: int
    fresh: int


class Window:
    """One window, for one user or device; not for several threads at once."""

    def __init__(self, window_ms: int) -> None:
        self.window_ms = window_ms
        self._entries: deque[_Entry] = deque()

    def add(self, timestamp_ms: int, scan: Fingerprint) -> None:
        """Add the fingerprint of a scan that is no older than the one before."""
        entries = self._entries
        entry = _Entry(timestamp_ms, scan.rssi_dbm, scan.heard, scan.fresh)
        if entries and timestamp_ms - entries[-1].begin_ms <= self.window_ms // MAX_ENTRIES:
            before = entries.pop()
            entry = _Entry(before.begin_ms, *_united([before, entry]))
        entries.append(entry)
        while timestamp_ms - entries[0].begin_ms > self.window_ms:
            entries.popleft()

    def united(self) -> tuple[NDArray[np.float32], int, int]:
        """The strongest levels (N,), and heard and fresh readings of the richest scan."""
        return _united(self._entries)

    def clear(self) -> None:
        """Forget all scans."""
        self._entries.clear()


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
        floor_rssi_dbm = self._floor.united()[0]
        if np.count_nonzero(scan.unknown):
            # Copies: a vector may be that of an entry. The mask may be newer than the scans.
            rssi_dbm = np.where(scan.unknown, np.float32(np.nan), rssi_dbm)
            floor_rssi_dbm = np.where(scan.unknown, np.float32(np.nan), floor_rssi_dbm)
        matched = len(rssi_dbm) - int(np.count_nonzero(np.isnan(rssi_dbm)))
        return Fingerprint(rssi_dbm, scan.unknown, heard, fresh, matched, floor_rssi_dbm)


def _united(entries: deque[_Entry] | list[_Entry]) -> tuple[NDArray[np.float32], int, int]:
    if len(entries) == 1:
        return entries[0][1:]
    levels: NDArray[np.float32] = np.fmax.reduce([entry.rssi_dbm for entry in entries])
    return levels, max(e.heard for e in entries), max(e.fresh for e in entries)
