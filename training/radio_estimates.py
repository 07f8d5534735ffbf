"""Floor attenuation and offset of all levels, from scans whose places nobody noted (SPEC 5.11).

Every scan is placed by the access points of its own floor. An access point near that place should
then be heard at a level that path loss names, plus an offset (own floor), less the attenuation of
a floor (next floor). Both are fitted by maximum likelihood with the silent ones counted as levels
below what the receiver hears: the median of heard levels alone would call weak ones stronger than
they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from training.hapi_presets import PathLoss
from training.path_loss_fit import Ground, expected_dbm, locate

LEAST_SCANS = 50
LEAST_PAIRS = 300
LEAST_HEARD = 30
# An estimate with a larger standard error, by the parts of the scans, is not used.
MOST_SPREAD_DB = 3.0
OFFSETS_DB = (-25.0, 25.0)
ATTENUATIONS_DB = (4.0, 45.0)
# Nearer, heights count and the place is not known well enough; farther, little is heard.
NEAR_M, FAR_M = 4.0, 20.0
_PARTS = 5
_STEP_DB = 0.5
_SIGMAS_DB = (5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0)
# Readings that go missing at any level, and levels that no path loss explains (per dB).
_LOSS, _OUTLIERS = 0.1, 1e-4


@dataclass(frozen=True)
class Estimated:
    """A value, or None and ``why``; ``spread_db`` its standard error by the parts."""

    value_db: float | None
    spread_db: float | None
    pairs: int
    why: str = ""


@dataclass(frozen=True)
class Radios:
    """What the scans say. ``offset`` is how much levels exceed the reference of the preset."""

    scans: int
    silence_dbm: float
    sigma_db: float
    offset: Estimated
    floor_attenuation: Estimated


@dataclass(frozen=True)
class _Pairs:
    """Scans and access points: expected level on one floor, level, floors apart, part; all (K,)."""

    expected_dbm: NDArray[np.float64]
    level_dbm: NDArray[np.float64]
    apart: NDArray[np.int64]
    part: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> _Pairs:
        return _Pairs(*(getattr(self, name)[rows] for name in vars(self)))


def silence_of(rssi_dbm: NDArray[np.float64]) -> float:
    """Level below which the receiver hears nothing: what 1 % of the readings stay under, dBm."""
    return float(np.nanpercentile(rssi_dbm, 1))


def log_likelihood(
    expected_dbm: NDArray[np.float64],
    level_dbm: NDArray[np.float64],
    silence_dbm: float,
    sigma_db: float,
) -> NDArray[np.float64]:
    """Nats of levels (NaN = not heard) that were expected; arrays of one shape."""
    heard = np.isfinite(level_dbm)
    z = (np.where(heard, level_dbm, 0.0) - expected_dbm) / sigma_db
    density = (1 - _LOSS) * np.exp(-(z**2) / 2) / (sigma_db * np.sqrt(2 * np.pi)) + _OUTLIERS
    silent = _LOSS + (1 - _LOSS) * ndtr((silence_dbm - expected_dbm) / sigma_db)
    return np.log(np.where(heard, density, silent))


def estimate(ground: Ground, radio: PathLoss, rssi_dbm: NDArray[np.float64]) -> Radios:
    """Offset and floor attenuation from scans (M, N) in their order of time; NaN = not heard.

    Scans that hear nothing do not count, nor do access points that no scan heard.
    """
    rssi_dbm = rssi_dbm[np.isfinite(rssi_dbm).any(axis=1)]
    if len(rssi_dbm) < LEAST_SCANS:
        nothing = Estimated(
            None, None, 0, f"{len(rssi_dbm)} scans heard a known access point, needed {LEAST_SCANS}"
        )
        return Radios(len(rssi_dbm), radio.silence_dbm, radio.sigma_db, nothing, nothing)
    silence = silence_of(rssi_dbm)
    pairs = _pairs(ground, radio, rssi_dbm, 0.0)
    shift, sigma = _fit(pairs.take(pairs.apart == 0), silence, OFFSETS_DB)
    if shift is not None:
        # Once more, with the scans placed by levels without the offset.
        pairs = _pairs(ground, radio, rssi_dbm, shift)
    offset, sigma = _estimated(pairs.take(pairs.apart == 0), silence, OFFSETS_DB, "the same floor")
    shift = 0.0 if offset.value_db is None else offset.value_db
    next_floor = pairs.take(pairs.apart == 1)
    next_floor = replace(next_floor, expected_dbm=next_floor.expected_dbm + shift)
    low, high = ATTENUATIONS_DB
    floors, _ = _estimated(next_floor, silence, (-high, -low), "the next floor")
    if floors.value_db is not None:
        floors = replace(floors, value_db=-floors.value_db)
    return Radios(len(rssi_dbm), silence, sigma, offset, floors)


def _pairs(
    ground: Ground, radio: PathLoss, rssi_dbm: NDArray[np.float64], offset_db: float
) -> _Pairs:
    floor, xy_m = locate(ground, radio, rssi_dbm, None, offset_db=offset_db)
    apart = ground.ap_floor[None].astype(np.int64) - floor[:, None]
    away = xy_m[:, None] - ground.ap_xy_m[None]
    away = np.hypot(away[..., 0], away[..., 1])
    alive = np.isfinite(rssi_dbm).any(axis=0)
    wanted = alive[None] & (away > NEAR_M) & (away < FAR_M) & (np.abs(apart) <= 1)
    scan, ap = np.nonzero(wanted)
    return _Pairs(
        expected_dbm(radio, away[scan, ap]),
        rssi_dbm[scan, ap],
        np.abs(apart[scan, ap]),
        scan * _PARTS // max(1, len(rssi_dbm)),
    )


def _fit(
    pairs: _Pairs, silence_dbm: float, within_db: tuple[float, float]
) -> tuple[float | None, float]:
    """The shift of expected levels that makes the levels likeliest, and their deviation."""
    if not len(pairs.level_dbm):
        return None, _SIGMAS_DB[0]
    shifts = np.arange(within_db[0], within_db[1] + _STEP_DB, _STEP_DB)
    # Levels are whole dBm and expected ones about as well known: equal pairs are counted.
    rounded = np.stack([np.round(2 * pairs.expected_dbm) / 2, pairs.level_dbm])
    rounded[1] = np.where(np.isfinite(rounded[1]), np.round(rounded[1]), 1.0)
    (expected, level), times = np.unique(rounded, axis=1, return_counts=True)
    level = np.where(level > 0, np.nan, level)
    best = -np.inf, 0.0, 0.0
    for sigma in _SIGMAS_DB:
        log = log_likelihood(
            expected[:, None] + shifts, np.repeat(level[:, None], len(shifts), 1), silence_dbm,
            sigma,
        )  # fmt: skip
        total = times @ log
        best = max(best, (float(total.max()), float(shifts[total.argmax()]), sigma))
    return best[1], best[2]


def _estimated(
    pairs: _Pairs, silence_dbm: float, within_db: tuple[float, float], where: str
) -> tuple[Estimated, float]:
    """The fit with its guards."""
    n = len(pairs.level_dbm)
    heard = int(np.isfinite(pairs.level_dbm).sum())
    value, sigma = _fit(pairs, silence_dbm, within_db)
    if n < LEAST_PAIRS or heard < LEAST_HEARD:
        why = (
            f"{n} times an access point of {where} was {NEAR_M:g} to {FAR_M:g} m away and "
            f"{heard} times it was heard, needed {LEAST_PAIRS} and {LEAST_HEARD}"
        )
        return Estimated(None, None, n, why), sigma
    parts = [
        _fit(part, silence_dbm, within_db)[0]
        for part in (pairs.take(pairs.part == i) for i in range(_PARTS))
        if np.isfinite(part.level_dbm).sum() >= LEAST_HEARD // _PARTS
    ]
    spread = float(np.std(parts, ddof=1) / len(parts) ** 0.5) if len(parts) > 1 else float("inf")
    if value in within_db:
        return Estimated(None, spread, n, f"it would be {abs(value):g} dB or more"), sigma
    if spread > MOST_SPREAD_DB:
        why = f"its standard error is {spread:.1f} dB, at most {MOST_SPREAD_DB:g} allowed"
        return Estimated(None, spread if np.isfinite(spread) else None, n, why), sigma
    return Estimated(value, spread, n), sigma
