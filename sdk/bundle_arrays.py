"""The arrays of a bundle: read where the manifest names them, and fitted together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import read_array
from .errors import BundleError
from .heatmap_rules import HeatmapOutput, transmitter_pixels
from .manifest import Manifest
from .outputs import CellsOutput, NeighboursOutput
from .places import Places
from .positioners.floor_grids import cells_of
from .rank_rules import MAX_COORDINATE_M, RanksOutput
from .readings import KINDS, Readings

MAX_GOLDEN_ROWS = 256
MAX_VALUE = 1e6
# Of a grid over a whole building; the posterior is one float64 for each.
MAX_PLACES = 1 << 20


class Arrays:
    """Reads the arrays that the manifest names and checks that they fit together."""

    def __init__(self, manifest: Manifest, members: dict[str, memoryview]) -> None:
        self.manifest = manifest
        self.members = members
        self.read: dict[str, NDArray[Any]] = {}

    def _load(self, name: str, dtype: str, *shape: int | None) -> NDArray[Any]:
        if name not in self.members:
            raise BundleError(f"the manifest names {name!r:.80}, which is not in the bundle")
        array = read_array(name, self.members[name], dtype, len(shape))
        for length, wanted in zip(array.shape, shape, strict=True):
            if length == 0 or wanted not in (None, length):
                expected = tuple("any" if n is None else n for n in shape)
                raise BundleError(f"{name} must have the shape {expected}, got {array.shape}")
        self.read[name] = array
        return array

    def _finite(self, name: str, array: NDArray[Any], most: float = MAX_VALUE) -> None:
        # The bound also refuses NaN; beyond it, squares and sums would overflow later.
        if not (np.abs(array) <= most).all():
            raise BundleError(f"{name} holds values that are not finite or beyond {most:g}")

    def access_points(self, output: RanksOutput, places: Places) -> None:
        """Positions (N, 2) and floors (N,) of the APs; grids and places must be of one mind."""
        rules, n_aps = output.rules, len(self.manifest.table)
        xy_m = self._load(output.ap_xy_m, "<f8", n_aps, 2)
        self._finite(output.ap_xy_m, xy_m, MAX_COORDINATE_M)
        floors = sorted(floor.floor for floor in self.manifest.venue.floors)
        ap_floor = self._load(output.ap_floor, "<i4", n_aps)
        strange = ap_floor[~np.isin(ap_floor, floors)]
        if len(strange):
            raise BundleError(f"{output.ap_floor}: the venue has no floor {strange[0]}: {floors}")
        if sorted(grid.floor for grid in rules.grids) != floors:
            found = [grid.floor for grid in rules.grids]
            raise BundleError(f"manifest.output.grids: floors {found}, the venue has {floors}")
        try:
            cells_of(rules.grids, places)
        except ValueError as error:
            raise BundleError(f"manifest.output.grids: {error}") from None

    def radio_maps(self, output: HeatmapOutput, places: Places) -> None:
        """Maps (N, H, W), outdoors (H, W) and the transmitters' places (N, 2)."""
        rules, n_aps = output.rules, len(self.manifest.table)
        if len(rules.transmit_power_dbm) != n_aps:
            raise BundleError(
                f"manifest.output.transmit_power_dbm: {len(rules.transmit_power_dbm)} numbers for "
                f"{n_aps} APs"
            )
        self._load(output.maps, "|u1", n_aps, *rules.grid.shape)
        if self._load(output.outdoors, "|u1", *rules.grid.shape).max() > 1:
            raise BundleError(f"{output.outdoors} must hold 0 and 1")
        xy_m = self._load(output.transmitter_xy_m, "<f8", n_aps, 2)
        self._finite(output.transmitter_xy_m, xy_m, MAX_COORDINATE_M)
        try:
            cells_of((rules.grid,), places)
            transmitter_pixels(rules, places.pitch_m, xy_m)
        except ValueError as error:
            raise BundleError(f"manifest.output: {error}") from None

    def places(self) -> Places:
        """The places, as the manifest names them."""
        manifest = self.manifest
        xy_m = self._load(manifest.places_xy_m, "<f8", None, 2)
        if len(xy_m) > MAX_PLACES:
            raise BundleError(
                f"{manifest.places_xy_m}: {len(xy_m)} places, the cap is {MAX_PLACES}"
            )
        floor = self._load(manifest.places_floor, "<i4", len(xy_m))
        try:
            return Places(xy_m[:, 0], xy_m[:, 1], floor, manifest.pitch_m)
        except ValueError as error:
            raise BundleError(f"{manifest.places_xy_m}: {error}") from None

    def head(self, output: CellsOutput, n_places: int) -> None:
        """The head's weights, where there are any."""
        head, n_aps = output.head, len(self.manifest.table)
        if head is None:
            return
        shape = (n_places, None) if head.kind == "gap" else (n_places, None, n_aps)
        # Scores are told, never decided by: where the model has 8 bits, 16 lose nothing.
        kind = "<f4" if self.manifest.precision == "fp32" else "<f2"
        self._finite(head.weight, self._load(head.weight, kind, *shape))
        self._finite(head.bias, self._load(head.bias, "<f4", n_places))

    def neighbours(self, output: NeighboursOutput, n_places: int) -> None:
        """The database, and the place of each of its rows."""
        stored = output.database
        start = self._load(stored.start, "<i4", None)
        ap = self._load(stored.ap, "<u2", None)
        dbm = self._load(stored.dbm, KINDS[stored.kind], len(ap))
        self._finite(stored.dbm, dbm)
        problem = Readings(start, ap, dbm).problem(len(self.manifest.table))
        if problem is not None:
            raise BundleError(f"{stored.start}, {stored.ap}: {problem}")
        database = start[1:]
        rows = self._load(output.place_of_row, "<i4", len(database))
        if rows.min() < 0 or rows.max() >= n_places:
            raise BundleError(
                f"{output.place_of_row} must lie in 0..{n_places - 1}, "
                f"got {rows.min()}..{rows.max()}"
            )
        if output.k > len(database):
            raise BundleError(
                f"manifest.output.k is {output.k}, the database has {len(database)} rows"
            )

    def golden(self, n_places: int) -> None:
        """The golden pair."""
        golden, n_aps = self.manifest.golden, len(self.manifest.table)
        rssi_dbm = self._load(golden.input, "<f4", None, n_aps)
        if len(rssi_dbm) > MAX_GOLDEN_ROWS:
            raise BundleError(f"{golden.input}: {len(rssi_dbm)} rows, the cap is {MAX_GOLDEN_ROWS}")
        self._finite(golden.input, rssi_dbm[~np.isnan(rssi_dbm)])
        self._finite(golden.output, self._load(golden.output, "<f8", len(rssi_dbm), n_places))
