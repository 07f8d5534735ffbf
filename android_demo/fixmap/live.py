"""Live scans: Android's Wi-Fi on a phone, the tools of Linux elsewhere."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from kivy.utils import platform

from fixmap.feeds import Feed
from sdk import RssfixError, Scan
from sdk.errors import SourceError
from sdk.sources import Source, open_source
from sdk.sources.android import AndroidSource, ask_permission

POLL_S = 0.25
# After an error that the user can mend, such as a switch.
RETRY_S = 2.0


class LiveFeed(ABC):
    """A source whose errors may pass: what it says then stands in `trouble` until it does."""

    name = ""
    trouble = ""

    def poll(self) -> Scan | None:
        try:
            scan = self._scan()
        except SourceError as error:
            if not error.again:
                raise
            self.trouble = str(error)
            return None
        self.trouble = ""
        return scan

    def wait_s(self) -> float | None:
        return RETRY_S if self.trouble else POLL_S

    @abstractmethod
    def _scan(self) -> Scan | None:
        """The source's next scan, None where there is none yet. Raises RssfixError."""


class AndroidFeed(LiveFeed):
    """The phone's scans, with the wait that Android imposes in words."""

    name = "this phone's Wi-Fi"

    def __init__(self) -> None:
        self._source: AndroidSource | None = None
        self._asked = False

    def _scan(self) -> Scan | None:
        if not self._asked:
            self._asked = True
            ask_permission()
        if self._source is None:
            self._source = AndroidSource()
        return self._source.poll()

    def words(self) -> str:
        """What is switched off, or the seconds until Android scans again."""
        if self.trouble:
            return self.trouble
        if self._source is None:
            return "asking for permission"
        wait_s = math.ceil(self._source.throttle.ready_in_s())
        refused = "" if self._source.granted else "Android refused a scan; "
        said = f"{refused}next scan in {wait_s} s (Android allows 4 in 2 minutes)"
        return self._source.hint or said

    def close(self) -> None:
        if self._source is not None:
            self._source.close()


class ToolFeed(LiveFeed):
    """Scans of a Linux tool; each takes the seconds that the radio needs."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = f"live, {source.name}"

    def _scan(self) -> Scan | None:
        return self._source.scan()

    def words(self) -> str:
        coarse = "levels are coarse" if self._source.coarse else "scanning"
        return self.trouble or self._source.hint or coarse

    def close(self) -> None:
        self._source.close()


def live_feed() -> Feed:
    """The best live feed of this device.

    Raises:
        RssfixError: none can be had; what each of them said.
    """
    if platform == "android":
        return AndroidFeed()
    said = []
    for name in ("iw", "wpa_cli", "nmcli"):
        try:
            source = open_source(name)
        except RssfixError as error:
            said.append(f"{name}: {error}")
            continue
        return ToolFeed(source)
    raise SourceError("no live scans here. " + "; ".join(dict.fromkeys(said)))
