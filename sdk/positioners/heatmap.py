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
    correction_images,
    locunet_images,
    slots,
)
from ..heatmap_rules import HeatmapOutput, HeatmapRules, transmitter_pixels
from ..places import Places
from ..posterior import Posterior
from ..quasi_heatmap import LEAST_MASS, belief
from ..roughness import roughness, split_maps, split_tables
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
        ValueError: places and grid, or rules and scores do not fit.
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
        (self._cells,) = cells_of((rules.grid,), places)
        whole = len(self._cells) == rules.grid.shape[0] * rules.grid.shape[1]
        if rules.network is not None and rules.network.kind == "locunet" and not whole:
            raise ValueError("the places of a locunet network must be all pixels of the map")
        self._maps, self._outdoors, self._scores = maps, outdoors, scores
        likelihood = rules.likelihood
        self._codes = likelihood.codes(maps, roughness(maps, outdoors))
        flat = split_maps(self._codes.reshape(len(maps), -1), likelihood.classes)
        # Only what a fix reads: all pixels where a network looks at them.
        read = flat if rules.network is not None else flat[..., self._cells]
        self._flat = np.ascontiguousarray(read)
        self._allowed = np.zeros(rules.grid.shape, dtype=np.bool_)
        self._allowed.reshape(-1)[self._cells] = True
        self._pixels = transmitter_pixels(rules, places.pitch_m, transmitter_xy_m)

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
        network = self.rules.network
        chosen = slots(loss, known)
        if network is not None and network.kind == "locunet":
            images = locunet_images(
                self._maps[chosen], loss[chosen], self._pixels[chosen], self._outdoors,
                self.rules.gray,
            )  # fmt: skip
            return Prepared(_NOTHING, images)
        rows = slice(None) if known.all() else np.flatnonzero(known)
        tables = self.rules.likelihood.tables(loss[rows])
        flat = self._flat[rows].reshape(-1, self._flat.shape[-1])
        classes = self.rules.likelihood.classes
        sums = self._native.level_sums(flat, split_tables(tables, classes))
        if network is None:
            return Prepared(sums, None)
        in_tables = np.cumsum(known)[chosen] - 1
        images = correction_images(
            self._codes[chosen], tables[in_tables], sums.reshape(self._allowed.shape),
            self._allowed,
        )  # fmt: skip
        return Prepared(sums[self._cells], images)

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
        weights, mass = belief(found.reshape(self._allowed.shape))
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
