"""SQLite files of the SDK: made, told from other files, and their errors in plain words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import StoreError

SQLITE_MAGIC = b"SQLite format 3\x00"
BUSY_S = 10.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is: `application_id` is how SQLite files are told from each other."""

    name: str
    application_id: int
    format: int
    table: str
    schema: tuple[str, ...]


STORE = Kind(
    "a store of scans",
    0x72737366,  # "rssf"
    1,
    "scans",
    (
        """
        CREATE TABLE scans (
            id INTEGER PRIMARY KEY,
            timestamp_ms INTEGER NOT NULL,
            labelled INTEGER NOT NULL,
            x_m REAL, y_m REAL, floor INTEGER,
            device TEXT NOT NULL, session TEXT NOT NULL,
            scan TEXT NOT NULL
        )
        """,
        "CREATE INDEX by_label ON scans (labelled)",
        "CREATE INDEX by_time ON scans (timestamp_ms)",
    ),
)


def open_file(path: Path, kind: Kind, read_only: bool = False) -> sqlite3.Connection:
    """A connection to the file at `path`, which is made where it is missing. Raises StoreError."""
    if path.is_dir():
        raise StoreError(f"{path}: is a folder, expected a file")
    if read_only and not path.exists():
        raise StoreError(f"{path}: there is no such store")
    with speaking_of(path):
        # as_uri escapes what a URI cannot hold.
        where = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        database = sqlite3.connect(
            where, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
    try:
        with speaking_of(path):
            _prepare(path, kind, database, read_only)
    except BaseException:
        database.close()
        raise
    return database


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a SQLite database, by its first bytes. Raises OSError."""
    with Path(path).open("rb") as file:
        return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


@contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """SQLite's errors as StoreErrors that name the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_why(error)}") from None


def _prepare(path: Path, kind: Kind, database: sqlite3.Connection, read_only: bool) -> None:
    if not read_only and not _tables(database) and _pragma(database, "application_id") == 0:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN IMMEDIATE")
        # Another process may have been faster.
        if not _tables(database):
            for statement in kind.schema:
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {kind.application_id}")
            database.execute(f"PRAGMA user_version = {kind.format}")
        database.execute("COMMIT")
    if _pragma(database, "application_id") != kind.application_id:
        raise StoreError(f"{path}: is a SQLite database, but not {kind.name}")
    if (version := _pragma(database, "user_version")) != kind.format:
        raise StoreError(f"{path}: format {version}, this reader knows format {kind.format}")
    if kind.table not in _tables(database):
        raise StoreError(f"{path}: damaged: the table of {kind.table} is missing")
    if not read_only:
        database.execute("PRAGMA synchronous = FULL")


def _pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])


def _tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master")}


def _why(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return "is no SQLite file"
    if code == sqlite3.SQLITE_CORRUPT:
        return f"the file is damaged: {error}"
    if code == sqlite3.SQLITE_BUSY:
        return f"another process has held the file for over {BUSY_S:g} s"
    return f"the file cannot be used: {error}"
