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


def split_maps(codes: NDArray[np.uint16], classes: int) -> NDArray[np.uint8]:
    """Codes 256 class + level of N maps (N, G) as maps of one class each (N, classes, G).

    The level where a pixel is of the class, at least 1, and 0 elsewhere: with `split_tables` the
    sum over all of them is that over the codes, and the native kernel needs no classes.
    """
    if classes == 1:
        return codes.astype(np.uint8)[:, None]
    level = np.maximum(codes % LEVELS, 1)
    here = (codes // LEVELS)[:, None] == np.arange(classes)[:, None]
    split: NDArray[np.uint8] = np.where(here, level[:, None], 0).astype(np.uint8)
    return split


def split_tables(tables: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
    """Tables over codes (K, 256 classes), level 0 as level 1, for `split_maps`: a table per class
    (K classes, 256)."""
    if classes == 1:
        return tables
    split = tables.reshape(-1, LEVELS).copy()
    split[:, 0] = 0.0
    return split
