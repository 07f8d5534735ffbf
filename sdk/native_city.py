"""The native kernels of the city simulator behind a numpy face (SPEC 3.11, 3.13).

As in ``sdk.native``: real numbers of any type come in, a wrong shape or value raises ValueError, a
wrong type TypeError, both with the argument, the place and what was expected; the GIL is released.
Metres, x right and y up; a raster's cell (row, column) has its centre at ``origin + pitch *
(column, row)``. Walls have their building on the left.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import pi
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sdk import _core
from sdk.native import Float32, Numbers, Pair

__all__ = ["PathModel", "Sight", "convex_corners", "corner_visibility", "dominant_path",
           "reflections"]  # fmt: skip

Float64: TypeAlias = npt.NDArray[np.float64]
Raster: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PathModel:
    """Loss of a path of l metres with n bends (SPEC 3.11).

    ``reference_db + 10 p log10(max(l, 1)) + Σ f(angle_i) / (1 + decay i)`` with i = 0 to n - 1, p
    ``los_exponent`` where n is 0, else ``nlos_exponent``, and ``f(angle) = least_bend_db +
    (most_bend_db - least_bend_db) min(angle / full_bend_rad, 1)``. Every leg that an obstacle
    stands in the way of costs ``obstacle_db``. The reference is free space at 1 m and 5.9 GHz.
    """

    reference_db: float = 47.86
    los_exponent: float = 2.0
    nlos_exponent: float = 2.3
    least_bend_db: float = 1.0
    most_bend_db: float = 12.0
    full_bend_rad: float = pi / 2
    decay: float = 0.3
    obstacle_db: float = 0.0
    most_corners: int = 6


@dataclass(frozen=True)
class Sight:
    """What corners see past ``walls_m`` (E, 4).

    ``pixels`` (C, 2, words) uint64: bit p % 64 of word p // 64 is set where the centre of cell p (C
    order) is seen and a path that ends there has the corner's building on its left (0) or right
    (1). ``links`` (C, C) uint8: 1 where two corners see each other.
    """

    walls_m: Float64
    pixels: npt.NDArray[np.uint64]
    links: npt.NDArray[np.uint8]


def convex_corners(
    vertices_m: Numbers, ring_start: Numbers, push_m: float = 0.05
) -> tuple[Float64, Float64]:
    """The corners round which a path can bend (SPEC 3.11, step 1).

    Args:
        vertices_m: (V, 2) closed rings, what is inside on the left: outlines counterclockwise,
            courtyards clockwise.
        ring_start: (R + 1,) integers, ring r has the vertices ring_start[r] to ring_start[r + 1].
        push_m: how far from both its walls a corner stands, outside.

    Returns:
        points (C, 2) that paths go through and wedges (C, 3, 2): the corner itself and the unit
        vectors from it along the wall before and the wall after. Vertices where the outline turns
        right or goes straight on are none, nor those inside another ring.
    """
    return _core.convex_corners(vertices_m, ring_start, push_m)


def corner_visibility(
    walls_m: Float64,
    corners_m: Float64,
    wedges: Float64,
    buildings: Raster,
    origin_m: Pair,
    pitch_m: float,
) -> Sight:
    """What every corner sees past the walls, exact up to rounding (SPEC 3.11, step 2).

    Args:
        walls_m: (E, 4) x1, y1, x2, y2.
        corners_m, wedges: (C, 2) and (C, 3, 2) of ``convex_corners``.
        buildings: (H, W) uint8; cells that are not 0 are not looked at.
        origin_m, pitch_m: the raster.
    """
    pixels, links = _core.corner_visibility(
        walls_m, corners_m, wedges, buildings, origin_m, pitch_m
    )
    return Sight(walls_m, pixels, links)


def dominant_path(
    transmitter_m: Pair,
    corners_m: Float64,
    wedges: Float64,
    sight: Sight,
    buildings: Raster,
    model: PathModel,
    origin_m: Pair,
    pitch_m: float,
    clear: Sight | None = None,
) -> tuple[Float32, Float32, npt.NDArray[np.bool_]]:
    """The path of least loss to every cell, round corners as a taut string (SPEC 3.11, steps 3-5).

    Dijkstra over (corner, side of the building) with the loss as key; one path is kept for each.

    Args:
        transmitter_m: (2,) outside of buildings.
        corners_m, wedges, buildings, origin_m, pitch_m: as given to ``corner_visibility``.
        sight: past the buildings.
        model: the loss of a path.
        clear: past the buildings and obstacles; legs seen in ``sight`` alone cost
            ``model.obstacle_db`` each.

    Returns:
        loss in dB and length in metres (H, W) float32, both +inf where no path leads (buildings
        among them), and (H, W) bool line of sight.
    """
    past = None if clear is None else (clear.walls_m, clear.pixels, clear.links)
    return _core.dominant_path(
        transmitter_m, sight.walls_m, corners_m, wedges, sight.pixels, sight.links, past,
        buildings, astuple(model), origin_m, pitch_m,
    )  # fmt: skip


def reflections(
    transmitter_m: Pair,
    walls_m: Float64,
    wall_db: npt.NDArray[Any],
    reference_db: float,
    buildings: Raster,
    origin_m: Pair,
    pitch_m: float,
) -> Float32:
    """Power that arrives by one specular reflection off a wall (image method), as a ratio.

    Args:
        transmitter_m: (2,) outside of buildings.
        walls_m: (E, 4).
        wall_db: (E,) what a reflection off each wall costs.
        reference_db: loss at 1 m.
        buildings, origin_m, pitch_m: the raster.

    Returns:
        (H, W) float32 sums over walls of received / transmitted power, 0 where there is none.
    """
    return _core.reflections(
        transmitter_m, walls_m, wall_db, reference_db, buildings, origin_m, pitch_m
    )
