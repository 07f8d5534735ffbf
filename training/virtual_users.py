"""Virtual users of a building of which only the access points are known (SPEC 5.4, 5.11).

RSS = P0 - 10 n log10 d - FAF floors + noise, with d the distance in space. Every user draws the
constants anew, so that what is learned from many of them holds for radios that nobody measured.
Shadowing and noise are one normal number for each reading: places do not repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.hapi_site import Cells, Site
from training.simulator.building import AP_HEIGHT_M, FLOOR_HEIGHT_M, USER_HEIGHT_M
from training.survey import SurveyError

Range = tuple[float, float]
# Networks are planned for an access point every 200 to 300 square metres.
SERVED_M = 10.0
_CHUNK = 4096
_MOST_DRAWS = 100


@dataclass(frozen=True)
class Radios:
    """Ranges from which each user draws uniformly.

    ``limit_dbm`` is the least level that is heard; of those above it a share ``loss`` goes missing
    in each scan, and a share ``dead`` of the access points is silent for this user.
    """

    p0_dbm: Range = (-50.0, -28.0)
    exponent: Range = (2.2, 4.0)
    floor_attenuation_db: Range = (10.0, 30.0)
    sigma_db: Range = (4.0, 11.0)
    limit_dbm: Range = (-96.0, -84.0)
    loss: Range = (0.0, 0.3)
    dead: Range = (0.0, 0.5)

    def shifted(self, decibels: float) -> Radios:
        """The same with another transmit power and, as far down, another limit."""
        p0, limit = self.p0_dbm, self.limit_dbm
        return Radios(
            (p0[0] + decibels, p0[1] + decibels), self.exponent, self.floor_attenuation_db,
            self.sigma_db, (limit[0] + decibels / 2, limit[1] + decibels / 2), self.loss, self.dead,
        )  # fmt: skip


RANDOMISED = Radios()
# The simulation of SPEC 5.4: one radio for all.
FIXED = Radios(
    (-40.0, -40.0), (3.0, 3.0), (15.0, 15.0), (6.0, 6.0), (-92.0, -92.0), (0.0, 0.0), (0.0, 0.0)
)
# What a phone may meet in an ordinary building: for figures, not for training.
ORDINARY = Radios(
    (-45.0, -32.0), (2.6, 3.4), (15.0, 25.0), (5.0, 9.0), (-95.0, -88.0), (0.0, 0.2), (0.0, 0.1)
)


@dataclass(frozen=True)
class Users:
    """n scans over the A physical access points of a site, with their truth."""

    rssi_dbm: NDArray[np.float32]
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.floor)


def served(site: Site, cells: Cells) -> Cells:
    """The cells within SERVED_M of an access point of their floor; all where a floor has none.

    Access points hang where people are, while a floor's rectangle may reach far beyond them.
    """
    kept = np.zeros(len(cells.floor), dtype=bool)
    for floor in site.floors:
        here = cells.floor == floor
        near = np.zeros(int(here.sum()), dtype=bool)
        for ap in site.layout.xy_m[site.layout.floor == floor]:
            near |= np.hypot(*(cells.xy_m[here] - ap).T) <= SERVED_M
        kept[here] = near if near.any() else True
    return replace(cells, xy_m=cells.xy_m[kept], floor=cells.floor[kept])


def virtual_users(
    site: Site, cells: Cells, radios: Radios, count: int, rng: np.random.Generator
) -> Users:
    """``count`` users at random places, every floor alike often; each hears something.

    Raises SurveyError where hardly any of them does.
    """
    made: list[Users] = []
    missing, drawn = count, 0
    while missing:
        one = _draw(site, cells, radios, min(max(missing, 64), _CHUNK), rng)
        heard = np.flatnonzero(np.isfinite(one.rssi_dbm).any(axis=1))[:missing]
        made.append(Users(one.rssi_dbm[heard], one.xy_m[heard], one.floor[heard]))
        missing, drawn = missing - len(heard), drawn + len(one)
        if missing and drawn > _MOST_DRAWS * max(count, 64):
            raise SurveyError(
                f"{site.source}: {count - missing} of {drawn} virtual users hear "
                f"one of {len(site.layout.ids)} access points; expected them on or near the floors"
            )
    columns = zip(*((u.rssi_dbm, u.xy_m, u.floor) for u in made), strict=True)
    return Users(*(np.concatenate(column) for column in columns))


def _draw(site: Site, cells: Cells, radios: Radios, n: int, rng: np.random.Generator) -> Users:
    layout, floors = site.layout, np.array(site.floors)
    # Floors in turn, then a cell of that floor, then a place in the cell.
    level = rng.permutation(np.arange(n) % len(floors))
    first = np.searchsorted(np.searchsorted(floors, cells.floor), np.arange(len(floors) + 1))
    size = np.diff(first)[level]
    cell = first[level] + (rng.random(n) * size).astype(np.int64)
    pitch_m = cells.pitch_m
    xy = cells.xy_m[cell] + rng.uniform(-pitch_m / 2, pitch_m / 2, (n, 2))

    def each(low_high: Range) -> NDArray[np.float64]:
        return rng.uniform(*low_high, (n, 1))

    apart = site.ap_level[None].astype(np.float64) - level[:, None]
    flat = np.linalg.norm(xy[:, None] - layout.xy_m[None], axis=2)
    rise = apart * FLOOR_HEIGHT_M + AP_HEIGHT_M - USER_HEIGHT_M
    distance = np.maximum(np.hypot(flat, rise), 1.0)
    rssi = each(radios.p0_dbm) - 10 * each(radios.exponent) * np.log10(distance)
    rssi -= each(radios.floor_attenuation_db) * np.abs(apart)
    rssi += each(radios.sigma_db) * rng.standard_normal(rssi.shape)
    rssi = np.minimum(np.rint(rssi), -1.0)
    lost = rssi < each(radios.limit_dbm)
    lost |= rng.random(rssi.shape) < each(radios.loss)
    lost |= rng.random(rssi.shape) < each(radios.dead)
    return Users(
        np.where(lost, np.nan, rssi).astype(np.float32), xy, floors[level].astype(np.int32)
    )
