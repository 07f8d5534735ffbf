"""The formats in which scans arrive: Android, Google geolocation, JSON Lines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from . import bssid as _ids
from .errors import ScanError
from .scan import Scan


def json_line(line: str | bytes) -> Scan:
    """`{"timestamp_ms": 0, "readings": [{"bssid", "rssi_dbm", "frequency_mhz"?, "age_ms"?}]}`.

    Raises:
        ScanError: no JSON object, a field is missing, or a value is refused by `Scan`.
    """
    try:
        record = json.loads(line)
    except (ValueError, TypeError, RecursionError) as error:
        raise ScanError(f"not a line of JSON ({error}): {line!r:.80}") from None
    if not isinstance(record, dict):
        raise ScanError(f"a scan must be a JSON object, got {type(record).__name__}")
    for field in ("timestamp_ms", "readings"):
        if field not in record:
            raise ScanError(f"the scan has no {field!r}: {line!r:.120}")
    readings = record["readings"]
    if not isinstance(readings, list):
        raise ScanError(f"readings must be a list, got {type(readings).__name__}")
    try:
        names = [reading["bssid"] for reading in readings]
        levels = [reading["rssi_dbm"] for reading in readings]
        ages = [reading.get("age_ms") for reading in readings]
        bands = [reading.get("frequency_mhz") for reading in readings]
    except KeyError as error:
        raise ScanError(f"a reading has no {error}: {line!r:.120}") from None
    except (TypeError, AttributeError):
        raise ScanError(f"every reading must be a JSON object: {line!r:.120}") from None
    scan = Scan.__new__(Scan)
    scan._fill(record["timestamp_ms"], names, levels, ages, bands, _ids.known_ids, _ids.normalise)
    return scan


def to_json_line(scan: Scan) -> str:
    """The line that `json_line` reads; fields that a reading does not have are left out."""
    readings = [
        {name: value for name, value in reading._asdict().items() if value is not None}
        for reading in scan.readings
    ]
    return json.dumps({"timestamp_ms": scan.timestamp_ms, "readings": readings})


def android(
    results: Iterable[Any], timestamp_ms: int | None, elapsed_realtime_ms: int | None
) -> Scan:
    """`android.net.wifi.ScanResult`s: BSSID, level (dBm), frequency (MHz), timestamp.

    `ScanResult.timestamp` counts microseconds since boot. Ages are taken against
    `elapsed_realtime_ms` (SystemClock.elapsedRealtime(), milliseconds since boot); without it
    the newest result has age 0, so give it where a wholly cached list must be noticed.

    Args:
        results: mappings or objects with those fields; only MAC addresses are accepted.
        timestamp_ms: default `elapsed_realtime_ms`, else the newest result's time since boot,
            else (an empty list) this machine's clock since boot.

    Raises:
        ScanError: a field is missing or refused.
    """
    names: list[Any] = []
    levels: list[Any] = []
    bands: list[Any] = []
    seen_us: list[int | None] = []
    for result in results:
        names.append(_field(result, "BSSID"))
        levels.append(_field(result, "level"))
        bands.append(_field(result, "frequency", optional=True))
        seen = _field(result, "timestamp", optional=True)
        if seen is not None and (isinstance(seen, bool) or not isinstance(seen, int)):
            raise ScanError(
                f"timestamp of {names[-1]!r:.40} must be an int in us, got {seen!r:.80}"
            )
        seen_us.append(seen)
    newest_us = max((seen for seen in seen_us if seen is not None), default=None)
    if elapsed_realtime_ms is not None:
        now_us: int | None = int(elapsed_realtime_ms) * 1000
    else:
        now_us = newest_us
    if timestamp_ms is None:
        timestamp_ms = now_us // 1000 if now_us is not None else _since_boot_ms(names)
    ages: list[Any] | None = None
    if now_us is not None:
        ages = [None if seen is None else max(0, now_us - seen) // 1000 for seen in seen_us]
    scan = Scan.__new__(Scan)
    scan._fill(timestamp_ms, names, levels, ages, bands, _ids.known_macs, _ids.normalise_mac)
    return scan


def google(body: Mapping[str, Any], timestamp_ms: int | None) -> Scan:
    """`{"wifiAccessPoints": [{"macAddress", "signalStrength", "age"?, "frequency"?}]}`.

    Args:
        timestamp_ms: default the body's `timestamp`, else this machine's wall clock.

    Raises:
        ScanError: a field is missing or refused; only MAC addresses are accepted.
    """
    if not isinstance(body, Mapping):
        raise ScanError(f"a geolocation body must be a JSON object, got {type(body).__name__}")
    points = body.get("wifiAccessPoints", [])
    if not isinstance(points, list | tuple):
        raise ScanError(f"wifiAccessPoints must be a list, got {type(points).__name__}")
    if timestamp_ms is None:
        timestamp_ms = body.get("timestamp", time.time_ns() // 1_000_000)
    scan = Scan.__new__(Scan)
    scan._fill(
        timestamp_ms,
        [_field(point, "macAddress") for point in points],
        [_field(point, "signalStrength") for point in points],
        [_field(point, "age", optional=True) for point in points],
        [_field(point, "frequency", optional=True) for point in points],
        _ids.known_macs,
        _ids.normalise_mac,
    )
    return scan


def _field(entry: Any, name: str, optional: bool = False) -> Any:
    value = entry.get(name) if isinstance(entry, Mapping) else getattr(entry, name, None)
    if value is None and not optional:
        raise ScanError(f"an access point has no {name!r}: {entry!r:.120}")
    return value


def _since_boot_ms(names: list[Any]) -> int:
    if names or not hasattr(time, "CLOCK_BOOTTIME"):
        raise ScanError("these scan results carry no time: give timestamp_ms")
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
