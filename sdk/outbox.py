"""Messages that wait to be delivered: one SQLite file of bounded size."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from .store_file import Kind, open_file, speaking_of

MAX_MESSAGES = 10_000
# "rsso": how an outbox is told from a store of scans.
KIND = Kind(
    "an outbox",
    0x7273736F,
    1,
    "messages",
    (
        # AUTOINCREMENT: a number is never used again, so that receivers can tell repeats.
        "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL)",
        "CREATE TABLE dropped (count INTEGER NOT NULL)",
        "INSERT INTO dropped VALUES (0)",
    ),
)


class Outbox:
    """At most `max_messages` texts in the order of arrival; beyond that the oldest are dropped.

    `put` returns when the text is on the disk, so that a process killed or a power cut loses
    none. Any thread may call; one process at a time may have the file open.

    Raises:
        StoreError: not an outbox, damaged, in use by another process, or not to be written.
    """

    def __init__(self, path: str | os.PathLike[str], max_messages: int = MAX_MESSAGES) -> None:
        if isinstance(max_messages, bool) or not isinstance(max_messages, int) or max_messages < 1:
            raise ValueError(f"max_messages must be an int >= 1, got {max_messages!r}")
        self.path = Path(path)
        self.max_messages = max_messages
        self._turn = threading.Lock()
        self._database = open_file(self.path, KIND)
        try:
            with speaking_of(self.path):
                # Two processes would send everything twice.
                self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._database.execute("BEGIN EXCLUSIVE")
                self._database.execute("COMMIT")
        except BaseException:
            self._database.close()
            raise

    def put(self, text: str) -> int:
        """Keep a message; returns its number, which grows and is never used again."""
        with self._turn, speaking_of(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                added = self._database.execute("INSERT INTO messages (text) VALUES (?)", (text,))
                number = added.lastrowid
                dropped = self._database.execute(
                    "DELETE FROM messages WHERE id IN (SELECT id FROM messages ORDER BY id DESC"
                    " LIMIT -1 OFFSET ?)",
                    (self.max_messages,),
                ).rowcount
                if dropped:
                    self._database.execute("UPDATE dropped SET count = count + ?", (dropped,))
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        assert number is not None
        return number

    def after(self, number: int, most: int) -> list[tuple[int, str]]:
        """Up to `most` messages after that number, oldest first."""
        with self._turn, speaking_of(self.path):
            return self._database.execute(
                "SELECT id, text FROM messages WHERE id > ? ORDER BY id LIMIT ?", (number, most)
            ).fetchall()

    def delivered(self, number: int) -> None:
        """Let a message go; one that was dropped meanwhile is fine."""
        with self._turn, speaking_of(self.path):
            self._database.execute("DELETE FROM messages WHERE id = ?", (number,))

    @property
    def dropped(self) -> int:
        """How many were never delivered because the outbox was full."""
        with self._turn, speaking_of(self.path):
            return int(self._database.execute("SELECT count FROM dropped").fetchone()[0])

    def __len__(self) -> int:
        with self._turn, speaking_of(self.path):
            return int(self._database.execute("SELECT count(*) FROM messages").fetchone()[0])

    def close(self) -> None:
        """Let the file go."""
        with self._turn:
            self._database.close()
