"""Where unlabelled scans were taken by the likelihood of path loss, many scans at a time.

The model of ``sdk.native.path_loss_pdf`` (SPEC 5.11) on the walkable places of a run, without the
access points that were not heard: those may be dead, which is what is to be found out. Places are
thinned: a metre more or less does not matter here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.hapi_presets import PathLoss

MOST_PLACES_PER_FLOOR = 800
MOST_SCANS = 600


@dataclass(frozen=True)
class Ground:
    """N access points, (N, 2) metres and (N,) floors, and the (G, 2) places of every floor."""

    ap_xy_m: NDArray[np.float64]
    ap_floor: NDArray[np.int32]
    places_xy_m: dict[int, NDArray[np.float64]]

    @classmethod
    def of(
        cls,
        ap_xy_m: NDArray[np.float64],
        ap_floor: NDArray[np.int32],
        places_xy_m: NDArray[np.float64],
        places_floor: NDArray[np.int32],
    ) -> Ground:
        """Every floor's places thinned evenly to at most MOST_PLACES_PER_FLOOR."""
        places = {}
        for floor in np.unique(places_floor):
            here = np.flatnonzero(places_floor == floor)
            step = -(-len(here) // MOST_PLACES_PER_FLOOR)
            # Every second of a row would be a column, so every step-th of a shuffled list.
            order = np.random.default_rng(0).permutation(len(here))[:: max(1, step)]
            places[int(floor)] = places_xy_m[here[np.sort(order)]]
        return cls(ap_xy_m, ap_floor, places)

    def distance_m(self, floor: int) -> NDArray[np.float64]:
        """(N, G) horizontal, at least 1."""
        apart = self.ap_xy_m[:, None] - self.places_xy_m[floor][None]
        return np.maximum(np.hypot(apart[..., 0], apart[..., 1]), 1.0)


@dataclass(frozen=True)
class Evidence:
    """What m scans of one floor say about its G places.

    ``rows`` (m,) are the scans. For residuals r (level less expected level) and weights w of the
    access points that count: ``squares`` (m, G) Σ w r², ``sums`` (m, G) Σ w r, ``weights`` (m,)
    Σ w. An offset b of all levels changes Σ w r² to squares - 2 b sums + b² weights.
    """

    floor: int
    rows: NDArray[np.int64]
    squares: NDArray[np.float64]
    sums: NDArray[np.float64]
    weights: NDArray[np.float64]

    def log_likelihood(self, radio: PathLoss, offset_db: float = 0.0) -> NDArray[np.float64]:
        """(m, G) nats for levels that are ``offset_db`` too high, beside the scan's own offset."""
        squares = self.squares - offset_db * (2 * self.sums - offset_db * self.weights[:, None])
        if radio.offset_sigma_db > 0:
            sums = self.sums - offset_db * self.weights[:, None]
            ratio = (radio.sigma_db / radio.offset_sigma_db) ** 2
            squares = squares - sums**2 / (self.weights[:, None] + ratio)
        return -squares / (2 * radio.sigma_db**2)


def expected_dbm(radio: PathLoss, distance_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Level at horizontal distances of 1 m or more on the same floor."""
    return radio.reference_dbm - 10 * radio.exponent * np.log10(distance_m)


def floor_of_strongest(ground: Ground, rssi_dbm: NDArray[np.float64]) -> NDArray[np.int64]:
    """(M,) the floor of each scan's strongest access point; the scan must hear one."""
    return ground.ap_floor[np.where(np.isfinite(rssi_dbm), rssi_dbm, -np.inf).argmax(axis=1)]


def evidence(
    ground: Ground,
    radio: PathLoss,
    rssi_dbm: NDArray[np.float64],
    floor_attenuation_db: float | None,
    leave_out: int | None = None,
) -> Iterator[Evidence]:
    """One Evidence for each floor on which scans (M, N; NaN = not heard) were taken.

    ``floor_attenuation_db`` None takes the access points of the scan's floor only. ``leave_out`` is
    an access point that is not to count. Scans left without any say nothing and are not in it.
    """
    heard = np.isfinite(rssi_dbm).any(axis=1)
    floors = np.where(heard, floor_of_strongest(ground, rssi_dbm), np.iinfo(np.int32).min)
    for floor in ground.places_xy_m:
        rows = np.flatnonzero(floors == floor)
        apart = np.abs(ground.ap_floor.astype(np.int64) - floor)
        if floor_attenuation_db is None:
            level = np.where(apart == 0, rssi_dbm[rows], np.nan)
        else:
            level = rssi_dbm[rows] + floor_attenuation_db * apart
        if leave_out is not None:
            level[:, leave_out] = np.nan
        weight = _weights(level, radio)
        some = weight.any(axis=1)
        if not some.any():
            continue
        weight, level = weight[some], np.where(weight[some] > 0, level[some], 0.0)
        expected = expected_dbm(radio, ground.distance_m(floor))
        weighted = weight * level
        yield Evidence(
            floor,
            rows[some],
            (weighted * level).sum(axis=1)[:, None]
            - 2 * weighted @ expected
            + weight @ expected**2,
            weighted.sum(axis=1)[:, None] - weight @ expected,
            weight.sum(axis=1),
        )


def _weights(level_dbm: NDArray[np.float64], radio: PathLoss) -> NDArray[np.float64]:
    """(m, N) weight of each level, 0 for those that do not count."""
    level = np.where(np.isfinite(level_dbm), level_dbm, -np.inf)
    if radio.strongest is not None and radio.strongest < level.shape[1]:
        least = np.partition(level, -radio.strongest, axis=1)[:, -radio.strongest][:, None]
        level = np.where(level >= least, level, -np.inf)
    most = level.max(axis=1, keepdims=True)
    below = level - np.where(np.isfinite(most), most, 0.0)
    return np.where(np.isfinite(level), 10 ** (below / radio.weight_scale_db), 0.0)


def locate(
    ground: Ground,
    radio: PathLoss,
    rssi_dbm: NDArray[np.float64],
    floor_attenuation_db: float | None,
    leave_out: int | None = None,
    offset_db: float = 0.0,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Floors (M,) and mean places (M, 2), NaN where a scan says nothing."""
    floor = np.full(len(rssi_dbm), np.iinfo(np.int32).min, dtype=np.int64)
    xy_m = np.full((len(rssi_dbm), 2), np.nan)
    for one in evidence(ground, radio, rssi_dbm, floor_attenuation_db, leave_out):
        log = one.log_likelihood(radio, offset_db)
        p = np.exp(log - log.max(axis=1, keepdims=True))
        xy_m[one.rows] = p @ ground.places_xy_m[one.floor] / p.sum(axis=1, keepdims=True)
        floor[one.rows] = one.floor
    return floor, xy_m
