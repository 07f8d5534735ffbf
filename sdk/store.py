"""Scans kept on the device for a later update of its model: one SQLite file of bounded size."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .errors import ScanError, StoreError
from .scan import Scan
from .store_file import STORE, open_file, speaking_of

MAX_SCANS = 50_000
# No radio hears so many; with it a store of n scans is bounded in bytes too.
MAX_READINGS = 4096
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class StoredScan:
    """A scan with what was said about it; `place` (x_m, y_m, floor) where somebody confirmed it.

    `number` grows in the order of arrival.
    """

    number: int
    scan: Scan
    place: tuple[float, float, int] | None
    device: str
    session: str


class Store:
    """At most `max_scans` scans in one file; beyond that the oldest unlabelled ones are dropped.

    Labelled scans go only when no unlabelled one is left. `add` returns when the scan is on the
    disk (SQLite, write-ahead log, full sync): a process killed or a power cut at any moment loses
    no scan that was committed before. The file does not shrink: space is used again.

    Thread rule: one store may be used from any number of threads; calls take turns. Several
    processes may open the same file; a writer waits up to 10 s for another. Do not carry an open
    store over a fork.

    Args:
        path: the file, made where it is missing; its folder must exist.
        max_scans: 1 or more.
        read_only: read a file that must be there, changing nothing in it.

    Raises:
        StoreError: not a store (another file, another SQLite database), damaged, of a newer
            format, or not to be opened; the message says which. ValueError: `max_scans` < 1.
    """

    def __init__(
        self, path: str | os.PathLike[str], max_scans: int = MAX_SCANS, read_only: bool = False
    ) -> None:
        if isinstance(max_scans, bool) or not isinstance(max_scans, int) or max_scans < 1:
            raise ValueError(f"max_scans must be an int >= 1, got {max_scans!r}")
        self.path = Path(path)
        self.max_scans = max_scans
        self._turn = threading.Lock()
        self._database: sqlite3.Connection | None = open_file(self.path, STORE, read_only)

    def add(
        self,
        scan: Scan,
        *,
        place: tuple[float, float, int] | None = None,
        device: str = "",
        session: str = "",
    ) -> None:
        """Keep a scan; `place` only where the position is known for sure, never an estimate.

        Raises:
            ScanError: the scan has more than 4096 readings, or the place is not finite;
                StoreError: the file cannot be written; what stood in it is untouched.
        """
        self.add_all([scan], place=place, device=device, session=session)

    def add_all(
        self,
        scans: Iterable[Scan],
        *,
        place: tuple[float, float, int] | None = None,
        device: str = "",
        session: str = "",
    ) -> None:
        """Keep several scans, all or none. Raises as `add`."""
        x_m = y_m = floor = None
        if place is not None:
            x_m, y_m, floor = float(place[0]), float(place[1]), int(place[2])
            if not (abs(x_m) < 1e9 and abs(y_m) < 1e9 and abs(floor) < 1 << 31):
                raise ScanError(f"place must be (x_m, y_m, floor), finite, got {place!r:.80}")
        rows = []
        for scan in scans:
            if len(scan) > MAX_READINGS:
                raise ScanError(f"a scan of {len(scan)} readings: at most {MAX_READINGS} are kept")
            text = scan.to_json()
            labelled = place is not None
            rows.append((scan.timestamp_ms, labelled, x_m, y_m, floor, device, session, text))
        with self._turn, speaking_of(self.path):
            database = self._open()
            database.execute("BEGIN IMMEDIATE")
            try:
                database.executemany(
                    "INSERT INTO scans (timestamp_ms, labelled, x_m, y_m, floor, device, session,"
                    " scan) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    rows,
                )
                surplus = _count(database) - self.max_scans
                if surplus > 0:
                    database.execute(
                        "DELETE FROM scans WHERE id IN "
                        "(SELECT id FROM scans ORDER BY labelled, id LIMIT ?)",
                        (surplus,),
                    )
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def scans(self, since: int | None = None, newest: int | None = None) -> Iterator[Scan]:
        """The scans in order of arrival; with `since` those whose timestamp_ms is not before it,
        with `newest` of these at most so many that came last.

        Raises StoreError where a row is damaged.
        """
        return (one.scan for one in self.rows(since, newest))

    def rows(self, since: int | None = None, newest: int | None = None) -> Iterator[StoredScan]:
        """As `scans`, with place, device and session. A part at a time is in memory, and others
        may write in between."""
        last = -1 if newest is None else self._before(newest)
        earliest = -(2**63) if since is None else since
        while True:
            with self._turn, speaking_of(self.path):
                part = self._open().execute(
                    "SELECT id, scan, labelled, x_m, y_m, floor, device, session FROM scans "
                    "WHERE id > ? AND timestamp_ms >= ? ORDER BY id LIMIT ?",
                    (last, earliest, _ROWS_AT_ONCE),
                ).fetchall()  # fmt: skip
            if not part:
                return
            for number, text, labelled, x_m, y_m, floor, device, session in part:
                try:
                    scan = Scan.from_json(text)
                    place = (float(x_m), float(y_m), int(floor)) if labelled else None
                except (ScanError, TypeError, ValueError) as error:
                    raise StoreError(f"{self.path}: row {number} is damaged: {error}") from None
                yield StoredScan(number, scan, place, str(device), str(session))
            last = part[-1][0]

    def _before(self, newest: int) -> int:
        """The number of the scan before the newest so many, -1 where there are no more."""
        if isinstance(newest, bool) or not isinstance(newest, int) or newest < 1:
            raise ValueError(f"newest must be an int >= 1, got {newest!r}")
        with self._turn, speaking_of(self.path):
            # Every step of the offset is one of the table's own order, not of all its scans.
            row = self._open().execute(
                "SELECT id FROM scans ORDER BY id DESC LIMIT 1 OFFSET ?", (newest,)
            ).fetchone()  # fmt: skip
        return -1 if row is None else int(row[0])

    def __len__(self) -> int:
        with self._turn, speaking_of(self.path):
            return _count(self._open())

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """Let the file go; later calls raise StoreError."""
        with self._turn, speaking_of(self.path):
            if self._database is not None:
                self._database.close()
            self._database = None

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise StoreError(f"{self.path}: this store is closed")
        return self._database

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _count(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM scans").fetchone()[0])
