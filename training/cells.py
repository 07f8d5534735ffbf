"""Cells of about 1 m over the surveyed area: the places a network chooses between.

Only cells that hold training positions exist. SPEC 1.1 leaves two readings of the paper's grid:
``exact1m`` cells are 1 m, ``tile`` cells divide the area of each floor into a whole number of cells
of at most 1 m. A cell's position is the mean of the training positions in it ("mean": measured
better, since a survey visits points and not areas) or its centre ("centroid").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.split import SPOT_M
from training.survey import Survey

PITCHES = ("exact1m", "tile")
POSITIONS = ("mean", "centroid")


@dataclass(frozen=True)
class Cells:
    """G places: ``xy_m`` (G, 2), ``floor`` (G,) int32, and the grid pitch in metres."""

    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    pitch_m: float

    def __len__(self) -> int:
        return len(self.floor)

    def squared_distance(
        self, xy_m: NDArray[np.float64], floor: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """(M, G) m^2 between positions (M, 2) and places; inf between floors."""
        square = ((xy_m[:, None, :] - self.xy_m[None]) ** 2).sum(axis=2)
        return np.where(floor[:, None] == self.floor[None], square, np.inf)

    def soft_targets(
        self, xy_m: NDArray[np.float64], floor: NDArray[np.int32], sigma_m: float
    ) -> NDArray[np.float32]:
        """(M, G) rows that sum to 1: exp(-d^2 / 2 sigma^2) over the places of the true floor.

        ``sigma_m`` 0 puts all mass on the nearest place. A position on a floor without places has
        a row of zeros.
        """
        square = self.squared_distance(xy_m, floor)
        nearest = square.min(axis=1, keepdims=True)
        known = np.isfinite(nearest)
        beyond = np.where(np.isfinite(square), square - np.where(known, nearest, 0.0), np.inf)
        if sigma_m > 0:
            weight = np.exp(-beyond / (2.0 * sigma_m**2))
        else:
            weight = np.zeros_like(beyond)
            weight[np.arange(len(beyond)), beyond.argmin(axis=1)] = 1.0
        weight = np.where(known, weight, 0.0)
        return (weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)).astype(np.float32)


def make_cells(
    xy_m: NDArray[np.float64],
    floor: NDArray[np.int32],
    pitch: str = "exact1m",
    position: str = "mean",
    size_m: float = 1.0,
) -> Cells:
    """Cells that hold the training positions (M, 2), floor by floor, row-major within a floor.

    Raises ValueError for an unknown pitch or position rule or when there are no positions.
    """
    if pitch not in PITCHES or position not in POSITIONS:
        raise ValueError(
            f"pitch {pitch!r}, position {position!r}: expected {PITCHES} and {POSITIONS}"
        )
    if not len(xy_m):
        raise ValueError("no training positions to make cells from")
    places, floors = [], []
    for level in np.unique(floor):
        here = xy_m[floor == level]
        origin, extent = here.min(axis=0), np.ptp(here, axis=0)
        count = np.maximum(np.ceil(extent / size_m), 1).astype(int)
        side = np.where(extent > 0, extent / count, size_m) if pitch == "tile" else [size_m] * 2
        # A point on the far edge belongs to the last cell of a tiling, not to one beyond it.
        index = np.floor((here - origin) / side + 1e-9).astype(int)
        index = np.minimum(index, count - 1) if pitch == "tile" else index
        key = index[:, 1] * (index[:, 0].max() + 1) + index[:, 0]
        cell, first, member = np.unique(key, return_index=True, return_inverse=True)
        if position == "mean":
            held = np.bincount(member)
            place = np.stack([np.bincount(member, here[:, i]) / held for i in (0, 1)], axis=1)
        else:
            place = origin + (index[first] + 0.5) * side
        places.append(place)
        floors.append(np.full(len(cell), level, dtype=np.int32))
    return Cells(np.concatenate(places), np.concatenate(floors), size_m)


def places_of(part: Survey, kind: str) -> Cells:
    """The places of a survey's rows: "points", their positions in order of floor, x and y, or
    "cells" of 1 m. Raises ValueError for another kind."""
    if kind == "cells":
        return make_cells(part.xy_m, part.floor)
    if kind != "points":
        raise ValueError(f"places is {kind!r}, expected 'points' or 'cells'")
    first, _ = part.spots()
    return Cells(part.xy_m[first], part.floor[first].astype(np.int32), SPOT_M)
