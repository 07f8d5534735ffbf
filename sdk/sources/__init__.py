"""Where scans come from: the tools of Linux, and recordings.

Android's scans come through `Scan.from_android`. Names are those of `--source`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import SourceError
from .iw import IwSource
from .nmcli import NmcliSource
from .replay import ReplaySource
from .source import Source
from .wpa_cli import WpaCliSource

__all__ = [
    "NAMES",
    "IwSource",
    "NmcliSource",
    "ReplaySource",
    "Source",
    "SourceError",
    "WpaCliSource",
    "open_source",
]

NAMES = ("iw", "wpa_cli", "nmcli", "replay:PATH")


def open_source(
    name: str,
    interface: str | None = None,
    cached: bool = False,
    pause: Callable[[float], object] = time.sleep,
) -> Source:
    """The source called `iw`, `wpa_cli`, `nmcli` or `replay:PATH`.

    Args:
        interface: such as wlan0; default the only one there is.
        cached: start no scan, read what those of others left.
        pause: how a source waits for its tool; a true value makes it give up.

    Raises:
        SourceError: no such source, or it cannot be opened; the message says what to do.
    """
    kind, colon, path = name.partition(":")
    if kind == "replay" and path:
        return ReplaySource(path)
    if colon or kind not in ("iw", "wpa_cli", "nmcli"):
        raise SourceError(f"there is no source {name!r}; expected one of {', '.join(NAMES)}")
    if kind == "iw":
        return IwSource(interface, cached)
    if kind == "nmcli":
        return NmcliSource(interface, cached)
    return WpaCliSource(interface, cached, pause)
