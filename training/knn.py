"""Weighted k nearest neighbours and the search for the rule that suits a survey.

A scan's nearest training scans vote for their places with weight 1 / d^power. Metric, value form, k
and power come from a compact grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdk import native
from sdk.positioners.neighbours import neighbour_weights
from sdk.value_form import value_form
from training.decode import Decoded, decode
from training.progress import steps
from training.survey import Survey

Form: TypeAlias = dict[str, object]
Near: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float64]]
LINEAR = tuple({"kind": "linear", "not_heard_dbm": fill} for fill in (-105.0, -95.0))
# e is the exponent of Torres-Sospedra et al. 2015; 2 did better on every month of uji_library.
POWED = tuple(
    {"kind": "powed", "not_heard_dbm": least, "exponent": exponent}
    for least in (-105.0, -100.0)
    for exponent in (1.0, 2.0, float(np.e))
)
KS = (1, 5, 11, 25, 75)
POWERS = (1.0, 2.0, 4.0, 8.0, 12.0)
PLAIN = ("l1", 25, 8.0, LINEAR[1])
# What a wrong floor costs in the tuning, as in the EvAAL and IPIN competitions (plus walking).
FLOOR_PENALTY_M = 15.0
# Beyond this a fix is wrong, and by how much hardly matters: on sites of several buildings a few
# scans in the wrong one would decide everything.
MOST_ERROR_M = 2 * FLOOR_PENALTY_M
_CHUNK = 256


@dataclass(frozen=True)
class Rule:
    """How distances are measured and turned into weights.

    Phones differ in gain: a scan is compared with its levels moved by each of ``shifts_db``, and
    the shift whose neighbours have the least mean distance decides.
    """

    metric: str
    k: int
    weight_power: float
    value_form: dict[str, object]
    shifts_db: Sequence[float] = (0.0,)

    def __post_init__(self) -> None:
        # JSON knows lists alone, and equal rules are to compare equal.
        object.__setattr__(self, "shifts_db", tuple(self.shifts_db))


@dataclass(frozen=True)
class Database:
    """Training scans: ``rssi_dbm`` (M, N) with NaN = not heard, and the place each belongs to."""

    rssi_dbm: NDArray[np.float32]
    places_xy_m: NDArray[np.float64]
    places_floor: NDArray[np.int32]
    place_of_row: NDArray[np.int32]

    @classmethod
    def of(cls, rssi_dbm: NDArray[np.float32], survey: Survey) -> Database:
        """One place per distinct position (to 1 mm) and floor of the survey's rows."""
        key = np.column_stack([survey.floor, np.round(survey.xy_m * 1000.0).astype(np.int64)])
        _, first, member = np.unique(key, axis=0, return_index=True, return_inverse=True)
        return cls(
            rssi_dbm, survey.xy_m[first], survey.floor[first].astype(np.int32),
            member.reshape(-1).astype(np.int32),
        )  # fmt: skip


def in_form(rssi_dbm: NDArray[np.float32], form: dict[str, object]) -> NDArray[np.float32]:
    """dBm with NaN = not heard to the values the device compares (C order, nothing missing)."""
    floor, exponent = float(form["not_heard_dbm"]), float(form.get("exponent", 1.0))  # type: ignore[arg-type]
    values = value_form(rssi_dbm, str(form["kind"]), floor, exponent)
    return np.ascontiguousarray(values, dtype=np.float32)


def votes(
    database: Database, index: NDArray[np.int64], distance: NDArray[np.float64], power: float
) -> NDArray[np.float64]:
    """(B, G) posteriors from the nearest rows (B, k) and their distances, as the device votes."""
    held = np.zeros((len(index), len(database.places_floor)))
    compared = np.isfinite(distance[:, 0])
    held[~compared] = 1.0
    weight = neighbour_weights(distance[compared], power)
    row = np.flatnonzero(compared)[:, None]
    np.add.at(held, (row, database.place_of_row[index[compared]]), weight)
    return held / held.sum(axis=1, keepdims=True)


