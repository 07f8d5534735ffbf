"""The AP table and the fingerprint: a scan as a vector over a fixed list of APs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .bssid import normalise, without_last_digit
from .scan import Scan

MergeRule: TypeAlias = Literal["none", "last_hex_digit"]
MERGE_RULES: tuple[MergeRule, ...] = ("none", "last_hex_digit")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A scan over an AP table of N access points.

    Args:
        rssi_dbm (float32 (N,)): dBm; NaN = not heard, or unknown.
        unknown (bool (N,)): the APs that are masked, heard or not.
        heard (int): readings in the scan.
        fresh (int): readings that are not too old.
        matched (int): APs of the table that were heard fresh and are not unknown.
    """

    rssi_dbm: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    heard: int
    fresh: int
    matched: int


class ApTable:
    """The ordered list of access points that a model knows.

    Args:
        bssids: canonical identifiers, each once. With `last_hex_digit` the MACs end in 0.
        merge_virtual_aps: `last_hex_digit` sets the last hex digit of every MAC to 0 before it
            is looked up, so that the virtual APs of one box count as one; the strongest wins.

    Raises:
        ValueError: an identifier is not canonical or stands twice, or the rule is unknown.
    """

    __slots__ = ("_merge", "_none_unknown", "_silence", "bssids", "index", "merge_virtual_aps")

    def __init__(self, bssids: Sequence[str], merge_virtual_aps: MergeRule = "none") -> None:
        if merge_virtual_aps not in MERGE_RULES:
            raise ValueError(
                f"merge_virtual_aps must be one of {MERGE_RULES}, got {merge_virtual_aps!r}"
            )
        self.bssids = tuple(bssids)
        self.merge_virtual_aps = merge_virtual_aps
        self._merge = merge_virtual_aps == "last_hex_digit"
        self.index = {bssid: i for i, bssid in enumerate(self.bssids)}
        for i, bssid in enumerate(self.bssids):
            if bssid != self.key(bssid) or "\n" in bssid:
                raise ValueError(f"AP {i}: {bssid!r} must be written {self.key(bssid)!r}")
            if self.index[bssid] != i:
                raise ValueError(f"AP {self.index[bssid]}: {bssid!r} stands twice in the AP table")
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
        canonical = normalise(bssid)
        return without_last_digit(canonical) if self._merge else canonical

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
        if self._merge:
            strongest: dict[str, float] = {}
            for bssid, level in zip(bssids, rssi_dbm, strict=True):
                box = without_last_digit(bssid)
                if level > strongest.get(box, -np.inf):
                    strongest[box] = level
            bssids, rssi_dbm = strongest.keys(), strongest.values()
        # A list, because writing single values into an array costs ten times as much.
        values = self._silence.copy()
        matched = 0
        for column, level in zip(map(self.index.get, bssids), rssi_dbm, strict=True):
            if column is not None:
                values[column] = level
                matched += 1
        return np.array(values, dtype=np.float32), matched

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
