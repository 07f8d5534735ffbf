"""One Wi-Fi scan: a time and what was heard."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from . import bssid as _ids
from .errors import ScanError

# Below this no receiver hears anything: -200, -999 and the like are codes for "not heard".
MIN_RSSI_DBM = -150.0
_INT64 = 2**63


class Reading(NamedTuple):
    """One access point in a scan."""

    bssid: str
    rssi_dbm: float
    frequency_mhz: int | None = None
    age_ms: int | None = None

    @property
    def locally_administered(self) -> bool:
        """The MAC's local bit: a random address or a virtual AP. Flagged, never dropped."""
        return _ids.is_locally_administered(self.bssid)


class Scan:
    """One scan, immutable: `timestamp_ms` and one reading per BSSID.

    Of two readings of one BSSID the freshest (smallest `age_ms`; none counts as 0) is kept,
    among equally fresh ones the strongest. An empty scan is fine: it gets a status, no error.

    Args:
        timestamp_ms (int): when the scan ended, ms on any clock that never runs backwards.
        readings: `Reading`s, or mappings with `bssid`, `rssi_dbm` and optionally
            `frequency_mhz`, `age_ms`.

    Raises:
        ScanError: a value is not what it must be; the message shows it.
    """

    __slots__ = ("_readings", "ages_ms", "bssids", "frequencies_mhz", "rssi_dbm", "timestamp_ms")

    _readings: tuple[Reading, ...] | None
    timestamp_ms: int
    bssids: tuple[str, ...]
    rssi_dbm: tuple[float, ...]
    ages_ms: tuple[int | None, ...] | None
    frequencies_mhz: tuple[int | None, ...] | None

    def __init__(self, timestamp_ms: int, readings: Iterable[Any] = ()) -> None:
        names: list[Any] = []
        levels: list[Any] = []
        ages: list[Any] = []
        bands: list[Any] = []
        try:
            for reading in readings:
                if isinstance(reading, Mapping):
                    names.append(reading["bssid"])
                    levels.append(reading["rssi_dbm"])
                    bands.append(reading.get("frequency_mhz"))
                    ages.append(reading.get("age_ms"))
                else:
                    name, level, band, age = reading
                    names.append(name)
                    levels.append(level)
                    bands.append(band)
                    ages.append(age)
        except KeyError as error:
            raise ScanError(f"reading {len(names)} has no {error}: {reading!r:.200}") from None
        except (TypeError, ValueError):
            raise ScanError(
                "readings must be Reading objects or mappings with bssid and rssi_dbm, "
                f"got {readings!r:.200}"
            ) from None
        self._fill(timestamp_ms, names, levels, ages, bands, _ids.known_ids, _ids.normalise)

    def _fill(
        self,
        timestamp_ms: Any,
        names: Collection[Any],
        levels: Collection[Any],
        ages: list[Any] | None,
        bands: list[Any] | None,
        known: dict[str, str],
        normalise: Callable[[Any], str],
    ) -> None:
        """The one way to a checked scan; the columns have one entry per reading.

        It runs for every scan of every device, so the good case is two comprehensions, and
        what is wrong is looked for only when something is.
        """
        try:
            bssids = [known[name] for name in names]
        except (KeyError, TypeError):
            bssids = [normalise(name) for name in names]
        try:
            # One chained comparison refuses NaN, infinities, booleans, text and None.
            rssi = [float(level) for level in levels if MIN_RSSI_DBM <= level < 0.0]
        except (TypeError, ValueError, OverflowError):
            rssi = []
        if len(rssi) != len(bssids):
            raise ScanError(_bad_rssi(bssids, levels))
        set_ = object.__setattr__
        set_(self, "timestamp_ms", _timestamp(timestamp_ms))
        ages = _whole("age_ms", ages, bssids)
        bands = _whole("frequency_mhz", bands, bssids)
        if len(set(bssids)) != len(bssids):
            keep = _best(bssids, rssi, ages)
            bssids = [bssids[i] for i in keep]
            rssi = [rssi[i] for i in keep]
            ages = ages and [ages[i] for i in keep]
            bands = bands and [bands[i] for i in keep]
        set_(self, "bssids", tuple(bssids))
        set_(self, "rssi_dbm", tuple(rssi))
        set_(self, "ages_ms", None if ages is None else tuple(ages))
        set_(self, "frequencies_mhz", None if bands is None else tuple(bands))
        set_(self, "_readings", None)

    @classmethod
    def from_dict(cls, rssi_dbm: Mapping[str, float], timestamp_ms: int) -> Scan:
        """A scan from {bssid: dBm}. Raises ScanError."""
        if not isinstance(rssi_dbm, Mapping):
            raise ScanError(f"expected {{bssid: dBm}}, got {type(rssi_dbm).__name__}")
        scan = cls.__new__(cls)
        names, levels = rssi_dbm.keys(), rssi_dbm.values()
        scan._fill(timestamp_ms, names, levels, None, None, _ids.known_ids, _ids.normalise)
        return scan

    @classmethod
    def from_android(
        cls,
        results: Iterable[Any],
        timestamp_ms: int | None = None,
        elapsed_realtime_ms: int | None = None,
    ) -> Scan:
        """A scan from Android `ScanResult`s (mappings or objects); see `scan_formats`."""
        from .scan_formats import android

        return android(results, timestamp_ms, elapsed_realtime_ms)

    @classmethod
    def from_google(cls, body: Mapping[str, Any], timestamp_ms: int | None = None) -> Scan:
        """A scan from a Google geolocation request body; see `scan_formats`."""
        from .scan_formats import google

        return google(body, timestamp_ms)

    @classmethod
    def from_json(cls, line: str | bytes) -> Scan:
        """A scan from one line of JSON Lines; unknown keys are ignored. Raises ScanError."""
        from .scan_formats import json_line

        return json_line(line)

    def to_json(self) -> str:
        """One line of JSON Lines that `from_json` reads back to an equal scan."""
        from .scan_formats import to_json_line

        return to_json_line(self)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The readings, in the order in which they came."""
        built = self._readings
        if built is None:
            nothing = (None,) * len(self.bssids)
            bands, ages = self.frequencies_mhz or nothing, self.ages_ms or nothing
            built = tuple(map(Reading, self.bssids, self.rssi_dbm, bands, ages))
            object.__setattr__(self, "_readings", built)
        return built

    def __len__(self) -> int:
        return len(self.bssids)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scan):
            return NotImplemented
        return self.timestamp_ms == other.timestamp_ms and self.readings == other.readings

    def __hash__(self) -> int:
        return hash((self.timestamp_ms, self.bssids, self.rssi_dbm))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Scan is immutable: cannot set {name}")

    def __reduce__(self) -> tuple[type[Scan], tuple[int, tuple[Reading, ...]]]:
        return Scan, (self.timestamp_ms, self.readings)

    def __repr__(self) -> str:
        return f"Scan(timestamp_ms={self.timestamp_ms}, {len(self.bssids)} readings)"


def _timestamp(value: Any) -> int:
    if value.__class__ is not int:
        try:
            index = value.__index__
        except AttributeError:
            index = None
        if isinstance(value, bool) or index is None:
            raise ScanError(f"timestamp_ms must be an int in milliseconds, got {value!r:.80}")
        value = index()
    if not -_INT64 <= value < _INT64:
        raise ScanError(f"timestamp_ms {value!r:.80} does not fit in 64 bits")
    return int(value)


def _whole(field: str, values: list[Any] | None, bssids: Sequence[str]) -> list[Any] | None:
    """Ages and frequencies as ints >= 0; None when no reading has one."""
    if values is None or values.count(None) == len(values):
        return None
    checked: list[int | None] = []
    for bssid, value in zip(bssids, values, strict=True):
        if value is None or (value.__class__ is int and 0 <= value < _INT64):
            checked.append(value)
            continue
        try:
            good = not isinstance(value, bool) and 0 <= value < _INT64
            number = int(value) if good else None
        except (TypeError, ValueError):
            number = None
        if number is None:
            raise ScanError(
                f"{field} of {bssid} must be a number >= 0 or left out, got {value!r:.80}"
            )
        checked.append(number)
    return checked


def _best(bssids: list[str], rssi: list[float], ages: list[Any] | None) -> list[int]:
    """Indices of the reading to keep of every BSSID, in the order of first appearance."""
    best: dict[str, int] = {}
    for i, bssid in enumerate(bssids):
        kept = best.setdefault(bssid, i)
        age, kept_age = (ages[i] or 0, ages[kept] or 0) if ages else (0, 0)
        if (age, -rssi[i]) < (kept_age, -rssi[kept]):
            best[bssid] = i
    return list(best.values())


def _bad_rssi(bssids: Iterable[str], levels: Iterable[Any]) -> str:
    """The message for the first level that `_fill` does not take."""
    for bssid, level in zip(bssids, levels, strict=True):
        try:
            if MIN_RSSI_DBM <= level < 0.0 and float(level):
                continue
        except (TypeError, ValueError, OverflowError):
            pass
        return (
            f"reading {bssid!r:.80}: rssi_dbm must be a number with {MIN_RSSI_DBM:g} <= dBm < 0, "
            f"got {level!r:.80} (codes for 'not heard' must be left out of a scan)"
        )
    return f"rssi_dbm has values that are no numbers: {levels!r:.200}"
