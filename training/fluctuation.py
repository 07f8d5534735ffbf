"""Synthetic scans from the levels seen at a reference point (SPEC 4.4, after Sinha and Hwang 2020).

The paper turns 7,008 scans into 427,488, which is each of them and 60 more. What is drawn: for
reference point r and access point a let V be the levels seen in the training scans at r, a scan
that did not hear a included. Draws, every access point by itself unless said otherwise:

* "uniform": missing as often as in V, else uniform between the least and the greatest level of V,
  rounded to whole dB;
* "draw": one of V;
* "session": one scan of one of the point's sessions, sessions being equally likely, with jitter of
  the spread of a at r: access points stay correlated, as they are in a walk.

Tables hold three numbers per point and access point; scans are drawn when a batch wants them, so
61 times the survey never lies in memory. The paper wrote its synthetic scans once; here each epoch
draws its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DRAWS = ("uniform", "draw", "session")
# The sdk refuses positive levels.
STRONGEST_DBM = 0.0


class Fluctuation:
    """Draws scans for reference points from training rows, and from nothing else.

    Args:
        rssi_dbm: (M, N) dBm of the training rows, NaN = not heard.
        place: (M,) reference point of each row, 0..R-1, each with at least one row.
        session: (M,) anything that tells sessions apart; used by "session".
        draw: one of DRAWS.

    Raises:
        ValueError: no such draw, lengths that differ, or a point without rows.
    """

    def __init__(
        self,
        rssi_dbm: NDArray[np.float32],
        place: NDArray[np.integer],
        session: NDArray,
        draw: str = "uniform",
    ) -> None:
        if draw not in DRAWS:
            raise ValueError(f"draw is {draw!r}, expected one of {', '.join(DRAWS)}")
        if not len(rssi_dbm) == len(place) == len(session) > 0:
            raise ValueError(
                f"{len(rssi_dbm)} rows, {len(place)} places, {len(session)} sessions: expected as "
                "many of each, and at least one"
            )
        self.draw = draw
        visit = np.unique(session.astype(str), return_inverse=True)[1].reshape(-1)
        order = np.lexsort((visit, place))
        self._rows = rssi_dbm[order]
        place, visit = np.asarray(place)[order], visit[order]
        self._count = np.bincount(place)
        if not self._count.all():
            raise ValueError(f"reference point {int(self._count.argmin())} has no rows")
        self._start = np.cumsum(self._count) - self._count
        # Visits: runs of rows of one point and one session.
        first = np.flatnonzero(np.diff(place, prepend=-1) | np.diff(visit, prepend=-1))
        self._visit_start, self._visit_rows = first, np.diff(first, append=len(place))
        self._visits = np.bincount(place[first])
        self._first_visit = np.cumsum(self._visits) - self._visits

        heard = np.isfinite(self._rows)
        times = np.add.reduceat(heard, self._start, axis=0, dtype=np.int64)
        self._missing = (1.0 - times / self._count[:, None]).astype(np.float32)
        self._least = np.minimum.reduceat(np.where(heard, self._rows, np.inf), self._start)
        self._most = np.maximum.reduceat(np.where(heard, self._rows, -np.inf), self._start)
        level = np.where(heard, self._rows, 0.0).astype(np.float64)
        held = np.maximum(times, 1)
        mean = np.add.reduceat(level, self._start) / held
        away = np.where(heard, level - mean[place], 0.0)
        self._spread = np.sqrt(np.add.reduceat(away**2, self._start) / held).astype(np.float32)

    def scans(self, place: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.float32]:
        """(B, N) fresh scans for reference points (B,), dBm with NaN = not heard."""
        shape = (len(place), self._rows.shape[1])
        if self.draw == "uniform":
            lost = rng.random(shape, dtype=np.float32) < self._missing[place]
            least, most = self._least[place], self._most[place]
            with np.errstate(invalid="ignore"):  # Never heard there: inf - inf, and always lost.
                level = least + (most - least) * rng.random(shape, dtype=np.float32)
            return np.where(lost, np.float32(np.nan), np.rint(level)).astype(np.float32)
        if self.draw == "draw":
            taken = (rng.random(shape) * self._count[place, None]).astype(np.int64)
            made: NDArray[np.float32] = self._rows[
                self._start[place, None] + taken, np.arange(shape[1])
            ]
            return made
        visit = self._first_visit[place] + (rng.random(len(place)) * self._visits[place]).astype(
            int
        )
        row = self._visit_start[visit]
        row = row + (rng.random(len(place)) * self._visit_rows[visit]).astype(int)
        jitter = rng.standard_normal(shape, dtype=np.float32) * self._spread[place]
        return np.minimum(np.rint(self._rows[row] + jitter), np.float32(STRONGEST_DBM))
