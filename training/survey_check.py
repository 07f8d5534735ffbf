"""The checker of surveys: every problem with its file, row, value and what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.survey import NO_FLOOR, SPLITS, Survey

# The bounds of the device (sdk.scan): outside them a number is a code, not a level.
MIN_RSSI_DBM = -150.0


@dataclass(frozen=True)
class Problem:
    """One finding; ``level`` is "error" (the survey is refused) or "warning"."""

    level: str
    file: str
    row: int | None
    what: str
    expected: str

    def __str__(self) -> str:
        where = self.file if self.row is None else f"{self.file}: row {self.row}"
        return f"{self.level}: {where}: {self.what}; expected {self.expected}"


def check(survey: Survey, folder: Path | None = None) -> list[Problem]:
    """All problems of a survey, errors first. ``folder`` only names the files in the messages."""
    at = "" if folder is None else f"{folder}/"
    found = [
        Problem(level, at + file, row, what, expected)
        for file, finder in (
            ("survey.toml", _header(survey, folder)),
            ("scans.parquet", _rows(survey)),
            ("scans.parquet", _readings(survey)),
            ("scans.parquet", _order(survey)),
            ("access_points.csv", _access_points(survey)),
        )
        for level, row, what, expected in finder
    ]
    return sorted(found, key=lambda p: p.level)


Finding = tuple[str, int | None, str, str]


def _header(survey: Survey, folder: Path | None) -> Iterator[Finding]:
    floors = [f.floor for f in survey.header.floors]
    if not floors:
        yield "error", None, "no floors", "at least one"
    for floor in sorted({f for f in floors if floors.count(f) > 1}):
        yield "error", None, f"floor {floor} is listed {floors.count(floor)} times", "once"
    for one in survey.header.floors:
        if one.plan and folder is not None and one.plan not in survey.plans:
            yield "error", None, f"plan {one.plan!r} of floor {one.floor} is missing", "a file"
        for name in ("width_m", "height_m"):
            size = getattr(one, name)
            if size is not None and not 0 < size < float("inf"):
                yield "error", None, f"{name} of floor {one.floor} is {size}", "more than 0 m"


def _rows(survey: Survey) -> Iterator[Finding]:
    if not len(survey):
        yield "error", None, "no rows", "at least one scan"
        return
    known = {f.floor for f in survey.header.floors}
    no_x, no_y = np.isnan(survey.x_m), np.isnan(survey.y_m)
    for i in np.flatnonzero(no_x != no_y).tolist():
        yield "error", i, f"x_m, y_m = {survey.x_m[i]}, {survey.y_m[i]}", "both or neither null"
    for name in ("x_m", "y_m"):
        for i in np.flatnonzero(np.isinf(getattr(survey, name))).tolist():
            yield "error", i, f"{name} is {getattr(survey, name)[i]}", "a finite number of metres"
    in_split = survey.split != ""
    for i in np.flatnonzero(no_x & no_y & in_split).tolist():
        yield "error", i, f"no position in split {survey.split[i]!r}", "a position, or split ''"
    has_floor = survey.floor != NO_FLOOR
    for i in np.flatnonzero(~has_floor & ~(no_x | no_y)).tolist():
        yield "error", i, "floor is null", "a floor beside a position"
    wrong = has_floor & ~np.isin(survey.floor, list(known))
    for i in np.flatnonzero(wrong).tolist():
        yield "error", i, f"floor {survey.floor[i]}", f"one of {sorted(known)} (survey.toml)"
    for i in np.flatnonzero(~np.isin(survey.split.astype(str), SPLITS)).tolist():
        yield "error", i, f"split {survey.split[i]!r}", "train, validation, test or ''"
    if not survey.rows("train").any():
        yield "warning", None, "no labelled row in split 'train'", "rows to train on"
    for floor in survey.header.floors:
        here = survey.floor == floor.floor
        for name, size in (("x_m", floor.width_m), ("y_m", floor.height_m)):
            values = getattr(survey, name)
            if size is not None:
                for i in np.flatnonzero(here & ((values < 0) | (values > size))).tolist():
                    yield "warning", i, f"{name} is {values[i]:.2f}", f"0 to {size} m (floor size)"


def _readings(survey: Survey) -> Iterator[Finding]:
    row = survey.row_of_reading
    name = survey.bssids

    def heard(i: int) -> str:
        return repr(name[survey.bssid_code[i]])

    rssi = survey.rssi_dbm
    for i in np.flatnonzero(~((rssi < 0) & (rssi >= MIN_RSSI_DBM))).tolist():
        expected = f"{MIN_RSSI_DBM:g} <= dBm < 0 (a code for 'not heard' must be left out)"
        yield "error", int(row[i]), f"rssi_dbm of {heard(i)} is {rssi[i]:g}", expected
    empty = np.array([not b.strip() for b in name] or [False])
    for i in np.flatnonzero(empty[survey.bssid_code]).tolist():
        yield "error", int(row[i]), f"bssid is {heard(i)}", "a MAC address or other text"
    if survey.age_ms is not None:
        for i in np.flatnonzero(survey.age_ms < 0).tolist():
            yield "error", int(row[i]), f"age_ms of {heard(i)} is {survey.age_ms[i]}", "0 or more"
    if survey.frequency_mhz is not None:
        for i in np.flatnonzero(survey.frequency_mhz <= 0).tolist():
            value = survey.frequency_mhz[i]
            yield "error", int(row[i]), f"frequency_mhz of {heard(i)} is {value}", "more than 0"
    key = row * max(len(name), 1) + survey.bssid_code
    order = np.argsort(key, kind="stable")
    again = order[1:][np.diff(key[order]) == 0]
    for i in again.tolist():
        yield "error", int(row[i]), f"bssid {heard(i)} occurs twice", "one reading per scan"
    for i in np.flatnonzero(np.diff(survey.offsets) == 0).tolist():
        yield "warning", i, "no readings", "at least one"


def _order(survey: Survey) -> Iterator[Finding]:
    last: dict[tuple[str, str], int] = {}
    splits: dict[str, str] = {}
    for i in range(len(survey)):
        session, device = survey.session[i], survey.device[i]
        now = int(survey.timestamp_ms[i])
        before = last.get((session, device))
        if before is not None and now < before:
            what = f"timestamp_ms {now} of session {session!r} lies before {before}"
            yield "warning", i, what, "non-decreasing time in a session"
        last[session, device] = now if before is None else max(now, before)
        split = survey.split[i]
        if session and split and splits.setdefault(session, split) != split:
            what = f"session {session!r} is in split {splits[session]!r} and {survey.split[i]!r}"
            splits[session] = survey.split[i]
            yield "warning", i, what, "a session in one split, unless it is split by point"
    seen: dict[bytes, int] = {}
    for i in range(len(survey)):
        a, b = survey.offsets[i], survey.offsets[i + 1]
        order = np.argsort(survey.bssid_code[a:b], kind="stable")
        parts = (survey.bssid_code[a:b][order], survey.rssi_dbm[a:b][order])
        place = (survey.timestamp_ms[i], survey.x_m[i], survey.y_m[i], survey.floor[i])
        key = b"".join([*(p.tobytes() for p in parts), repr(place).encode()])
        if b > a and key in seen:
            yield (
                "warning",
                i,
                f"same time, place and readings as row {seen[key]}",
                "each scan once",
            )
        seen.setdefault(key, i)


def _access_points(survey: Survey) -> Iterator[Finding]:
    known = {f.floor for f in survey.header.floors}
    seen: set[str] = set()
    for ap in survey.access_points:
        if ap.bssid in seen:
            yield "error", None, f"bssid {ap.bssid!r} occurs twice", "one position each"
        seen.add(ap.bssid)
        if ap.floor not in known:
            yield "error", None, f"floor {ap.floor} of {ap.bssid!r}", f"one of {sorted(known)}"
