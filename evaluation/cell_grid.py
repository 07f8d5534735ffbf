"""The grid of the paper's figures: cells, accuracy within them and the distance of their centres.

Built from the training positions as ``training.cells`` builds the classes, but it also names cells
that held no training position, where a scan of the test split may stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """One floor's cells of ``side_m`` (2,) from ``origin_m`` (2,), ``count`` (2,) in x and y."""

    origin_m: NDArray[np.float64]
    side_m: NDArray[np.float64]
    count: NDArray[np.int64]

    @classmethod
    def tiling(cls, xy_m: NDArray[np.float64], size_m: float = 1.0) -> Grid:
        """Cells of at most ``size_m`` that divide the area of the positions (M, 2) evenly."""
        origin, extent = xy_m.min(axis=0), np.ptp(xy_m, axis=0)
        count = np.maximum(np.ceil(extent / size_m), 1).astype(np.int64)
        return cls(origin, np.where(extent > 0, extent / count, size_m), count)

    def index(self, xy_m: NDArray[np.float64]) -> NDArray[np.int64]:
        """(n, 2) positions -> column and row; beyond the area the grid simply continues."""
        place = (xy_m - self.origin_m) / self.side_m
        index = np.floor(place + 1e-9).astype(np.int64)
        on_far_edge = np.isclose(place, self.count, atol=1e-9)
        return np.where(on_far_edge, self.count - 1, index)

    def centre(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, 2) cells -> (n, 2) metres."""
        return self.origin_m + (index + 0.5) * self.side_m

    def distance_m(
        self, found_xy_m: NDArray[np.float64], truth_xy_m: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n,) between the centres of the cells both positions lie in (the paper's error)."""
        gap = self.centre(self.index(found_xy_m)) - self.centre(self.index(truth_xy_m))
        return np.linalg.norm(gap, axis=1)

    def figures(
        self, found_xy_m: NDArray[np.float64], truth_xy_m: NDArray[np.float64]
    ) -> dict[str, float]:
        """Accuracy, loose accuracy (3 x 3 cells) and distance error of the paper's Table II."""
        off = np.abs(self.index(found_xy_m) - self.index(truth_xy_m)).max(axis=1)
        return {
            "accuracy": float((off == 0).mean()),
            "loose_accuracy": float((off <= 1).mean()),
            "distance_m": float(self.distance_m(found_xy_m, truth_xy_m).mean()),
        }
