"""The AP table and the fingerprint: a scan as a vector over a fixed list of APs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .bssid import normalise, without_last_digit
from .scan import Scan

MergeRule: TypeAlias = Literal["none", "last_hex_digit"]
MERGE_RULES: tuple[MergeRule, ...] = ("none", "last_hex_digit")
VirtualRssi: TypeAlias = Literal["strongest", "mean"]
VIRTUAL_RSSI: tuple[VirtualRssi, ...] = ("strongest", "mean")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A scan over an AP table of N access points.

    Args:
        rssi_dbm (float32 (N,)): dBm; NaN = not heard, or unknown.
        unknown (bool (N,)): the APs that are masked, heard or not.
        heard (int): readings in the scan.
        fresh (int): readings that are not too old.
        matched (int): APs of the table that were heard fresh and are not unknown.
        floor_rssi_dbm (float32 (N,)): the same over the longer window that tells the floor; None
            where that is the same scan.
    """

    rssi_dbm: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    heard: int
    fresh: int
    matched: int
    floor_rssi_dbm: NDArray[np.float32] | None = None


class ApTable:
    """The ordered list of access points that a model knows.

    Args:
        bssids: canonical identifiers, each once. With `last_hex_digit` the MACs end in 0.
        merge_virtual_aps: `last_hex_digit` sets the last hex digit of every MAC to 0 before it
            is looked up, so that the virtual APs of one box count as one.
        physical: the AP of the table that a virtual one belongs to; goes before the rule.
        virtual_rssi: of several virtual APs of one box in a scan counts the `strongest`, or
            their `mean` in dBm (SPEC 5.1).

    Raises:
        ValueError: an identifier is not canonical or stands twice, a rule is unknown, or a
            virtual AP belongs to one that is not in the table, or is one of the table itself.
    """

    __slots__ = (
        *("_mean", "_none_unknown", "_silence", "_virtual"),
        *("bssids", "index", "merge_virtual_aps", "physical", "virtual_rssi"),
    )

    def __init__(
        self,
        bssids: Sequence[str],
        merge_virtual_aps: MergeRule = "none",
        physical: Mapping[str, str] | None = None,
        virtual_rssi: VirtualRssi = "strongest",
    ) -> None:
        if merge_virtual_aps not in MERGE_RULES:
            raise ValueError(
                f"merge_virtual_aps must be one of {MERGE_RULES}, got {merge_virtual_aps!r}"
            )
        if virtual_rssi not in VIRTUAL_RSSI:
            raise ValueError(f"virtual_rssi must be one of {VIRTUAL_RSSI}, got {virtual_rssi!r}")
        self.bssids = tuple(bssids)
        self.merge_virtual_aps = merge_virtual_aps
        self.physical = MappingProxyType(dict(physical or {}))
        self.virtual_rssi = virtual_rssi
        self._virtual = bool(self.physical) or merge_virtual_aps == "last_hex_digit"
        self._mean = virtual_rssi == "mean"
        self.index = {bssid: i for i, bssid in enumerate(self.bssids)}
        for i, bssid in enumerate(self.bssids):
            # A line feed would make the hash of two tables the same.
            if self._box(normalise(bssid)) != bssid or "\n" in bssid:
                raise ValueError(
                    f"AP {i}: {bssid!r} must be written {self._box(normalise(bssid))!r}"
                )
            if self.index[bssid] != i:
                raise ValueError(f"AP {self.index[bssid]}: {bssid!r} stands twice in the AP table")
        for virtual, box in self.physical.items():
            if normalise(virtual) != virtual:
                raise ValueError(
                    f"virtual AP {virtual!r:.80} must be written {normalise(virtual)!r:.80}"
                )
            if box not in self.index:
                raise ValueError(
                    f"virtual AP {virtual!r:.80} belongs to {box!r:.80}, which is not in the table"
                )
        self._silence = [np.nan] * len(self.bssids)
        self._none_unknown = np.zeros(len(self.bssids), dtype=np.bool_)
        self._none_unknown.flags.writeable = False

    @property
    def sha256(self) -> str:
        """SHA-256 of the identifiers joined by line feeds, UTF-8."""
        from hashlib import sha256

        return sha256("\n".join(self.bssids).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.bssids)

    def __repr__(self) -> str:
        return f"ApTable({len(self.bssids)} APs, merge_virtual_aps={self.merge_virtual_aps!r})"

    def key(self, bssid: str) -> str:
        """The identifier under which a BSSID is looked up. Raises ScanError."""
        return self._box(normalise(bssid))

    def _box(self, canonical: str) -> str:
        box = self.physical.get(canonical)
        if box is not None:
            return box
        if self.merge_virtual_aps == "last_hex_digit":
            return without_last_digit(canonical)
        return canonical

    def mask(self, bssids: Iterable[str]) -> NDArray[np.bool_]:
        """The `unknown` mask (bool (N,)) of these APs; APs outside the table are left out."""
        mask = self._none_unknown.copy()
        for bssid in bssids:
            column = self.index.get(self.key(bssid))
            if column is not None:
                mask[column] = True
        return mask

    def vector(
        self, bssids: Iterable[str], rssi_dbm: Iterable[float]
    ) -> tuple[NDArray[np.float32], int]:
        """The vector (float32 (N,), NaN = not heard) of a scan's BSSIDs, and the APs matched.

        The BSSIDs are canonical and each stands once, as in a `Scan`.

        The one way from readings to a vector, for training and for the device alike.
        """
        if self._virtual:
            bssids, rssi_dbm = self._boxes(bssids, rssi_dbm)
        # A list, because writing single values into an array costs ten times as much.
        values = self._silence.copy()
        matched = 0
        for column, level in zip(map(self.index.get, bssids), rssi_dbm, strict=True):
            if column is not None:
                values[column] = level
                matched += 1
        return np.array(values, dtype=np.float32), matched

    def _boxes(
        self, bssids: Iterable[str], rssi_dbm: Iterable[float]
    ) -> tuple[Iterable[str], Iterable[float]]:
        """One level for every box, from its virtual APs."""
        levels: dict[str, list[float]] = {}
        for bssid, level in zip(bssids, rssi_dbm, strict=True):
            levels.setdefault(self._box(bssid), []).append(level)
        if self._mean:
            return levels, [sum(heard) / len(heard) for heard in levels.values()]
        return levels, map(max, levels.values())

    def fingerprint(
        self,
        scan: Scan,
        unknown: NDArray[np.bool_] | None = None,
        max_age_ms: int | None = None,
    ) -> Fingerprint:
        """The fingerprint of a scan.

        Args:
            unknown (bool (N,)): masked APs; they are NaN in the vector and never matched.
            max_age_ms: readings older than this are left out; a reading without age is fresh.
        """
        bssids: Sequence[str] = scan.bssids
        levels: Sequence[float] = scan.rssi_dbm
        if scan.ages_ms is not None and max_age_ms is not None:
            fresh = [i for i, age in enumerate(scan.ages_ms) if age is None or age <= max_age_ms]
            if len(fresh) != len(bssids):
                bssids = [bssids[i] for i in fresh]
                levels = [levels[i] for i in fresh]
        vector, matched = self.vector(bssids, levels)
        if unknown is None:
            unknown = self._none_unknown
        elif np.count_nonzero(unknown):
            vector[unknown] = np.nan
            matched = len(vector) - int(np.count_nonzero(np.isnan(vector)))
        return Fingerprint(vector, unknown, len(scan.bssids), len(bssids), matched)
