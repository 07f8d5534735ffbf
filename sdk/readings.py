"""Stored fingerprints as lists of what was heard: a scan hears few of a site's access points.

Row m of M fingerprints over N access points holds the readings `start[m]` to `start[m + 1]`: `ap`
says which access point (ascending within the row), `dbm` how strong. Whole dBm, which is what
radios report, take one byte each and come back exactly; anything else is kept as float32.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# What the fingerprints may take in memory once they are opened, as float32: 256 MiB.
MAX_VALUES = 1 << 26
# How `dbm` may be stored, and its type in the file.
KINDS = {"int8": "|i1", "float32": "<f4"}


class Readings(NamedTuple):
    """`start` int32 (M + 1,), `ap` uint16 (R,), `dbm` int8 or float32 (R,)."""

    start: NDArray[np.int32]
    ap: NDArray[np.uint16]
    dbm: NDArray[Any]

    @property
    def kind(self) -> str:
        """The key of `KINDS` that `dbm` is stored as."""
        return "int8" if self.dbm.dtype == np.int8 else "float32"

    @classmethod
    def of(cls, rssi_dbm: NDArray[np.float32]) -> Readings:
        """The readings of fingerprints (M, N), NaN = not heard.

        Raises:
            ValueError: more access points than uint16 can number.
        """
        if rssi_dbm.shape[1] > 1 << 16:
            raise ValueError(f"{rssi_dbm.shape[1]} access points, expected at most {1 << 16}")
        heard = ~np.isnan(rssi_dbm)
        start = np.concatenate([[0], np.cumsum(heard.sum(axis=1))]).astype(np.int32)
        dbm = rssi_dbm[heard].astype(np.float32)
        if ((dbm == np.rint(dbm)) & (np.abs(dbm) < 128)).all():
            dbm = dbm.astype(np.int8)
        return cls(start, np.nonzero(heard)[1].astype(np.uint16), dbm)

    def problem(self, n_aps: int) -> str | None:
        """What keeps these from being fingerprints over `n_aps` access points; None if nothing."""
        start, ap = self.start.astype(np.int64), self.ap.astype(np.int64)
        rows = len(start) - 1
        if rows < 1 or start[0] != 0 or start[-1] != len(ap) or (np.diff(start) < 0).any():
            return f"rows must start at 0, ascend and end at {len(ap)}, the number of readings"
        if rows * n_aps > MAX_VALUES:
            return f"{rows} rows of {n_aps} access points are over the cap of {MAX_VALUES} values"
        if ap.max(initial=0) >= n_aps:
            return f"access points must lie in 0..{n_aps - 1}, got {ap.max()}"
        row = np.repeat(np.arange(rows), np.diff(start))
        if not (np.diff(row * n_aps + ap) > 0).all():
            return "access points must ascend within a row, each once"
        return None

    def fingerprints(self, n_aps: int) -> NDArray[np.float32]:
        """(M, N) dBm, NaN = not heard. Readings with a `problem` give nonsense or an error."""
        rows = len(self.start) - 1
        rssi_dbm = np.full((rows, n_aps), np.nan, dtype=np.float32)
        rssi_dbm[np.repeat(np.arange(rows), np.diff(self.start)), self.ap] = self.dbm
        return rssi_dbm
