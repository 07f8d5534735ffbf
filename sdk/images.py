"""From a fingerprint to the network's input: fill values, z-score, image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

ImageKind: TypeAlias = Literal["vector", "cyclic_map"]
IMAGE_KINDS: tuple[ImageKind, ...] = ("vector", "cyclic_map")

MIN_STD_DB = 1e-6
MAX_DB = 1e6


@dataclass(frozen=True)
class InputRecipe:
    """How a network wants its input; the bundle's manifest declares it (SPEC 1.1, 1.2).

    Args:
        image: `vector` (1, N) or `cyclic_map` (1, N, N), map[R, C] = row[(C - R) mod N].
        not_heard_dbm, unknown_dbm: the values that stand for NaN and for masked APs, used
            here and nowhere else.
        mean_dbm, std_db: the z-score; a number for the whole place, a tuple for one per AP.

    Raises:
        ValueError: a value is no number of a sane size, a std is < 1e-6, or the image is unknown.
    """

    image: ImageKind
    not_heard_dbm: float
    unknown_dbm: float
    mean_dbm: float | tuple[float, ...]
    std_db: float | tuple[float, ...]
    _mean: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    _std: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.image not in IMAGE_KINDS:
            raise ValueError(f"image must be one of {IMAGE_KINDS}, got {self.image!r}")
        for name in ("not_heard_dbm", "unknown_dbm"):
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        for name in ("mean_dbm", "std_db"):
            value = getattr(self, name)
            if isinstance(value, list | tuple | np.ndarray):
                checked: Any = tuple(_number(name, item) for item in value)
            else:
                checked = _number(name, value)
            object.__setattr__(self, name, checked)
        object.__setattr__(self, "_mean", np.asarray(self.mean_dbm, dtype=np.float32))
        object.__setattr__(self, "_std", np.asarray(self.std_db, dtype=np.float32))
        # Below this a z-score is noise, and in float32 soon a division by 0 (SPEC 1.1).
        if not np.all(self._std >= MIN_STD_DB):
            raise ValueError(f"std_db must be >= {MIN_STD_DB:g}, got {self.std_db!r:.80}")

    @property
    def per_ap(self) -> int | None:
        """The number of APs that a per-AP z-score was made for; None for scalars."""
        sizes = {len(v) for v in (self.mean_dbm, self.std_db) if isinstance(v, tuple)}
        if len(sizes) > 1:
            raise ValueError(f"mean_dbm and std_db have different lengths: {sorted(sizes)}")
        return sizes.pop() if sizes else None

    def normalised(
        self, rssi_dbm: NDArray[np.float32], unknown: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Fill and z-score: (B, N) float32 with NaN = not heard, and a mask (N,) or None."""
        if rssi_dbm.ndim != 2:
            raise ValueError(f"rssi_dbm must be (B, N), got shape {rssi_dbm.shape}")
        if self._mean.ndim and self._mean.shape != rssi_dbm.shape[1:]:
            raise ValueError(
                f"this recipe is for {self._mean.size} APs, rssi_dbm has {rssi_dbm.shape[1]}"
            )
        filled = np.array(rssi_dbm, dtype=np.float32)
        filled[np.isnan(filled)] = self.not_heard_dbm
        if unknown is not None and np.count_nonzero(unknown):
            filled[:, unknown] = self.unknown_dbm
        filled -= self._mean
        filled /= self._std
        return filled

    def images(
        self, rssi_dbm: NDArray[np.float32], unknown: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """The input of the network: float32 (B, 1, N) for vector, (B, 1, N, N) for cyclic_map."""
        rows = self.normalised(rssi_dbm, unknown)
        if self.image == "vector":
            return rows[:, None, :]
        from .native import cyclic_map

        return cyclic_map(rows)[:, None, :, :]

    def shape(self, n_aps: int) -> tuple[int, ...]:
        """The shape of one scan's input."""
        return (1, 1, n_aps) if self.image == "vector" else (1, 1, n_aps, n_aps)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, as they stand in a manifest."""
        mean, std = self.mean_dbm, self.std_db
        return {
            "image": self.image,
            "not_heard_dbm": self.not_heard_dbm,
            "unknown_dbm": self.unknown_dbm,
            "mean_dbm": list(mean) if isinstance(mean, tuple) else mean,
            "std_db": list(std) if isinstance(std, tuple) else std,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> InputRecipe:
        """Read what `to_json` wrote. Raises ValueError naming the field."""
        names = ("image", "not_heard_dbm", "unknown_dbm", "mean_dbm", "std_db")
        for name in names:
            if name not in record:
                raise ValueError(f"{name} is missing")
        recipe = cls(*(record[name] for name in names))
        if recipe.per_ap == 0:
            raise ValueError("mean_dbm and std_db must not be empty")
        return recipe


def _number(name: str, value: Any) -> float:
    try:
        if isinstance(value, bool | str | bytes) or not abs(value) <= MAX_DB:
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a number within ±{MAX_DB:g}, got {value!r:.80}") from None
