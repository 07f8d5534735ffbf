"""A building of equal rectangular floors with access points, stairs and perhaps inner walls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdk.errors import RssfixError

FLOOR_HEIGHT_M = 3.5
# Access points hang from the ceiling, a phone is held in front of the chest.
AP_HEIGHT_M = 2.7
USER_HEIGHT_M = 1.2
_CANDIDATES = 20
_MARGIN_M = 1.0


class SimulationError(RssfixError, ValueError):
    """A simulation that makes no sense; the message names the value."""


@dataclass(frozen=True)
class Building:
    """Floors 0 to F - 1, each width_m x depth_m with its corner at (0, 0).

    ``ap_xy_m`` (A, 2) and ``ap_floor`` (A,) place the access points, ``stairs_m`` (S, 2) the
    staircases, ``walls_m`` (W, 4) inner walls x1, y1, x2, y2 that every floor has.
    """

    name: str
    floors: int
    width_m: float
    depth_m: float
    ap_xy_m: NDArray[np.float64]
    ap_floor: NDArray[np.int32]
    stairs_m: NDArray[np.float64]
    walls_m: NDArray[np.float64]
    floor_height_m: float = FLOOR_HEIGHT_M

    def bssids(self, networks: int = 1) -> tuple[str, ...]:
        """Locally administered addresses; a box's 1 to 16 networks differ in the last digit."""
        seen = dict.fromkeys(self.ap_floor.tolist(), 0)
        names = []
        for floor in self.ap_floor.tolist():
            names += [f"02:00:00:{floor:02x}:{seen[floor]:02x}:0{n:x}" for n in range(networks)]
            seen[floor] += 1
        return tuple(names)


def place_access_points(
    name: str,
    aps_per_floor: Sequence[int],
    width_m: float,
    depth_m: float,
    rng: np.random.Generator,
    walls: bool = False,
    floor_height_m: float = FLOOR_HEIGHT_M,
) -> Building:
    """A building whose access points are spread out at random on every floor.

    Each is the one of 20 random spots that lies farthest from those already placed on its floor
    (Mitchell's best candidate): spread as an installer would, without a grid.

    Raises:
        SimulationError: no floor, a floor's number of access points out of 0 to 256, none at all,
            or sizes that are not at least 5 m.
    """
    counts = list(aps_per_floor)
    if not 1 <= len(counts) <= 256:
        raise SimulationError(f"{len(counts)} floors, expected 1 to 256")
    if any(not 0 <= n <= 256 for n in counts) or not sum(counts):
        raise SimulationError(f"access points {counts}, expected 0 to 256 a floor and one at least")
    for what, size in (("width", width_m), ("depth", depth_m), ("floor height", floor_height_m)):
        least = 2.0 if what == "floor height" else 5.0
        if not least <= size <= 1000:
            raise SimulationError(f"{what} is {size} m, expected {least:g} to 1000 m")
    size = np.array([width_m, depth_m])
    placed = []
    for count in counts:
        spots = np.empty((0, 2))
        for _ in range(count):
            candidates = rng.uniform(_MARGIN_M, size - _MARGIN_M, (_CANDIDATES, 2))
            gaps = np.linalg.norm(candidates[:, None] - spots[None], axis=2)
            best = int(np.argmax(gaps.min(axis=1))) if len(spots) else 0
            spots = np.vstack([spots, candidates[best]])
        placed.append(spots)
    return Building(
        name=name,
        floors=len(counts),
        width_m=float(width_m),
        depth_m=float(depth_m),
        ap_xy_m=np.round(np.concatenate(placed), 3),
        ap_floor=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
        stairs_m=np.array([[2.0, depth_m / 2], [width_m - 2.0, depth_m / 2]]),
        walls_m=room_walls(width_m, depth_m) if walls else np.empty((0, 4)),
        floor_height_m=float(floor_height_m),
    )


def thinned(building: Building, keep: float, rng: np.random.Generator) -> Building:
    """The building with a share of its access points, drawn at random over all floors.

    A floor may lose all of them; one stays in the building. Walks do not change.
    Raises SimulationError for a share that is not above 0 and at most 1.
    """
    if not 0 < keep <= 1:
        raise SimulationError(f"share of access points to keep is {keep}, expected 0 < share <= 1")
    count = len(building.ap_floor)
    kept = np.sort(rng.permutation(count)[: max(1, round(keep * count))])
    return replace(building, ap_xy_m=building.ap_xy_m[kept], ap_floor=building.ap_floor[kept])


def room_walls(
    width_m: float, depth_m: float, room_m: float = 5.0, corridor_m: float = 2.5
) -> NDArray[np.float64]:
    """(W, 4) a corridor along the middle with rooms of ``room_m`` on both sides."""
    low, high = (depth_m - corridor_m) / 2, (depth_m + corridor_m) / 2
    walls = [(0.0, low, width_m, low), (0.0, high, width_m, high)]
    for x in np.arange(1, np.ceil(width_m / room_m - 1e-9)) * room_m:
        walls += [(x, 0.0, x, low), (x, high, x, depth_m)]
    return np.array(walls)
