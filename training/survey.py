"""A survey in memory: scans with ground truth, column by column.

One row per scan. The readings of all scans stand in flat arrays; row ``i`` owns the slice
``offsets[i]:offsets[i + 1]`` of ``bssid_code`` (index into ``bssids``), ``rssi_dbm`` and, where the
survey has them, ``age_ms`` and ``frequency_mhz``. Positions are metres in the venue's frame (x
east, y north), RSSI dBm, time int milliseconds. The folder format is in ``survey_file.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdk.errors import RssfixError
from sdk.venue import AccessPoint, Floor, Georeference

NO_FLOOR = -(2**31)
SPLITS = ("train", "validation", "test", "")


class SurveyError(RssfixError, ValueError):
    """A survey, or a source it is made from, that cannot be used; the message says where."""


@dataclass(frozen=True)
class Header:
    """``survey.toml``: what the survey is, whose it is and which floors it covers."""

    name: str
    licence: str
    frame: str
    floors: tuple[Floor, ...]
    georeference: Georeference | None = None
    attribution: str | None = None


@dataclass(frozen=True)
class Survey:
    """Scans with ground truth. ``x_m``, ``y_m`` are NaN and ``floor`` NO_FLOOR where unknown."""

    header: Header
    timestamp_ms: NDArray[np.int64]
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    device: NDArray[np.object_]
    session: NDArray[np.object_]
    split: NDArray[np.object_]
    offsets: NDArray[np.int64]
    bssids: tuple[str, ...]
    bssid_code: NDArray[np.int32]
    rssi_dbm: NDArray[np.float32]
    age_ms: NDArray[np.int32] | None = None
    frequency_mhz: NDArray[np.int32] | None = None
    access_points: tuple[AccessPoint, ...] = ()
    plans: dict[str, Path] = field(default_factory=dict)
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.timestamp_ms)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(M,) True where position and floor are known."""
        return np.isfinite(self.x_m) & np.isfinite(self.y_m) & (self.floor != NO_FLOOR)

    @property
    def xy_m(self) -> NDArray[np.float64]:
        """(M, 2)."""
        return np.stack([self.x_m, self.y_m], axis=1)

    @property
    def row_of_reading(self) -> NDArray[np.int64]:
        """(K,) the scan each reading belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def rows(self, split: str) -> NDArray[np.bool_]:
        """(M,) mask of the labelled scans of a split."""
        return (self.split == split) & self.labelled

    def take(self, rows: NDArray[np.bool_]) -> Survey:
        """The scans of a mask (M,), as a survey of its own with the same access point names."""
        index = np.flatnonzero(rows)
        lengths = np.diff(self.offsets)[index]
        readings = np.repeat(rows, np.diff(self.offsets))
        per_row = ("timestamp_ms", "x_m", "y_m", "floor", "device", "session", "split")
        per_reading = ("bssid_code", "rssi_dbm", "age_ms", "frequency_mhz")
        changed: dict[str, object] = {name: getattr(self, name)[index] for name in per_row}
        for name in per_reading:
            column = getattr(self, name)
            changed[name] = None if column is None else column[readings]
        changed["offsets"] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return replace(self, **changed)  # type: ignore[arg-type]

    def spots(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first row of every distinct position, and the number of each row's position (M,)."""
        key = np.column_stack([self.floor.astype(np.float64), self.xy_m])
        _, first, member = np.unique(key, axis=0, return_index=True, return_inverse=True)
        return first, member.reshape(-1)

    def with_split(self, split: NDArray[np.object_]) -> Survey:
        return replace(self, split=split)

    def fingerprints(
        self,
        bssids: Sequence[str],
        canonical: Callable[[str], str] | None = None,
        max_age_ms: int | None = None,
    ) -> NDArray[np.float32]:
        """(M, N) float32 dBm over the access points named, NaN = not heard.

        ``canonical`` maps an id to the name it counts under (virtual access points merged, see
        ``fingerprints.py``); of several readings under one name the strongest stays. Readings
        older than ``max_age_ms`` are left out; readings without an age count as fresh.
        """
        column_of = {name: i for i, name in enumerate(bssids)}
        names = self.bssids if canonical is None else [canonical(b) for b in self.bssids]
        lookup = np.array([column_of.get(b, -1) for b in names] or [-1], dtype=np.int64)
        column = lookup[self.bssid_code]
        keep = column >= 0
        if max_age_ms is not None and self.age_ms is not None:
            keep &= self.age_ms <= max_age_ms
        out = np.full((len(self), len(bssids)), -np.inf, dtype=np.float32)
        np.maximum.at(out, (self.row_of_reading[keep], column[keep]), self.rssi_dbm[keep])
        out[np.isneginf(out)] = np.nan
        return out


def from_rows(
    header: Header,
    rows: Sequence[dict[str, object]],
    access_points: Sequence[AccessPoint] = (),
) -> Survey:
    """A survey from one dict per scan with the column names of the folder format.

    For small surveys and tests; readers of large sets fill the flat arrays directly.
    """
    names: dict[str, int] = {}
    lists = [[str(b) for b in row["bssid"]] for row in rows]  # type: ignore[attr-defined]
    codes = [names.setdefault(b, len(names)) for one in lists for b in one]
    optional = {}
    for name in ("age_ms", "frequency_mhz"):
        present = any(row.get(name) is not None for row in rows)
        flat = [v for row in rows for v in row[name]] if present else None  # type: ignore[attr-defined]
        optional[name] = None if flat is None else np.array(flat, dtype=np.int32)

    def column(name: str, dtype: type, missing: object) -> NDArray:
        return np.array(
            [missing if row.get(name) is None else row[name] for row in rows], dtype=dtype
        )

    return Survey(
        header=header,
        timestamp_ms=column("timestamp_ms", np.int64, 0),
        x_m=column("x_m", np.float64, np.nan),
        y_m=column("y_m", np.float64, np.nan),
        floor=column("floor", np.int32, NO_FLOOR),
        device=column("device", object, ""),
        session=column("session", object, ""),
        split=column("split", object, ""),
        offsets=np.concatenate([[0], np.cumsum([len(b) for b in lists])]).astype(np.int64),
        bssids=tuple(names),
        bssid_code=np.array(codes, dtype=np.int32),
        rssi_dbm=np.array([v for row in rows for v in row["rssi_dbm"]], dtype=np.float32),  # type: ignore[attr-defined]
        access_points=tuple(access_points),
        **optional,
    )
