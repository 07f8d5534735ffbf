"""What a `ranks` positioner goes by (Hapi, SPEC 5): floor network, grids, 2-D method, quality.

The same JSON stands in a bundle's manifest (`output`) and in a run (`ranks`, without the names of
arrays), so that a device and training read it with the same code.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias, cast

from .fields import Fields

Combine: TypeAlias = Literal["sum", "product", "tempered"]
COMBINES: tuple[Combine, ...] = ("sum", "product", "tempered")
# The floor network looks at this many consecutive floors, with as many features of each.
SPAN = 4
FEATURES = 8
RANKS = 6
QUALITY_FEATURES = ("aps", "mean_dbm", "max_dbm", "area_m2")
MAX_GRIDS = 1000
# The kernel fills a whole floor in float32: 16 MiB.
MAX_FLOOR_CELLS = 1 << 22
MAX_WINDOW_MS = 3_600_000
MAX_COORDINATE_M = 1e9
_MAX_DB = 1e3
_MAX_METRES = 1e6


@dataclass(frozen=True, slots=True)
class FloorGrid:
    """A floor's cells: `origin_m` is the centre (x, y) of cell [0, 0], `shape` (rows, columns)."""

    floor: int
    origin_m: tuple[float, float]
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FloorNetwork:
    """Scores (1, 4) of the floors in the search range from 4 x 8 features in z-score (SPEC 5.4)."""

    scores: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    temperature: float


@dataclass(frozen=True, slots=True)
class RankMethod:
    """Six ranks of signal strength, each a normal density of the distance (SPEC 5.5)."""

    edges_dbm: tuple[float, ...]
    mean_m: tuple[float, ...]
    sigma_m: tuple[float, ...]
    combine: Combine
    strongest: int | None
    threshold: float


@dataclass(frozen=True, slots=True)
class PathLoss:
    """Likelihood of the levels under a log-distance path loss (SPEC 5.11)."""

    reference_dbm: float
    exponent: float
    sigma_db: float
    offset_sigma_db: float
    silence_dbm: float
    silence_weight: float
    strongest: int | None
    weight_scale_db: float


@dataclass(frozen=True, slots=True)
class Windows:
    """How long a track collects readings for the floor, and for the position on it (SPEC 5.1)."""

    floor_ms: int
    position_ms: int


@dataclass(frozen=True, slots=True)
class Quality:
    """Linear regression of the error on four features, clipped (SPEC 5.6)."""

    intercept_m: float
    coefficients: tuple[float, ...]
    threshold: float
    least_m: float
    most_m: float


@dataclass(frozen=True, slots=True)
class RankRules:
    """Everything that is not an array."""

    grids: tuple[FloorGrid, ...]
    floor_network: FloorNetwork | None
    floor_attenuation_db: float
    cap_dbm: float
    offset_db: float
    position: RankMethod | PathLoss
    windows: Windows
    quality: Quality | None

    @classmethod
    def from_json(cls, record: Any, path: str = "ranks") -> RankRules:
        """Read a run's `ranks`. Raises BundleError naming the field under `path`."""
        return rank_rules(Fields(record, path))


@dataclass(frozen=True, slots=True)
class RanksOutput:
    """The rules, and the arrays with the access points' positions (N, 2) and floors (N,)."""

    rules: RankRules
    ap_xy_m: str
    ap_floor: str

    @property
    def needs_model(self) -> bool:
        """Whether the bundle must hold a model file."""
        return self.rules.floor_network is not None


def ranks_output(part: Fields) -> RanksOutput:
    """The `output` of a bundle. Raises BundleError naming the field."""
    access_points = part.inner("access_points")
    return RanksOutput(rank_rules(part), access_points.text("xy_m"), access_points.text("floor"))


def rank_rules(part: Fields) -> RankRules:
    """The rules alone. Raises BundleError naming the field."""
    return RankRules(
        grids=_grids(part),
        floor_network=_network(part.inner("floor_network")) if part.has("floor_network") else None,
        floor_attenuation_db=part.number("floor_attenuation_db", -1e-9, _MAX_DB),
        cap_dbm=part.number("cap_dbm", -_MAX_DB, _MAX_DB),
        offset_db=part.number("offset_db", -_MAX_DB, _MAX_DB),
        position=_position(part.inner("position")),
        windows=_windows(part.inner("windows")),
        quality=_quality(part.inner("quality")) if part.has("quality") else None,
    )


