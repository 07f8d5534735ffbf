"""LocUNet and its relatives (SPEC 3): a position from the radio maps of a few transmitters.

Nothing was measured at the place: the maps were computed. Without a network the posterior is prior
times likelihood, by the native core; a network corrects it, or, as in the paper, replaces it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..fingerprint import Fingerprint
from ..heatmap_images import (
    CORRECTION_CHANNELS,
    LOCUNET_CHANNELS,
    CorrectionImages,
    LocunetImages,
    slots,
)
from ..heatmap_rules import HeatmapOutput, HeatmapRules, transmitter_pixels
from ..places import Places
from ..posterior import Posterior
from ..quasi_heatmap import LEAST_MASS, belief
from ..roughness import roughness
from .floor_grids import cells_of

if TYPE_CHECKING:
    from ..bundle import Bundle

Scores: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
_NOTHING = np.empty(0, dtype=np.float32)
CHANNELS = {"locunet": LOCUNET_CHANNELS, "correction": CORRECTION_CHANNELS}


class Prepared(NamedTuple):
    """Log-likelihood of all transmitters at the places (G,), empty where a network speaks alone,
    and the network's input, then its answer."""

    log: NDArray[np.float32]
    images: NDArray[np.float32] | None


class Heatmap:
    """Posterior over the pixels where a user may stand; immutable, safe to share between threads.

    Args:
        rules: as in the bundle's manifest or the run.
        places: pixels of the map, row by row; a `locunet` network needs all of them.
        maps (uint8 (N, H, W)), outdoors (bool (H, W)), transmitter_xy_m (float64 (N, 2)).
        scores: the network, (1, C, H, W) to (H W,); needed where the rules have one.

    Raises:
        ValueError: places and grid, or rules and scores do not fit, or the likelihood is out of the
            bounds of ``native.level_likelihoods``.
    """

    impact = None

    def __init__(
        self,
        rules: HeatmapRules,
        places: Places,
        maps: NDArray[np.uint8],
        outdoors: NDArray[np.bool_],
        transmitter_xy_m: NDArray[np.float64],
        scores: Scores | None = None,
        runtime_name: str = "native",
    ) -> None:
        if rules.network is not None and scores is None:
            raise ValueError("these rules have a network: its scores are needed")
        from .. import native

        self._native = native
        self.rules, self.places, self.runtime_name = rules, places, runtime_name
        self._scores = scores
        (self._cells,) = cells_of((rules.grid,), places)
        pixels = transmitter_pixels(rules, places.pitch_m, transmitter_xy_m)
        kind = None if rules.network is None else rules.network.kind
        self._locunet: LocunetImages | None = None
        self._correction: CorrectionImages | None = None
        if kind == "locunet":
            if len(self._cells) != outdoors.size:
                raise ValueError("the places of a locunet network must be all pixels of the map")
            self._locunet = LocunetImages(maps, pixels, outdoors, rules.gray)
            return
        # What the kernel refuses in a likelihood is refused now, not at the first fix.
        rules.likelihood.tables(np.zeros(1, np.float32))
        codes = rules.likelihood.codes(maps, roughness(maps, outdoors))
        # Only what a fix reads; take() keeps the order of memory.
        self._codes = codes.reshape(len(maps), -1).take(self._cells, axis=1)
        if kind == "correction":
            self._correction = CorrectionImages(maps, codes, self._cells)

    @classmethod
    def of(cls, bundle: Bundle, output: HeatmapOutput, runtime: str, num_threads: int) -> Heatmap:
        """The positioner of a bundle. Raises BundleError, RuntimeUnavailableError."""
        rules, arrays = output.rules, bundle.arrays
        make = partial(
            cls, rules, bundle.places, arrays[output.maps], arrays[output.outdoors] != 0,
            arrays[output.transmitter_xy_m],
        )  # fmt: skip
        try:
            if rules.network is None:
                return make()
            from ..runtimes import ModelShape, open_runtime

            height, width = rules.grid.shape
            image = (1, CHANNELS[rules.network.kind], height, width)
            shape = ModelShape(image, height * width, None, rules.network.scores, None)
            loaded = open_runtime(runtime, bundle.models, shape, num_threads)
            return make(loaded.scores, loaded.name)
        except ValueError as error:
            raise BundleError(str(error)) from None

    def prepare(self, fingerprint: Fingerprint) -> Prepared:
        """Likelihood of the levels, and the images where there is a network.

        A transmitter that is not received speaks against the places it would reach; a masked one
        says nothing.
        """
        loss = self.rules.path_loss_db(fingerprint.rssi_dbm)
        known = ~fingerprint.unknown
        if self._locunet is not None:
            return Prepared(_NOTHING, self._locunet(slots(loss, known), loss))
        whole = bool(known.all())
        rows = slice(None) if whole else np.flatnonzero(known)
        tables = self.rules.likelihood.tables(loss[rows])
        log = self._native.level_sums(self._codes[rows], tables)
        if self._correction is None:
            return Prepared(log, None)
        chosen = slots(loss, known)
        in_tables = chosen if whole else known.cumsum()[chosen] - 1
        return Prepared(log, self._correction(chosen, tables[in_tables], log))

    def invoke(self, prepared: Prepared) -> Prepared:
        """The same with the network's answer (H W,) in place of its input."""
        if prepared.images is None or self._scores is None:
            return prepared
        return Prepared(prepared.log, self._scores(prepared.images))

    def decode(self, answer: Prepared) -> Posterior:
        """softmax(log-likelihood + correction), or the belief of a quasi-heatmap."""
        network = self.rules.network
        if network is None or answer.images is None:
            return self._softmax(answer.log)
        found = answer.images.reshape(-1)
        if network.kind == "correction":
            return self._softmax(answer.log + found[self._cells])
        if not np.isfinite(found).all():
            raise BundleError("the model gave a heatmap that is not finite")
        weights, mass = belief(found.reshape(self.rules.grid.shape))
        posterior = Posterior(self.places, weights.reshape(-1))
        if mass < LEAST_MASS:
            posterior.doubt = (
                f"the heatmap's positive and negative parts cancel (|sum| / sum || = {mass:.1e})"
            )
        return posterior

    def _softmax(self, log: NDArray[np.float32]) -> Posterior:
        try:
            return Posterior.from_scores(self.places, log, self.rules.temperature)
        except ValueError as error:
            raise BundleError(str(error)) from None
