"""One position estimate with its error radius and its status."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from .fingerprint import Fingerprint
from .places import Place


class Status(StrEnum):
    """What a fix is worth. Every status but OK and LOW_CONFIDENCE means: not measured."""

    OK = "OK"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    TOO_FEW_APS = "TOO_FEW_APS"
    OUT_OF_AREA = "OUT_OF_AREA"
    STALE_SCAN = "STALE_SCAN"


@dataclass(frozen=True, slots=True)
class Fix:
    """A position, or the reason why there is none.

    Coordinates are finite, or None together; there is no NaN and no (0, 0) for "nowhere".
    `accuracy_m` is the radius that holds the true position with 68 % probability, measured on
    held-out data. `bool(fix)` says whether there is a position.
    """

    timestamp_ms: int
    status: Status
    x_m: float | None = None
    y_m: float | None = None
    floor: int | None = None
    accuracy_m: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    matched_aps: int = 0
    candidates: tuple[Place, ...] = ()
    provider: str = "wifi_rssi"
    model_id: str = ""

    def __bool__(self) -> bool:
        return self.x_m is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "timestamp_ms": self.timestamp_ms,
            "status": self.status.value,
            "x_m": self.x_m,
            "y_m": self.y_m,
            "floor": self.floor,
            "accuracy_m": self.accuracy_m,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "matched_aps": self.matched_aps,
            "candidates": [place.to_dict() for place in self.candidates],
            "provider": self.provider,
            "model_id": self.model_id,
        }

    def with_status(self, status: Status) -> Fix:
        """The same fix under another status."""
        return replace(self, status=status)


@dataclass(frozen=True, slots=True)
class AccuracyTable:
    """Calibrated radius over the posterior's spread: piecewise linear, flat outside.

    Args:
        spread_m: knots, ascending.
        radius_m: the 68 % radius measured at each knot.
    """

    spread_m: Sequence[float]
    radius_m: Sequence[float]

    def __post_init__(self) -> None:
        if not self.spread_m or len(self.spread_m) != len(self.radius_m):
            raise ValueError(
                "spread_m and radius_m must have the same length > 0, "
                f"got {len(self.spread_m)} and {len(self.radius_m)}"
            )
        if any(b <= a for a, b in pairwise(self.spread_m)):
            raise ValueError(f"spread_m must ascend strictly, got {list(self.spread_m)!r:.120}")

    def __call__(self, spread_m: float) -> float:
        """The radius in metres for a spread in metres."""
        knots, radii = self.spread_m, self.radius_m
        i = bisect_right(knots, spread_m)
        if i == 0:
            return radii[0]
        if i == len(knots):
            return radii[-1]
        share = (spread_m - knots[i - 1]) / (knots[i] - knots[i - 1])
        return radii[i - 1] + share * (radii[i] - radii[i - 1])


@dataclass(frozen=True, slots=True)
class Limits:
    """When a scan is enough for a position."""

    min_matched_aps: int = 3
    max_age_ms: int = 10_000
    low_confidence_m: float = 8.0

    def refusal(self, fingerprint: Fingerprint) -> Status | None:
        """The status of a scan that gives no position; None where it gives one."""
        if fingerprint.heard and not fingerprint.fresh:
            return Status.STALE_SCAN
        if fingerprint.matched >= self.min_matched_aps:
            return None
        # Many strangers and hardly an acquaintance: the device is somewhere else.
        if fingerprint.fresh >= 2 * self.min_matched_aps:
            return Status.OUT_OF_AREA
        return Status.TOO_FEW_APS
