"""The strongest level of every AP over a sliding window of fingerprints (Hapi eq. 1).

Like `Profile`, but over vectors: what a scan's virtual APs come to is settled scan by scan, and a
window of minutes costs no more than its vectors.
"""

from __future__ import annotations

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
    """One window, for one user or device; not for several threads at once.

    A queue of two stacks: `_old` holds for each of its entries (the oldest last) the union of it
    and all that came after it into `_old`, `_new` what came later, with one union for all of it.
    So a scan costs a few unions of two, however long the window is.
    """

    def __init__(self, window_ms: int) -> None:
        self.window_ms = window_ms
        self.clear()

    def clear(self) -> None:
        """Forget all scans."""
        self._old: list[_Entry] = []
        self._new: list[_Entry] = []
        self._union: _Entry | None = None

    def __len__(self) -> int:
        return len(self._old) + len(self._new)

    def add(self, timestamp_ms: int, scan: Fingerprint) -> None:
        """Add the fingerprint of a scan that is no older than the one before."""
        entry = _Entry(timestamp_ms, scan.rssi_dbm, scan.heard, scan.fresh)
        self._union = entry if self._union is None else _united(self._union, entry)
        last = self._new[-1] if self._new else None
        if last is not None and timestamp_ms - last.begin_ms <= self.window_ms // MAX_ENTRIES:
            self._new[-1] = _united(last, entry)
        else:
            self._new.append(entry)
        since_ms = timestamp_ms - self.window_ms
        while True:
            if not self._old:
                self._turn()
            if self._old[-1].begin_ms >= since_ms:
                return
            self._old.pop()

    def _turn(self) -> None:
        union = None
        for entry in reversed(self._new):
            union = entry if union is None else _united(entry, union)
            self._old.append(union)
        self._new, self._union = [], None

    def united(self) -> _Entry:
        """The strongest levels (N,), and heard and fresh readings of the richest scan."""
        oldest = self._old[-1]
        return oldest if self._union is None else _united(oldest, self._union)


class FloorAndPosition:
    """The two windows of a bundle that names them: a long one tells the floor (SPEC 5.1)."""

    def __init__(self, windows: Windows) -> None:
        self._position = Window(windows.position_ms)
        self._floor = Window(windows.floor_ms)

    def add(self, timestamp_ms: int, scan: Fingerprint) -> Fingerprint:
        """Add a scan's fingerprint and return that of both windows under its mask."""
        for window in (self._position, self._floor):
            window.add(timestamp_ms, scan)
        _, rssi_dbm, heard, fresh = self._position.united()
        floor_rssi_dbm = self._floor.united().rssi_dbm
        if np.count_nonzero(scan.unknown):
            # Copies: a vector may be that of an entry. The mask may be newer than the scans.
            rssi_dbm = np.where(scan.unknown, np.float32(np.nan), rssi_dbm)
            floor_rssi_dbm = np.where(scan.unknown, np.float32(np.nan), floor_rssi_dbm)
        matched = len(rssi_dbm) - int(np.count_nonzero(np.isnan(rssi_dbm)))
        return Fingerprint(rssi_dbm, scan.unknown, heard, fresh, matched, floor_rssi_dbm)


def _united(one: _Entry, later: _Entry) -> _Entry:
    levels: NDArray[np.float32] = np.fmax(one.rssi_dbm, later.rssi_dbm)
    heard, fresh = max(one.heard, later.heard), max(one.fresh, later.fresh)
    return _Entry(one.begin_ms, levels, heard, fresh)
