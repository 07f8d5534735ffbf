"""UJIIndoorLoc: three university buildings, 13 floors, many phones (Torres-Sospedra et al. 2014).

Source files: ``trainingData`` and ``validationData``, each ``.parquet`` or the ``.csv`` of the
original (WAP001...WAP520, 100 = not heard; LONGITUDE and LATITUDE in metres, FLOOR, BUILDINGID,
USERID, PHONEID, TIMESTAMP in seconds). The official split: training rows train, validation rows
test. No MAC addresses: an access point's id is its column name. A session is one user with one
phone in one building. Data may not be shipped; this reads the user's own copy.

A survey's floors are numbers, so building b's floor f becomes ``10 b + f``, labelled "b/f": the
floor hit of a survey made here is a hit of building *and* floor.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sdk.venue import Floor
from training.survey import Header, Survey, SurveyError

NOT_HEARD = 100
FLOORS_PER_BUILDING = 10
# The frame's origin: a round number below the smallest coordinates, so that metres stay short.
ORIGIN_M = (-7700.0, 4864700.0)
FILES = {"trainingData": "train", "validationData": "test"}
NEEDED = ("LONGITUDE", "LATITUDE", "FLOOR", "BUILDINGID", "USERID", "PHONEID", "TIMESTAMP")
ATTRIBUTION = (
    "J. Torres-Sospedra, R. Montoliu, A. Martínez-Usó, J. P. Avariento, T. J. Arnau, "
    "M. Benedito-Bordonau, J. Huerta: UJIIndoorLoc: A New Multi-building and Multi-floor Database "
    "for WLAN Fingerprint-based Indoor Localization Problems, IPIN 2014; UCI data set 310. "
    "Converted to the rssfix survey format."
)


def read(source: Path) -> Survey:
    """The official split as a survey. Raises SurveyError naming the file and the value."""
    tables = []
    for name, split in FILES.items():
        file, table = _table(Path(source), name)
        wanted = [c for c in table.columns if c.startswith("WAP") and c[3:].isdigit()]
        if not wanted:
            raise SurveyError(f"{file}: no column WAP001, expected one per access point")
        if tables and wanted != tables[0][2]:
            raise SurveyError(f"{file}: its access point columns differ from the other file's")
        tables.append((table, split, wanted))
    columns = tables[0][2]
    rssi = np.concatenate([t[columns].to_numpy(np.float32) for t, _, _ in tables])
    heard = rssi != NOT_HEARD
    wrong = heard & ~((rssi <= 0) & (rssi >= -150))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise SurveyError(
            f"{source}: row {row} (both files counted): {columns[column]} is "
            f"{rssi[row, column]:g}, expected dBm from -150 to 0 or {NOT_HEARD} for not heard"
        )
    # 0 dBm stands in a few rows of phones that report nonsense; a survey wants dBm under 0.
    rssi = np.where(heard, np.minimum(rssi, -1.0), rssi)
    kept = heard.any(axis=0)
    rssi, heard = rssi[:, kept], heard[:, kept]
    rows, codes = np.nonzero(heard)

    def column(name: str) -> np.ndarray:
        return np.concatenate([t[name].to_numpy() for t, _, _ in tables])

    building = column("BUILDINGID").astype(np.int32)
    floor = FLOORS_PER_BUILDING * building + column("FLOOR").astype(np.int32)
    session = [
        f"user{u}-phone{p}-building{b}"
        for u, p, b in zip(column("USERID"), column("PHONEID"), building, strict=True)
    ]
    split = np.concatenate([np.full(len(t), s, dtype=object) for t, s, _ in tables])
    return Survey(
        header=Header(
            name="UJIIndoorLoc",
            licence="none stated; cite the authors, do not ship",
            frame=f"metres; x = LONGITUDE - ({ORIGIN_M[0]:g}), y = LATITUDE - {ORIGIN_M[1]:g}; "
            f"floor = {FLOORS_PER_BUILDING} x building + floor",
            floors=tuple(Floor(int(f), label=_label(int(f))) for f in np.unique(floor)),
            attribution=ATTRIBUTION,
        ),
        timestamp_ms=column("TIMESTAMP").astype(np.int64) * 1000,
        x_m=column("LONGITUDE").astype(np.float64) - ORIGIN_M[0],
        y_m=column("LATITUDE").astype(np.float64) - ORIGIN_M[1],
        floor=floor,
        device=np.array([f"phone{p}" for p in column("PHONEID")], dtype=object),
        session=np.array(session, dtype=object),
        split=split,
        offsets=np.concatenate([[0], np.cumsum(heard.sum(axis=1))]).astype(np.int64),
        bssids=tuple(c for c, k in zip(columns, kept, strict=True) if k),
        bssid_code=codes.astype(np.int32),
        rssi_dbm=rssi[rows, codes].astype(np.float32),
    )


def _label(floor: int) -> str:
    building, level = divmod(floor, FLOORS_PER_BUILDING)
    return f"{building}/{level}"


def _table(source: Path, name: str) -> tuple[Path, pd.DataFrame]:
    for file in (source / f"{name}.parquet", source / f"{name}.csv"):
        if not file.is_file():
            continue
        try:
            table = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
        except (OSError, ValueError) as error:
            raise SurveyError(f"{file}: not readable as a table ({error})") from None
        for column in NEEDED:
            if column not in table.columns:
                raise SurveyError(f"{file}: column {column!r} is missing")
        return file, table
    raise SurveyError(
        f"{source / name}.parquet (or .csv) is missing; expected the folder of UJIIndoorLoc"
    )
