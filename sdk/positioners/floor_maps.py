"""Where on a floor a scan was taken, from the levels and the places of access points (SPEC 5.5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..places import Places
from ..rank_rules import FloorGrid, PathLoss, RankMethod, RankRules
from .floor_grids import cells_of

# Beyond so many standard deviations the silence of an AP says nothing, wherever the device is.
_SILENT_SIGMAS = 4.0
# No signal comes through this; the kernels take a few times as much.
MOST_EXTRA_DB = 1000.0


class FloorMap:
    """One floor's grid, and what the floors between cost every AP; immutable.

    The levels are those of a scan over all N APs with the device's offset added. An AP `n` floors
    away is taken as heard n times `floor_attenuation_db` louder (eq. 13), at most `cap_dbm`; of
    the heard APs the `strongest` count, all that share the last level among them.
    """

    def __init__(
        self,
        rules: RankRules,
        grid: FloorGrid,
        cells: NDArray[np.intp],
        pitch_m: float,
        ap_xy_m: NDArray[np.float64],
        ap_floor: NDArray[np.int32],
    ) -> None:
        from .. import native

        self._native = native
        self.grid = grid
        self._cells = None if len(cells) == grid.shape[0] * grid.shape[1] else cells
        self._pitch_m = pitch_m
        self._method, self._cap_dbm = rules.position, rules.cap_dbm
        self._ap_xy_m = ap_xy_m
        between = np.abs(ap_floor - float(grid.floor))
        self._extra_db = np.minimum(rules.floor_attenuation_db * between, MOST_EXTRA_DB)
        if isinstance(self._method, RankMethod):
            self._edges_dbm = np.array(self._method.edges_dbm)
            self._mean_m = np.array(self._method.mean_m)
            self._sigma_m = np.array(self._method.sigma_m)
        else:
            loudest = self._method.reference_dbm - self._extra_db
            margin = _SILENT_SIGMAS * self._method.sigma_db
            self._telling = loudest > self._method.silence_dbm - margin

    def weights(
        self, rssi_dbm: NDArray[np.float32], unknown: NDArray[np.bool_], share: float | None = None
    ) -> tuple[NDArray[np.float32], int]:
        """How probable each of the floor's places is, and how many reach `share` of the highest.

        Args:
            rssi_dbm (N,): levels, NaN = not heard or masked.
            unknown (N,): the masked APs: their silence says nothing.

        Returns:
            float32 (places,), >= 0 with a sum > 0; with ranks, 0 below the threshold. Where
            nothing is heard, or all of it speaks for cells that are no places, every place alike.
        """
        heard = np.flatnonzero(~np.isnan(rssi_dbm))
        if len(heard):
            grid = self._pdf(heard, rssi_dbm, unknown).reshape(-1)
            weights = grid if self._cells is None else grid.take(self._cells)
            highest = weights.item(weights.argmax())
        else:
            highest = 0.0
        if not highest > 0:
            rows, columns = self.grid.shape
            weights = np.ones(rows * columns if self._cells is None else len(self._cells), "f4")
            highest = 1.0
        reached = 0 if share is None else int(np.count_nonzero(weights >= share * highest))
        if isinstance(self._method, RankMethod):
            np.multiply(weights, weights >= self._method.threshold * highest, out=weights)
        return weights, reached

    def _pdf(
        self, heard: NDArray[np.intp], rssi_dbm: NDArray[np.float32], unknown: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        method, grid = self._method, self.grid
        extra_db = self._extra_db[heard]
        level = np.minimum(rssi_dbm[heard] + extra_db, self._cap_dbm)
        k = method.strongest
        if k is not None and k < len(heard):
            kept = level >= np.partition(level, -k)[-k]
            heard, level, extra_db = heard[kept], level[kept], extra_db[kept]
        if isinstance(method, RankMethod):
            return self._native.rank_pdf(
                self._ap_xy_m[heard],
                np.searchsorted(self._edges_dbm, level, side="right"),
                self._mean_m,
                self._sigma_m,
                grid.origin_m,
                self._pitch_m,
                grid.shape,
                method.combine,
            )
        return self._path_loss(method, heard, level, extra_db, rssi_dbm, unknown)

    def _path_loss(
        self,
        method: PathLoss,
        heard: NDArray[np.intp],
        level: NDArray[Any],
        extra_db: NDArray[Any],
        rssi_dbm: NDArray[np.float32],
        unknown: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        weight = 10.0 ** ((level - level.max()) / method.weight_scale_db)
        rssi = level - extra_db
        if method.silence_weight > 0:
            silent = np.flatnonzero(np.isnan(rssi_dbm) & self._telling & ~unknown)
            heard = np.concatenate([heard, silent])
            rssi = np.concatenate([rssi, np.full(len(silent), np.nan)])
            weight = np.concatenate([weight, np.full(len(silent), method.silence_weight)])
            extra_db = self._extra_db[heard]
        return self._native.path_loss_pdf(
            self._ap_xy_m[heard],
            rssi,
            weight,
            extra_db,
            method.reference_dbm,
            method.exponent,
            method.sigma_db,
            method.offset_sigma_db,
            method.silence_dbm,
            self.grid.origin_m,
            self._pitch_m,
            self.grid.shape,
        )


def floor_maps(
    rules: RankRules,
    places: Places,
    ap_xy_m: NDArray[np.float64],
    ap_floor: NDArray[np.int32],
) -> dict[int, FloorMap]:
    """The map of every floor. Raises ValueError where grids and places do not fit."""
    cells = cells_of(rules.grids, places)
    assert places.pitch_m is not None  # cells_of refuses places without.
    return {
        grid.floor: FloorMap(rules, grid, one, places.pitch_m, ap_xy_m, ap_floor)
        for grid, one in zip(rules.grids, cells, strict=True)
    }
