"""SODIndoorLoc: two buildings with known access points (Bi et al. 2022), for calibration-free work.

CETC331: floors 1-3 as published, 26 two-band access points = 52 MAC columns. HCXY: floor 4, 56
single-band access points; its training rows come as ``AP_30`` (30 samples a point), ``AP_Avg``
(their average) or ``All_Avg`` (every MAC heard, 347 columns). Source files: the
``Training_*``/``Testing_*`` sheets as Parquet and ``ap_positions.csv`` (one row per MAC column).

Traps: "not detected" is 100 in every sheet but ``Training_HCXY_AP_Avg``, where it is -105; columns
differ in order between sheets; access point 25 of CETC331 is never heard, 6, 34 and 35 of HCXY look
dead or misplaced (their published positions are kept). There are no time stamps: the number of the
sample at its point, in seconds, stands for the time, and a session is one visit to one point. HCXY
repeats scans (a phone's cached results). No licence is stated: evaluate, do not ship.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from sdk.venue import AccessPoint, Floor
from training.survey import Header, Survey, SurveyError

SHEETS = {
    "CETC331": {"": ("Training_CETC331", "Testing_CETC331")},
    "HCXY": {
        "AP_30": ("Training_HCXY_AP_30", "Testing_HCXY_AP"),
        "AP_Avg": ("Training_HCXY_AP_Avg", "Testing_HCXY_AP"),
        "All_Avg": ("Training_HCXY_All_Avg", "Testing_HCXY_All"),
    },
}
NOT_DETECTED = 100
NOT_DETECTED_IN = {"Training_HCXY_AP_Avg": -105}
# Round numbers below the smallest coordinates of points and access points.
ORIGIN_M = {"CETC331": (40.0, 10.0), "HCXY": (850.0, 865.0)}
LICENCE = "none stated; evaluate, do not ship"
ATTRIBUTION = (
    "SODIndoorLoc: Bi et al., Satellite Navigation 3, 25, 2022; 10.1186/s43020-022-00086-y. "
    "Converted to the rssfix survey format."
)
_NEEDED = ("ECoord", "NCoord", "FloorID", "PhoneID", "SampleTimes")


def read(source: Path, building: str = "CETC331", sheet: str = "") -> Survey:
    """One building, its training rows in split train and its test rows in test.

    Args:
        source: the folder of the set.
        building: CETC331 or HCXY.
        sheet: of HCXY: AP_30 (taken when empty), AP_Avg or All_Avg.

    Raises:
        SurveyError: naming the file, row and value that cannot be used.
    """
    if building not in SHEETS:
        raise SurveyError(f"no building {building!r}, expected one of {', '.join(SHEETS)}")
    sheets = SHEETS[building]
    sheet = sheet or next(iter(sheets))
    if sheet not in sheets:
        known = ", ".join(s for s in sheets if s) or "none: the building has one pair of sheets"
        raise SurveyError(f"{building} has no sheet {sheet!r}, expected {known}")
    parts = [_table(Path(source), name) for name in sheets[sheet]]
    columns = parts[0][1]
    if set(parts[1][1]) != set(columns):
        raise SurveyError(f"{source}: {' and '.join(sheets[sheet])} have other MAC columns")
    tables = [table for table, _ in parts]
    rssi = np.concatenate([t[columns].to_numpy(np.float32) for t in tables])
    heard = np.isfinite(rssi)
    kept = heard.any(axis=0)
    rssi, heard = rssi[:, kept], heard[:, kept]
    rows, codes = np.nonzero(heard)

    def column(name: str) -> np.ndarray:
        return np.concatenate([t[name].to_numpy() for t in tables])

    split = np.repeat(["train", "test"], [len(t) for t in tables])
    places = list(zip(split, column("FloorID"), column("ECoord"), column("NCoord"), strict=True))
    number = {place: i for i, place in enumerate(dict.fromkeys(places))}
    floors = sorted(int(f) for f in np.unique(column("FloorID")))
    origin = ORIGIN_M[building]
    return Survey(
        header=Header(
            name=f"sodindoorloc {building}" + (f" {sheet}" if sheet else ""),
            licence=LICENCE,
            frame=f"metres; x = ECoord - {origin[0]:g}, y = NCoord - {origin[1]:g} of the authors' "
            "shifted frame; floors numbered as published",
            floors=tuple(Floor(f, label=str(f)) for f in floors),
            attribution=ATTRIBUTION,
        ),
        timestamp_ms=column("SampleTimes").astype(np.int64) * 1000,
        x_m=_metres(column("ECoord"), origin[0]),
        y_m=_metres(column("NCoord"), origin[1]),
        floor=column("FloorID").astype(np.int32),
        device=np.array([f"phone{p}" for p in column("PhoneID")], dtype=object),
        session=np.array([f"{p[0]}-point{number[p]:04d}" for p in places], dtype=object),
        split=split.astype(object),
        offsets=np.concatenate([[0], np.cumsum(heard.sum(axis=1))]).astype(np.int64),
        bssids=tuple(c for c, k in zip(columns, kept, strict=True) if k),
        bssid_code=codes.astype(np.int32),
        rssi_dbm=rssi[rows, codes],
        access_points=_access_points(Path(source) / "ap_positions.csv", building, columns),
    )


def _metres(values: np.ndarray, origin: float) -> np.ndarray:
    """Coordinates less the origin, to the millimetre that the source gives."""
    return np.round(values.astype(np.float64) - origin, 3)


def _table(source: Path, name: str) -> tuple[pd.DataFrame, list[str]]:
    """A sheet with NaN where nothing was detected, and its MAC columns in their number's order."""
    file = source / f"{name}.parquet"
    try:
        table = pd.read_parquet(file)
    except FileNotFoundError:
        raise SurveyError(f"{file} is missing; expected the folder of sodindoorloc") from None
    except (OSError, pa.ArrowException) as error:
        raise SurveyError(f"{file}: not a Parquet file ({error})") from None
    for needed in _NEEDED:
        if needed not in table.columns:
            raise SurveyError(f"{file}: column {needed!r} is missing")
    macs = [c for c in table.columns if c.startswith("MAC") and c[3:].isdigit()]
    macs.sort(key=lambda c: int(c[3:]))
    if not macs:
        raise SurveyError(f"{file}: no column MAC1, expected one per access point")
    mark = NOT_DETECTED_IN.get(name, NOT_DETECTED)
    rssi = table[macs].to_numpy(dtype=np.float32, copy=True)
    wrong = (rssi != mark) & ~((rssi < 0) & (rssi >= -150))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise SurveyError(
            f"{file}: row {row}: {macs[column]} is {rssi[row, column]:g}, "
            f"expected dBm under 0 or {mark} for not detected"
        )
    rssi[rssi == mark] = np.nan
    return pd.concat(
        [table[list(_NEEDED)].reset_index(drop=True), pd.DataFrame(rssi, columns=macs)], axis=1
    ), macs


def _access_points(file: Path, building: str, columns: list[str]) -> tuple[AccessPoint, ...]:
    """The positions of the MAC columns; both bands of one access point stand at one place."""
    if not file.is_file():
        raise SurveyError(f"{file} is missing; expected the positions of the access points")
    origin = ORIGIN_M[building]
    with file.open(newline="", encoding="utf-8") as source:
        rows = [row for row in csv.DictReader(source) if row["building"] == building]
    unknown = [row["mac_column"] for row in rows if row["mac_column"] not in columns]
    if unknown:
        raise SurveyError(f"{file}: {building} has no column {unknown[0]!r}")
    return tuple(
        AccessPoint(
            row["mac_column"],
            round(float(row["ECoord"]) - origin[0], 3),
            round(float(row["NCoord"]) - origin[1], 3),
            int(row["FloorID"]),
        )
        for row in rows
    )
