"""The images that LocUNet and its small relative look at (SPEC 3.1, 3.13).

Up to 5 transmitters stand in slots, the loudest first, those not received last; slots that are
left are 0. `training.heatmap_inputs` makes the same for a batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .heatmap_rules import Gray

SLOTS = 5
LOCUNET_CHANNELS = 3 * SLOTS + 1
CORRECTION_CHANNELS = 2 * SLOTS + 2
# Log-likelihoods below these say "impossible" alike: of one transmitter, and of all.
LEAST_LOG, LEAST_SUM = -10.0, -20.0


def slots(path_loss_db: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The transmitters (<= 5,) that the network sees, in the order of its slots."""
    # NaN, not received, is sorted to the end.
    order = (-path_loss_db).argsort(kind="stable")
    chosen: NDArray[np.intp] = order[known[order]][:SLOTS]
    return chosen


class LocunetImages:
    """Radio map and constant path loss by turns, then one-hot transmitters, then the buildings.

    Args:
        maps: (N, H, W) levels of all transmitters.
        pixels: (N, 2) column and row of the transmitters.
        outdoors: (H, W).
        gray: of the maps.
    """

    def __init__(
        self,
        maps: NDArray[np.uint8],
        pixels: NDArray[np.intp],
        outdoors: NDArray[np.bool_],
        gray: Gray,
    ) -> None:
        self._gray, self._gray_maps = gray, _gray_maps(maps)
        self._row_column = [(row, column) for column, row in pixels.tolist()]
        self._empty = np.zeros((1, LOCUNET_CHANNELS, *outdoors.shape), dtype=np.float32)
        self._empty[0, -1] = ~outdoors

    def __call__(
        self, chosen: NDArray[np.intp], path_loss_db: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Images of the transmitters in slots.

        Args:
            chosen: (K,) numbers of those transmitters, K <= 5.
            path_loss_db: (N,) of all, NaN = not received.

        Returns:
            (1, 16, H, W) float32 in [0, 1].
        """
        images = self._empty.copy()
        channels = images[0]
        shares = self._gray.share(path_loss_db[chosen]).tolist()
        for slot, (transmitter, share) in enumerate(zip(chosen.tolist(), shares, strict=True)):
            channels[2 * slot] = self._gray_maps[transmitter]
            channels[2 * slot + 1].fill(share)
            channels[2 * SLOTS + slot, *self._row_column[transmitter]] = 1.0
        return images


class CorrectionImages:
    """Log-posterior and where users may stand, then likelihood and radio map of every slot.

    Args:
        maps: (N, H, W) levels of all transmitters.
        codes: (N, H, W) their classes and levels.
        cells: (G,) pixels where users may stand, row * W + column.
    """

    def __init__(
        self, maps: NDArray[np.uint8], codes: NDArray[np.uint16], cells: NDArray[np.intp]
    ) -> None:
        self._gray_maps, self._codes, self._cells = _gray_maps(maps), codes, cells
        self._empty = np.zeros((1, CORRECTION_CHANNELS, *maps.shape[1:]), dtype=np.float32)
        self._empty[0, 1].put(cells, 1.0)

    def __call__(
        self,
        chosen: NDArray[np.intp],
        tables: NDArray[np.float32],
        log: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Images of the transmitters in slots.

        Args:
            chosen: (K,) numbers of those transmitters, K <= 5.
            tables: (K, 256 classes) their log-likelihoods per code.
            log: (G,) log-likelihood of all transmitters at the cells.

        Returns:
            (1, 12, H, W) float32 in [0, 1].
        """
        images = self._empty.copy()
        channels = images[0]
        channels[0].put(self._cells, _above(log, LEAST_SUM))
        shares = _above(tables, LEAST_LOG)
        for slot, transmitter in enumerate(chosen.tolist()):
            # Any mode but "raise" writes in place; no code is out of range.
            shares[slot].take(self._codes[transmitter], out=channels[2 + slot], mode="wrap")
        shown = channels[2 + SLOTS : 2 + SLOTS + len(chosen)]
        self._gray_maps.take(chosen, axis=0, out=shown, mode="wrap")
        return images


def _gray_maps(maps: NDArray[np.uint8]) -> NDArray[np.float32]:
    return maps.astype(np.float32) / np.float32(255)


def _above(log: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    """Values as shares: 1 is the highest of its row, 0 is ``least`` from there or less."""
    shares: NDArray[np.float32] = log - log.max(axis=-1, keepdims=True)
    shares *= np.float32(-1 / least)
    shares += np.float32(1)
    return np.maximum(shares, np.float32(0), out=shares)
