"""Weighted kNN in a building whose access points have changed since the survey.

The plain references of the update experiments: the old survey as it is, the old survey compared
over the access points that are still heard, and a survey of the new time. All three are the
textbook method, nothing in them is in spirit only, with the untuned rule that stands beside every
network here (``knn.PLAIN``: L1, 25 neighbours, weights d^-8).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdk.silence import LEAST_SCANS, SILENT_SHARE
from training.decode import Decoded
from training.knn import PLAIN, Database, Rule, apply


def static(database: Database, query_dbm: NDArray[np.float32], rule: Rule | None = None) -> Decoded:
    """Scans (B, N) by the old survey alone; *retrained* is the same with a new one."""
    return apply(database, rule or Rule(*PLAIN), query_dbm)


def masked(
    database: Database,
    query_dbm: NDArray[np.float32],
    unknown: NDArray[np.bool_],
    rule: Rule | None = None,
) -> Decoded:
    """The same without the access points marked in ``unknown`` (N,): neither the survey's levels
    nor the scans' are looked at."""
    known = ~unknown
    levels = np.ascontiguousarray(database.rssi_dbm[:, known])
    part = replace(database, rssi_dbm=levels)
    return static(part, np.ascontiguousarray(query_dbm[:, known]), rule)


def silent(unlabelled_dbm: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) heard in under 1 % of scans (U, N) of the new time, NaN = not heard (SPEC 2.6b).

    Of too few scans nothing is said to be silent; nor is everything.
    """
    if len(unlabelled_dbm) < LEAST_SCANS:
        return np.zeros(unlabelled_dbm.shape[1], dtype=bool)
    found: NDArray[np.bool_] = np.isfinite(unlabelled_dbm).mean(axis=0) < SILENT_SHARE
    return found & ~found.all()
