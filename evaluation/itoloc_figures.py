"""Figures of the iToLoc study taken together: over floors, and over whatever seeds are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.itoloc_places import FLOORS, MONTHS

Record = dict[str, Any]


def values(
    records: Sequence[Record], system: str, way: str, test: str, key: str = "mean_m"
) -> list[float]:
    """One figure per seed, the mean over both floors; seeds that lack a floor are left out."""
    found: dict[int, dict[int, float]] = {}
    for r in records:
        got = r["ways"].get(way, {}).get(test) if r["system"] == system else None
        if got is not None and key in got:
            found.setdefault(r["seed"], {})[r["floor"]] = got[key]
    return [float(np.mean(list(f.values()))) for _, f in sorted(found.items())
            if len(f) == len(FLOORS)]  # fmt: skip


def months_with(records: Sequence[Record], system: str, way: str) -> list[int]:
    """Those that have a figure of both floors."""
    return [m for m in MONTHS if values(records, system, way, str(m))]


def mean_of(records: Sequence[Record], system: str, way: str, test: str, key: str = "mean_m"
            ) -> float:  # fmt: skip
    """Over seeds and floors; NaN where there is none."""
    found = values(records, system, way, test, key)
    return float(np.mean(found)) if found else float("nan")
