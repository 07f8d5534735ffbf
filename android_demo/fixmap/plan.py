"""A floor plan as something to draw: an image over a rectangle, or lines in metres."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sdk.venue import Floor

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Plan:
    """Either `image` (PNG bytes, its lower left corner at the frame's origin) or `lines`
    (polylines, metres); both empty where there is no plan. `width_m`, `height_m`: its extent."""

    width_m: float
    height_m: float
    image: bytes = b""
    lines: tuple[tuple[tuple[float, float], ...], ...] = ()


def plan_of(data: bytes | None, floor: Floor | None) -> Plan:
    """A plan from a bundle's member; without one an empty plan of the floor's size.

    Raises ValueError where the bytes are neither PNG nor GeoJSON.
    """
    width = (floor.width_m if floor else None) or 0.0
    height = (floor.height_m if floor else None) or 0.0
    if data is None or data.startswith(PNG):
        # An image without a size has no place on the floor.
        return Plan(width, height, data if data and width and height else b"")
    lines = tuple(_lines(json.loads(data)))
    points = [point for line in lines for point in line]
    if not points:
        return Plan(width, height)
    xs, ys = zip(*points, strict=True)
    return Plan(max(width, *xs), max(height, *ys), b"", lines)


def _lines(node: Any) -> Iterator[tuple[tuple[float, float], ...]]:
    """The polylines of a GeoJSON object; points and unknown geometries are left out."""
    if not isinstance(node, dict):
        raise ValueError(f"GeoJSON must be an object, got {type(node).__name__}")
    for child in node.get("features") or node.get("geometries") or ():
        yield from _lines(child)
    if node.get("geometry"):
        yield from _lines(node["geometry"])
    kind, values = node.get("type"), node.get("coordinates")
    if kind == "LineString":
        yield _line(values)
    elif kind in ("Polygon", "MultiLineString"):
        yield from map(_line, values)
    elif kind == "MultiPolygon":
        for polygon in values:
            yield from map(_line, polygon)


def _line(values: Any) -> tuple[tuple[float, float], ...]:
    return tuple((float(point[0]), float(point[1])) for point in values)
