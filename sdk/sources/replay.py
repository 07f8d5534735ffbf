"""Recorded scans: JSON Lines, a store, or a survey folder."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

from ..errors import SourceError
from ..scan import Scan
from ..scan_lines import read_scans
from ..store import Store
from ..store_file import is_store

# Survey folders hold Parquet, whose reader a device does not have: the package that writes them
# brings the function that reads them, {folder} -> iterator of scans.
GROUP = "rssfix.sources"


class ReplaySource:
    """The scans of a recording, in its order and with its timestamps.

    Args:
        path: a file of JSON Lines (`rssfix record`), `-` for standard input, a store
            (`sdk.store`), or a survey folder.

    Raises:
        SourceError: not there, not readable, or a survey folder without the package that reads it.
    """

    name = "replay"
    live = False
    coarse = False
    hint: str | None = None

    def __init__(self, path: str) -> None:
        self.place = path
        self._file: io.TextIOBase | None = None
        self._store: Store | None = None
        try:
            self._scans = self._opened(path)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from None

    def _opened(self, path: str) -> Iterator[Scan]:
        if path == "-":
            return self._lines(sys.stdin)
        if Path(path).is_dir():
            return _survey(path)
        if is_store(path):
            self._store = Store(path, read_only=True)
            return self._store.scans()
        self._file = Path(path).open(encoding="utf-8")  # noqa: SIM115 - closed by close().
        return self._lines(self._file)

    def _lines(self, file: io.TextIOBase | object) -> Iterator[Scan]:
        for self.place, scan in read_scans(file):  # type: ignore[arg-type]
            yield scan

    def scan(self) -> Scan | None:
        """See `Source.scan`; `place` then says which file and line the scan came from."""
        return next(self._scans, None)

    def close(self) -> None:
        """Let the recording go."""
        if self._file is not None:
            self._file.close()
        if self._store is not None:
            self._store.close()


def _survey(path: str) -> Iterator[Scan]:
    for point in entry_points(group=GROUP, name="survey"):
        scans: Iterator[Scan] = point.load()(path)
        return scans
    raise SourceError(
        f"{path}: a survey folder; reading it needs the training package, which is not here: "
        "pip install 'rssfix[train]'"
    )
