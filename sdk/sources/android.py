"""Android's WifiManager through pyjnius: scans, throttling, and what is switched off.

Android 9 and later start at most 4 scans in 2 minutes for an app in the foreground (and one in 30
minutes in the background); `startScan` then returns False and the results stay the old ones. Scans
of others (the system, other apps) are used as they come, so every reading has its own age.
Results need the permission ACCESS_FINE_LOCATION and the device's location switch on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import SourceError
from ..scan import Scan
from .source import OPT_OUT

SCANS = 4
WINDOW_S = 120.0
FINE_LOCATION = "android.permission.ACCESS_FINE_LOCATION"
# How often `scan` looks for results.
POLL_S = 0.25
_GRANTED = 0
_LOCATION_SWITCH_API = 28


class Throttle:
    """When Android will start a scan: the allowance spread evenly, one scan in 30 s.

    Spent in a burst, it would leave a walking user two minutes without a scan.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked_s: float | None = None

    def ready_in_s(self) -> float:
        """Seconds until the next scan should be asked for; 0 when now."""
        if self._asked_s is None:
            return 0.0
        return max(0.0, self._asked_s + WINDOW_S / SCANS - self._clock())

    def asked(self) -> None:
        """A scan was asked for now, granted or not: others may have used up the allowance."""
        self._asked_s = self._clock()


class AndroidSource:
    """Scans of the phone's Wi-Fi, for one thread.

    `poll` never waits: it asks Android for a scan whenever one is due, and gives what is new.
    `scan` waits for it. `granted`: Android started the last scan that was asked for.

    Raises:
        SourceError: not on Android, no permission, or Wi-Fi or location is switched off.
    """

    name = "android"
    live = True
    coarse = False

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        try:
            from jnius import autoclass
        except ImportError:
            raise SourceError("this is no Android app: pyjnius is not here") from None
        self._pause = pause
        self.throttle = Throttle(clock)
        self.hint: str | None = None
        context = autoclass("android.content.Context")
        self._version = int(autoclass("android.os.Build$VERSION").SDK_INT)
        self._system_clock = autoclass("android.os.SystemClock")
        self._activity = autoclass("org.kivy.android.PythonActivity").mActivity
        self._wifi = self._activity.getSystemService(context.WIFI_SERVICE)
        self._location = self._activity.getSystemService(context.LOCATION_SERVICE)
        self._newest_us = -1
        self.granted = True
        self._check()

    def _check(self) -> None:
        """Raises SourceError naming what is missing; a moment later all may be well again."""
        if self._activity.checkSelfPermission(FINE_LOCATION) != _GRANTED:
            raise SourceError(
                "the app may not see Wi-Fi scans: allow it the precise location (nothing of it "
                "leaves the phone)",
                again=True,
            )
        if not (self._wifi.isWifiEnabled() or self._wifi.isScanAlwaysAvailable()):
            raise SourceError("Wi-Fi is switched off: switch it on", again=True)
        if self._version >= _LOCATION_SWITCH_API and not self._location.isLocationEnabled():
            raise SourceError(
                "the phone's location is switched off, and Android then hides all Wi-Fi scans: "
                "switch it on",
                again=True,
            )

    def poll(self) -> Scan | None:
        """New results, None where there are none; starts the next scan when Android allows it.

        Raises:
            SourceError: permission, Wi-Fi or location is off. ScanError: a result is refused.
        """
        self._check()
        if self.throttle.ready_in_s() == 0:
            self.throttle.asked()
            self.granted = bool(self._wifi.startScan())
        results = list(self._wifi.getScanResults())
        newest_us = max((int(one.timestamp) for one in results), default=-1)
        if newest_us <= self._newest_us:
            return None
        self._newest_us = newest_us
        one_only = "only one access point heard, too few for a position"
        self.hint = one_only if len(results) == 1 else None
        seen = [one for one in results if not str(one.SSID or "").endswith(OPT_OUT)]
        return Scan.from_android(
            seen, elapsed_realtime_ms=int(self._system_clock.elapsedRealtime())
        )

    def scan(self) -> Scan:
        """See `Source.scan`: waits until there are new results, throttled as Android does."""
        while True:
            scan = self.poll()
            if scan is not None:
                return scan
            self._pause(POLL_S)

    def close(self) -> None:
        """Nothing to let go."""


def ask_permission() -> None:
    """Let Android show its dialogue for FINE_LOCATION; it returns at once.

    Raises SourceError where this is no Android app.
    """
    try:
        from android.permissions import request_permissions
    except ImportError:
        raise SourceError("this is no Android app: its permissions module is not here") from None
    request_permissions([FINE_LOCATION])
