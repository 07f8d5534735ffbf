"""Probability over places: what every system gives, and all that a fix is made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

# A grid beyond this is a mistake in the pitch, not a map (float32: 64 MiB).
MAX_GRID_CELLS = 1 << 24


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a model with its probability; `index` counts the model's places."""

    x_m: float
    y_m: float
    floor: int
    probability: float
    index: int

    def to_dict(self) -> dict[str, float | int]:
        """Plain JSON types."""
        return asdict(self)


class Grid(NamedTuple):
    """A floor's probability as an image.

    `probability` is float32 (H, W), rows = y, columns = x; `origin_m` is the (x, y) of the
    centre of cell [0, 0].
    """

    probability: NDArray[np.float32]
    origin_m: tuple[float, float]
    pitch_m: float


class Places:
    """The places of a model (cells or reference points), shared by all its posteriors.

    Args:
        x_m, y_m (float64 (G,)): metres in the venue's frame.
        floor (int32 (G,)): 0 = ground.
        pitch_m: the cell size where the places are cells of a grid.

    Raises:
        ValueError: shapes differ, there are no places, or a coordinate is not finite.
    """

    __slots__ = (
        *("_listed", "_moments", "_ones", "_rows", "_x0", "_y0"),
        *("floor", "floors", "pitch_m", "x_m", "y_m"),
    )

    def __init__(
        self, x_m: ArrayLike, y_m: ArrayLike, floor: ArrayLike, pitch_m: float | None = None
    ) -> None:
        self.x_m = np.array(x_m, dtype=np.float64)
        self.y_m = np.array(y_m, dtype=np.float64)
        self.floor = np.array(floor, dtype=np.int32)
        if self.x_m.ndim != 1 or not self.x_m.shape == self.y_m.shape == self.floor.shape:
            raise ValueError(
                "x_m, y_m and floor must be (G,), "
                f"got {self.x_m.shape}, {self.y_m.shape}, {self.floor.shape}"
            )
        if not self.x_m.size:
            raise ValueError("a model needs at least one place")
        # Also refuses NaN. National grids reach 1e7 m; beyond 1e9 m squares lose the metres.
        if not all((np.abs(axis) <= 1e9).all() for axis in (self.x_m, self.y_m)):
            raise ValueError("places must have finite coordinates within 1e9 m")
        if pitch_m is not None and not 0 < pitch_m < np.inf:
            raise ValueError(f"pitch_m must be > 0 m or None, got {pitch_m!r}")
        self.pitch_m = None if pitch_m is None else float(pitch_m)
        for array in (self.x_m, self.y_m, self.floor):
            array.flags.writeable = False
        self.floors = tuple(int(number) for number in np.unique(self.floor))
        self._listed: list[tuple[float, float, int]] = list(
            zip(self.x_m.tolist(), self.y_m.tolist(), self.floor.tolist(), strict=True)
        )
        self._rows = {number: np.flatnonzero(self.floor == number) for number in self.floors}
        # First and second moments about the middle: one product gives mean and spread, and
        # far-off origins (national grids) cost no precision.
        self._x0, self._y0 = float(self.x_m.mean()), float(self.y_m.mean())
        x, y = self.x_m - self._x0, self.y_m - self._y0
        self._ones = ones = np.ones_like(x)
        self._moments = {
            number: np.stack([ones[rows], x[rows], y[rows], x[rows] ** 2 + y[rows] ** 2], axis=1)
            for number, rows in self._rows.items()
        }

    def __len__(self) -> int:
        return int(self.x_m.size)

    def rows(self, floor: int) -> NDArray[np.intp]:
        """The indices of the places of a floor. Raises ValueError for a floor without places."""
        try:
            return self._rows[floor]
        except KeyError:
            raise ValueError(f"no places on floor {floor!r}: floors are {self.floors}") from None


class Posterior:
    """Probability over the G places of a model; sums to 1.

    Raises:
        ValueError: the probabilities are not G finite numbers >= 0 with a sum > 0.
    """

    __slots__ = ("_summary", "places", "probability")

    places: Places
    probability: NDArray[np.float64]

    def __init__(self, places: Places, probability: ArrayLike) -> None:
        given = np.array(probability, dtype=np.float64)
        if given.shape != (len(places),):
            raise ValueError(f"probability must be ({len(places)},), got {given.shape}")
        total = float(given.sum())
        if not (given >= 0).all() or not 0 < total < np.inf:
            raise ValueError(f"probabilities must be >= 0 with a finite sum > 0, sum is {total}")
        self._set(places, given / total)

    def _set(self, places: Places, probability: NDArray[np.float64]) -> None:
        probability.flags.writeable = False
        self.places = places
        self.probability = probability
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
            mass, number = -1.0, 0
            for candidate, moments in places._moments.items():
                on_floor = self.probability
                if len(places.floors) > 1:
                    on_floor = on_floor[places._rows[candidate]]
                sums = on_floor.dot(moments).tolist()
                if sums[0] > mass:
                    number, (mass, sx, sy, squares) = candidate, sums
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

    def spread_m(self) -> float:
        """Square root of the trace of the covariance on the most probable floor."""
        return self._summarised()[3]

    def credible_radius_m(self, share: float = 0.68) -> float:
        """The smallest radius about the mean that holds `share` of the floor's mass."""
        if not 0 < share <= 1:
            raise ValueError(f"share must lie in (0, 1], got {share!r}")
        floor, x, y, _ = self._summarised()
        rows = self.places._rows[floor]
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
        return Place(*self.places._listed[index], self.probability.item(index), index)

    def candidates(self, k: int = 3) -> tuple[Place, ...]:
        """The k most probable places, best first."""
        k = min(k, len(self.places))
        if k <= 0:
            return ()
        top: list[int] = self.probability.argpartition(-k)[-k:].tolist()
        top.sort(key=self.probability.item, reverse=True)
        listed, probability = self.places._listed, self.probability.item
        return tuple([Place(*listed[i], probability(i), i) for i in top])

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
