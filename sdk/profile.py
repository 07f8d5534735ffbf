"""The union of the scans of a short window (Hapi eq. 1: the strongest reading wins)."""

from __future__ import annotations

from collections import deque

from .errors import ScanError
from .scan import Reading, Scan

# A source that floods must not fill the memory; at 10 scans a second this is 25 s.
MAX_SCANS = 256


class Profile:
    """A sliding window of scans, one per user or device; not for several threads at once.

    Args:
        window_ms: scans at most this much older than the newest are united; 0 keeps one scan
            and others of its timestamp.
        max_age_ms: a reading older than this gives way to any fresher one of its AP, however
            strong it was.
    """

    def __init__(self, window_ms: int, max_age_ms: int) -> None:
        if isinstance(window_ms, bool) or not isinstance(window_ms, int) or window_ms < 0:
            raise ValueError(f"window_ms must be an int >= 0, got {window_ms!r}")
        self.window_ms = window_ms
        self.max_age_ms = max_age_ms
        self._scans: deque[Scan] = deque(maxlen=MAX_SCANS)

    def add(self, scan: Scan) -> Scan:
        """Add a scan and return the profile, a scan at its time.

        Ages in the profile count from the newest scan's time.

        Raises:
            ScanError: the scan is older than the one before; the window stays as it was.
        """
        scans = self._scans
        if scans and scan.timestamp_ms < scans[-1].timestamp_ms:
            raise ScanError(
                f"timestamp_ms {scan.timestamp_ms} comes after {scans[-1].timestamp_ms}: "
                "the scans of a track must not go back in time"
            )
        scans.append(scan)
        while scan.timestamp_ms - scans[0].timestamp_ms > self.window_ms:
            scans.popleft()
        return scan if len(scans) == 1 else self._union(scan.timestamp_ms)

    def clear(self) -> None:
        """Forget all scans."""
        self._scans.clear()

    def _union(self, now_ms: int) -> Scan:
        best: dict[str, tuple[tuple[bool, float], Reading]] = {}
        for scan in self._scans:
            passed_ms = now_ms - scan.timestamp_ms
            for reading in scan.readings:
                age_ms = (reading.age_ms or 0) + passed_ms
                rank = (age_ms <= self.max_age_ms, reading.rssi_dbm)
                kept = best.get(reading.bssid)
                if kept is None or rank > kept[0]:
                    best[reading.bssid] = (rank, reading._replace(age_ms=age_ms))
        return Scan(now_ms, [reading for _, reading in best.values()])
