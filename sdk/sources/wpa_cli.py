"""`wpa_cli`: dBm from wpa_supplicant, ages in whole seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ..errors import ScanError, SourceError
from ..scan import Scan
from .iw import MAX_AGE_MS
from .source import Clock, Heard, scan_of
from .tool import few, is_down, run, the_interface

# Id, BSSID, frequency, level, age, flags, SSID, a line between: wpa_ctrl.h, WPA_BSS_MASK_*.
MASK = "0x21a87"
# A reply of wpa_supplicant has 4 kB, about 30 access points; more pages are nobody's building.
MAX_PAGES = 64
POLL_S, SCAN_TIMEOUT_S = 0.5, 10.0
_END = "####"
_SCAN_RESULTS = "bssid / frequency / signal level / flags / ssid"


class WpaCliSource:
    """Scans by `wpa_cli`, where wpa_supplicant has a control socket and the user may use it.

    Args:
        pause: waits so many seconds; what it returns says whether to give up.

    Raises:
        SourceError: there is no Wi-Fi interface, or several and none was chosen.
    """

    name = "wpa_cli"
    live = True
    coarse = False

    def __init__(
        self,
        interface: str | None = None,
        cached: bool = False,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.interface = the_interface(interface)
        self.cached = cached
        self.hint: str | None = None
        self._pause = pause
        self._clock = Clock()

    def scan(self) -> Scan:
        """See `Source.scan`.

        `wpa_cli scan` only starts a scan; it has ended when an access point was seen since. After
        10 s without one the list is taken as it is: ages tell how old.
        """
        if self.cached:
            heard = self._list()
        else:
            began = time.monotonic()
            self._start()
            while True:
                given_up = self._pause(POLL_S)
                heard = self._list()
                passed_s = time.monotonic() - began
                if given_up or passed_s >= SCAN_TIMEOUT_S or _seen_within(heard, passed_s):
                    break
        how = "nothing has scanned lately; run without --cached"
        if not self.cached:
            how = "move, or check the antenna"
        self.hint = few(len(heard), False, how)
        return scan_of(heard, self._clock.now_ms())

    def close(self) -> None:
        """Nothing to let go."""

    def _start(self) -> None:
        reply = self._ask("scan")
        # Busy: a scan runs already, whose results are as good.
        if reply in ("OK", "FAIL-BUSY"):
            return
        if reply == "FAIL":
            raise is_down(self.interface)
        raise SourceError(f"wpa_cli scan on {self.interface}: {reply:.200}")

    def _list(self) -> list[Heard]:
        heard: list[Heard] = []
        following = 0
        for _ in range(MAX_PAGES):
            page = self._ask("bss", f"RANGE={following}-", f"MASK={MASK}")
            if not page:
                break
            if page in ("FAIL", "UNKNOWN COMMAND"):
                return parse_scan_results(self._ask("scan_results"))
            found, last = parse_bss(page)
            heard += found
            if last is None or page.endswith(_END):
                break
            following = last + 1
        return heard

    def _ask(self, *command: str) -> str:
        output = run(["wpa_cli", "-i", self.interface, *command])
        text = output.text.strip()
        said = output.complaint or text
        if "Permission denied" in said:
            raise SourceError(
                "wpa_supplicant's socket is not open to this user: "
                "sudo usermod -aG netdev $USER, then log in again; or use sudo"
            )
        if output.returncode != 0 or "Failed to connect" in said:
            raise SourceError(
                f"wpa_supplicant has no control socket for {self.interface} (ls "
                "/run/wpa_supplicant). Where NetworkManager drives the Wi-Fi, as on Raspberry Pi "
                "OS since bookworm, use --source iw"
            )
        return text


def _seen_within(heard: list[Heard], passed_s: float) -> bool:
    """Whether any access point was seen in the last `passed_s`; ages are whole seconds."""
    return any(one.age_ms is not None and one.age_ms <= passed_s * 1000 - 1000 for one in heard)


def parse_bss(text: str) -> tuple[list[Heard], int | None]:
    """What `wpa_cli bss RANGE=N- MASK=...` printed, and the last id in it.

    Raises:
        ScanError: naming the line that is not as it must be, or an entry without a BSSID.
    """
    heard: list[Heard] = []
    last: int | None = None
    values: dict[str, str] = {}
    numbers = {"id": r"\d{1,9}", "freq": r"\d{1,6}", "level": r"-?\d{1,5}", "age": r"\d{1,9}"}
    for number, line in enumerate([*text.split("\n"), "===="], 1):
        if line in ("====", _END):
            if values:
                if "bssid" not in values:
                    raise ScanError(f"wpa_cli's output, line {number}: an entry has no bssid")
                heard.append(_heard(values))
                last = int(values["id"]) if "id" in values else None
            values = {}
            continue
        name, equals, value = line.partition("=")
        if not line or (equals and name not in (*numbers, "bssid", "ssid", "flags")):
            continue
        if not equals or (name in numbers and not re.fullmatch(numbers[name], value)):
            raise ScanError(f"wpa_cli's output, line {number}: not understood: {line!r:.120}")
        values[name] = value
    return heard, last


def _heard(values: dict[str, str]) -> Heard:
    def number(name: str) -> int | None:
        return int(values[name]) if name in values else None

    level, age_s = number("level"), number("age")
    return Heard(
        values["bssid"],
        None if level is None else float(level),
        number("freq"),
        None if age_s is None else min(age_s * 1000, MAX_AGE_MS),
        values.get("ssid", ""),
    )


def parse_scan_results(text: str) -> list[Heard]:
    """What `wpa_cli scan_results` printed: no ages, and at most 4 kB of access points.

    Raises:
        ScanError: naming the line that is not as it must be.
    """
    heard = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line == _SCAN_RESULTS or line.startswith("Selected interface"):
            continue
        # A hidden network has no name, and then no tab either where the text was stripped.
        fields = line.split("\t", 4)
        if len(fields) < 4 or not re.fullmatch(r"\d{1,6}\t-?\d{1,5}", "\t".join(fields[1:3])):
            raise ScanError(f"wpa_cli's output, line {number}: not understood: {line!r:.120}")
        ssid = fields[4] if len(fields) == 5 else ""
        heard.append(Heard(fields[0], float(fields[2]), int(fields[1]), None, ssid))
    return heard
