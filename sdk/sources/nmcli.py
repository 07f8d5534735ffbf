"""`nmcli device wifi list`: NetworkManager's list, in percent and without ages. The last resort."""

from __future__ import annotations

import re

from ..errors import ScanError, SourceError
from ..scan import Scan
from .source import Clock, Heard, scan_of
from .tool import Output, few, no_such_interface, run

# The name in hex: as text it may hold a line break.
FIELDS = "BSSID,FREQ,SIGNAL,ACTIVE,SSID-HEX"
# NetworkManager makes 100 % of everything above the one and 0 % of everything below the other.
STRONGEST_DBM, WEAKEST_DBM = -40, -100
_LINE = (r"[0-9A-Fa-f:]{17}", r"\d{3,6} MHz", r"\d{1,2}|100", r"yes|no", r"(?:[0-9A-Fa-f]{2})*")


class NmcliSource:
    """Scans by `nmcli`, where neither `iw` nor `wpa_cli` may be used.

    Levels come in percent, cut off at -40 and -100 dBm, and without ages: NetworkManager shows an
    access point for minutes after it was last heard. Hence `coarse`.
    """

    name = "nmcli"
    live = True
    coarse = True

    def __init__(self, interface: str | None = None, cached: bool = False) -> None:
        self.interface = interface
        self.cached = cached
        self.hint: str | None = None
        self._clock = Clock()

    def scan(self) -> Scan:
        """See `Source.scan`; no reading has an age."""
        command = ["nmcli", "-t", "-f", FIELDS, "device", "wifi", "list"]
        if self.interface is not None:
            command += ["ifname", self.interface]
        output = run([*command, "--rescan", "no" if self.cached else "yes"])
        if output.returncode != 0:
            raise _refusal(output, self.interface)
        heard = parse(output.text)
        how = "NetworkManager has not scanned lately, or may not for this user: use sudo, or iw"
        self.hint = few(len(heard), any(one.connected for one in heard), how)
        if not heard:
            self.hint = "NetworkManager lists no access point: nmcli radio wifi on"
        return scan_of(heard, self._clock.now_ms())

    def close(self) -> None:
        """Nothing to let go."""


def parse(text: str) -> list[Heard]:
    """What `nmcli -t -f FIELDS` printed. Raises ScanError naming the line."""
    heard = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        fields = split(line)
        if len(fields) != len(_LINE) or not all(map(re.fullmatch, _LINE, fields)):
            raise ScanError(f"nmcli's output, line {number}: not understood: {line!r:.120}")
        bssid, frequency, percent, active, name = fields
        dbm = float(dbm_of_percent(int(percent)))
        ssid = bytes.fromhex(name).decode("utf-8", "replace")
        mhz = int(frequency.removesuffix(" MHz"))
        heard.append(Heard(bssid, dbm, mhz, None, ssid, active == "yes"))
    return heard


def split(line: str) -> list[str]:
    """The fields of a line of `nmcli -t`: between colons, with `\\:` and `\\\\` escaped."""
    fields, escaped = [""], False
    for character in line:
        if escaped or character not in "\\:":
            fields[-1] += character
            escaped = False
        elif character == ":":
            fields.append("")
        else:
            escaped = True
    return fields


def dbm_of_percent(percent: int) -> int:
    """The strongest whole dBm that NetworkManager shows as `percent`; for percents it never shows,
    the next weaker.

    NetworkManager shows 100 - trunc(100 v / 60) with v = -40 - dBm cut to 0..60
    (`nm_wifi_utils_level_to_quality`), so between -99 and -41 dBm no information is lost.
    """
    span = STRONGEST_DBM - WEAKEST_DBM
    return STRONGEST_DBM + ((percent - 100) * span) // 100


def _refusal(output: Output, interface: str | None) -> SourceError:
    said = output.complaint or output.text.strip()
    if "NMClient" in said or "not running" in said:
        return SourceError(
            "NetworkManager is not running: sudo systemctl start NetworkManager, or use --source iw"
        )
    if interface is not None and "not found" in said:
        return no_such_interface(interface)
    if "No Wi-Fi device" in said:
        return SourceError("NetworkManager knows no Wi-Fi device: nmcli device; or use --source iw")
    if "not allowed" in said or "not authorized" in said.lower():
        return SourceError("NetworkManager refuses a scan to this user: use sudo, or --cached")
    return SourceError(f"nmcli failed: {said:.200}")
