"""A network's posterior times the votes of tuned neighbours, over the network's places.

The product is the device's own, ``sdk.positioners.fused.product``. Temperature and power are the
pair with the least weighted mean error on held-out scans, which neither part was fitted on.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.positioners.fused import floor_members, product
from training.cells import Cells
from training.decode import decode, softmax
from training.knn import FLOOR_PENALTY_M, Database, Rule, probability
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


def fit_fusion(
    rule: Rule,
    database: Database,
    logits: NDArray[np.floating],
    temperature: float,
    rssi_dbm: NDArray[np.float32],
    truth: Survey,
    weight: NDArray[np.float64],
    estimate: str,
) -> tuple[Fusion, float]:
    """The best pair for held-out scans: logits (V, G), levels (V, N), positions of ``truth``.

    ``temperature`` is the network's own. Returns the fusion and the temperature that goes with it.
    """
    votes, members = probability(database, rule, rssi_dbm), floor_members(database.places_floor)
    best: tuple[float, Fusion, float] | None = None
    for cooling, power in itertools.product(COOLINGS, POWERS):
        network = softmax(logits, temperature * cooling)
        found = decode(
            _normalised(product(network, votes, members, power, LEAST)), database.places_xy_m,
            database.places_floor, estimate,
        )  # fmt: skip
        error = np.linalg.norm(found.xy_m - truth.xy_m, axis=1)
        error = error + FLOOR_PENALTY_M * (found.floor != truth.floor)
        score = float(np.average(error, weights=weight))
        if best is None or score < best[0]:
            best = score, Fusion(rule, power), temperature * cooling
    assert best is not None
    return best[1], best[2]


def _normalised(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return weight / weight.sum(axis=1, keepdims=True)
