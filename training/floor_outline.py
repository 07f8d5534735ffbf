"""Where a floor can be walked on: the polygons of its GeoJSON plan, as a mask over grid cells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.survey import SurveyError

# A polygon: its rings, each (n, 2) in metres in the venue's frame; the first is the outer one.
Polygon = tuple[NDArray[np.float64], ...]


def read_outline(data: bytes, name: str) -> tuple[Polygon, ...]:
    """The Polygons and MultiPolygons of a GeoJSON text, in metres in the venue's frame.

    Raises SurveyError, which starts with ``name``, for a text that is not GeoJSON, a ring of fewer
    than three corners, a coordinate that is no finite number, or no polygon at all.
    """
    try:
        found = tuple(_polygons(json.loads(data.decode("utf-8-sig")), name))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, SurveyError):
            raise
        raise SurveyError(f"{name}: not GeoJSON ({type(error).__name__}: {error})") from None
    if not found:
        raise SurveyError(f"{name}: no Polygon or MultiPolygon; expected the floor's outline")
    return found


def _polygons(part: dict[str, Any], name: str) -> Iterator[Polygon]:
    kind = part["type"]
    if kind == "FeatureCollection":
        for feature in part["features"]:
            yield from _polygons(feature, name)
    elif kind == "Feature" and part["geometry"] is not None:
        yield from _polygons(part["geometry"], name)
    elif kind == "GeometryCollection":
        for geometry in part["geometries"]:
            yield from _polygons(geometry, name)
    elif kind == "Polygon":
        yield _rings(part["coordinates"], name)
    elif kind == "MultiPolygon":
        for rings in part["coordinates"]:
            yield _rings(rings, name)


def _rings(rings: list[Any], name: str) -> Polygon:
    made = []
    for ring in rings:
        corners = np.array([point[:2] for point in ring], dtype=np.float64)
        if corners.ndim != 2 or len(np.unique(corners, axis=0)) < 3:
            raise SurveyError(f"{name}: ring {ring!r:.80} expected at least three corners")
        if not np.isfinite(corners).all():
            raise SurveyError(f"{name}: ring {ring!r:.80} expected finite coordinates")
        made.append(corners)
    if not made:
        raise SurveyError(f"{name}: a polygon without rings; expected its outer ring")
    return tuple(made)


def bounds(polygons: tuple[Polygon, ...]) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of the outer rings."""
    corners = np.concatenate([rings[0] for rings in polygons])
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def inside(
    polygons: tuple[Polygon, ...], x_m: NDArray[np.float64], y_m: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """(H, W) whether the point at column ``x_m`` (W,) and row ``y_m`` (H,) is in some polygon.

    Holes are outside. ``x_m`` ascends. A point on an edge may count either way.
    """
    out = np.zeros((len(y_m), len(x_m)), dtype=bool)
    for rings in polygons:
        crossed = np.zeros((len(y_m), len(x_m) + 1), dtype=np.int64)
        for ring in rings:
            # Every edge is counted once for each row it crosses, at the columns right of it.
            (ax, ay), (bx, by) = ring.T, np.roll(ring, -1, axis=0).T
            for x1, y1, x2, y2 in zip(ax, ay, bx, by, strict=True):
                rows = np.flatnonzero((y_m >= min(y1, y2)) & (y_m < max(y1, y2)))
                at = x1 + (y_m[rows] - y1) * ((x2 - x1) / (y2 - y1 if y2 != y1 else 1.0))
                crossed[rows, np.searchsorted(x_m, at, side="left")] += 1
        out |= (crossed.cumsum(axis=1) % 2 == 1)[:, :-1]
    return out