def _grids(part: Fields) -> tuple[FloorGrid, ...]:
    grids = []
    for item in part.inners("grids", MAX_GRIDS):
        grids.append(floor_grid(item))
    if not grids or len({grid.floor for grid in grids}) != len(grids):
        raise part.wrong("grids", "one grid or more, each of another floor")
    return tuple(grids)


def floor_grid(item: Fields) -> FloorGrid:
    """The grid of one floor. Raises BundleError naming the field."""
    x, y = _numbers(item, "origin_m", 2, -MAX_COORDINATE_M, MAX_COORDINATE_M)
    shape = item.record.get("shape")
    if not (
        isinstance(shape, list)
        and len(shape) == 2
        and all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in shape)
        and shape[0] * shape[1] <= MAX_FLOOR_CELLS
    ):
        raise item.wrong("shape", f"[rows, columns], ints > 0, at most {MAX_FLOOR_CELLS} cells")
    return FloorGrid(item.integer("floor", -1000, 10_000), (x, y), (shape[0], shape[1]))


def _network(part: Fields) -> FloorNetwork:
    return FloorNetwork(
        part.text("scores") if part.has("scores") else "logits",
        _numbers(part, "mean", SPAN * FEATURES, -_MAX_METRES, _MAX_METRES),
        _numbers(part, "std", SPAN * FEATURES, 1e-6, _MAX_METRES),
        part.number("temperature", 1e-6, 1e6),
    )


def _position(part: Fields) -> RankMethod | PathLoss:
    method = part.choice("method", "ranks", "path_loss")
    strongest = part.integer("strongest", 1) if part.has("strongest") else None
    if method == "path_loss":
        return PathLoss(
            reference_dbm=part.number("reference_dbm", -_MAX_DB, _MAX_DB),
            exponent=part.number("exponent", 0, 100),
            sigma_db=part.number("sigma_db", 1e-3, _MAX_DB),
            offset_sigma_db=part.number("offset_sigma_db", -1e-9, _MAX_DB),
            silence_dbm=part.number("silence_dbm", -_MAX_DB, _MAX_DB),
            silence_weight=part.number("silence_weight", -1e-9, 1),
            strongest=strongest,
            weight_scale_db=part.number("weight_scale_db", 1e-3, 1e9),
        )
    edges = _numbers(part, "edges_dbm", RANKS - 1, -_MAX_DB, _MAX_DB)
    if any(b <= a for a, b in pairwise(edges)):
        raise part.wrong("edges_dbm", "numbers that ascend strictly")
    return RankMethod(
        edges_dbm=edges,
        mean_m=_numbers(part, "mean_m", RANKS, -1e-9, _MAX_METRES),
        sigma_m=_numbers(part, "sigma_m", RANKS, 1e-6, _MAX_METRES),
        combine=cast(Combine, part.choice("combine", *COMBINES)),
        strongest=strongest,
        threshold=part.number("threshold", 0, 1),
    )


def _windows(part: Fields) -> Windows:
    windows = Windows(
        part.integer("floor_ms", 0, MAX_WINDOW_MS), part.integer("position_ms", 0, MAX_WINDOW_MS)
    )
    if windows.floor_ms < windows.position_ms:
        raise part.wrong("floor_ms", f"at least position_ms, {windows.position_ms}")
    return windows


def _quality(part: Fields) -> Quality:
    least_m = part.number("least_m", 0, _MAX_METRES)
    return Quality(
        intercept_m=part.number("intercept_m", -_MAX_METRES, _MAX_METRES),
        coefficients=_numbers(
            part, "coefficients", len(QUALITY_FEATURES), -_MAX_METRES, _MAX_METRES
        ),
        threshold=part.number("threshold", 0, 1),
        least_m=least_m,
        most_m=part.number("most_m", least_m, _MAX_METRES),
    )


def _numbers(part: Fields, name: str, count: int, above: float, most: float) -> tuple[float, ...]:
    values = part.numbers(name, above, count)
    if len(values) != count or max(values) > most:
        raise part.wrong(name, f"a list of {count} numbers > {above:g} and <= {most:g}")
    return tuple(values)
