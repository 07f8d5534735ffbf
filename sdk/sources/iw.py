"""`iw dev INTERFACE scan` and `iw dev INTERFACE scan dump`: dBm and ages from the kernel."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import ScanError, SourceError
from ..scan import Scan
from .source import Clock, Heard, boot_time_ns, scan_of
from .tool import Output, few, is_down, no_such_interface, run, the_interface

# Old iw writes a space before "(on"; lines within a BSS are indented by a tab or by spaces.
_BSS = re.compile(r"BSS (\S+?)\s*\(on [^)]*\)(.*)")
# C's remainder takes the sign: -64.50 dBm is printed as "-64.-50".
_SIGNAL = re.compile(r"(-?\d+)(?:\.-?(\d+))? dBm")
_AGO = re.compile(r"(\d+) ms ago")
_BOOT = re.compile(r"(\d+)\.(\d{3})s \[boottime\]")
MAX_AGE_MS = 2**31
_ROOT = (
    "iw may not start a scan as this user: run with sudo, or as a service with "
    "AmbientCapabilities=CAP_NET_ADMIN (examples/pi/rssfix.service), or give --cached to read "
    "what the scans of others left"
)


class IwSource:
    """Scans by `iw`. Starting one needs CAP_NET_ADMIN; `cached` reads the kernel's list instead,
    which needs no rights and is as old as the last scan of NetworkManager or wpa_supplicant.

    Raises:
        SourceError: there is no Wi-Fi interface, or several and none was chosen.
    """

    name = "iw"
    live = True
    coarse = False

    def __init__(self, interface: str | None = None, cached: bool = False) -> None:
        self.interface = the_interface(interface)
        self.cached = cached
        self.hint: str | None = None
        self._clock = Clock()

    def scan(self) -> Scan:
        """See `Source.scan`; every reading has its age."""
        command = ["iw", "dev", self.interface, "scan", *(["dump"] if self.cached else [])]
        output = run(command)
        if output.returncode != 0:
            raise _refusal(output, self.interface)
        heard = parse(output.text)
        if heard and all(one.rssi_dbm is None for one in heard):
            raise SourceError(
                f"the driver of {self.interface} gives no dBm, only a quality: use another adapter"
            )
        scan = scan_of(heard, self._clock.now_ms())
        how = (
            "nothing has scanned lately; run without --cached, as root"
            if self.cached
            else "move, or check the antenna"
        )
        self.hint = few(len(heard), any(one.connected for one in heard) and self.cached, how)
        return scan

    def close(self) -> None:
        """Nothing to let go."""


def parse(text: str, boot_ns: Callable[[], int] = boot_time_ns) -> list[Heard]:
    """What `iw` printed, old and new form.

    Ages come from "last seen: N ms ago"; where only the time since boot is printed, they count
    from `boot_ns`, so such output must be parsed on the machine and at the time it was made.

    Raises:
        ScanError: naming the line: values before the first BSS, or one that is no number.
    """
    heard: list[Heard] = []
    now_ms: int | None = None
    indent: str | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("BSS "):
            head = _BSS.match(line)
            if head is None:
                raise _bad(number, line)
            connected = "associated" in head[2] or "joined" in head[2]
            heard.append(Heard(head[1], None, None, None, connected=connected))
            indent = None
            continue
        inside = line[: len(line) - len(line.lstrip())]
        indent = inside if indent is None else indent
        # Further in stand the elements of the frame, which may hold fields of these names too.
        if inside != indent:
            continue
        name, colon, value = line.strip().partition(":")
        value = value.strip()
        if not colon or name not in ("freq", "signal", "last seen", "SSID"):
            continue
        if not heard:
            raise _bad(number, line)
        at = heard[-1]
        if name == "SSID":
            at = at._replace(ssid=value)
        elif name == "freq":
            mhz = re.fullmatch(r"(\d{3,6})(?:\.\d+)?", value)
            if mhz is None:
                raise _bad(number, line)
            at = at._replace(frequency_mhz=int(mhz[1]))
        elif name == "signal":
            level = _SIGNAL.fullmatch(value)
            if level is not None:
                sign = -1 if "-" in value else 1
                dbm = abs(int(level[1])) + float(f"0.{level[2] or 0}")
                at = at._replace(rssi_dbm=sign * dbm)
            elif not re.fullmatch(r"\d+/100", value):
                raise _bad(number, line)
        elif (ago := _AGO.fullmatch(value)) is not None:
            at = at._replace(age_ms=min(int(ago[1]), MAX_AGE_MS))
        elif (boot := _BOOT.fullmatch(value)) is not None:
            if now_ms is None:
                now_ms = boot_ns() // 1_000_000
            since_ms = now_ms - int(boot[1]) * 1000 - int(boot[2])
            at = at._replace(age_ms=min(max(0, since_ms), MAX_AGE_MS))
        else:
            raise _bad(number, line)
        heard[-1] = at
    return heard


def _bad(number: int, line: str) -> ScanError:
    return ScanError(f"iw's output, line {number}: not understood: {line!r:.120}")


def _refusal(output: Output, interface: str) -> SourceError:
    said = output.complaint or output.text.strip()
    if "not permitted" in said:
        return SourceError(_ROOT)
    if "No such device" in said:
        return no_such_interface(interface)
    if "Network is down" in said or "RF-kill" in said:
        return is_down(interface)
    if "busy" in said or "already in progress" in said or "Resource temporarily" in said:
        return SourceError(f"{interface} is scanning for somebody else: try again", again=True)
    if "nl80211 not found" in said:
        return SourceError("this kernel has no Wi-Fi (nl80211 not found): use another machine")
    if "not supported" in said:
        return SourceError(f"{interface} cannot scan now (is it an access point itself?): {said}")
    return SourceError(f"iw failed on {interface}: {said:.200}")
