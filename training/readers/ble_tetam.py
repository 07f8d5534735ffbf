"""BLE packets of one moving beacon at 12 fixed sensors, nine walks with camera ground truth.

Source files: ``track_*.parquet`` (one row per packet: t_s, sensor, beacon, rssi, x, y) and
``sensor_positions.csv``. Here the roles are turned round: the beacon moves and fixed sensors hear
it. A "scan" is what all sensors heard of it within one window, and the sensors are its access
points; for the geometry nothing changes. A window's reading is the mean of the sensor's packets,
its position the mean of theirs. A session is one walk. Heights (sensors at 1.2 and 2.3 m, the
beacon at about 1.8 m) are left out: the survey format has none.

Packets with a positive level (2 of 16,018) are receiver faults and are left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from sdk.bssid import normalise
from sdk.venue import AccessPoint, Floor
from training.survey import Header, Survey, SurveyError

LICENCE = "CC0-1.0"
ATTRIBUTION = (
    "Position-Annotated BLE RSSI Dataset, github.com/philotuxo/Position-Annotated-BLE-RSSI-Dataset "
    "(CC0 1.0). Packets gathered into windows and converted to the rssfix survey format."
)
TEST_WALKS = ("zigzagging_with_rotation", "zigzagging_without_rotation")
_NEEDED = ("t_s", "sensor", "beacon", "rssi", "x", "y")


def read(source: Path, window_ms: int = 1000, test: Iterable[str] = TEST_WALKS) -> Survey:
    """All walks; those named in ``test`` are split test, the rest train.

    Args:
        source: the folder of the set.
        window_ms: length of a window; windows without a packet give no scan.
        test: names of walks, without ``track_``.

    Raises:
        SurveyError: naming the file, row and value that cannot be used.
    """
    if window_ms < 1:
        raise SurveyError(f"window_ms is {window_ms}, expected 1 or more")
    files = sorted(Path(source).glob("track_*.parquet"))
    if not files:
        raise SurveyError(f"{source}: no track_*.parquet; expected the folder of ble_tetam")
    names = [f.stem.removeprefix("track_") for f in files]
    unknown = sorted(set(test) - set(names))
    if unknown:
        raise SurveyError(f"{source}: no walk {unknown[0]!r}, expected some of {names}")
    sensors = _sensors(Path(source) / "sensor_positions.csv")
    column_of = {ap.bssid: i for i, ap in enumerate(sensors)}
    walks = [_windows(_packets(f), f, column_of, window_ms) for f in files]
    rssi = np.concatenate([w[1] for w in walks])
    count = [len(w[0]) for w in walks]
    scans = pd.concat([w[0] for w in walks], ignore_index=True)
    heard = np.isfinite(rssi)
    rows, codes = np.nonzero(heard)
    return Survey(
        header=Header(
            name=f"ble_tetam windows of {window_ms} ms",
            licence=LICENCE,
            frame="metres, the room's frame as published",
            floors=(Floor(0),),
            attribution=ATTRIBUTION,
        ),
        timestamp_ms=scans["time"].to_numpy(np.int64),
        x_m=scans["x"].to_numpy(np.float64),
        y_m=scans["y"].to_numpy(np.float64),
        floor=np.zeros(len(scans), dtype=np.int32),
        device=scans["beacon"].to_numpy(dtype=object),
        session=np.repeat(np.array(names, dtype=object), count),
        split=np.repeat(
            np.array(["test" if n in set(test) else "train" for n in names], dtype=object), count
        ),
        offsets=np.concatenate([[0], np.cumsum(heard.sum(axis=1))]).astype(np.int64),
        bssids=tuple(ap.bssid for ap in sensors),
        bssid_code=codes.astype(np.int32),
        rssi_dbm=rssi[rows, codes].astype(np.float32),
        access_points=sensors,
    )


def _packets(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(file)
    except (OSError, pa.ArrowException) as error:
        raise SurveyError(f"{file}: not a Parquet file ({error})") from None
    for name in _NEEDED:
        if name not in table.columns:
            raise SurveyError(f"{file}: column {name!r} is missing")
    low = table.index[table["rssi"] < -150]
    if len(low):
        raise SurveyError(
            f"{file}: row {low[0]}: rssi is {table['rssi'][low[0]]}, expected dBm from -150 to 0"
        )
    return table[table["rssi"] < 0].sort_values("t_s", kind="stable")


def _windows(
    packets: pd.DataFrame, file: Path, column_of: dict[str, int], window_ms: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Per window: time of its start, mean position and beacon; (W, sensors) mean levels."""
    columns = packets["sensor"].map(lambda s: column_of.get(normalise(s), -1)).to_numpy()
    if (columns < 0).any():
        unknown = packets["sensor"].iloc[int(np.argmax(columns < 0))]
        raise SurveyError(f"{file}: sensor {unknown!r} has no position in sensor_positions.csv")
    time_ms = np.round(packets["t_s"].to_numpy(np.float64) * 1000).astype(np.int64)
    window = (time_ms - time_ms[0]) // window_ms
    found, member = np.unique(window, return_inverse=True)
    total = np.zeros((len(found), len(column_of)))
    heard = np.zeros_like(total)
    np.add.at(total, (member, columns), packets["rssi"].to_numpy(np.float64))
    np.add.at(heard, (member, columns), 1)
    by = packets.groupby(member)
    scans = pd.DataFrame({
        "time": time_ms[0] + found * window_ms,
        "x": by["x"].mean().to_numpy(),
        "y": by["y"].mean().to_numpy(),
        "beacon": [normalise(b) for b in by["beacon"].first()],
    })  # fmt: skip
    return scans, np.divide(total, heard, out=np.full_like(total, np.nan), where=heard > 0)


def _sensors(file: Path) -> tuple[AccessPoint, ...]:
    if not file.is_file():
        raise SurveyError(f"{file} is missing; expected the positions of the sensors")
    with file.open(newline="", encoding="utf-8") as source:
        return tuple(
            AccessPoint(normalise(row["sensor"]), float(row["x"]), float(row["y"]), 0)
            for row in csv.DictReader(source)
        )
