"""Scans at a steady pace from a source that may fail now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from .errors import SourceError
from .scan import Scan
from .sources import Source

TRIES = 5


def live_scans(
    source: Source,
    interval_s: float,
    wait: Callable[[float], bool],
    say: Callable[[str], object],
    count: int | None = None,
) -> Iterator[Scan]:
    """Scans until the recording ends, `count` is reached or `wait` says to stop.

    A live source scans every `interval_s` (from start to start; a slow scan is followed at once).
    What fails before the first scan is an error, unless it may work on another try; later
    failures are told and tried again for as long as it takes: adapters get unplugged.

    Args:
        wait: waits so many seconds; True to stop.
        say: told hints and failures, each again only after something else happened.

    Raises:
        SourceError: no first scan could be taken; ScanError: a recording is not what it must be.
    """
    said: str | None = None
    taken = failed = 0
    while not wait(0) and (count is None or taken < count):
        began = time.monotonic()
        try:
            scan = source.scan()
        except SourceError as error:
            failed += 1
            if wait(0):  # The tool was ended by the same signal.
                return
            if taken == 0 and (not error.again or failed == TRIES):
                raise
            if said != (said := str(error)):
                say(f"no scan: {error}")
            if wait(interval_s):
                return
            continue
        if scan is None:
            return
        if source.hint is not None and source.hint != said:
            say(source.hint)
        said = source.hint
        taken += 1
        yield scan
        if source.live and (count is None or taken < count):
            wait(max(0.0, interval_s - (time.monotonic() - began)))
