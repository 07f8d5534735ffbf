"""What every source of scans is, and the time that live scans get."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from ..bssid import known_macs, normalise_mac
from ..scan import MIN_RSSI_DBM, Scan

# Who does not want an access point mapped ends its name so; Google's and Mozilla's rule.
OPT_OUT = "_nomap"
HARDLY_ANY = 1


class Source(Protocol):
    """Scans, one after the other; for one thread.

    `live`: scans are taken now, and there is always another; else they come from a recording,
    which ends. `coarse`: levels are rounded or cut off, so that a bundle made from dBm loses
    accuracy with them. `hint`: what looks wrong with the last scan and what to do, or None.
    """

    name: str
    live: bool
    coarse: bool
    hint: str | None

    def scan(self) -> Scan | None:
        """The next scan; None where a recording has ended.

        Raises:
            SourceError: no scan could be taken; the message says what to do.
            ScanError: the recording or the tool's output is not what it must be; names the line.
        """

    def close(self) -> None:
        """Let files go; nothing to do for live sources."""


class Heard(NamedTuple):
    """One access point in a tool's output. `rssi_dbm` None: the driver gave no dBm."""

    bssid: str
    rssi_dbm: float | None
    frequency_mhz: int | None
    age_ms: int | None
    ssid: str = ""
    connected: bool = False


def scan_of(heard: Iterable[Heard], timestamp_ms: int) -> Scan:
    """The scan of what a live tool printed.

    Left out: access points whose network ends in `_nomap`, and levels that no receiver has
    (drivers write 0 or -256 where they know none). Names of networks are not kept.

    Raises:
        ScanError: a BSSID is not a MAC address; the message shows it.
    """
    kept = [
        one
        for one in heard
        if not one.ssid.endswith(OPT_OUT)
        and one.rssi_dbm is not None
        and MIN_RSSI_DBM <= one.rssi_dbm < 0
    ]
    scan = Scan.__new__(Scan)
    scan._fill(
        timestamp_ms,
        [one.bssid for one in kept],
        [one.rssi_dbm for one in kept],
        [one.age_ms for one in kept],
        [one.frequency_mhz for one in kept],
        known_macs,
        normalise_mac,
    )
    return scan


class Clock:
    """Milliseconds of the wall clock that never run backwards.

    A Raspberry Pi has no battery-backed clock: it starts in the past and jumps forward when the
    network tells it the time, which is followed. When the wall clock is set back, this one goes
    on at the pace of the clock since boot until the wall clock has caught up.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        boot_ns: Callable[[], int] = lambda: boot_time_ns(),
    ) -> None:
        self._wall_ns, self._boot_ns = wall_ns, boot_ns
        self._last: tuple[int, int] | None = None

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        wall, boot = self._wall_ns(), self._boot_ns()
        if self._last is not None:
            wall = max(wall, self._last[0] + boot - self._last[1])
        self._last = wall, boot
        return wall // 1_000_000


def boot_time_ns() -> int:
    """Nanoseconds since boot, sleep included: the clock of the kernel's "last seen"."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
