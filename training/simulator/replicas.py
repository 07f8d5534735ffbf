"""Replicas of the five testbeds of Hapi (Elbakly and Youssef 2019, Table 1).

From the paper: floors, area, access points per floor, samples. Ours, as the paper has no plans in
its text: the area is read as that of all floors together, every floor is the same rectangle with
sides 3 : 2, access points are spread at random. So a replica has a testbed's size and density, not
its shape, and figures on it are not the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulator.building import Building, SimulationError, place_access_points

_SQUARE_METRES_PER_SQUARE_FOOT = 0.09290304
_ASPECT = 1.5


@dataclass(frozen=True)
class Testbed:
    """A row of Hapi's Table 1."""

    title: str
    area_ft2: float
    aps_per_floor: tuple[int, ...]
    samples: int

    @property
    def size_m(self) -> tuple[float, float]:
        """Width and depth of one floor, to 0.1 m."""
        area = self.area_ft2 * _SQUARE_METRES_PER_SQUARE_FOOT / len(self.aps_per_floor)
        depth = (area / _ASPECT) ** 0.5
        return round(_ASPECT * depth, 1), round(depth, 1)


REPLICAS = {
    "bldg98": Testbed("Centreville Hall", 76340, (8, 12, 10, 11, 11, 10, 9, 12, 17), 1837),
    "bldg122": Testbed("Cumberland Hall", 74980, (11, 10, 15, 10, 12, 8, 18, 8, 15), 2280),
    "bldg99": Testbed("Bel Air Hall", 17710, (5, 4, 6, 4, 8), 223),
    "bldg96": Testbed("Cambridge Hall", 34631, (7, 8, 11, 8, 11), 1088),
    "bldg115": Testbed("A.V. Williams", 152130, (36, 40, 38, 20), 4995),
}


def replica(name: str, rng: np.random.Generator, walls: bool = False) -> Building:
    """A testbed's replica. Raises SimulationError naming those there are."""
    if name not in REPLICAS:
        raise SimulationError(f"no replica {name!r}, expected one of {', '.join(REPLICAS)}")
    bed = REPLICAS[name]
    return place_access_points(name, bed.aps_per_floor, *bed.size_m, rng, walls)
