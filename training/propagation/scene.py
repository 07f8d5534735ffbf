"""Buildings as rings of walls, their raster, and what their corners see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdk import native_city
from sdk.native_city import Float32, Float64, PathModel, Raster, Sight
from training.propagation.dataset import CityError


@dataclass(frozen=True)
class Scene:
    """Buildings over a square raster.

    ``rings``: each (V, 2) metres, three vertices or more, what is inside on the left of every wall
    (x right, y up): outlines counterclockwise, courtyards clockwise.
    """

    rings: tuple[Float64, ...]
    size_px: int
    pitch_m: float

    @property
    def origin_m(self) -> tuple[float, float]:
        """Centre of pixel (0, 0)."""
        return (self.pitch_m / 2, self.pitch_m / 2)

    @cached_property
    def walls_m(self) -> Float64:
        """(E, 4) x1, y1, x2, y2."""
        return walls_of(self.rings)

    @cached_property
    def buildings(self) -> Raster:
        """(H, W) 1 where a pixel's centre is inside."""
        return rasterize(self.rings, self.size_px, self.pitch_m)

    @cached_property
    def _corners(self) -> tuple[Float64, Float64]:
        starts = np.cumsum([0, *(len(ring) for ring in self.rings)], dtype=np.int32)
        vertices = np.concatenate(self.rings) if self.rings else np.empty((0, 2))
        return native_city.convex_corners(vertices, starts)

    @property
    def corners_m(self) -> Float64:
        """(C, 2) corners that paths go round."""
        return self._corners[0]

    @cached_property
    def sight(self) -> Sight:
        """What the corners see past the buildings."""
        return self.sight_past(self.walls_m)

    def sight_past(self, walls_m: Float64) -> Sight:
        """What the corners see past these walls."""
        return native_city.corner_visibility(
            walls_m, *self._corners, self.buildings, self.origin_m, self.pitch_m
        )

    def paths(
        self, transmitter_m: Float64, model: PathModel, clear: Sight | None = None
    ) -> tuple[Float32, Float32, NDArray[np.bool_]]:
        """Loss in dB, length in metres and line of sight (H, W), see native_city.dominant_path."""
        return native_city.dominant_path(
            transmitter_m, *self._corners, self.sight, self.buildings, model, self.origin_m,
            self.pitch_m, clear,
        )  # fmt: skip

    def reflected(self, transmitter_m: Float64, wall_db: Float64, reference_db: float) -> Float32:
        """(H, W) power of first reflections, see native_city.reflections."""
        return native_city.reflections(
            transmitter_m, self.walls_m, wall_db, reference_db, self.buildings, self.origin_m,
            self.pitch_m,
        )  # fmt: skip


def walls_of(rings: Sequence[Float64]) -> Float64:
    """(E, 4) the walls of closed rings."""
    if not rings:
        return np.empty((0, 4))
    return np.concatenate([np.hstack([ring, np.roll(ring, -1, axis=0)]) for ring in rings])


def rasterize(rings: Sequence[Float64], size_px: int, pitch_m: float) -> Raster:
    """(H, W) uint8, 1 where rings wind round a pixel's centre. Raises CityError for no raster."""
    if size_px < 1 or not pitch_m > 0:
        raise CityError(f"raster of {size_px} px of {pitch_m} m, expected both above 0")
    # Where a wall passes a row of centres the winding number changes by one.
    steps = np.zeros((size_px, size_px + 1), dtype=np.int32)
    for x1, y1, x2, y2 in walls_of(rings) / pitch_m - 0.5:
        if y1 == y2:
            continue
        low, high, turn = (y1, y2, -1) if y1 < y2 else (y2, y1, 1)
        rows = np.arange(max(int(np.ceil(low)), 0), min(int(np.ceil(high)), size_px))
        at = x1 + (rows - y1) * (x2 - x1) / (y2 - y1)
        columns = np.clip(np.ceil(at), 0, size_px).astype(np.int64)
        np.add.at(steps, (rows, columns), turn)
    return (np.cumsum(steps, axis=1)[:, :size_px] != 0).astype(np.uint8)
