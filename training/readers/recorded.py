"""Scans recorded with `rssfix record --at X Y FLOOR`: a survey of one's own building.

Source: a folder of `*.jsonl`. Every line is a scan with the keys `x_m`, `y_m`, `floor` (all three,
or none: then it is unlabelled), `session` and `device`; a line without a session belongs to that
of its file's name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sdk.errors import ScanError
from sdk.scan import Scan
from sdk.venue import Floor
from training.survey import Header, Survey, SurveyError, from_rows

FRAME = "metres, x and y as given to rssfix record --at"
_PLACE = ("x_m", "y_m", "floor")


def read(source: Path, name: str, test: Iterable[str] = ()) -> Survey:
    """All scans; labelled ones of the sessions in ``test`` are split test, the others train.

    Args:
        source: the folder.
        name: what the survey is called.
        test: sessions to hold out.

    Raises:
        SurveyError: naming the file and line that cannot be used, or a session that is not there.
    """
    files = sorted(Path(source).glob("*.jsonl"))
    if not files:
        raise SurveyError(f"{source}: no *.jsonl; expected files of rssfix record")
    rows = [row for file in files for row in _rows(file)]
    labelled = [row for row in rows if row["floor"] is not None]
    if not labelled:
        raise SurveyError(f"{source}: no scan has a place; record with --at X Y FLOOR")
    sessions = sorted({str(row["session"]) for row in labelled})
    unknown = sorted(set(test) - set(sessions))
    if unknown:
        raise SurveyError(f"{source}: no session {unknown[0]!r}, expected some of {sessions}")
    held_out = set(test)
    for row in labelled:
        row["split"] = "test" if row["session"] in held_out else "train"
    if any(v is None for row in rows for v in row["frequency_mhz"]):
        for row in rows:
            del row["frequency_mhz"]
    floors = sorted({int(row["floor"]) for row in labelled})
    header = Header(name, "not stated", FRAME, tuple(Floor(floor) for floor in floors))
    return from_rows(header, sorted(rows, key=lambda row: row["timestamp_ms"]))


def _rows(file: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        try:
            scan = Scan.from_json(line)
        except ScanError as error:
            raise SurveyError(f"{where}: {error}") from None
        record = json.loads(line)
        place = [record.get(key) for key in _PLACE]
        if any(value is None for value in place) and place != [None] * 3:
            raise SurveyError(f"{where}: x_m, y_m and floor go together, got {place!r}")
        if place[0] is not None and not (
            all(isinstance(v, int | float) and math.isfinite(v) for v in place)
            and isinstance(place[2], int)
        ):
            raise SurveyError(f"{where}: x_m and y_m in metres, floor an int, got {place!r}")
        rows.append(
            {
                "timestamp_ms": scan.timestamp_ms,
                **dict(zip(_PLACE, place, strict=True)),
                "device": str(record.get("device") or ""),
                "session": str(record.get("session") or file.stem),
                "bssid": list(scan.bssids),
                "rssi_dbm": list(scan.rssi_dbm),
                # Readings without an age count as fresh, as they do on a device.
                "age_ms": [age or 0 for age in scan.ages_ms or [0] * len(scan)],
                "frequency_mhz": list(scan.frequencies_mhz or [None] * len(scan)),
            }
        )
    return rows
