"""Random towns of boxes for the tests of the city kernels, and what shapely makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdk import native_city

SIDE = 24


@dataclass
class Town:
    """Boxes (N, 4, 2) counterclockwise on a raster of 24 x 24 cells of ``pitch_m``."""

    boxes: NDArray[np.float64]
    pitch_m: float = 1.0

    def __post_init__(self) -> None:
        self.vertices = self.boxes.reshape(-1, 2)
        self.starts = np.arange(len(self.boxes) + 1, dtype=np.int32) * 4
        self.walls = np.concatenate([self.boxes, np.roll(self.boxes, -1, axis=1)], axis=2)
        self.walls = np.ascontiguousarray(self.walls.reshape(-1, 4))
        self.solid = shapely.union_all(shapely.polygons(self.boxes))
        self.origin = (self.pitch_m / 2, self.pitch_m / 2)
        centre = self.pitch_m * (np.arange(SIDE) + 0.5)
        x, y = np.meshgrid(centre, centre)
        self.cells = np.stack([x, y], axis=-1).reshape(-1, 2)
        inside = shapely.contains_xy(self.solid, self.cells)
        self.buildings = inside.reshape(SIDE, SIDE).astype(np.uint8)
        self.corners, self.wedges = native_city.convex_corners(self.vertices, self.starts)

    def sight(self, walls: NDArray[np.float64] | None = None) -> native_city.Sight:
        return native_city.corner_visibility(
            self.walls if walls is None else walls, self.corners, self.wedges, self.buildings,
            self.origin, self.pitch_m,
        )  # fmt: skip

    def paths(self, transmitter, model=None, **more):
        return native_city.dominant_path(
            transmitter, self.corners, self.wedges, self.sight(), self.buildings,
            model or native_city.PathModel(), self.origin, self.pitch_m, **more,
        )  # fmt: skip

    def outdoors(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """A cell's centre that is no building and not within a hair of one."""
        free = self.cells[shapely.distance(self.solid, shapely.points(self.cells)) > 0.2]
        return free[rng.integers(len(free))]


def hidden(town: Town, from_m: NDArray[np.float64], to_m: NDArray[np.float64]):
    """Whether straight lines between points (..., 2) are hidden, and whether that is clear-cut."""
    pairs = np.stack(np.broadcast_arrays(from_m, to_m), axis=-2)
    lines = shapely.linestrings(pairs)
    inside = shapely.length(shapely.intersection(lines, town.solid))
    gap = shapely.distance(lines, shapely.boundary(town.solid))
    grazes = (inside < 1e-7) & (gap < 1e-7) | (inside > 0) & (inside < 1e-7)
    return inside > 1e-7, ~grazes


@st.composite
def towns(draw, most: int = 8, overlap: bool = True, tilted: bool = True) -> Town:
    """A town with a street left free somewhere."""
    count = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pitch = draw(st.sampled_from([1.0, 2.5]))
    boxes: list[NDArray[np.float64]] = []
    for _ in range(count):
        half = rng.uniform(0.5, 4.0, 2)
        angle = rng.uniform(0, np.pi / 2) if tilted else 0.0
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ turn
        box = (box + rng.uniform(2, SIDE - 2, 2)) * pitch
        shape = shapely.polygons(box)
        # Not so near to another that a corner's little push lands in it.
        if overlap or all(shape.distance(shapely.polygons(b)) > 0.3 * pitch for b in boxes):
            boxes.append(box)
    return Town(np.array(boxes), pitch)
