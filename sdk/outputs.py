"""The manifest's `output` section: what a positioner is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from .fields import Fields
from .heatmap_rules import HeatmapOutput
from .rank_rules import RanksOutput
from .readings import KINDS
from .value_form import MAX_EXPONENT, VALUE_KINDS

# Each shift is one more search of the stored scans; phones differ by some 10 dB.
MOST_SHIFTS = 16
MOST_SHIFT_DB = 30.0

Metric: TypeAlias = Literal["l1", "l2", "sorensen"]
METRICS: tuple[Metric, ...] = ("l1", "l2", "sorensen")


@dataclass(frozen=True, slots=True)
class Head:
    """Where the weights for the Impact Scores stand: `gap` (C, K) or `per_ap` (C, K, N)."""

    kind: str
    weight: str
    bias: str


@dataclass(frozen=True, slots=True)
class StoredReadings:
    """The members that `readings.Readings` stand in; `kind` is a key of `readings.KINDS`."""

    start: str
    ap: str
    dbm: str
    kind: str


@dataclass(frozen=True, slots=True)
class NeighboursOutput:
    """Weighted nearest neighbours over stored fingerprints, compared in value form.

    A scan is compared with its levels moved by each of `shifts_db`; the nearest decides.
    """

    database: StoredReadings
    place_of_row: str
    metric: Metric
    k: int
    weight_power: float
    value_kind: str
    not_heard_dbm: float
    exponent: float
    shifts_db: tuple[float, ...] = (0.0,)

    @property
    def needs_model(self) -> bool:
        """Whether the bundle must hold a model file."""
        return False


@dataclass(frozen=True, slots=True)
class Fusion:
    """Neighbours whose votes v over the same places multiply a network's posterior by
    (v + least) ** power."""

    neighbours: NeighboursOutput
    power: float
    least: float


@dataclass(frozen=True, slots=True)
class CellsOutput:
    """A network's scores over places, with neighbours beside it where the bundle carries them.

    `agreement` names the output (1, 1, 1) that tells how alike the model's networks see it.
    """

    scores: str
    features: str | None
    temperature: float
    head: Head | None
    fusion: Fusion | None = None
    agreement: str | None = None

    @property
    def needs_model(self) -> bool:
        """Whether the bundle must hold a model file."""
        return True


Output: TypeAlias = CellsOutput | NeighboursOutput | RanksOutput | HeatmapOutput


def cells_output(part: Fields) -> CellsOutput:
    """The `output` of a network over places. Raises BundleError naming the field."""
    head = None
    if part.has("head"):
        inner = part.inner("head")
        kind = inner.choice("kind", "gap", "per_ap")
        head = Head(kind, inner.text("weight"), inner.text("bias"))
    features = part.text("features") if part.has("features") else None
    if head is not None and features is None:
        raise part.wrong("features", "the name of an output, because output.head needs it")
    fusion = None
    if part.has("fusion"):
        inner = part.inner("fusion")
        power, least = inner.number("power", -1e-9, 100), inner.number("least", 1e-12, 1)
        fusion = Fusion(neighbours_output(inner), power, least)
    temperature = part.number("temperature", 1e-6, 1e6)
    agreement = part.text("agreement") if part.has("agreement") else None
    if agreement is not None and features is not None:
        raise part.wrong(
            "agreement", "no name where output.features is one: a model has two outputs"
        )
    return CellsOutput(part.text("scores"), features, temperature, head, fusion, agreement)


def neighbours_output(part: Fields) -> NeighboursOutput:
    """The `output` of nearest neighbours. Raises BundleError naming the field."""
    form = part.inner("value_form")
    kind = form.choice("kind", *VALUE_KINDS)
    shifts = part.numbers("shifts_db", longest=MOST_SHIFTS) if part.has("shifts_db") else [0.0]
    if not shifts or max(map(abs, shifts)) > MOST_SHIFT_DB:
        raise part.wrong("shifts_db", f"at least one number, none beyond {MOST_SHIFT_DB:g} dB")
    return NeighboursOutput(
        database=_stored(part.inner("database")),
        place_of_row=part.text("place_of_row"),
        metric=cast(Metric, part.choice("metric", *METRICS)),
        k=part.integer("k", 1),
        weight_power=part.number("weight_power", -1e-9, 1000),
        value_kind=kind,
        not_heard_dbm=form.number("not_heard_dbm", -1000, -1e-3),
        exponent=form.number("exponent", 0, MAX_EXPONENT) if kind == "powed" else 1.0,
        shifts_db=tuple(shifts),
    )


def _stored(part: Fields) -> StoredReadings:
    names = part.text("start"), part.text("ap"), part.text("dbm")
    return StoredReadings(*names, part.choice("kind", *KINDS))
