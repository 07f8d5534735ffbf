"""UJI library: 25 months of Wi-Fi fingerprints on two floors (Mendoza-Silva et al. 2018).

Source files: ``fingerprints.parquet`` (month, set, camp, t, x, y, floor, device, AP001...; 100 =
not heard) and ``near_aps.csv`` (known access point columns). The set gives no MAC addresses: an
access point's id is its column name. Test = the ``tst`` campaigns of the last month taken, training
= all other rows. A campaign is a session ("m01-trn03"); its clock is local and is read as UTC.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from sdk.venue import AccessPoint, Floor
from training.survey import Header, Survey, SurveyError

NOT_HEARD = 100
LICENCE = "CC-BY-4.0"
ATTRIBUTION = (
    "G. M. Mendoza-Silva, P. Richter, J. Torres-Sospedra, E. S. Lohan, J. Huerta: Long-Term WiFi "
    "Fingerprinting Dataset for Research on Robust Indoor Positioning, Data 2018, 3, 3; "
    "Zenodo 10.5281/zenodo.1066041. Converted to the rssfix survey format."
)


def read(source: Path, floors: Iterable[int] = (3, 5), months: Iterable[int] = (1, 2)) -> Survey:
    """The scans of some floors and months. Raises SurveyError naming the file and the value."""
    file = Path(source) / "fingerprints.parquet"
    try:
        table = pd.read_parquet(file)
    except FileNotFoundError:
        raise SurveyError(f"{file} is missing; expected the folder of uji_library") from None
    except (OSError, pa.ArrowException) as error:
        raise SurveyError(f"{file}: not a Parquet file ({error})") from None
    needed = ("month", "set", "camp", "t", "x", "y", "floor", "device")
    for name in needed:
        if name not in table.columns:
            raise SurveyError(f"{file}: column {name!r} is missing")
    floors, months = sorted(set(floors)), sorted(set(months))
    for name, asked in (("floor", floors), ("month", months)):
        known = sorted(int(v) for v in table[name].unique())
        unknown = [v for v in asked if v not in known]
        if unknown or not asked:
            raise SurveyError(f"{file}: no {name} {unknown}, expected some of {known}")
    table = table[table["floor"].isin(floors) & table["month"].isin(months)]
    table = table.sort_values("t", kind="stable")
    columns = [c for c in table.columns if c.startswith("AP") and c[2:].isdigit()]
    rssi = table[columns].to_numpy(dtype=np.float32, copy=True)
    wrong = (rssi != NOT_HEARD) & ~((rssi < 0) & (rssi >= -150))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise SurveyError(
            f"{file}: row {table.index[row]}: {columns[column]} is {rssi[row, column]:g}, "
            f"expected dBm under 0 or {NOT_HEARD} for not heard"
        )
    heard = rssi != NOT_HEARD
    kept = heard.any(axis=0)
    rssi, heard = rssi[:, kept], heard[:, kept]
    rows, codes = np.nonzero(heard)
    session = [
        f"m{m:02d}-{s}{c:02d}"
        for m, s, c in zip(table["month"], table["set"], table["camp"], strict=True)
    ]
    test = ((table["month"] == months[-1]) & (table["set"] == "tst")).to_numpy()
    return Survey(
        header=Header(
            name=f"uji_library floor {_listed(floors)} months {_listed(months)}",
            licence=LICENCE,
            frame="metres, the library's own frame: x east, y north as published",
            floors=tuple(Floor(f, label=str(f)) for f in floors),
            attribution=ATTRIBUTION,
        ),
        timestamp_ms=_times(table, file),
        x_m=table["x"].to_numpy(dtype=np.float64),
        y_m=table["y"].to_numpy(dtype=np.float64),
        floor=table["floor"].to_numpy(dtype=np.int32),
        device=table["device"].to_numpy(dtype=object),
        session=np.array(session, dtype=object),
        split=np.where(test, "test", "train").astype(object),
        offsets=np.concatenate([[0], np.cumsum(heard.sum(axis=1))]).astype(np.int64),
        bssids=tuple(c for c, k in zip(columns, kept, strict=True) if k),
        bssid_code=codes.astype(np.int32),
        rssi_dbm=rssi[rows, codes],
        access_points=_access_points(Path(source) / "near_aps.csv", floors),
    )


def _milliseconds(local: str) -> int:
    """yyyymmddHHMMSSmmm; the source writes some full minutes as second 60."""
    minute = datetime.strptime(local[:12], "%Y%m%d%H%M").replace(tzinfo=UTC)
    return int(minute.timestamp()) * 1000 + int(local[12:14]) * 1000 + int(local[14:17])


def _times(table: pd.DataFrame, file: Path) -> np.ndarray:
    times = np.empty(len(table), dtype=np.int64)
    for i, (row, text) in enumerate(table["t"].items()):
        try:
            times[i] = _milliseconds(text)
        except (TypeError, ValueError):
            raise SurveyError(
                f"{file}: row {row}: t is {text!r}, expected yyyymmddHHMMSSmmm"
            ) from None
    return times


def _listed(values: list[int]) -> str:
    return ", ".join(str(v) for v in values)


def _access_points(file: Path, floors: list[int]) -> tuple[AccessPoint, ...]:
    """Positions of the known columns; one radio answers to several columns."""
    if not file.is_file():
        return ()
    with file.open(newline="", encoding="utf-8") as source:
        found = [
            AccessPoint(
                f"AP{int(row['DBColumn']):03d}", float(row["X"]), float(row["Y"]), int(row["Z"])
            )
            for row in csv.DictReader(source)
        ]
    return tuple(sorted((ap for ap in found if ap.floor in floors), key=lambda ap: ap.bssid))
