"""Scans whose true place is known: JSON Lines with `x_m`, `y_m` and optionally `floor`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .errors import ScanError
from .fix import Fix


class Truth(NamedTuple):
    """Where a scan was taken; `floor` is None where nobody noted it."""

    x_m: float
    y_m: float
    floor: int | None


def truth_of(line: str) -> Truth | None:
    """What a scan's line says of its place; None where it says nothing.

    Raises:
        ScanError: one coordinate without the other, not a finite number, or a floor that is no
            int.
    """
    record = json.loads(line)
    x_m, y_m, floor = (record.get(key) for key in ("x_m", "y_m", "floor"))
    if x_m is None and y_m is None:
        return None
    for key, value in (("x_m", x_m), ("y_m", y_m)):
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ScanError(f"{key} must be metres, got {value!r:.80}")
    if floor is not None and type(floor) is not int:
        raise ScanError(f"floor must be an int, got {floor!r:.80}")
    return Truth(float(x_m), float(y_m), floor)


def accuracy(fixes: Mapping[int, Fix | None], truths: Sequence[Truth | None]) -> dict[str, Any]:
    """Figures of the fixes (by number of scan) whose true place is known; {} where none is.

    `n` counts the scans with a known place that were asked for, `answered` those of them that have
    a position; `floor_hit` is None where no floor was noted.
    """
    errors, hits, inside = [], [], []
    for number, truth in enumerate(truths):
        fix = fixes.get(number)
        if truth is None or fix is None or fix.x_m is None or fix.y_m is None:
            continue
        errors.append(math.hypot(fix.x_m - truth.x_m, fix.y_m - truth.y_m))
        inside.append(fix.accuracy_m is not None and errors[-1] <= fix.accuracy_m)
        if truth.floor is not None:
            hits.append(fix.floor == truth.floor)
    if not errors:
        return {}
    return {
        "n": sum(truths[number] is not None for number in fixes if number < len(truths)),
        "answered": len(errors),
        "mean_m": float(np.mean(errors)),
        "median_m": float(np.median(errors)),
        "p75_m": float(np.percentile(errors, 75)),
        "p95_m": float(np.percentile(errors, 95)),
        "floor_hit": float(np.mean(hits)) if hits else None,
        "coverage_68": float(np.mean(inside)),
    }
