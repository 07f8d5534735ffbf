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
    held-out data. `agreement` (0..1) tells how alike the networks of the model see it, None where
    it has one. `reason` says in words why the status is not OK; empty where it is.
    `bool(fix)` says whether there is a position.
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
    agreement: float | None = None
    reason: str = ""

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
            "agreement": self.agreement,
            "reason": self.reason,
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
        matched_aps: knots, ascending; none where the radius does not depend on them.
        factor: how many times the radius is wider with so few access points.
        disagreement_m: what a full disagreement of the model's networks adds to the spread.
    """

    spread_m: Sequence[float]
    radius_m: Sequence[float]
    matched_aps: Sequence[float] = ()
    factor: Sequence[float] = ()
    disagreement_m: float = 0.0

    def __post_init__(self) -> None:
        if not self.spread_m or len(self.spread_m) != len(self.radius_m):
            raise ValueError(
                "spread_m and radius_m must have the same length > 0, "
                f"got {len(self.spread_m)} and {len(self.radius_m)}"
            )
        if len(self.matched_aps) != len(self.factor):
            raise ValueError(
                "matched_aps and factor must have the same length, "
                f"got {len(self.matched_aps)} and {len(self.factor)}"
            )
        for name in ("spread_m", "matched_aps"):
            knots = getattr(self, name)
            if any(b <= a for a, b in pairwise(knots)):
                raise ValueError(f"{name} must ascend strictly, got {list(knots)!r:.120}")

    def __call__(
        self, spread_m: float, matched_aps: int | None = None, agreement: float | None = None
    ) -> float:
        """The radius in metres for a spread in metres."""
        if agreement is not None:
            spread_m += self.disagreement_m * (1.0 - agreement)
        radius_m = _between(self.spread_m, self.radius_m, spread_m)
        if matched_aps is not None and self.matched_aps:
            radius_m *= _between(self.matched_aps, self.factor, matched_aps)
        return radius_m


def _between(knots: Sequence[float], values: Sequence[float], at: float) -> float:
    i = bisect_right(knots, at)
    if i == 0:
        return values[0]
    if i == len(knots):
        return values[-1]
    share = (at - knots[i - 1]) / (knots[i] - knots[i - 1])
    return values[i - 1] + share * (values[i] - values[i - 1])


@dataclass(frozen=True, slots=True)
class Limits:
    """When a scan is enough for a position."""

    min_matched_aps: int = 3
    max_age_ms: int = 10_000
    low_confidence_m: float = 8.0
    least_agreement: float = 0.0

    def confidence(self, accuracy_m: float, agreement: float | None) -> tuple[Status, str]:
        """OK or LOW_CONFIDENCE of a fix, and why not OK."""
        if agreement is not None and agreement < self.least_agreement:
            return Status.LOW_CONFIDENCE, (
                f"the model's networks disagree (agreement {agreement:.2f}, usual is "
                f"{self.least_agreement:.2f} or more): access points may have changed"
            )
        if accuracy_m > self.low_confidence_m:
            return Status.LOW_CONFIDENCE, (
                f"accuracy_m of {accuracy_m:.1f} is over {self.low_confidence_m:g}"
            )
        return Status.OK, ""

    def why_refused(self, status: Status, matched_aps: int) -> str:
        """The words to a status without a position."""
        if status is Status.STALE_SCAN:
            return f"every reading is older than {self.max_age_ms / 1000:g} s"
        words = f"{matched_aps} known access points heard, {self.min_matched_aps} are needed"
        return words + (", and many strangers" if status is Status.OUT_OF_AREA else "")

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
