"""Ending on Ctrl-C and SIGTERM between two steps of work, never in the middle of one."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """While open, SIGINT and SIGTERM only ask; a second one of them ends the process at once.

    For the main thread, which is where Python delivers signals. The handler writes to a pipe and
    takes no lock, so it may come at any moment.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def __enter__(self) -> Stop:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._ask)
        return self

    def _ask(self, number: int, _: FrameType | None) -> None:
        if self.requested:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.requested = True
        os.write(self._writer, b"!")

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until a signal came; whether one came."""
        if not self.requested and seconds > 0:
            select.select([self._reader], [], [], seconds)
        return self.requested

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        os.close(self._reader)
        os.close(self._writer)
