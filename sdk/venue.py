"""The venue: its floors, and its frame on the Earth."""

from __future__ import annotations

import math
from dataclasses import dataclass

# WGS84: semi-major axis and first eccentricity squared.
_A_M = 6378137.0
_E2 = 6.69437999014e-3
# Nearer to a pole an east-west metre has no useful longitude.
MAX_LATITUDE_DEG = 89.0


@dataclass(frozen=True, slots=True)
class Floor:
    """One floor: `floor` 0 = ground; the label is what people call it."""

    floor: int
    label: str | None = None
    plan: str | None = None
    width_m: float | None = None
    height_m: float | None = None


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """Where an AP hangs, metres in the venue's frame."""

    bssid: str
    x_m: float
    y_m: float
    floor: int


@dataclass(frozen=True, slots=True)
class Georeference:
    """The venue's frame on WGS84.

    `rotation_deg` is the angle from east to the frame's x axis, counter-clockwise, so 0 means
    x east, y north. The frame lies in the plane that touches the ellipsoid at the origin;
    500 m from it the error is under 4 cm below 60 degrees of latitude.

    Raises:
        ValueError: a value is not finite or out of range.
    """

    latitude: float
    longitude: float
    rotation_deg: float = 0.0

    def __post_init__(self) -> None:
        if not abs(self.latitude) <= MAX_LATITUDE_DEG:
            raise ValueError(
                f"latitude must lie within ±{MAX_LATITUDE_DEG:g} degrees, got {self.latitude!r}"
            )
        if not abs(self.longitude) <= 180:
            raise ValueError(f"longitude must lie within ±180 degrees, got {self.longitude!r}")
        if not math.isfinite(self.rotation_deg):
            raise ValueError(f"rotation_deg must be finite, got {self.rotation_deg!r}")

    def _metres_per_degree(self) -> tuple[float, float]:
        """North and east, from the radii of curvature at the origin."""
        latitude = math.radians(self.latitude)
        w2 = 1 - _E2 * math.sin(latitude) ** 2
        meridian = _A_M * (1 - _E2) / w2**1.5
        parallel = _A_M / math.sqrt(w2) * math.cos(latitude)
        return math.radians(meridian), math.radians(parallel)

    def to_wgs84(self, x_m: float, y_m: float) -> tuple[float, float]:
        """(latitude, longitude) in degrees of a point of the frame."""
        angle = math.radians(self.rotation_deg)
        east = x_m * math.cos(angle) - y_m * math.sin(angle)
        north = x_m * math.sin(angle) + y_m * math.cos(angle)
        per_latitude, per_longitude = self._metres_per_degree()
        longitude = self.longitude + east / per_longitude
        return self.latitude + north / per_latitude, (longitude + 180) % 360 - 180

    def to_local(self, latitude: float, longitude: float) -> tuple[float, float]:
        """(x_m, y_m) in the frame of a point on WGS84, degrees."""
        per_latitude, per_longitude = self._metres_per_degree()
        north = (latitude - self.latitude) * per_latitude
        east = ((longitude - self.longitude + 180) % 360 - 180) * per_longitude
        angle = math.radians(self.rotation_deg)
        return (
            east * math.cos(angle) + north * math.sin(angle),
            north * math.cos(angle) - east * math.sin(angle),
        )


@dataclass(frozen=True, slots=True)
class Venue:
    """A building: x and y in metres in its own frame, floors as ints."""

    name: str
    frame: str = ""
    floors: tuple[Floor, ...] = ()
    georeference: Georeference | None = None
    access_points: tuple[AccessPoint, ...] = ()

    def floor(self, number: int) -> Floor | None:
        """The floor with that number, None where the venue does not name it."""
        return next((floor for floor in self.floors if floor.floor == number), None)

    def to_wgs84(self, x_m: float, y_m: float) -> tuple[float, float] | None:
        """(latitude, longitude), None without a georeference."""
        return None if self.georeference is None else self.georeference.to_wgs84(x_m, y_m)

    def to_local(self, latitude: float, longitude: float) -> tuple[float, float] | None:
        """(x_m, y_m), None without a georeference."""
        if self.georeference is None:
            return None
        return self.georeference.to_local(latitude, longitude)
