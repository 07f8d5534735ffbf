"""How uneven a radio map is about every pixel, and what follows for the likelihood.

A computed map errs where it changes fast, at the edges of shadows, and little elsewhere. So pixels
fall into classes by the range of the levels about them, each with a likelihood of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVELS = 256


def roughness(maps: NDArray[np.uint8], outdoors: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Largest less smallest level of the outdoor pixels among each pixel and its 8 neighbours.

    Args:
        maps: (N, H, W) levels.
        outdoors: (H, W).

    Returns:
        (N, H, W), 0 indoors.
    """
    padded = ((0, 0), (1, 1), (1, 1))
    high = np.pad(np.where(outdoors, maps, np.uint8(0)), padded)
    low = np.pad(np.where(outdoors, maps, np.uint8(LEVELS - 1)), padded, constant_values=LEVELS - 1)
    # Rows first, then columns: 4 passes in place of 8.
    high = np.maximum(np.maximum(high[:, :-2], high[:, 1:-1]), high[:, 2:])
    high = np.maximum(np.maximum(high[..., :-2], high[..., 1:-1]), high[..., 2:])
    low = np.minimum(np.minimum(low[:, :-2], low[:, 1:-1]), low[:, 2:])
    low = np.minimum(np.minimum(low[..., :-2], low[..., 1:-1]), low[..., 2:])
    return np.where(outdoors, high - low, np.uint8(0)).astype(np.uint8)
