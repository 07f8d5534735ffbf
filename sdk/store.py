"""Scans kept on the device for a later update of its model: one SQLite file of bounded size."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .errors import ScanError, StoreError
from .scan import Scan

SQLITE_MAGIC = b"SQLite format 3\x00"
# "rssf": how a store is told from any other SQLite file.
APPLICATION_ID = 0x72737366
FORMAT = 1
MAX_SCANS = 50_000
# No radio hears so many; with it a store of n scans is bounded in bytes too.
MAX_READINGS = 4096
BUSY_S = 10.0
_ROWS_AT_ONCE = 256
_TABLE = """
CREATE TABLE scans (
    id INTEGER PRIMARY KEY,
    timestamp_ms INTEGER NOT NULL,
    labelled INTEGER NOT NULL,
    x_m REAL, y_m REAL, floor INTEGER,
    device TEXT NOT NULL, session TEXT NOT NULL,
    scan TEXT NOT NULL
)
"""


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
        self._database: sqlite3.Connection | None = None
        if self.path.is_dir():
            raise StoreError(f"{self.path}: is a folder, expected a file")
        if read_only and not self.path.exists():
            raise StoreError(f"{self.path}: there is no such store")
        with self._speaking():
            # as_uri escapes what a URI cannot hold.
            where = f"{self.path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            database = sqlite3.connect(
                where, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._speaking():
                self._prepare(database, read_only)
        except BaseException:
            database.close()
            raise
        self._database = database

    def _prepare(self, database: sqlite3.Connection, read_only: bool) -> None:
        if not read_only and not _tables(database) and _pragma(database, "application_id") == 0:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("BEGIN IMMEDIATE")
            # Another process may have been faster.
            if not _tables(database):
                database.execute(_TABLE)
                database.execute("CREATE INDEX by_label ON scans (labelled)")
                database.execute("CREATE INDEX by_time ON scans (timestamp_ms)")
                database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                database.execute(f"PRAGMA user_version = {FORMAT}")
            database.execute("COMMIT")
        if _pragma(database, "application_id") != APPLICATION_ID:
            raise StoreError(f"{self.path}: is a SQLite database, but not a store of scans")
        if (version := _pragma(database, "user_version")) != FORMAT:
            raise StoreError(f"{self.path}: format {version}, this reader knows format {FORMAT}")
        if "scans" not in _tables(database):
            raise StoreError(f"{self.path}: damaged: the table of scans is missing")
        if not read_only:
            database.execute("PRAGMA synchronous = FULL")

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
        with self._turn, self._speaking():
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

    def scans(self, since: int | None = None) -> Iterator[Scan]:
        """The scans in order of arrival; with `since` those whose timestamp_ms is not before it.

        Raises StoreError where a row is damaged.
        """
        return (one.scan for one in self.rows(since))

    def rows(self, since: int | None = None) -> Iterator[StoredScan]:
        """As `scans`, with place, device and session. A part at a time is in memory, and others
        may write in between."""
        last = -1
        earliest = -(2**63) if since is None else since
        while True:
            with self._turn, self._speaking():
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

    def __len__(self) -> int:
        with self._turn, self._speaking():
            return _count(self._open())

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """Let the file go; later calls raise StoreError."""
        with self._turn, self._speaking():
            if self._database is not None:
                self._database.close()
            self._database = None

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise StoreError(f"{self.path}: this store is closed")
        return self._database

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """SQLite's errors in words that name the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {_why(error)}") from None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a SQLite database, by its first bytes. Raises OSError."""
    with Path(path).open("rb") as file:
        return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


def _count(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM scans").fetchone()[0])


def _pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])


def _tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master")}


def _why(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return "is not a store of scans (no SQLite file)"
    if code == sqlite3.SQLITE_CORRUPT:
        return f"the store is damaged: {error}"
    if code == sqlite3.SQLITE_BUSY:
        return f"another process has held the store for over {BUSY_S:g} s"
    return f"the store cannot be used: {error}"
