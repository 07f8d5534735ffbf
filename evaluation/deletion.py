"""The deletion test (SPEC 1.5): take away the access points a score ranks highest, and watch.

Only access points that were heard can be taken away; removing another one changes nothing. A score
that names the access points that matter must do more harm than a random order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 10


@dataclass(frozen=True)
class Deletion:
    """After k = 0 .. K removals: share of scans in the right cell, mean error, and the mean
    probability of the class predicted at first. Each (K + 1,)."""

    accuracy: NDArray[np.float64]
    error_m: NDArray[np.float64]
    probability: NDArray[np.float64]

    def less(self, other: Deletion) -> dict[str, float]:
        """Area between the curves, per removal: how much more harm than ``other`` was done.

        Positive = this order takes more accuracy and probability, and adds more metres.
        """
        return {
            "accuracy": float((other.accuracy - self.accuracy)[1:].mean()),
            "error_m": float((self.error_m - other.error_m)[1:].mean()),
            "probability": float((other.probability - self.probability)[1:].mean()),
        }

    def to_json(self) -> dict[str, list[float]]:
        return {k: [round(float(v), 4) for v in values] for k, values in vars(self).items()}


def deletion(
    probability: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    rows: NDArray[np.float32],
    heard: NDArray[np.bool_],
    scores: NDArray[np.float64],
    silent: NDArray[np.float32],
    error_of: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    most: int = MOST,
) -> Deletion:
    """Remove up to ``most`` heard access points of every row (n, N) in descending score order.

    ``probability`` maps rows to posteriors (n, G); ``error_of`` maps classes (n,) to metres, 0 in
    the right cell.
    """
    order = np.argsort(np.where(heard, -scores, np.inf), axis=1, kind="stable")
    left, index = rows.copy(), np.arange(len(rows))
    first = None
    accuracy, error, kept = [], [], []
    for k in range(min(most, rows.shape[1]) + 1):
        if k:
            gone = order[:, k - 1]
            # Rows out of heard access points meet unheard ones here, which are silent already.
            left[index, gone] = silent[gone]
        p = probability(left)
        top = p.argmax(axis=1)
        first = top if first is None else first
        metres = error_of(top)
        accuracy.append((metres <= 1e-6).mean())
        error.append(metres.mean())
        kept.append(p[index, first].mean())
    return Deletion(np.array(accuracy), np.array(error), np.array(kept))


def mean_of(several: list[Deletion]) -> Deletion:
    """The mean curve, such as of several random orders."""
    return Deletion(*(np.mean([vars(d)[k] for d in several], axis=0) for k in vars(several[0])))
