"""The images that LocUNet and its small relative look at (SPEC 3.1, 3.13).

Up to 5 transmitters stand in slots, the loudest first, those not received last; slots that are
left are 0. `training.heatmap_inputs` makes the same for a batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .heatmap_rules import Gray
from .roughness import LEVELS

SLOTS = 5
LOCUNET_CHANNELS = 3 * SLOTS + 1
CORRECTION_CHANNELS = 2 * SLOTS + 2
# Log-likelihoods below these say "impossible" alike: of one transmitter, and of all.
LEAST_LOG, LEAST_SUM = -10.0, -20.0


def slots(path_loss_db: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The transmitters (<= 5,) that the network sees, in the order of its slots."""
    level = np.where(np.isnan(path_loss_db), -np.inf, path_loss_db)
    order = np.argsort(-level, kind="stable")
    chosen: NDArray[np.intp] = order[known[order]][:SLOTS]
    return chosen


def locunet_images(
    maps: NDArray[np.uint8],
    path_loss_db: NDArray[np.float32],
    pixels: NDArray[np.intp],
    outdoors: NDArray[np.bool_],
    gray: Gray,
) -> NDArray[np.float32]:
    """Radio map and constant path loss by turns, then one-hot transmitters, then the buildings.

    Args:
        maps: (K, H, W) levels of the transmitters in slots, K <= 5.
        path_loss_db: (K,), NaN = not received.
        pixels: (K, 2) column and row of the transmitters.
        outdoors: (H, W).

    Returns:
        (1, 16, H, W) float32 in [0, 1].
    """
    k = len(maps)
    images = np.zeros((1, LOCUNET_CHANNELS, *outdoors.shape), dtype=np.float32)
    images[0, 0 : 2 * k : 2] = maps.astype(np.float32) / np.float32(255)
    images[0, 1 : 2 * k : 2] = gray.share(path_loss_db)[:, None, None]
    images[0, 2 * SLOTS + np.arange(k), pixels[:, 1], pixels[:, 0]] = 1.0
    images[0, -1] = ~outdoors
    return images


def correction_images(
    codes: NDArray[np.uint16],
    tables: NDArray[np.float32],
    sums: NDArray[np.float32],
    allowed: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Log-posterior and where users may stand, then likelihood and radio map of every slot.

    Args:
        codes: (K, H, W) class and level of the transmitters in slots, K <= 5.
        tables: (K, 256 classes) their log-likelihoods per code.
        sums: (H, W) log-likelihood of all transmitters.
        allowed: (H, W).

    Returns:
        (1, 12, H, W) float32 in [0, 1].
    """
    images = np.zeros((1, CORRECTION_CHANNELS, *allowed.shape), dtype=np.float32)
    below = np.maximum(sums - sums[allowed].max(), LEAST_SUM)
    images[0, 0] = np.where(allowed, np.minimum(below, 0.0) / -LEAST_SUM + 1.0, 0.0)
    images[0, 1] = allowed
    for slot, (code, table) in enumerate(zip(codes, tables, strict=True)):
        likely = np.maximum(table - table.max(), LEAST_LOG) / -LEAST_LOG + 1.0
        images[0, 2 + slot] = likely.astype(np.float32)[code]
        images[0, 2 + SLOTS + slot] = (code % LEVELS).astype(np.float32) / np.float32(255)
    return images
