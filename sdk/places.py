"""The places of a model: cells or reference points that all its posteriors share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
        *("_moments", "_ones", "_parts", "_x0", "_y0"),
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
        self._parts = {number: _part(self.floor == number) for number in self.floors}
        # First and second moments about the middle: one product gives mean and spread, and
        # far-off origins (national grids) cost no precision.
        self._x0, self._y0 = float(self.x_m.mean()), float(self.y_m.mean())
        x, y = self.x_m - self._x0, self.y_m - self._y0
        self._ones = ones = np.ones_like(x)
        self._moments = {
            number: np.stack([ones[rows], x[rows], y[rows], x[rows] ** 2 + y[rows] ** 2], axis=1)
            for number, rows in self._parts.items()
        }

    def __len__(self) -> int:
        return int(self.x_m.size)

    def rows(self, floor: int) -> NDArray[np.intp]:
        """The indices of the places of a floor. Raises ValueError for a floor without places."""
        part = self.part(floor)
        return np.arange(part.start, part.stop) if isinstance(part, slice) else part

    def part(self, floor: int) -> slice | NDArray[np.intp]:
        """The same as an index: a slice where they stand together, which costs no copy."""
        try:
            return self._parts[floor]
        except KeyError:
            raise ValueError(f"no places on floor {floor!r}: floors are {self.floors}") from None


def _part(here: NDArray[np.bool_]) -> slice | NDArray[np.intp]:
    rows = np.flatnonzero(here)
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows
