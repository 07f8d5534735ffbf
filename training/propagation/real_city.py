"""Windows of a real city's raster as towns: the data kit's usc_city_geometry.

The raster holds building heights in metres, 255 = open ground, 1 m per pixel (see the folder's
ORIGIN.md). Outlines are traced along pixels' edges and straightened, so that a wall in any
direction is one wall and not a staircase (SPEC 3.11, step 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.native_city import Float64
from training.propagation.dataset import CityError
from training.propagation.towns import Town

RASTER = "city_map.png"
_OPEN = 255
_STRAIGHT_WITHIN_M = 1.5
_LEAST_AREA_M2 = 20.0
_BUILT_SHARE = (0.2, 0.5)
_MOST_WINDOWS = 200


@dataclass(frozen=True)
class RealCity:
    """``built`` (H, W) bool, 1 m per pixel, row = north up or down as the file has it."""

    name: str
    built: NDArray[np.bool_]

    def describe(self) -> dict[str, Any]:
        """For city.json."""
        return {"real_city": self.name, "shape": list(self.built.shape)}

    def draw(self, side_m: float, rng: np.random.Generator) -> Town:
        """A window of side_m x side_m of which 20 to 50 % is built. Raises CityError for none."""
        side = round(side_m)
        rows, columns = (n - side for n in self.built.shape)
        if min(rows, columns) < 0:
            raise CityError(f"{self.name}: raster {self.built.shape}, expected {side} px or more")
        for _ in range(_MOST_WINDOWS):
            row, column = rng.integers(rows + 1), rng.integers(columns + 1)
            window = self.built[row : row + side, column : column + side]
            if _BUILT_SHARE[0] <= window.mean() <= _BUILT_SHARE[1]:
                return Town(outlines(window), 0.0)
        raise CityError(f"{self.name}: no window is 20 to 50 % built")


def read_real_city(folder: Path) -> RealCity:
    """The raster of a folder like usc_city_geometry. Raises CityError."""
    from matplotlib.image import imread

    path = Path(folder) / RASTER
    try:
        image = imread(path)
    except (OSError, SyntaxError) as error:
        raise CityError(f"{path}: no raster, {error}") from None
    if image.ndim != 2:
        raise CityError(f"{path}: {image.shape}, expected one channel of heights")
    heights = np.round(image * _OPEN) if image.dtype.kind == "f" else image
    return RealCity(Path(folder).resolve().name, heights != _OPEN)


def outlines(built: NDArray[np.bool_]) -> tuple[Float64, ...]:
    """Straightened outlines of what is built, on the left of their walls, courtyards included."""
    rings = (straightened(ring) for ring in _traced(built))
    return tuple(r for r in rings if len(r) >= 3 and abs(_area(r)) >= _LEAST_AREA_M2)


def _traced(built: NDArray[np.bool_]) -> list[Float64]:
    """Closed rings along the edges of pixels."""
    padded = np.pad(built, 1)
    inside = padded[1:-1, 1:-1]
    leaving: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # An edge from (x, y) with the pixel (row y, column x) on its left.
    for neighbour, (dx, dy), (sx, sy) in (
        (padded[:-2, 1:-1], (1, 0), (0, 0)),
        (padded[1:-1, 2:], (0, 1), (1, 0)),
        (padded[2:, 1:-1], (-1, 0), (1, 1)),
        (padded[1:-1, :-2], (0, -1), (0, 1)),
    ):
        for row, column in np.argwhere(inside & ~neighbour):
            leaving.setdefault((int(column) + sx, int(row) + sy), []).append((dx, dy))
    rings = []
    while leaving:
        start = next(iter(leaving))
        at, ring = start, []
        step = leaving[at][0]
        while True:
            ways = leaving[at]
            # Where two pixels touch at a corner: stay with the pixel on the left.
            left = (-step[1], step[0])
            step = left if left in ways else ways[0]
            ways.remove(step)
            if not ways:
                del leaving[at]
            ring.append(at)
            at = (at[0] + step[0], at[1] + step[1])
            if at == start:
                break
        rings.append(np.array(ring, dtype=np.float64))
    return rings


def straightened(ring: Float64) -> Float64:
    """The ring with as few vertices as keep it within 1.5 m (Douglas and Peucker 1973)."""
    far = int(np.argmax(np.linalg.norm(ring - ring[0], axis=1)))
    closed = np.concatenate([ring, ring[:1]])
    keep = np.zeros(len(closed), dtype=bool)
    keep[[0, far]] = True
    pending = [(0, far), (far, len(ring))]
    while pending:
        first, last = pending.pop()
        if last - first < 2:
            continue
        along = closed[last] - closed[first]
        off = closed[first + 1 : last] - closed[first]
        distance = np.abs(along[0] * off[:, 1] - along[1] * off[:, 0])
        distance /= max(float(np.hypot(*along)), 1e-9)
        worst = int(np.argmax(distance))
        if distance[worst] > _STRAIGHT_WITHIN_M:
            keep[first + 1 + worst] = True
            pending += [(first, first + 1 + worst), (first + 1 + worst, last)]
    return closed[:-1][keep[:-1]]


def _area(ring: Float64) -> float:
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
