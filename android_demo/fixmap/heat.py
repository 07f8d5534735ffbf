"""Pixels of the posterior overlay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdk.posterior import Posterior

# Red, green, blue of the overlay; its strength is the alpha.
COLOUR = (225, 87, 40)
STRONGEST_ALPHA = 190
MOST_CELLS = 512 * 512
# Cells for models whose places are single points.
POINT_CELL_M = 2.0


@dataclass(frozen=True)
class Heat:
    """A floor's posterior as RGBA (H, W, 4) uint8, row 0 at the lowest y.

    `left_m`, `bottom_m`, `width_m`, `height_m`: the rectangle that the pixels cover.
    """

    floor: int
    rgba: NDArray[np.uint8]
    left_m: float
    bottom_m: float
    width_m: float
    height_m: float


def heat_of(posterior: Posterior, floor: int) -> Heat | None:
    """The overlay of one floor; None where the model has no places there or far too many.

    Alpha goes with the square root of the probability, so that a wide doubt stays visible.
    """
    try:
        grid = posterior.to_grid(floor, posterior.places.pitch_m or POINT_CELL_M)
    except ValueError:
        return None
    if grid.probability.size > MOST_CELLS:
        return None
    share = grid.probability / max(float(grid.probability.max()), 1e-12)
    rgba = np.empty((*share.shape, 4), dtype=np.uint8)
    rgba[..., :3] = COLOUR
    rgba[..., 3] = np.sqrt(np.minimum(share, 1.0)) * STRONGEST_ALPHA
    height, width = share.shape
    half = grid.pitch_m / 2
    return Heat(
        floor, rgba, grid.origin_m[0] - half, grid.origin_m[1] - half,
        width * grid.pitch_m, height * grid.pitch_m,
    )  # fmt: skip
