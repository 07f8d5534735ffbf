"""Where the app's scans come from: a recorded walk, or a live source of the SDK."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sdk import Scan, ScanError
from sdk.scan_lines import read_scans

SPEEDS = (1.0, 2.0, 5.0, 20.0)
# A pause in a recording (a lift, a pocket) is not waited for longer than this.
LONGEST_WAIT_S = 10.0


class Feed(Protocol):
    """Scans one by one; used by the session's thread alone."""

    name: str

    def poll(self) -> Scan | None:
        """The scan that is due now, None where there is none yet. Raises RssfixError."""
        ...

    def wait_s(self) -> float | None:
        """Seconds until `poll` is worth asking again; None when no scan will come any more."""
        ...

    def words(self) -> str:
        """What the user has to know about this source, in a few words; may be empty."""
        ...

    def close(self) -> None: ...


class Replay:
    """A recorded walk in the rhythm of its timestamps, `speed` times as fast.

    Args:
        scans: in order of time.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        name: str,
        scans: list[Scan],
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._scans = scans
        self._clock = clock
        self._next = 0
        self._speed = speed
        self._due_s = clock()

    @classmethod
    def read(cls, file: Path, speed: float = 1.0) -> Replay:
        """A file of JSON Lines, one scan per line.

        Raises:
            ScanError: a line is no scan, or goes back in time; names file and line.
            OSError: the file cannot be read.
        """
        scans: list[Scan] = []
        with file.open(encoding="utf-8") as lines:
            for place, scan in read_scans(lines):
                if scans and scan.timestamp_ms < scans[-1].timestamp_ms:
                    raise ScanError(
                        f"{place}: timestamp_ms {scan.timestamp_ms} comes after "
                        f"{scans[-1].timestamp_ms}"
                    )
                scans.append(scan)
        if not scans:
            raise ScanError(f"{file.name} holds no scan")
        return cls(file.stem, scans, speed)

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        # The part of the wait that is left shrinks or grows with the speed.
        now = self._clock()
        self._due_s = now + max(0.0, self._due_s - now) * self._speed / speed
        self._speed = speed

    def poll(self) -> Scan | None:
        if self._next >= len(self._scans) or self._clock() < self._due_s:
            return None
        scan = self._scans[self._next]
        self._next += 1
        if self._next < len(self._scans):
            pause_s = (self._scans[self._next].timestamp_ms - scan.timestamp_ms) / 1000
            self._due_s = self._clock() + min(pause_s, LONGEST_WAIT_S) / self._speed
        return scan

    def wait_s(self) -> float | None:
        if self._next >= len(self._scans):
            return None
        return max(0.0, self._due_s - self._clock())

    def words(self) -> str:
        return f"recorded walk, scan {self._next} of {len(self._scans)}"

    def close(self) -> None:
        self._next = len(self._scans)
