"""A network's scores and weighted nearest neighbours, multiplied: each errs where the other holds.

p ∝ softmax(scores / temperature) · (votes + least) ^ power, over the same places. The network
judges levels it has learned, the neighbours keep to what was really heard.
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


class Fused:
    """A positioner made of two over the same places; safe to share as they are."""

    def __init__(self, network: Cells, neighbours: Neighbours, fusion: Fusion) -> None:
        self.places = network.places
        self.runtime_name = network.runtime_name
        self._network, self._neighbours, self._fusion = network, neighbours, fusion

    def prepare(self, fingerprint: Fingerprint) -> Any:
        """The inputs of both."""
        return self._network.prepare(fingerprint), self._neighbours.prepare(fingerprint)

    def invoke(self, prepared: Any) -> tuple[Any, Any]:
        """Scores (G,), and the nearest rows with their distances."""
        image, query = prepared
        return self._network.invoke(image), self._neighbours.invoke(query)

    def decode(self, answer: tuple[Any, Any]) -> Posterior:
        """The product of both posteriors."""
        scores, nearest = answer
        posterior = self._network.decode(scores)
        votes = self._neighbours.decode(nearest).probability
        factor: NDArray[np.float64] = (votes + self._fusion.least) ** self._fusion.power
        try:
            return Posterior(self.places, posterior.probability * factor)
        except ValueError as error:
            raise BundleError(f"network times neighbours: {error}") from None

    @property
    def impact(self) -> Impact | None:
        """Impact Scores of the network's part: they split its logit, not the product's."""
        return self._network.impact
