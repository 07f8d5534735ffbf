"""Microsoft Indoor Location 2.0 sample: walks through two shopping malls (MIT licence).

Source files: ``scans.parquet`` (lists of access point numbers, dBm and ages), ``aps.parquet``,
``floors.csv``, ``floors/SITE_FLOOR.png``, ``splits.parquet``. On average 59 % of the readings of a
scan repeat the one before, so every reading keeps its ``age_ms`` and whoever uses the survey leaves
the stale ones out. Only scans between the first and the last waypoint of a walk have a true
position (``in_span``); the others are dropped. A walk is a session and stays in one split.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from sdk.venue import Floor
from training.survey import Header, Survey, SurveyError

LICENCE = "MIT"
ATTRIBUTION = (
    "Indoor Location Competition 2.0 sample data, Copyright (c) 2017-2020 XYZ10, Inc.; "
    "converted to the rssfix survey format."
)
# Ages are stored in 0.1 s.
AGE_UNIT_MS = 100


def read(
    source: Path, site: str = "site1", split_seed: int = 0, floors: Sequence[str] = ()
) -> Survey:
    """The walks of one site, of the floors with these labels or of all of them. ``split_seed`` 0,
    1 or 2 takes the source's own 70/30 split by walk; any other seed draws one by the same rule.

    Raises SurveyError naming the file and the value.
    """
    source = Path(source)
    scans = _table(source / "scans.parquet")
    aps = _table(source / "aps.parquet")
    sites = sorted(scans["site"].astype(str).unique())
    if site not in sites:
        raise SurveyError(f"{source / 'scans.parquet'}: no site {site!r}, expected one of {sites}")
    there = sorted(scans.loc[scans["site"] == site, "floor"].astype(str).unique())
    for label in floors:
        if label not in there:
            raise SurveyError(f"{site} has no floor {label!r}, expected some of {there}")
    test = _test_walks(source, scans, split_seed)
    wanted = scans["floor"].astype(str).isin(floors or there)
    rows = ((scans["site"] == site) & wanted & scans["in_span"]).to_numpy()
    table, test = scans[rows], test[rows]
    order = np.lexsort((table["t_ms"].to_numpy(), table["path"].astype(str).to_numpy()))
    table, test = table.iloc[order], test[order]
    aps = aps[aps["site"] == site].set_index("ap")
    lengths = table["ap"].map(len).to_numpy()
    number = np.concatenate([*table["ap"], np.empty(0, np.int64)]).astype(np.int64)
    for name in ("rssi", "age_ds"):
        other = table[name].map(len).to_numpy()
        if (other != lengths).any():
            row = int(np.flatnonzero(other != lengths)[0])
            raise SurveyError(
                f"{source / 'scans.parquet'}: row {table.index[row]}: {name} has {other[row]} "
                f"values, expected {lengths[row]} as in ap"
            )
    names, code = np.unique(number, return_inverse=True)
    missing = [int(n) for n in names if n not in aps.index]
    if missing:
        raise SurveyError(f"{source / 'aps.parquet'}: no access point {missing[0]} of {site}")
    kept, plans = _floors(source, site, floors)
    return Survey(
        header=Header(
            name=f"microsoft_indoor {site}",
            licence=LICENCE,
            frame="metres from the lower left corner of the floor image, y up",
            floors=kept,
            attribution=ATTRIBUTION,
        ),
        timestamp_ms=table["t_ms"].to_numpy(dtype=np.int64),
        x_m=table["x"].to_numpy(dtype=np.float64),
        y_m=table["y"].to_numpy(dtype=np.float64),
        floor=np.array([floor_number(f) for f in table["floor"].astype(str)], dtype=np.int32),
        device=np.full(len(table), "OPPO PBCM10", dtype=object),
        session=table["path"].astype(str).to_numpy(dtype=object),
        split=np.where(test, "test", "train").astype(object),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        bssids=tuple(str(b) for b in aps.loc[names, "bssid"]),
        bssid_code=code.reshape(-1).astype(np.int32),
        rssi_dbm=np.concatenate([*table["rssi"], np.empty(0)]).astype(np.float32),
        age_ms=np.concatenate([*table["age_ds"], np.empty(0)]).astype(np.int32) * AGE_UNIT_MS,
        frequency_mhz=aps["freq_mhz"].loc[names].to_numpy(dtype=np.int32)[code.reshape(-1)],
        plans=plans,
    )


def floor_number(label: str) -> int:
    """ "B1" -> -1, "F1" -> 0 (ground), "F2" -> 1. Raises SurveyError for other labels."""
    if label[:1] in ("B", "F") and label[1:].isdigit() and int(label[1:]) > 0:
        return -int(label[1:]) if label[0] == "B" else int(label[1:]) - 1
    raise SurveyError(f"floor label {label!r}: expected B1, B2, ... or F1, F2, ...")


def _table(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(file)
    except FileNotFoundError:
        raise SurveyError(f"{file} is missing; expected the folder of microsoft_indoor") from None
    except (OSError, pa.ArrowException) as error:
        raise SurveyError(f"{file}: not a Parquet file ({error})") from None


def _test_walks(source: Path, scans: pd.DataFrame, seed: int) -> np.ndarray:
    """(rows of scans,) True for the test walks; 30 % of the walks of each floor."""
    test = np.zeros(len(scans), dtype=bool)
    file = source / "splits.parquet"
    if file.is_file():
        splits = _table(file)
        if f"path_test_s{seed}" in splits.columns:
            test[splits["row"].to_numpy()] = splits[f"path_test_s{seed}"].to_numpy()
            return test
    rng = np.random.default_rng(seed)
    walks = scans.assign(path=scans["path"].astype(str)).groupby(
        [scans["site"].astype(str), scans["floor"].astype(str)]
    )["path"]
    for _, paths in walks:
        unique = np.unique(paths)
        taken = rng.permutation(unique)[: round(0.3 * len(unique))]
        test |= scans["path"].astype(str).isin(taken).to_numpy()
    return test


def _floors(
    source: Path, site: str, labels: Sequence[str]
) -> tuple[tuple[Floor, ...], dict[str, Path]]:
    """The floors of floors.csv (those named, else all); a plan stands where its image is there."""
    floors, plans = [], {}
    file = source / "floors.csv"
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            rows = [row for row in csv.DictReader(lines) if row["site"] == site]
        for row in rows:
            if labels and row["floor"] not in labels:
                continue
            label, name = row["floor"], f"floors/{row['floor']}.png"
            image = source / "floors" / f"{site}_{label}.png"
            if image.is_file():
                plans[name] = image
            plan = name if image.is_file() else None
            size = float(row["width_m"]), float(row["height_m"])
            floors.append(Floor(floor_number(label), label, plan, *size))
    except (OSError, KeyError, ValueError) as error:
        raise SurveyError(f"{file}: {error}; expected site, floor, width_m, height_m") from None
    return tuple(sorted(floors, key=lambda f: f.floor)), plans
