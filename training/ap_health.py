"""Access points that fell silent, stand elsewhere than stated, or changed their power.

All from scans whose places nobody noted: a scan is placed by the other access points, and then the
one in question is looked at (SPEC 5.11 names those that are dead or misplaced in public sets).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from training.hapi_presets import PathLoss
from training.path_loss_fit import Ground, expected_dbm, locate
from training.radio_estimates import Radios, log_likelihood

# Silent: so many readings were to be expected, and at most this share of them came.
LEAST_EXPECTED = 20.0
SILENT_SHARE = 0.02
# Moved: heard so often, so far away, and so much likelier there (nats for each reading).
LEAST_HEARD = 20
MOVED_M = 10.0
MOVED_NATS = 0.75
# Not moved but odd: a power of its own, so far off, explains this share of it.
POWER_SHARE = 0.75
ODD_DB = 12.0
_MOST_PLACES = 80
_USUAL_ATTENUATION_DB = 20.0
MOST_EXCESS_DB = 30.0
_EXCESSES_DB = np.arange(-MOST_EXCESS_DB, MOST_EXCESS_DB + 1)


@dataclass(frozen=True)
class Silent:
    """``heard`` of about ``expected`` readings."""

    ap: int
    heard: int
    expected: float


@dataclass(frozen=True)
class Moved:
    """Likelier at (x_m, y_m) on ``floor``, ``apart_m`` from where it is said to stand."""

    ap: int
    heard: int
    x_m: float
    y_m: float
    floor: int
    apart_m: float
    nats: float


@dataclass(frozen=True)
class Odd:
    """Louder or quieter than path loss says by ``excess_db``, which a move would explain no better:
    another transmit power, or a wall around it."""

    ap: int
    heard: int
    excess_db: float
    nats: float


def silent(ground: Ground, radio: PathLoss, rssi_dbm: NDArray, radios: Radios) -> list[Silent]:
    """Access points hardly ever heard (M, N; NaN = not heard) where others say they should be."""
    floor, xy_m = locate(ground, radio, rssi_dbm, None, offset_db=radios.offset.value_db or 0.0)
    placed = np.isfinite(xy_m[:, 0])
    found = []
    for ap in range(rssi_dbm.shape[1]):
        # Of another floor a reading is not to be counted on.
        here = placed & (floor == ground.ap_floor[ap])
        level = _level(radio, radios, np.linalg.norm(xy_m[here] - ground.ap_xy_m[ap], axis=1), 0)
        expected = float(ndtr((level - radios.silence_dbm) / radios.sigma_db).sum())
        heard = int(np.isfinite(rssi_dbm[here, ap]).sum())
        if expected >= LEAST_EXPECTED and heard <= SILENT_SHARE * expected:
            found.append(Silent(ap, heard, expected))
    return found


def strange(
    ground: Ground, radio: PathLoss, rssi_dbm: NDArray, radios: Radios
) -> tuple[list[Moved], list[Odd]]:
    """Access points whose levels fit another place, or another power, much better."""
    offset_db = radios.offset.value_db or 0.0
    rng = np.random.default_rng(0)
    candidates = [
        (number, places[rng.permutation(len(places))[:_MOST_PLACES]])
        for number, places in ground.places_xy_m.items()
    ]
    floor_all, xy_all = locate(ground, radio, rssi_dbm, None, offset_db=offset_db)
    found: list[Moved] = []
    odd: list[Odd] = []
    for ap in range(rssi_dbm.shape[1]):
        hearing = np.isfinite(rssi_dbm[:, ap])
        if hearing.sum() < LEAST_HEARD:
            continue
        floor, xy_m = floor_all.copy(), xy_all.copy()
        floor[hearing], xy_m[hearing] = locate(
            ground, radio, rssi_dbm[hearing], None, leave_out=ap, offset_db=offset_db
        )
        placed = np.isfinite(xy_m[:, 0])
        one = _Levels(radio, radios, floor[placed], xy_m[placed], rssi_dbm[placed, ap])
        stated = one.at(int(ground.ap_floor[ap]), ground.ap_xy_m[ap][None])
        best = None
        for number, places in candidates:
            gain = (one.at(number, places) - stated).sum(axis=0) / hearing.sum()
            top = int(gain.argmax())
            if best is None or gain[top] > best[0]:
                best = float(gain[top]), number, places[top]
        if best is None or best[0] < MOVED_NATS:
            continue
        nats, number, place = best
        excess, by_power = one.power(int(ground.ap_floor[ap]), ground.ap_xy_m[ap])
        if by_power >= POWER_SHARE * nats:
            if abs(excess) >= ODD_DB:
                odd.append(Odd(ap, int(hearing.sum()), excess, by_power))
            continue
        apart = float(np.linalg.norm(place - ground.ap_xy_m[ap]))
        if apart >= MOVED_M or number != ground.ap_floor[ap]:
            x, y = (float(v) for v in place)
            found.append(Moved(ap, int(hearing.sum()), x, y, number, apart, nats))
    return found, odd


@dataclass(frozen=True)
class _Levels:
    """What m placed scans heard of one access point."""

    radio: PathLoss
    radios: Radios
    floor: NDArray[np.int64]
    xy_m: NDArray[np.float64]
    level_dbm: NDArray[np.float64]

    def power(self, floor: int, place_m: NDArray) -> tuple[float, float]:
        """The likeliest excess of all its levels, standing there, and the gain by it."""
        places = np.repeat(place_m[None], len(_EXCESSES_DB), axis=0)
        log = self.at(floor, places, _EXCESSES_DB) - self.at(floor, place_m[None])
        gain = log.sum(axis=0) / np.isfinite(self.level_dbm).sum()
        best = int(gain.argmax())
        return float(_EXCESSES_DB[best]), float(gain[best])

    def at(
        self, floor: int, places_m: NDArray, excess_db: NDArray | float = 0.0
    ) -> NDArray[np.float64]:
        """(m, P) nats of its readings and silences if it stood at the places (P, 2)."""
        away = np.linalg.norm(self.xy_m[:, None] - places_m[None], axis=2)
        apart = np.abs(self.floor - floor)[:, None]
        expected = _level(self.radio, self.radios, away, apart) + excess_db
        level = np.repeat(self.level_dbm[:, None], len(places_m), axis=1)
        return log_likelihood(expected, level, self.radios.silence_dbm, self.radios.sigma_db)


def _level(
    radio: PathLoss, radios: Radios, away_m: NDArray, floors_apart: NDArray | int
) -> NDArray[np.float64]:
    per_floor = radios.floor_attenuation.value_db
    level = expected_dbm(radio, np.maximum(away_m, 1.0)) + (radios.offset.value_db or 0.0)
    return level - (_USUAL_ATTENUATION_DB if per_floor is None else per_floor) * floors_apart
