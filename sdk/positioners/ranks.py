"""Hapi (SPEC 5): the floor from a small network, the place on it from the access points' places.

Nothing was measured in the building: its access points' positions are enough. `Ranks` is built
from a bundle on the device, and from a run's rules and arrays in training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..fingerprint import Fingerprint
from ..places import Places
from ..posterior import Posterior
from ..rank_rules import FEATURES, SPAN, Quality, RankRules, RanksOutput
from .floor_maps import floor_maps

if TYPE_CHECKING:
    from ..bundle import Bundle

Scores: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
# Floors less probable than this share of the best are not looked at, nor more than so many.
LEAST_SHARE = 0.05
MOST_FLOORS = 2


class Prepared(NamedTuple):
    """Levels (N,) with the device's offset added, the masked APs, and the floor network's input.

    `features` is float32 (1, 32) for the floors `start`..`start` + 3 (counted from the lowest);
    None without a network and where nothing was heard. `loudest` is the strongest AP.
    """

    rssi_dbm: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    features: NDArray[np.float32] | None
    start: int
    loudest: int | None


class Answer(NamedTuple):
    """Floor, its probability and the weights of its places, best floor first; empty where nothing
    was heard. `quality` are the four features of the error's regression, in the order of
    `rank_rules.QUALITY_FEATURES`; None where the rules have no quality."""

    floors: list[tuple[int, float, NDArray[np.float32]]]
    quality: tuple[float, ...] | None


class Ranks:
    """Posterior over the cells of all floors; immutable, safe to share between threads.

    Args:
        rules: as in the bundle's manifest or the run.
        places: the walkable cells, floor by floor, row by row.
        ap_xy_m (float64 (N, 2)), ap_floor (int32 (N,)): where the APs hang.
        scores: the floor network, (1, 32) to (4,); needed where the rules have one.

    Raises:
        ValueError: places and grids, or rules and scores do not fit.
    """

    impact = None

    def __init__(
        self,
        rules: RankRules,
        places: Places,
        ap_xy_m: NDArray[np.float64],
        ap_floor: NDArray[np.int32],
        scores: Scores | None = None,
        runtime_name: str = "native",
    ) -> None:
        if rules.floor_network is not None and scores is None:
            raise ValueError("these rules have a floor network: its scores are needed")
        from .. import native

        self._native = native
        self.rules, self.places, self.runtime_name = rules, places, runtime_name
        self._ap_xy_m, self._ap_floor = ap_xy_m, ap_floor
        self._floors = np.array(sorted(grid.floor for grid in rules.grids))
        self._floor_index = np.searchsorted(self._floors, ap_floor).astype(np.int32)
        self._maps = floor_maps(rules, places, ap_xy_m, ap_floor)
        self._scores = scores
        if rules.floor_network is not None:
            self._mean = np.array(rules.floor_network.mean, dtype=np.float32)
            self._std = np.array(rules.floor_network.std, dtype=np.float32)

    @classmethod
    def of(cls, bundle: Bundle, output: RanksOutput, runtime: str, num_threads: int) -> Ranks:
        """The positioner of a bundle. Raises BundleError, RuntimeUnavailableError."""
        arrays = bundle.arrays[output.ap_xy_m], bundle.arrays[output.ap_floor]
        network = output.rules.floor_network
        if network is None:
            return cls(output.rules, bundle.places, *arrays)
        from ..runtimes import ModelShape, open_runtime

        shape = ModelShape((1, SPAN * FEATURES), SPAN, None, network.scores, None)
        loaded = open_runtime(runtime, bundle.models, shape, num_threads)
        return cls(output.rules, bundle.places, *arrays, loaded.scores, loaded.name)

    def prepare(self, fingerprint: Fingerprint) -> Prepared:
        """The levels, and the features of the floors in the search range (SPEC 5.2, 5.3)."""
        offset_db = np.float32(self.rules.offset_db)
        rssi_dbm = fingerprint.rssi_dbm + offset_db
        unknown = fingerprint.unknown
        levels = rssi_dbm
        if fingerprint.floor_rssi_dbm is not None:
            levels = fingerprint.floor_rssi_dbm + offset_db
        heard = np.flatnonzero(~np.isnan(levels))
        if not len(heard):
            return Prepared(rssi_dbm, unknown, None, 0, None)
        loudest = int(heard[levels[heard].argmax()])
        if self._scores is None:
            return Prepared(rssi_dbm, unknown, None, 0, loudest)
        start, features = self.features(levels, unknown)
        return Prepared(rssi_dbm, unknown, features, start, loudest)

    def features(
        self, levels_dbm: NDArray[np.float32], unknown: NDArray[np.bool_]
    ) -> tuple[int, NDArray[np.float32]]:
        """First floor of the search range, counted from the lowest, and the network's input.

        A masked AP is as if it were not installed: neither heard nor silent.
        """
        ap_xy_m, ap_floor = self._ap_xy_m, self._floor_index
        if np.count_nonzero(unknown):
            known = ~unknown
            levels_dbm, ap_xy_m, ap_floor = levels_dbm[known], ap_xy_m[known], ap_floor[known]
        try:
            start, features = self._native.floor_features(
                levels_dbm, ap_xy_m, ap_floor, len(self._floors), span=SPAN
            )
        except ValueError as error:  # Such as places whose squares overflow.
            raise BundleError(f"floor features: {error}") from None
        scaled: NDArray[np.float32] = (features.reshape(1, -1) - self._mean) / self._std
        return int(start), scaled

    def invoke(self, prepared: Prepared) -> Answer:
        """The floors' probabilities, and the maps of the probable ones."""
        if prepared.loudest is None:
            return Answer([], None)
        if self._scores is None or prepared.features is None:
            chances = [(int(self._ap_floor[prepared.loudest]), 1.0)]
        else:
            chances = self.chances(prepared.start, self._scores(prepared.features))
        return self.answer(prepared.rssi_dbm, prepared.unknown, chances)

    def chances(self, start: int, scores: NDArray[np.float32]) -> list[tuple[int, float]]:
        """The floors worth looking at with their probabilities, best first.

        softmax(scores / temperature) over the floors of the search range that there are.

        Raises:
            BundleError: the scores are not finite.
        """
        network = self.rules.floor_network
        assert network is not None
        floors = self._floors[start : start + SPAN].tolist()
        raised = scores[: len(floors)].astype(np.float64) / network.temperature
        top = raised.max()
        if not -np.inf < top < np.inf:
            raise BundleError(f"the floor network gave scores that are not finite: {scores}")
        shares = np.exp(raised - top).tolist()
        best = sorted(zip(shares, floors, strict=True), key=lambda one: -one[0])[:MOST_FLOORS]
        kept = [(share, floor) for share, floor in best if share >= LEAST_SHARE]
        total = sum(share for share, _ in kept)
        return [(floor, share / total) for share, floor in kept]

    def answer(
        self,
        rssi_dbm: NDArray[np.float32],
        unknown: NDArray[np.bool_],
        chances: list[tuple[int, float]],
    ) -> Answer:
        """The maps of these floors, best first, and the quality features on the best.

        Args:
            rssi_dbm (N,): levels with the device's offset added, NaN = not heard or masked.
        """
        quality = self.rules.quality
        share = None if quality is None else quality.threshold
        floors, features = [], None
        for floor, chance in chances:
            try:
                weights, reached = self._maps[floor].weights(rssi_dbm, unknown, share)
            except ValueError as error:  # Such as a pitch that float32 does not resolve.
                raise BundleError(f"floor {floor}: {error}") from None
            floors.append((floor, chance, weights))
            if share is not None and features is None:
                features = self._quality_features(rssi_dbm, reached)
        return Answer(floors, features)

    def _quality_features(self, rssi_dbm: NDArray[np.float32], cells: int) -> tuple[float, ...]:
        heard = rssi_dbm[~np.isnan(rssi_dbm)].astype(np.float64)
        pitch_m = self.places.pitch_m
        assert pitch_m is not None
        if not len(heard):
            return (0.0, 0.0, 0.0, cells * pitch_m**2)
        return (float(len(heard)), float(heard.mean()), float(heard.max()), cells * pitch_m**2)

    def decode(self, answer: Answer) -> Posterior:
        """The mixture of the floors' maps, with the error that the quality features foretell."""
        if not answer.floors:
            return Posterior.uniform(self.places)
        error_m = None
        if self.rules.quality is not None and answer.quality is not None:
            error_m = expected_error_m(self.rules.quality, answer.quality)
        return Posterior.from_floors(self.places, answer.floors, error_m)


def expected_error_m(quality: Quality, features: tuple[float, ...]) -> float:
    """The error that the regression gives for four features, clipped (SPEC 5.6)."""
    terms = zip(quality.coefficients, features, strict=True)
    error_m = quality.intercept_m + sum(factor * value for factor, value in terms)
    return min(max(error_m, quality.least_m), quality.most_m)
