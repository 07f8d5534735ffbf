"""Which cells of its floor's grid the places of a `ranks` model are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..places import Places

if TYPE_CHECKING:
    from ..rank_rules import FloorGrid

# Of a cell: what a place may be off its cell's centre.
_OFF_CENTRE = 1e-3


def cells_of(grids: Sequence[FloorGrid], places: Places) -> tuple[NDArray[np.intp], ...]:
    """The cells, row * columns + column, of every floor's places, in the order of the grids.

    Raises:
        ValueError: the places have no pitch, are not listed floor by floor and row by row in the
            grids' order, or one is not the centre of a cell of its own.
    """
    pitch_m = places.pitch_m
    if pitch_m is None:
        raise ValueError("places of a grid need a pitch_m")
    ends = np.flatnonzero(np.diff(places.floor)) + 1
    order = places.floor[np.concatenate([[0], ends])].tolist()
    wanted = [grid.floor for grid in grids]
    if order != wanted:
        raise ValueError(
            f"the places must be listed floor by floor in the grids' order {wanted}, got "
            f"{order!r:.80}"
        )
    bounds = [0, *ends.tolist(), len(places)]
    return tuple(
        _cells(grid, pitch_m, places.x_m[start:end], places.y_m[start:end], start)
        for grid, start, end in zip(grids, bounds[:-1], bounds[1:], strict=True)
    )


def _cells(
    grid: FloorGrid, pitch_m: float, x_m: NDArray[Any], y_m: NDArray[Any], first: int
) -> NDArray[np.intp]:
    rows, columns = grid.shape
    # A tiny pitch overflows, and what is not finite is not inside.
    with np.errstate(all="ignore"):
        column = (x_m - grid.origin_m[0]) / pitch_m
        row = (y_m - grid.origin_m[1]) / pitch_m
        nearest_column, nearest_row = np.rint(column), np.rint(row)
        inside = np.abs(column - nearest_column) <= _OFF_CENTRE
        inside &= np.abs(row - nearest_row) <= _OFF_CENTRE
    inside &= (nearest_column >= 0) & (nearest_column < columns)
    inside &= (nearest_row >= 0) & (nearest_row < rows)
    if not inside.all():
        bad = int(np.flatnonzero(~inside)[0])
        raise ValueError(
            f"place {first + bad} at ({x_m[bad]:g}, {y_m[bad]:g}) is not the centre of a cell of "
            f"floor {grid.floor}'s grid"
        )
    cells: NDArray[np.intp] = (nearest_row * columns + nearest_column).astype(np.intp)
    falling = np.flatnonzero(np.diff(cells) <= 0)
    if len(falling):
        raise ValueError(
            f"place {first + int(falling[0]) + 1}: the places of floor {grid.floor} must be "
            "listed row by row, each cell once"
        )
    return cells
