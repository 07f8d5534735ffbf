"""The radio: log-distance path loss, floors, walls, shadowing, noise, losses.

RSS = P0 - 10 n log10(d / 1 m) - FAF floors - wall_db walls + shadowing + device offset + noise

with d the distance in space. The defaults are textbook values (SPEC 5.4); floor attenuation after
Seidel and Rappaport (1992), walls after Bahl and Padmanabhan (2000), who stop counting at some.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from training.simulator.building import (
    AP_HEIGHT_M,
    USER_HEIGHT_M,
    Building,
    SimulationError,
)
from training.simulator.shadowing import Shadowing

_NEVER_BELOW_DBM = -130.0
_CHUNK = 4096


@dataclass(frozen=True)
class Radio:
    """Constants of one building's radio; levels dBm, the rest dB and metres.

    ``shadowing_db`` is spread over places and stays for all time, ``noise_db`` is new in every
    reading. Levels under ``sensitivity_dbm`` are lost, of the others a share ``loss``. Every access
    point has ``networks`` addresses, which share all but noise and losses.
    """

    p0_dbm: float = -40.0
    exponent: float = 3.0
    floor_attenuation_db: float = 15.0
    wall_db: float = 3.0
    most_walls: int = 4
    shadowing_db: float = 6.0
    shadowing_length_m: float = 5.0
    noise_db: float = 3.0
    loss: float = 0.1
    sensitivity_dbm: float = -92.0
    networks: int = 1

    def __post_init__(self) -> None:
        allowed = {
            "p0_dbm": (-100, 20), "exponent": (1, 8), "floor_attenuation_db": (0, 60),
            "wall_db": (0, 40), "most_walls": (0, 1000), "shadowing_db": (0, 30),
            "shadowing_length_m": (0.5, 100), "noise_db": (0, 30), "loss": (0, 0.99),
            "sensitivity_dbm": (_NEVER_BELOW_DBM, -20), "networks": (1, 16),
        }  # fmt: skip
        for one in fields(self):
            low, high = allowed[one.name]
            value = getattr(self, one.name)
            if not low <= value <= high:
                raise SimulationError(f"{one.name} is {value}, expected {low} to {high}")


def shadowing_of(building: Building, radio: Radio, rng: np.random.Generator) -> Shadowing:
    """One field per access point and floor; field ``a * floors + f``."""
    return Shadowing(len(building.ap_floor) * building.floors, radio.shadowing_length_m, rng)


def mean_rssi(
    building: Building,
    radio: Radio,
    xy_m: NDArray[np.float64],
    floor: NDArray[np.int32],
    shadowing: Shadowing | None = None,
) -> NDArray[np.float64]:
    """(n, A) dBm without noise and losses, for users at (n, 2) on floors (n,)."""
    out = np.empty((len(xy_m), len(building.ap_floor)))
    for a in range(len(building.ap_floor)):
        apart = (building.ap_floor[a] - floor).astype(np.float64)
        rise = apart * building.floor_height_m + AP_HEIGHT_M - USER_HEIGHT_M
        flat = np.linalg.norm(xy_m - building.ap_xy_m[a], axis=1)
        distance = np.maximum(np.hypot(flat, rise), 1.0)
        level = radio.p0_dbm - 10 * radio.exponent * np.log10(distance)
        level -= radio.floor_attenuation_db * np.abs(apart)
        if len(building.walls_m):
            crossed = walls_crossed(building.walls_m, xy_m, building.ap_xy_m[a])
            level -= radio.wall_db * np.minimum(crossed, radio.most_walls)
        out[:, a] = level
    if shadowing is not None and radio.shadowing_db > 0:
        for f in np.unique(floor):
            fields = np.arange(len(building.ap_floor)) * building.floors + int(f)
            out[floor == f] += radio.shadowing_db * shadowing.at(xy_m[floor == f], fields)
    return out


def received(
    mean_dbm: NDArray[np.float64],
    radio: Radio,
    offset_db: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """(n, A) whole dBm, NaN = not heard, of one scan at each row; ``offset_db`` (n,) per scan.

    The offset moves what the phone reports, not what its receiver can hear.
    """
    out = np.empty(mean_dbm.shape, dtype=np.float32)
    for first in range(0, len(mean_dbm), _CHUNK):
        rows = slice(first, first + _CHUNK)
        level = mean_dbm[rows] + radio.noise_db * rng.standard_normal(mean_dbm[rows].shape)
        lost = (level < radio.sensitivity_dbm) | (rng.random(level.shape) < radio.loss)
        shown = np.clip(np.rint(level + offset_db[rows, None]), _NEVER_BELOW_DBM, -1.0)
        out[rows] = np.where(lost, np.nan, shown)
    return out


def walls_crossed(
    walls_m: NDArray[np.float64], from_m: NDArray[np.float64], to_m: NDArray[np.float64]
) -> NDArray[np.int64]:
    """(n,) walls (W, 4) between points (n, 2) and one point (2,), seen from above."""
    crossed = np.zeros(len(from_m), dtype=np.int64)
    path = to_m - from_m
    for x1, y1, x2, y2 in walls_m:
        along = np.array([x2 - x1, y2 - y1])
        start = from_m - np.array([x1, y1])
        end = to_m - np.array([x1, y1])
        side_from = along[0] * start[:, 1] - along[1] * start[:, 0]
        side_to = along[0] * end[1] - along[1] * end[0]
        end_one = path[:, 0] * -start[:, 1] + path[:, 1] * start[:, 0]
        other = along - start
        end_two = path[:, 0] * other[:, 1] - path[:, 1] * other[:, 0]
        crossed += (side_from * side_to < 0) & (end_one * end_two < 0)
    return crossed
