"""A network that scores cells (eXLoc and its kin), run by an inference runtime."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..bundle import Bundle
from ..errors import BundleError
from ..fingerprint import Fingerprint
from ..outputs import CellsOutput
from ..posterior import Posterior
from ..runtimes import ModelShape, open_runtime
from . import Impact

Answer: TypeAlias = tuple[NDArray[np.float32], float | None]


class Cells:
    """Scores over places, softened by a temperature fitted at export.

    Raises:
        BundleError: the model does not have the inputs and outputs that the manifest names.
        RuntimeUnavailableError: no installed runtime can run it.
    """

    def __init__(self, bundle: Bundle, output: CellsOutput, runtime: str, num_threads: int) -> None:
        recipe, n_aps = bundle.manifest.recipe, len(bundle.manifest.table)
        assert recipe is not None  # parse_manifest gives every network its recipe.
        self.places = bundle.places
        self.recipe = recipe
        self.temperature = output.temperature
        self._weight: NDArray[np.float32] | None = None
        features, second = None, output.features
        self._agrees = output.agreement is not None
        if self._agrees:
            features, second = (1, 1), output.agreement
        elif output.features is not None:
            features = (0, n_aps)
        if output.head is not None:
            self._weight = bundle.arrays[output.head.weight]
            features = (self._weight.shape[1], n_aps)
        self._runtime = open_runtime(
            runtime,
            bundle.models,
            ModelShape(recipe.shape(n_aps), len(self.places), features, output.scores, second),
            num_threads,
        )
        self.runtime_name = self._runtime.name

    def prepare(self, fingerprint: Fingerprint) -> NDArray[np.float32]:
        """The network's input, float32 (1, 1, N) or (1, 1, N, N)."""
        return self.recipe.images(fingerprint.rssi_dbm[None, :], fingerprint.unknown)

    def invoke(self, prepared: NDArray[np.float32]) -> Answer:
        """Scores (G,), and the agreement of the model's networks where it tells it."""
        if not self._agrees:
            return self._runtime.scores(prepared), None
        scores, agreement = self._runtime.scores_and_features(prepared)
        return scores, agreement.item()

    def decode(self, answer: Answer) -> Posterior:
        """softmax(scores / temperature)."""
        scores, agreement = answer
        try:
            posterior = Posterior.from_scores(self.places, scores, self.temperature)
        except ValueError as error:
            raise BundleError(str(error)) from None
        if agreement is not None:
            if not math.isfinite(agreement):
                raise BundleError("the model gave an agreement that is not finite")
            # Rounding may push it past its bounds.
            posterior.agreement = min(1.0, max(0.0, agreement))
        return posterior

    @property
    def impact(self) -> Impact | None:
        """Impact Scores, where the bundle carries the head's weights."""
        return None if self._weight is None else self._impact

    def _impact(self, fingerprint: Fingerprint, target: int) -> NDArray[np.float64]:
        """The Impact Score of every AP (N,) for cell `target` (SPEC 1.4 and 1.7).

        With the features F (K, N) = diagonal mean of the last feature maps:
        sum_k w[c, k] F[k, i] (head `gap`), or sum_k w[c, k, i] F[k, i] (head `per_ap`).
        """
        assert self._weight is not None
        _, features = self._runtime.scores_and_features(self.prepare(fingerprint))
        weight = self._weight[target].astype(np.float64)
        wanted = (len(weight), len(fingerprint.rssi_dbm))
        if features.shape != wanted:
            raise BundleError(f"the model gave features {features.shape}, expected {wanted}")
        if weight.ndim == 1:
            weight = weight[:, None]
        with np.errstate(all="ignore"):
            impact: NDArray[np.float64] = (weight * features).sum(axis=0)
        if not np.isfinite(impact).all():
            raise BundleError("the model gave features that are not finite")
        return impact
