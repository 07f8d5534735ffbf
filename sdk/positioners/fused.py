"""A network's scores and weighted nearest neighbours, multiplied: each errs where the other holds.

The network judges levels it has learned, the neighbours keep to what was really heard. Both speak
over the same places, first of the floor and then of the place on it: `product`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..fingerprint import Fingerprint
from ..outputs import Fusion
from ..posterior import Posterior
from . import Impact
from .cells import Cells
from .neighbours import Neighbours

# Far under any mass; its inverse times a weight still is a number.
_TINY = 1e-200


def floor_members(places_floor: NDArray[np.int32]) -> NDArray[np.float64]:
    """(G, F): 1 where place g lies on the f-th of the floors, ascending; else 0."""
    members: NDArray[np.float64] = (places_floor[:, None] == np.unique(places_floor)).astype(float)
    return members


def product(
    network: NDArray[np.float64],
    votes: NDArray[np.float64],
    members: NDArray[np.float64],
    power: float,
    least: float,
) -> NDArray[np.float64]:
    """The network's posteriors (..., G) times the neighbours' votes (..., G), floor by floor.

    p(place) = p(floor) · p(place | floor), each ∝ network · (votes + least) ^ power, of the masses
    on the floors and of the shares within a floor. A product over all places at once would rank
    floors by where the two happen to peak at the same spot: with few votes, by luck. On one floor
    both are the same. Places of `members` as `floor_members` gives them. Not normalised.
    """
    on_floor, votes_on = network @ members, votes @ members
    # On a floor without votes every share is 0, and the network decides alone.
    share = votes / (np.maximum(votes_on, _TINY) @ members.T)
    within = network * (share + least) ** power
    floor = on_floor * (votes_on + least) ** power
    scale = floor / np.maximum(within @ members, _TINY)
    weights: NDArray[np.float64] = within * (scale @ members.T)
    return weights


class Fused:
    """A positioner made of two over the same places; safe to share as they are."""

    def __init__(self, network: Cells, neighbours: Neighbours, fusion: Fusion) -> None:
        self.places = network.places
        self.runtime_name = network.runtime_name
        self._network, self._neighbours, self._fusion = network, neighbours, fusion
        self._members = floor_members(network.places.floor)

    def prepare(self, fingerprint: Fingerprint) -> Any:
        """The inputs of both."""
        return self._network.prepare(fingerprint), self._neighbours.prepare(fingerprint)

    def invoke(self, prepared: Any) -> tuple[Any, Any]:
        """The network's answer, and the nearest rows with their distances."""
        image, query = prepared
        return self._network.invoke(image), self._neighbours.invoke(query)

    def decode(self, answer: tuple[Any, Any]) -> Posterior:
        """The product of both posteriors."""
        scores, nearest = answer
        posterior = self._network.decode(scores)
        votes = self._neighbours.decode(nearest).probability
        power, least = self._fusion.power, self._fusion.least
        both = product(posterior.probability, votes, self._members, power, least)
        try:
            fused = Posterior(self.places, both)
        except ValueError as error:
            raise BundleError(f"network times neighbours: {error}") from None
        fused.agreement = posterior.agreement
        return fused

    @property
    def impact(self) -> Impact | None:
        """Impact Scores of the network's part: they split its logit, not the product's."""
        return self._network.impact