def locate(
    database: Database, index: NDArray[np.int64], distance: NDArray[np.float64], power: float
) -> Decoded:
    """Positions from the nearest rows (B, k) and their distances, a part of the scans at a time."""
    parts = []
    for start in range(0, len(index), _CHUNK):
        rows = slice(start, start + _CHUNK)
        held = votes(database, index[rows], distance[rows], power)
        parts.append(decode(held, database.places_xy_m, database.places_floor))
    return Decoded(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def nearest(
    database: Database, rule: Rule, query_dbm: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows (B, k) and distances (B, k) of the nearest training scans under a rule."""
    form, k = rule.value_form, min(rule.k, len(database.rssi_dbm))
    return nearest_shift(
        [
            search(database.rssi_dbm, query_dbm, form, k, rule.metric, by_db)
            for by_db in rule.shifts_db
        ]
    )


def search(
    rssi_dbm: NDArray[np.float32],
    query_dbm: NDArray[np.float32],
    form: Form,
    k: int,
    metric: str,
    by_db: float = 0.0,
) -> Near:
    """The k nearest of scans (M, N) to scans (B, N) of a phone with so many dB of gain less: rows
    and distances (B, k), as the device finds them."""
    # Of an access point that no row heard the rows know nothing: it is not compared.
    told = np.isfinite(rssi_dbm).any(axis=0)
    base, asked = rssi_dbm[:, told], query_dbm[:, told] + np.float32(by_db)
    return native.weighted_knn(in_form(base, form), in_form(asked, form), k, metric=metric)


def nearest_shift(found: Sequence[Near]) -> Near:
    """Of rows and distances (B, k) per shift those of each scan's nearest, the first of equals."""
    index, distance = (np.stack(part) for part in zip(*found, strict=True))
    best = distance.mean(axis=2).argmin(axis=0), np.arange(index.shape[1])
    return index[best], distance[best]


def probability(
    database: Database, rule: Rule, query_dbm: NDArray[np.float32]
) -> NDArray[np.float64]:
    """(B, G) posteriors of scans (B, N)."""
    return votes(database, *nearest(database, rule, query_dbm), rule.weight_power)


def apply(database: Database, rule: Rule, query_dbm: NDArray[np.float32]) -> Decoded:
    """Locate scans (B, N) with one rule."""
    return locate(database, *nearest(database, rule, query_dbm), rule.weight_power)


def tune(
    database: Database,
    query_dbm: NDArray[np.float32],
    truth: Survey,
    weight: NDArray[np.float64],
    progress: bool = False,
) -> tuple[Rule, float]:
    """The rule with the least weighted mean error (metres, as ``penalised``) on held-out
    scans (B, N) with the positions of ``truth``; and that error."""
    most = min(max(KS), len(database.rssi_dbm))

    def near(metric: str, form: Form, by_db: float) -> Near:
        return search(database.rssi_dbm, query_dbm, form, most, metric, by_db)

    def score(error_m: NDArray[np.float64]) -> float:
        return float(np.average(error_m, weights=weight))

    return best_rule(database, near, truth.xy_m, truth.floor, score, progress)


def best_rule(
    database: Database,
    near: Callable[[str, Form, float], Near],
    xy_m: NDArray[np.float64],
    floor: NDArray[np.int32],
    score: Callable[[NDArray[np.float64]], float],
    progress: bool,
    shifts_db: Sequence[float] = (),
) -> tuple[Rule, float]:
    """The rule of least score, of the errors (B,) as ``penalised``; and that score. ``near`` gives
    rows of the database and distances, (B, most) each, to scans whose levels are moved by so many
    dB and whose places ``xy_m`` (B, 2) and ``floor`` (B,) are. Rules without ``shifts_db`` and,
    where given, with them."""
    best: tuple[float, Rule] | None = None
    pairs = list(_distances())
    ways = [(0.0,), tuple(shifts_db)] if shifts_db else [(0.0,)]
    with steps("tune neighbours", len(pairs), progress) as advance:
        for metric, form in pairs:
            by_shift = {by: near(metric, form, by) for by in {0.0, *shifts_db}}
            ks = sorted({min(k, by_shift[0.0][0].shape[1]) for k in KS})
            for shifts, k in product(ways, ks):
                index, distance = nearest_shift(
                    [(rows[:, :k], away[:, :k]) for rows, away in (by_shift[by] for by in shifts)]
                )
                for power in POWERS:
                    found = locate(database, index, distance, power)
                    value = score(penalised(found, xy_m, floor))
                    if best is None or value < best[0]:
                        best = value, Rule(metric, k, power, form, shifts)
            advance(f"best {best[0]:.2f} m" if best else "")
    assert best is not None
    return best[1], best[0]


def penalised(
    found: Decoded, xy_m: NDArray[np.float64], floor: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Errors (B,) in metres, a wrong floor counted as FLOOR_PENALTY_M more, none as more than
    MOST_ERROR_M."""
    error = np.linalg.norm(found.xy_m - xy_m, axis=1) + FLOOR_PENALTY_M * (found.floor != floor)
    return np.minimum(error, MOST_ERROR_M)


def _distances() -> Iterator[tuple[str, Form]]:
    # Sorensen divides by the sum of the values, so it wants them positive.
    yield from product(("l1", "l2"), LINEAR)
    yield from product(("sorensen",), POWED)
    yield from product(("l1", "l2"), (POWED[2],))
