"""Wi-Fi RSS and RTT in three rooms with known access points (Feng et al. 2024); RSS only.

Source files: ``<room>_train.parquet``, ``<room>_test.parquet`` (X, Y in grid steps, "APn RSS(dBm)",
-200 = none; 60 scans a point) and ``ap_positions.csv`` in the same steps. Each room is a venue of
its own with one floor. The step is 0.6 m as the set's README says; that the access points use the
same step is our reading. In the corridor the positions 1-4 belong to the columns AP2-AP5 (AP1 is
never heard there). No time and no device are given: the number of the scan at its point, in
seconds, stands for the time, and a session is one point.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from sdk.venue import AccessPoint, Floor
from training.survey import Header, Survey, SurveyError

STEP_M = 0.6
NO_RSS = -200
# First column of the room's access point 1, less one.
SHIFT = {"lecture_theatre": 0, "office": 0, "corridor": 1}
LICENCE = "MIT"
ATTRIBUTION = (
    "Feng et al. 2024, Wi-Fi RSS and RTT dataset, Zenodo 10.5281/zenodo.11558792 (MIT). "
    "Converted to the rssfix survey format."
)


def read(source: Path, room: str = "lecture_theatre") -> Survey:
    """One room in its published split. Raises SurveyError naming the file, row and value."""
    if room not in SHIFT:
        raise SurveyError(f"no room {room!r}, expected one of {', '.join(SHIFT)}")
    tables = [_table(Path(source) / f"{room}_{split}.parquet") for split in ("train", "test")]
    columns = [c for c in tables[0].columns if c.endswith(" RSS(dBm)")]
    if columns != [c for c in tables[1].columns if c.endswith(" RSS(dBm)")]:
        raise SurveyError(f"{source}: the columns of {room}'s two files differ")
    table = pd.concat(tables, ignore_index=True)
    split = np.repeat(np.array(["train", "test"], dtype=object), [len(t) for t in tables])
    rssi = table[columns].to_numpy(dtype=np.float32)
    heard = rssi != NO_RSS
    wrong = heard & ~((rssi < 0) & (rssi >= -150))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise SurveyError(
            f"{source}: {room}: row {row} (both files counted): {columns[column]} is "
            f"{rssi[row, column]:g}, expected dBm under 0 or {NO_RSS} for none"
        )
    names = [c.removesuffix(" RSS(dBm)") for c in columns]
    kept = heard.any(axis=0)
    rows, codes = np.nonzero(heard[:, kept])
    points = pd.Series(zip(split, table["X"], table["Y"], strict=True))
    number = points.groupby(points, sort=False).ngroup()
    return Survey(
        header=Header(
            name=f"wifi_rss_rtt_rooms {room}",
            licence=LICENCE,
            frame=f"metres; grid steps of {STEP_M:g} m, x and y as published",
            floors=(Floor(0),),
            attribution=ATTRIBUTION,
        ),
        timestamp_ms=points.groupby(points).cumcount().to_numpy(np.int64) * 1000,
        x_m=_metres(table["X"]),
        y_m=_metres(table["Y"]),
        floor=np.zeros(len(table), dtype=np.int32),
        device=np.full(len(table), "", dtype=object),
        session=np.array(
            [f"{s}-point{n:03d}" for s, n in zip(split, number, strict=True)], dtype=object
        ),
        split=split,
        offsets=np.concatenate([[0], np.cumsum(heard.sum(axis=1))]).astype(np.int64),
        bssids=tuple(n for n, k in zip(names, kept, strict=True) if k),
        bssid_code=codes.astype(np.int32),
        rssi_dbm=rssi[:, kept][rows, codes],
        access_points=_access_points(Path(source) / "ap_positions.csv", room, names),
    )


def _metres(steps: pd.Series) -> np.ndarray:
    return np.round(steps.to_numpy(dtype=np.float64) * STEP_M, 3)


def _table(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(file)
    except FileNotFoundError:
        raise SurveyError(f"{file} is missing; expected the folder of wifi_rss_rtt_rooms") from None
    except (OSError, pa.ArrowException) as error:
        raise SurveyError(f"{file}: not a Parquet file ({error})") from None
    for name in ("X", "Y", "AP1 RSS(dBm)"):
        if name not in table.columns:
            raise SurveyError(f"{file}: column {name!r} is missing")
    return table


def _access_points(file: Path, room: str, names: list[str]) -> tuple[AccessPoint, ...]:
    if not file.is_file():
        raise SurveyError(f"{file} is missing; expected the positions of the access points")
    with file.open(newline="", encoding="utf-8") as source:
        found = [row for row in csv.DictReader(source) if row["room"] == room]
    made = []
    for row in found:
        name = f"AP{int(row['ap']) + SHIFT[room]}"
        if name not in names:
            raise SurveyError(f"{file}: access point {row['ap']} of {room} has no column {name}")
        x, y = (round(float(row[k]) * STEP_M, 3) for k in ("x_grid", "y_grid"))
        made.append(AccessPoint(name, x, y, 0))
    return tuple(made)
