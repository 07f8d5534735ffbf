"""Where on a floor a scan was taken, from the levels and the places of access points (SPEC 5.5)."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from ..places import Places
from ..rank_rules import FloorGrid, RankRules
from .floor_grids import cells_of


class FloorMap:
    """One floor's grid, and what the floors between cost every AP; immutable.

    The levels are those of a scan over all N APs with the device's offset added. An AP `n` floors
    away is taken as heard n times `floor_attenuation_db` louder (eq. 13), at most `cap_dbm`; of
    the heard APs the `strongest` count, all that share the last level among them.

    Raises:
        ValueError: a number that the kernels do not take.
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
        from .. import _core

        method = asdict(rules.position)
        self._map = _core.FloorMap(
            method,
            max(0.0, rules.floor_attenuation_db),
            rules.cap_dbm,
            method["strongest"] or 0,
            ap_xy_m,
            ap_floor,
            grid.floor,
            grid.origin_m,
            pitch_m,
            grid.shape,
            None if len(cells) == grid.shape[0] * grid.shape[1] else cells,
        )

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
        return self._map.weights(rssi_dbm, unknown, 1.0 if share is None else share)


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
