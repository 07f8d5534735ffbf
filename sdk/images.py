"""From a fingerprint to the network's input: fill values, z-score, image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isqrt
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .value_form import MAX_EXPONENT, VALUE_KINDS, ValueKind, value_form

ImageKind: TypeAlias = Literal["vector", "cyclic_map", "square", "ratio"]
IMAGE_KINDS: tuple[ImageKind, ...] = ("vector", "cyclic_map", "square", "ratio")

# No phone beside an AP hears more; it keeps ratios within 0.2..5 for a floor of -100 dBm.
LOUDEST_DBM = -20.0
MIN_STD_DB = 1e-6
MAX_DB = 1e6
# Of a square: as many cells as a bundle may have APs.
MAX_SIDE = 64


@dataclass(frozen=True)
class InputRecipe:
    """How a network wants its input; the bundle's manifest declares it (SPEC 1.1, 1.2).

    Args:
        image: `vector` (1, N), `cyclic_map` (1, N, N), map[R, C] = row[(C - R) mod N],
            `square` (1, S, S), the row written line by line (SPEC 4.1); cells beyond the last AP
            read not heard, and levels are cut to not_heard_dbm..0 first. Or `ratio` (1, N, N),
            with `level` (2, N, N), as `ratio.py` says: of dBm, so mean 0 and std 1; masked APs
            hold 0 there and unknown_dbm is not used.
        not_heard_dbm, unknown_dbm: the values that stand for NaN and for masked APs, used
            here and nowhere else.
        mean_dbm, std_db: the z-score; a number for the whole place, a tuple for one per AP. Of
            powed values, which have no unit.
        side: S of a square, 1 to 64; None for the smallest that holds the APs.
        value_form: `linear`, dBm as they are, or `powed`: raised to `exponent` above
            not_heard_dbm, as `value_form.py` says, before the z-score.
        exponent: of `powed`, above 0 and at most 100.

    Raises:
        ValueError: a value is no number of a sane size, a std is < 1e-6, the image or the value
            form is unknown, a side stands where there is no square or an exponent where there is
            no power, or powed values start at a not_heard_dbm that is not negative.
    """

    image: ImageKind
    not_heard_dbm: float
    unknown_dbm: float
    mean_dbm: float | tuple[float, ...]
    std_db: float | tuple[float, ...]
    side: int | None = None
    level: bool = False
    value_form: ValueKind = "linear"
    exponent: float | None = None
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
        if self.side is not None:
            if self.image != "square":
                raise ValueError(f"side is {self.side!r}, but the image is a {self.image}")
            if type(self.side) is not int or not 1 <= self.side <= MAX_SIDE:
                raise ValueError(f"side must be 1..{MAX_SIDE}, got {self.side!r:.80}")
        self._check_ratio()
        self._check_form()

    def _check_form(self) -> None:
        if self.value_form not in VALUE_KINDS:
            raise ValueError(f"value_form must be one of {VALUE_KINDS}, got {self.value_form!r}")
        if self.value_form == "linear":
            if self.exponent is not None:
                raise ValueError(f"exponent is {self.exponent!r:.80}, but the values are linear")
            return
        object.__setattr__(self, "exponent", _number("exponent", self.exponent))
        if not 0 < self._power <= MAX_EXPONENT:
            raise ValueError(f"exponent must be > 0 and <= {MAX_EXPONENT}, got {self.exponent!r}")
        if self.not_heard_dbm >= 0:
            raise ValueError(f"not_heard_dbm must be < 0 for powed, got {self.not_heard_dbm!r}")

    @property
    def _power(self) -> float:
        return 1.0 if self.exponent is None else self.exponent

    def _check_ratio(self) -> None:
        if type(self.level) is not bool:
            raise ValueError(f"level must be true or false, got {self.level!r:.80}")
        if self.image != "ratio":
            if self.level:
                raise ValueError(f"level is set, but the image is a {self.image}")
            return
        if self.value_form != "linear":
            raise ValueError(f"a ratio is of dBm, not of {self.value_form} values")
        if (self.mean_dbm, self.std_db) != (0.0, 1.0):
            raise ValueError(
                f"a ratio is of dBm: mean_dbm 0 and std_db 1, got {self.mean_dbm!r:.80} and "
                f"{self.std_db!r:.80}"
            )
        if not self.not_heard_dbm < LOUDEST_DBM:
            raise ValueError(
                f"not_heard_dbm must be < {LOUDEST_DBM:g} for ratio, got {self.not_heard_dbm!r}"
            )

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
        if self.image == "square":
            np.clip(filled, self.not_heard_dbm, 0.0, out=filled)
        if unknown is not None and np.count_nonzero(unknown):
            filled[:, unknown] = self.unknown_dbm
        if self.value_form != "linear":
            filled = self._values(filled)
        filled -= self._mean
        filled /= self._std
        return filled

    def _values(self, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float32]:
        return value_form(rssi_dbm, self.value_form, self.not_heard_dbm, self._power)

    def images(
        self, rssi_dbm: NDArray[np.float32], unknown: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """The input of the network: float32 (B, *shape(N)[1:]).

        Raises ValueError where the APs do not fit into the square.
        """
        if self.image == "ratio":
            from .ratio import images

            return images(rssi_dbm, self.not_heard_dbm, self.level, unknown)
        rows = self.normalised(rssi_dbm, unknown)
        if self.image == "vector":
            return rows[:, None, :]
        if self.image == "square":
            return self._squares(rows)
        from .native import cyclic_map

        return cyclic_map(rows)[:, None, :, :]

    def shape(self, n_aps: int) -> tuple[int, ...]:
        """The shape of one scan's input: (1, 1, N), (1, C, N, N) or (1, 1, S, S).

        Raises ValueError where the APs do not fit into the square.
        """
        if self.image == "vector":
            return 1, 1, n_aps
        side = n_aps
        if self.image == "square":
            least = isqrt(max(n_aps, 1) - 1) + 1
            side = least if self.side is None else self.side
            if side < least:
                raise ValueError(f"{n_aps} APs do not fit into a square of side {side}")
        return 1, 2 if self.level else 1, side, side

    def _squares(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, N) normalised rows -> (B, 1, S, S)."""
        shape = self.shape(rows.shape[1])
        cells = shape[-1] * shape[-1]
        silent = (self._values(np.full(1, np.nan, np.float32))[0] - self._mean) / self._std
        # A z-score per AP says nothing of cells without one: they hold its mean, 0.
        empty = float(silent) if silent.ndim == 0 else 0.0
        made = np.full((len(rows), cells), empty, dtype=np.float32)
        made[:, : rows.shape[1]] = rows
        return made.reshape(len(rows), *shape[1:])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, as they stand in a manifest."""
        mean, std = self.mean_dbm, self.std_db
        form = None
        if self.value_form != "linear":
            form = {"kind": self.value_form, "exponent": self.exponent}
        return {
            "image": self.image,
            "not_heard_dbm": self.not_heard_dbm,
            "unknown_dbm": self.unknown_dbm,
            "mean_dbm": list(mean) if isinstance(mean, tuple) else mean,
            "std_db": list(std) if isinstance(std, tuple) else std,
            **({} if self.side is None else {"side": self.side}),
            **({"level": True} if self.level else {}),
            **({} if form is None else {"value_form": form}),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> InputRecipe:
        """Read what `to_json` wrote. Raises ValueError naming the field."""
        names = ("image", "not_heard_dbm", "unknown_dbm", "mean_dbm", "std_db")
        for name in names:
            if name not in record:
                raise ValueError(f"{name} is missing")
        kind, exponent = _form(record.get("value_form"))
        recipe = cls(
            **{name: record[name] for name in names},
            side=record.get("side"),
            level=record.get("level", False),
            value_form=kind,
            exponent=exponent,
        )
        if recipe.per_ap == 0:
            raise ValueError("mean_dbm and std_db must not be empty")
        return recipe


def _form(record: Any) -> tuple[Any, Any]:
    """Kind and exponent of a manifest's `value_form`; a bundle without one is linear."""
    if record is None:
        return "linear", None
    if not isinstance(record, Mapping) or "kind" not in record:
        raise ValueError(f"value_form must be an object with a kind, got {record!r:.80}")
    return record["kind"], record.get("exponent")


def _number(name: str, value: Any) -> float:
    try:
        if isinstance(value, bool | str | bytes) or not abs(value) <= MAX_DB:
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a number within ±{MAX_DB:g}, got {value!r:.80}") from None
