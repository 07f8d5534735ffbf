"""What a `heatmap` positioner goes by (LocUNet, SPEC 3): radio maps, likelihood, network.

Path loss is P_Rx - P_Tx in dB, so negative (SPEC 3.2). The same JSON stands in a bundle's manifest
(`output`) and in a run (`heatmap`, without the names of arrays).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .fields import Fields
from .fingerprint import Fingerprint
from .fix import Status
from .rank_rules import FloorGrid, floor_grid
from .roughness import LEVELS

MAX_CLASSES = 64
# What a place is told from: with fewer maps a position is a ring or two points.
LEAST_TRANSMITTERS = 3
MAX_KNOTS = 256
_MAX_DB = 1e3
_SQRT2 = math.sqrt(2.0)
# Keeps the logs of what no part explains finite.
_LEAST_LIKELY = 1e-12


@dataclass(frozen=True, slots=True)
class Gray:
    """Radio maps as whole levels: 0 is `low_db` or less, 255 is `high_db` (SPEC 3.2)."""

    low_db: float
    high_db: float
    noise_floor_db: float

    def share(self, path_loss_db: NDArray[Any]) -> NDArray[np.float32]:
        """Path loss as a gray value in [0, 1]; NaN, not received, is 0."""
        share = (path_loss_db - self.low_db) / (self.high_db - self.low_db)
        gray: NDArray[np.float32] = np.nan_to_num(np.clip(share, 0.0, 1.0)).astype(np.float32)
        return gray

    def levels(self, path_loss_db: NDArray[Any]) -> NDArray[np.uint8]:
        """Path loss as the nearest of the 256 levels."""
        levels: NDArray[np.uint8] = np.rint(self.share(path_loss_db) * 255.0).astype(np.uint8)
        return levels

    @property
    def level_db(self) -> NDArray[np.float64]:
        """Path loss of every level (256,)."""
        return np.linspace(self.low_db, self.high_db, LEVELS)


class Scatter(NamedTuple):
    """A likelihood as `native.level_likelihoods` takes it: float32, a number for every code."""

    mean_db: NDArray[np.float32]
    sigma_db: NDArray[np.float32]
    tail_factor: NDArray[np.float32]
    narrow: NDArray[np.float32]
    wide: NDArray[np.float32]
    outliers: NDArray[np.float32]
    silent: NDArray[np.float32]


@dataclass(frozen=True)
class Likelihood:
    """How a measured path loss p scatters where the radio map shows R (SPEC 3.13).

    p is normal with mean mu(R) and deviation sigma(R), both piecewise linear over the range of the
    maps; a share of `tail` scatters `tail_factor` times as wide, and a share of `outliers` is
    anywhere in the range. What falls below the noise floor is not received. `power` tempers the sum
    over transmitters, whose errors are not independent. Where a map is rough, the `rougher` ones
    hold, whose power does not count: `rougher[i]` where its `roughness` is above `above[i]`.

    Args:
        mean_db, sigma_db: at as many levels, evenly from the lowest to the highest.
        above: increasing.
    """

    gray: Gray
    mean_db: tuple[float, ...]
    sigma_db: tuple[float, ...]
    outliers: float
    power: float
    tail: float = 0.0
    tail_factor: float = 1.0
    above: tuple[int, ...] = ()
    rougher: tuple[Likelihood, ...] = ()

    @cached_property
    def class_of(self) -> NDArray[np.uint16]:
        """Class of every roughness (256,)."""
        return np.searchsorted(self.above, np.arange(LEVELS), side="left").astype(np.uint16)

    def codes(self, maps: NDArray[np.uint8], roughness: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """256 class + level of every pixel: where `tables` is to be read."""
        found: NDArray[np.uint16] = self.class_of[roughness] * np.uint16(LEVELS) + maps
        return found

    @cached_property
    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """mu and sigma of every level (256,)."""
        knots = np.linspace(0, LEVELS - 1, len(self.mean_db))
        at = np.arange(LEVELS)
        return np.interp(at, knots, self.mean_db), np.interp(at, knots, self.sigma_db)

    @cached_property
    def code_moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """mu and sigma of every code (256 classes,)."""
        mean, sigma = zip(*(one.moments for one in (self, *self.rougher)), strict=True)
        return np.concatenate(mean), np.concatenate(sigma)

    @property
    def silent(self) -> NDArray[np.float64]:
        """Log-likelihood of not being received, for every level (256,)."""
        mean, sigma = self.moments
        below = np.zeros(LEVELS)
        for share, factor in zip(self._shares, (1.0, self.tail_factor), strict=True):
            z = (self.gray.noise_floor_db - mean) / (factor * sigma * _SQRT2)
            below += share * np.array([math.erfc(-value) / 2 for value in z.tolist()])
        span = self.gray.high_db - self.gray.low_db
        outside = (self.gray.noise_floor_db - self.gray.low_db) / span
        log: NDArray[np.float64] = np.log(below + self.outliers * outside + _LEAST_LIKELY)
        return log

    @property
    def _shares(self) -> tuple[float, float]:
        """Of the two normal parts, the wide one second."""
        inside = 1.0 - self.outliers
        return inside * (1.0 - self.tail), inside * self.tail

    @cached_property
    def scatter(self) -> Scatter:
        """All classes, by code (256 classes,)."""
        parts = (self, *self.rougher)
        span = self.gray.high_db - self.gray.low_db

        def by_code(per_class: list[float]) -> NDArray[np.float32]:
            return np.repeat(np.array(per_class, dtype=np.float32), LEVELS)

        mean, sigma = self.code_moments
        return Scatter(
            mean_db=mean.astype(np.float32),
            sigma_db=sigma.astype(np.float32),
            tail_factor=by_code([one.tail_factor for one in parts]),
            narrow=by_code([one._shares[0] for one in parts]),
            wide=by_code([one._shares[1] for one in parts]),
            outliers=by_code([one.outliers / span + _LEAST_LIKELY for one in parts]),
            silent=np.concatenate([one.silent for one in parts]).astype(np.float32),
        )

    def tables(self, path_loss_db: NDArray[np.float32]) -> NDArray[np.float32]:
        """`power` times the log-likelihood of each measurement (K,), NaN = not received, for every
        code: (K, 256 classes)."""
        # Here and not above: bundles of other systems need not load the kernels.
        from . import native

        return native.level_likelihoods(path_loss_db, *self.scatter, self.power)

    def to_json(self) -> dict[str, Any]:
        """As `likelihood` reads it."""
        return {
            "mean_db": list(self.mean_db),
            "sigma_db": list(self.sigma_db),
            "outliers": self.outliers,
            "power": self.power,
            "tail": self.tail,
            "tail_factor": self.tail_factor,
            "rougher": [
                {"above": above, **{k: v for k, v in one.to_json().items() if k != "rougher"}}
                for above, one in zip(self.above, self.rougher, strict=True)
            ],
        }


@dataclass(frozen=True, slots=True)
class HeatmapNetwork:
    """What reads the images: `correction` gives what is added to the log-posterior, `locunet` the
    quasi-heatmap whose centre of mass is the place (SPEC 3.3). Both look at maps of one size."""

    kind: str
    scores: str


@dataclass(frozen=True)
class HeatmapRules:
    """Everything that is not an array; `transmit_power_dbm` (N,) turns levels into path loss."""

    grid: FloorGrid
    gray: Gray
    transmit_power_dbm: tuple[float, ...]
    likelihood: Likelihood
    network: HeatmapNetwork | None
    temperature: float

    @classmethod
    def from_json(cls, record: Any, path: str = "heatmap") -> HeatmapRules:
        """Read a run's `heatmap`. Raises BundleError naming the field under `path`."""
        return heatmap_rules(Fields(record, path))

    @cached_property
    def _power_dbm(self) -> NDArray[np.float32]:
        return np.array(self.transmit_power_dbm, dtype=np.float32)

    def path_loss_db(self, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of levels (N,); NaN where nothing was heard or it is below the noise floor."""
        loss: NDArray[np.float32] = rssi_dbm - self._power_dbm
        loss[loss < self.gray.noise_floor_db] = np.nan
        return loss

    def refusal(self, fingerprint: Fingerprint) -> tuple[Status, str] | None:
        """Status and reason of a scan that gives no position; None where it gives one."""
        known = len(self.transmit_power_dbm) - int(np.count_nonzero(fingerprint.unknown))
        if known < LEAST_TRANSMITTERS:
            return Status.TOO_FEW_APS, (
                f"{known} transmitters are not masked, {LEAST_TRANSMITTERS} are needed"
            )
        if np.isnan(self.path_loss_db(fingerprint.rssi_dbm)).all():
            return Status.OUT_OF_AREA, (
                "every transmitter of the map is below the noise floor "
                f"({self.gray.noise_floor_db:g} dB)"
            )
        return None


@dataclass(frozen=True, slots=True)
class HeatmapOutput:
    """The rules, and the arrays: radio maps (N, H, W) as levels, outdoors (H, W) as 0 or 1, places
    of the transmitters (N, 2)."""

    rules: HeatmapRules
    maps: str
    outdoors: str
    transmitter_xy_m: str

    @property
    def needs_model(self) -> bool:
        """Whether the bundle must hold a model file."""
        return self.rules.network is not None


def transmitter_pixels(
    rules: HeatmapRules, pitch_m: float | None, xy_m: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Column and row (N, 2) of the transmitters. Raises ValueError for one outside the map."""
    if pitch_m is None:
        raise ValueError("radio maps need places with a pitch_m")
    pixels: NDArray[np.float64] = np.rint((xy_m - np.array(rules.grid.origin_m)) / pitch_m)
    inside = ((pixels >= 0) & (pixels < np.array(rules.grid.shape[::-1]))).all(axis=1)
    if not inside.all():
        bad = int(np.flatnonzero(~inside)[0])
        raise ValueError(
            f"transmitter {bad} at ({xy_m[bad, 0]:g}, {xy_m[bad, 1]:g}) lies outside the map of "
            f"{rules.grid.shape[1]} x {rules.grid.shape[0]} pixels of {pitch_m:g} m"
        )
    whole: NDArray[np.intp] = pixels.astype(np.intp)
    return whole


def heatmap_output(part: Fields) -> HeatmapOutput:
    """The `output` of a bundle. Raises BundleError naming the field."""
    rules, names = heatmap_rules(part), part.inner("radio_maps")
    if rules.network is not None:
        _same(
            part.inner("network").inner("trained_for"), "pitch_m",
            part.inner("places").number("pitch_m", 0),
        )  # fmt: skip
    return HeatmapOutput(rules, names.text("levels"), names.text("outdoors"), names.text("xy_m"))


def heatmap_rules(part: Fields) -> HeatmapRules:
    """The rules alone. Raises BundleError naming the field."""
    grid, gray = floor_grid(part.inner("grid")), gray_of(part.inner("path_loss"))
    powers = part.numbers("transmit_power_dbm", -_MAX_DB)
    if len(powers) < LEAST_TRANSMITTERS:
        raise part.wrong("transmit_power_dbm", f"{LEAST_TRANSMITTERS} transmitters or more")
    network = None
    if part.has("network"):
        inner = part.inner("network")
        network = HeatmapNetwork(
            inner.choice("kind", "correction", "locunet"),
            inner.text("scores") if inner.has("scores") else "logits",
        )
        trained = inner.inner("trained_for")
        _same(trained, "shape", list(grid.shape))
        _same(trained, "low_db", gray.low_db)
        _same(trained, "high_db", gray.high_db)
    return HeatmapRules(
        grid,
        gray,
        tuple(powers),
        likelihood(part.inner("likelihood"), gray),
        network,
        part.number("temperature", 1e-6, 1e6),
    )


def _same(trained: Fields, name: str, here: Any) -> None:
    if trained.record.get(name) != here:
        raise trained.wrong(
            name, f"{here}, as the maps of this bundle: its network was trained for other maps"
        )


def gray_of(part: Fields) -> Gray:
    """The levels of a bundle or run. Raises BundleError naming the field."""
    low_db = part.number("low_db", -_MAX_DB, _MAX_DB)
    high_db = part.number("high_db", low_db, _MAX_DB)
    return Gray(low_db, high_db, part.number("noise_floor_db", low_db, high_db))


def likelihood(part: Fields, gray: Gray) -> Likelihood:
    """The likelihood of a bundle or run. Raises BundleError naming the field."""
    mean_db, sigma_db = (part.numbers(name, above, MAX_KNOTS) for name, above in _MOMENTS)
    if len(mean_db) < 2 or len(mean_db) != len(sigma_db):
        raise part.wrong("mean_db", f"2 numbers or more, as many as sigma_db ({len(sigma_db)})")
    parts = list(part.inners("rougher", MAX_CLASSES - 1)) if part.has("rougher") else []
    above = tuple(one.integer("above", 0, LEVELS - 1) for one in parts)
    if list(above) != sorted(set(above)) or any(one.has("rougher") for one in parts):
        raise part.wrong("rougher", "in the order of above, none alike and none with its own")
    return Likelihood(
        gray,
        tuple(mean_db),
        tuple(sigma_db),
        part.number("outliers", -1e-12, 0.999),
        part.number("power", 0, 100),
        part.number("tail", -1e-12, 0.999) if part.has("tail") else 0.0,
        part.number("tail_factor", 0, 100) if part.has("tail_factor") else 1.0,
        above,
        tuple(likelihood(one, gray) for one in parts),
    )


_MOMENTS = (("mean_db", -_MAX_DB), ("sigma_db", 1e-3))
