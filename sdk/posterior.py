"""Probability over places: what every system gives, and all that a fix is made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .places import Grid, Place, Places

# A grid beyond this is a mistake in the pitch, not a map (float32: 64 MiB).
MAX_GRID_CELLS = 1 << 24
MANY_PLACES = 4096
MEDIAN_STEPS = 10
# A distance under this counts as this, so that a place at the point itself is no division by 0.
MEDIAN_SOFT_M = 1.0


class Posterior:
    """Probability over the G places of a model; sums to 1.

    Args:
        error_m: the model's own estimate of its error, where it has one (Hapi's quality); it
            stands in for the spread of the probability.

    `agreement` (0..1) is how alike the networks of a model that has several see it; None where
    there is one. `doubt` says in words why the model itself does not trust it; empty where it does.

    Raises:
        ValueError: the probabilities are not G finite numbers >= 0 with a sum > 0.
    """

    __slots__ = ("_floors", "_summary", "agreement", "doubt", "error_m", "places", "probability")

    places: Places
    probability: NDArray[np.float64]
    error_m: float | None
    agreement: float | None
    doubt: str

    def __init__(
        self, places: Places, probability: ArrayLike, error_m: float | None = None
    ) -> None:
        given = np.array(probability, dtype=np.float64)
        if given.shape != (len(places),):
            raise ValueError(f"probability must be ({len(places)},), got {given.shape}")
        total = float(given.sum())
        if not (given >= 0).all() or not 0 < total < np.inf:
            raise ValueError(f"probabilities must be >= 0 with a finite sum > 0, sum is {total}")
        self._set(places, given / total, error_m)

    def _set(
        self, places: Places, probability: NDArray[np.float64], error_m: float | None = None
    ) -> None:
        probability.flags.writeable = False
        self.places = places
        self.probability = probability
        self.error_m = error_m
        self.agreement = None
        self.doubt = ""
        # Those that may hold anything: a mixture of two floors of a tower need not look at all.
        self._floors = places.floors
        self._summary: tuple[int, float, float, float] | None = None

    @classmethod
    def from_scores(
        cls, places: Places, scores: NDArray[np.floating[Any]], temperature: float = 1.0
    ) -> Posterior:
        """softmax(scores / temperature) over (G,) scores.

        Raises:
            ValueError: the scores hold NaN or +inf, or nothing but -inf.
        """
        if scores.shape != (len(places),):
            raise ValueError(f"the model gave scores {scores.shape}, expected ({len(places)},)")
        # argmax and dot stay in C, where max and sum go through Python: half the time of this.
        top = scores.item(scores.argmax())
        if not -np.inf < top < np.inf:
            raise ValueError("the model gave scores that are not finite")
        weights = scores.astype(np.float64)
        weights -= top
        if temperature != 1.0:
            weights /= temperature
        np.exp(weights, out=weights)
        weights /= weights.dot(places._ones)
        posterior = cls.__new__(cls)
        posterior._set(places, weights)
        return posterior

    @classmethod
    def from_floors(
        cls,
        places: Places,
        floors: Iterable[tuple[int, float, NDArray[np.floating[Any]]]],
        error_m: float | None = None,
    ) -> Posterior:
        """A mixture over floors.

        Args:
            floors: floor, its probability, and a weight >= 0 for each of its places in their
                order; the probabilities sum to 1, no floor stands twice, and no floor's weights
                sum to 0.
        """
        probability = np.zeros(len(places))
        held = []
        for number, chance, weights in floors:
            held.append(number)
            part = places.part(number)
            scale = chance / float(weights.sum(dtype=np.float64))
            if isinstance(part, slice):
                np.multiply(weights, scale, out=probability[part])
            else:
                probability[part] = weights * scale
        posterior = cls.__new__(cls)
        posterior._set(places, probability, error_m)
        posterior._floors = tuple(sorted(held))
        return posterior

    @classmethod
    def uniform(cls, places: Places) -> Posterior:
        """Nothing is known: every place alike."""
        posterior = cls.__new__(cls)
        posterior._set(places, np.full(len(places), 1.0 / len(places)))
        return posterior

    @property
    def x_m(self) -> NDArray[np.float64]:
        """x of every place (G,), metres."""
        return self.places.x_m

    @property
    def y_m(self) -> NDArray[np.float64]:
        """y of every place (G,), metres."""
        return self.places.y_m

    @property
    def floor(self) -> NDArray[np.int32]:
        """Floor of every place (G,)."""
        return self.places.floor

    def _summarised(self) -> tuple[int, float, float, float]:
        """Most probable floor, the mean on it, and the spread about the mean."""
        if self._summary is None:
            places = self.places
            number, on_floor = places.floors[0], self.probability
            if len(places.floors) > 1:
                most = -1.0
                for candidate in self._floors:
                    here = self.probability[places.part(candidate)]
                    if (held := float(here.dot(places._ones[: len(here)]))) > most:
                        most, number, on_floor = held, candidate, here
            mass, sx, sy, squares = on_floor.dot(places._moments[number]).tolist()
            x, y = sx / mass, sy / mass
            variance = max(0.0, squares / mass - x * x - y * y)
            self._summary = (number, x + places._x0, y + places._y0, variance**0.5)
        return self._summary

    def mean(self) -> tuple[float, float, int]:
        """(x_m, y_m, floor): the mean over the places of the most probable floor."""
        floor, x, y, _ = self._summarised()
        return x, y, floor

    def mode(self) -> tuple[float, float, int]:
        """(x_m, y_m, floor) of the most probable place."""
        i = int(self.probability.argmax())
        return float(self.x_m[i]), float(self.y_m[i]), int(self.floor[i])

    def median(self) -> tuple[float, float, int]:
        """(x_m, y_m, floor): the point of least mean distance to the places of the most probable
        floor, by Weiszfeld's steps from the mean. What makes few errors large it serves better."""
        # Here and not above: bundles without a median need not load the kernels.
        from . import native

        floor, x, y, _ = self._summarised()
        part, places = self.places.part(floor), self.places
        x, y = native.geometric_median(
            places.x_m[part], places.y_m[part], self.probability[part], (x, y), MEDIAN_SOFT_M,
            MEDIAN_STEPS,
        )  # fmt: skip
        return x, y, floor

    def point(self, estimate: str) -> tuple[float, float, int]:
        """(x_m, y_m, floor) by `mean`, `median` or `mode`."""
        if estimate == "mean":
            return self.mean()
        return self.median() if estimate == "median" else self.mode()

    def spread_m(self) -> float:
        """The model's own `error_m`; without one the square root of the trace of the covariance
        on the most probable floor."""
        return self._summarised()[3] if self.error_m is None else self.error_m

    def credible_radius_m(self, share: float = 0.68) -> float:
        """The smallest radius about the mean that holds `share` of the floor's mass."""
        if not 0 < share <= 1:
            raise ValueError(f"share must lie in (0, 1], got {share!r}")
        floor, x, y, _ = self._summarised()
        rows = self.places.part(floor)
        distance = np.hypot(self.x_m[rows] - x, self.y_m[rows] - y)
        order = np.argsort(distance, kind="stable")
        held = np.cumsum(self.probability[rows][order])
        # The sum's own rounding must not push a share of 1 past the last place.
        first = int(np.searchsorted(held, share * held[-1] * (1 - 1e-12)))
        return float(distance[order[min(first, len(order) - 1)]])

    def place(self, index: int) -> Place:
        """Place `index` with its probability. Raises ValueError outside 0..G-1."""
        if not 0 <= index < len(self.places):
            raise ValueError(f"place index must lie in 0..{len(self.places) - 1}, got {index!r}")
        places = self.places
        return Place(
            places.x_m.item(index),
            places.y_m.item(index),
            places.floor.item(index),
            self.probability.item(index),
            index,
        )

    def candidates(self, k: int = 3) -> tuple[Place, ...]:
        """The k most probable places, best first."""
        k = min(k, len(self.places))
        if k <= 0:
            return ()
        top = self._highest(k) if len(self.places) > MANY_PLACES and k < 8 else []
        if len(top) < k:
            top = self.probability.argpartition(-k)[-k:].tolist()
        top.sort(key=self.probability.item, reverse=True)
        return tuple([self.place(i) for i in top])

    def _highest(self, k: int) -> list[int]:
        """k most probable places, or all of the floors that hold anything: on a fine grid a tenth
        of the time of a partition."""
        top: list[int] = []
        parts = [self.places.part(floor) for floor in self._floors]
        if not all(isinstance(part, slice) for part in parts):
            parts = [slice(0, len(self.places))]
        for part in parts:
            assert isinstance(part, slice)
            left = self.probability[part].copy()
            for _ in range(min(k, len(left))):
                highest = int(left.argmax())
                left[highest] = -1.0
                top.append(part.start + highest)
        top.sort(key=self.probability.item, reverse=True)
        return top[:k]

    def __iter__(self) -> Iterator[Place]:
        return (self.place(i) for i in range(len(self.places)))

    def to_grid(self, floor: int, pitch_m: float | None = None) -> Grid:
        """The floor as an image: the probability of the places that fall into each cell.

        Args:
            pitch_m: cell size; default that of the model's own cells.

        Raises:
            ValueError: no such floor, no pitch is known, or the grid is over MAX_GRID_CELLS.
        """
        pitch = self.places.pitch_m if pitch_m is None else pitch_m
        if pitch is None or not 0 < pitch < np.inf:
            raise ValueError(f"these places need a pitch_m > 0, got {pitch!r}")
        rows = self.places.rows(floor)
        x0, y0 = float(self.x_m[rows].min()), float(self.y_m[rows].min())
        # In floats first: a tiny pitch must not overflow the index type.
        columns = np.floor((self.x_m[rows] - x0) / pitch + 0.5)
        lines = np.floor((self.y_m[rows] - y0) / pitch + 0.5)
        height, width = float(lines.max()) + 1, float(columns.max()) + 1
        if not height * width <= MAX_GRID_CELLS:
            raise ValueError(f"pitch_m {pitch!r} gives {height * width:.3g} cells on this floor")
        grid = np.zeros((int(height), int(width)), dtype=np.float32)
        np.add.at(grid, (lines.astype(np.intp), columns.astype(np.intp)), self.probability[rows])
        return Grid(grid, (x0, y0), float(pitch))
