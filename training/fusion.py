"""A network's posterior times the votes of tuned neighbours, over the network's places.

The product is the device's own, ``sdk.positioners.fused.product``. Temperature and power are the
pair with the least weighted mean error (as ``knn.penalised``) on held-out scans, which neither part
was fitted on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdk.positioners.fused import floor_members, product
from training.cells import Cells
from training.decode import decode, softmax
from training.knn import Database, Rule, penalised, probability
from training.run import Run
from training.survey import Survey

# Where no neighbour stands the network alone decides, at the price of LEAST ^ power.
LEAST = 1e-3
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Of the temperature that the network needs alone; the product of two experts is sharper than each.
COOLINGS = (0.75, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Fusion:
    """The neighbours' rule and what their votes count."""

    rule: Rule
    power: float
    least: float = LEAST

    def combine(
        self, network: NDArray[np.float64], database: Database, rssi_dbm: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """(B, G) from the network's posteriors (B, G) and the scans (B, N) behind them."""
        votes = probability(database, self.rule, rssi_dbm)
        members = floor_members(database.places_floor)
        return _normalised(product(network, votes, members, self.power, self.least))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, as they stand in ``run.json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Fusion:
        return cls(Rule(**record["rule"]), record["power"], record["least"])


def database_of(rssi_dbm: NDArray[np.float32], survey: Survey, cells: Cells) -> Database:
    """The survey's scans (M, N), each at the nearest place of its floor."""
    spot, spot_of = survey.spots()
    nearest = cells.squared_distance(survey.xy_m[spot], survey.floor[spot]).argmin(axis=1)
    return Database(rssi_dbm, cells.xy_m, cells.floor, nearest[spot_of].astype(np.int32))


def database_of_run(run: Run) -> Database:
    """The training scans that a run carries."""
    arrays = run.arrays
    return Database(
        arrays["database"], arrays["places_xy_m"], arrays["places_floor"], arrays["place_of_row"]
    )


class Asked(NamedTuple):
    """Held-out scans of one fit: its ``logits`` (V, G) over ``cells``, levels (V, N) dBm with NaN =
    not heard, where they were taken, weights (V,); ``learned``: the scans that may answer."""

    logits: NDArray[np.floating]
    rssi_dbm: NDArray[np.float32]
    cells: Cells
    truth: Survey
    weight: NDArray[np.float64]
    learned: Database


def fit_fusion(
    rule: Rule, asked: Sequence[Asked], temperature: float, estimate: str
) -> tuple[Fusion, float]:
    """The best pair for the held-out scans of one fit or several, all together.

    ``temperature`` is the networks' own. Returns the fusion and the temperature that goes with it.
    """
    votes = [probability(one.learned, rule, one.rssi_dbm) for one in asked]
    members = [floor_members(one.cells.floor) for one in asked]
    weight = np.concatenate([one.weight for one in asked])
    best: tuple[float, Fusion, float] | None = None
    for cooling, power in itertools.product(COOLINGS, POWERS):
        errors = []
        for one, vote, member in zip(asked, votes, members, strict=True):
            network = softmax(one.logits, temperature * cooling)
            both = _normalised(product(network, vote, member, power, LEAST))
            found = decode(both, one.cells.xy_m, one.cells.floor, estimate)
            errors.append(penalised(found, one.truth.xy_m, one.truth.floor))
        score = float(np.average(np.concatenate(errors), weights=weight))
        if best is None or score < best[0]:
            best = score, Fusion(rule, power), temperature * cooling
    assert best is not None
    return best[1], best[2]


def _normalised(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return weight / weight.sum(axis=1, keepdims=True)
