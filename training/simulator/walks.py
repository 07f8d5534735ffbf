"""Walking users: random waypoints on a floor, now and then the stairs, ground truth throughout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulator.building import Building, SimulationError

_WALL_MARGIN_M = 0.5
_LONGEST_PAUSE_S = 20.0
_SPEEDS_M_S = (0.7, 1.4)
_STAIRS_S_PER_FLOOR = 15.0
_STAY = 0.7


@dataclass(frozen=True)
class Crowd:
    """How many scans to make, by whom.

    ``scans`` in all, ``walks`` long, one scan every ``interval_s``. Each walk is made with one of
    ``devices`` phones, whose offsets are drawn with ``device_spread_db`` around ``device_mean_db``.
    """

    scans: int = 1000
    walks: int = 10
    interval_s: float = 3.0
    devices: int = 4
    device_spread_db: float = 3.0
    device_mean_db: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("scans", 1, 10**7), ("walks", 1, 10**5), ("interval_s", 0.1, 3600),
            ("devices", 1, 10**4), ("device_spread_db", 0, 30), ("device_mean_db", -30, 30),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise SimulationError(f"{name} is {getattr(self, name)}, expected {low} to {high}")
        if self.walks > self.scans:
            raise SimulationError(f"{self.walks} walks of {self.scans} scans, expected one each")


@dataclass(frozen=True)
class Walk:
    """n scans of one user: time since the start, place (n, 2), floor (n,)."""

    time_ms: NDArray[np.int64]
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]


def walk(
    building: Building, scans: int, interval_s: float, rng: np.random.Generator, floor: int
) -> Walk:
    """A walk of a number of scans that starts on a floor.

    From waypoint to waypoint at 0.7 to 1.4 m/s with pauses of up to 20 s; at a waypoint the user
    turns to the nearest stairs with probability 0.3 and goes to another floor, near ones more
    often. No scan is made on the stairs: there is no floor to compare with.
    """
    size = np.array([building.width_m, building.depth_m])
    here = rng.uniform(_WALL_MARGIN_M, size - _WALL_MARGIN_M)
    now, next_scan, times, places, floors = 0.0, 0.0, [], [], []

    def move(to: NDArray[np.float64], seconds: float) -> None:
        nonlocal now, here, next_scan
        while next_scan <= now + seconds and len(times) < scans:
            share = (next_scan - now) / seconds if seconds > 0 else 0.0
            times.append(next_scan)
            places.append(here + share * (to - here))
            floors.append(floor)
            next_scan += interval_s
        now, here = now + seconds, to

    while len(times) < scans:
        leaves = building.floors > 1 and rng.random() > _STAY
        target = rng.uniform(_WALL_MARGIN_M, size - _WALL_MARGIN_M)
        if leaves:
            target = building.stairs_m[np.argmin(np.linalg.norm(building.stairs_m - here, axis=1))]
        move(target, float(np.linalg.norm(target - here)) / rng.uniform(*_SPEEDS_M_S))
        if leaves:
            others = np.setdiff1d(np.arange(building.floors), [floor])
            weight = 1.0 / np.abs(others - floor)
            chosen = int(rng.choice(others, p=weight / weight.sum()))
            now += _STAIRS_S_PER_FLOOR * abs(chosen - floor)
            floor = chosen
            next_scan = max(next_scan, now)
        else:
            move(here, float(rng.uniform(0.0, _LONGEST_PAUSE_S)))
    return Walk(
        np.round(np.array(times) * 1000).astype(np.int64),
        np.array(places),
        np.array(floors, dtype=np.int32),
    )
