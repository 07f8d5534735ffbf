"""The survey folder: ``survey.toml``, ``scans.parquet``, ``access_points.csv``, floor plans.

Written beside the target and renamed into place, so that an interrupted write leaves nothing
half made. Reading refuses what the checker calls an error; ``read_unchecked`` is for the checker.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sdk.bssid import normalise
from training.atomic import folder_beside
from training.survey import NO_FLOOR, Survey, SurveyError
from training.survey_header import read_access_points, read_header, to_toml

SCANS = "scans.parquet"
HEADER = "survey.toml"
ACCESS_POINTS = "access_points.csv"
_ROW_COLUMNS = {
    "timestamp_ms": pa.int64(),
    "x_m": pa.float64(),
    "y_m": pa.float64(),
    "floor": pa.int32(),
    "device": pa.string(),
    "session": pa.string(),
    "split": pa.string(),
}
_LISTS = {"rssi_dbm": pa.float32(), "age_ms": pa.int32(), "frequency_mhz": pa.int32()}


def write_survey(survey: Survey, folder: Path) -> None:
    """Write the folder format. Raises OSError when the place cannot be written."""
    with folder_beside(folder) as made:
        (made / HEADER).write_text(to_toml(survey.header), encoding="utf-8")
        pq.write_table(
            _table(survey), made / SCANS, compression="zstd", compression_level=19,
            use_dictionary=True, data_page_size=1 << 20,
        )  # fmt: skip
        if survey.access_points:
            with (made / ACCESS_POINTS).open("w", newline="", encoding="utf-8") as out:
                rows = csv.writer(out, lineterminator="\n")
                rows.writerow(["bssid", "x_m", "y_m", "floor"])
                for ap in survey.access_points:
                    rows.writerow([ap.bssid, repr(ap.x_m), repr(ap.y_m), ap.floor])
        for name, source in survey.plans.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, made / name)


def read_unchecked(folder: Path) -> Survey:
    """Read a survey folder whose columns have the right shape; their values are not judged.

    Raises SurveyError for a missing or unreadable file, a missing column or a wrong type.
    """
    folder = Path(folder)
    scans = folder / SCANS
    if not scans.is_file():
        raise SurveyError(f"{folder}: no {SCANS}; expected a survey folder (see survey convert)")
    header = read_header(folder / HEADER)
    try:
        table = pq.read_table(scans, read_dictionary=["bssid.list.element"])
    except (pa.ArrowException, OSError) as error:
        raise SurveyError(f"{scans}: not a Parquet file ({error})") from None
    columns = {}
    for name, dtype in _ROW_COLUMNS.items():
        if name not in table.column_names:
            raise SurveyError(f"{scans}: column {name!r} is missing")
        columns[name] = _cast(table[name].combine_chunks(), dtype, scans, name)
    optional = {}
    flat, offsets = _list_column(table, "bssid", None, scans)
    names, codes = _dictionary(flat, scans)
    for name, dtype in _LISTS.items():
        if name != "rssi_dbm" and name not in table.column_names:
            optional[name] = None
            continue
        values, its_offsets = _list_column(table, name, dtype, scans)
        if not np.array_equal(its_offsets, offsets):
            row = int(np.flatnonzero(np.diff(its_offsets) != np.diff(offsets))[0])
            raise SurveyError(
                f"{scans}: row {row}: {name} has {np.diff(its_offsets)[row]} values, "
                f"expected {np.diff(offsets)[row]} as in bssid"
            )
        optional[name] = values.to_numpy(zero_copy_only=False).astype(dtype.to_pandas_dtype())
    floor = columns["floor"].fill_null(NO_FLOOR)
    plans = {
        f.plan: folder / f.plan for f in header.floors if f.plan and (folder / f.plan).is_file()
    }
    return Survey(
        header=header,
        timestamp_ms=columns["timestamp_ms"].to_numpy(zero_copy_only=False),
        x_m=columns["x_m"].to_numpy(zero_copy_only=False),
        y_m=columns["y_m"].to_numpy(zero_copy_only=False),
        floor=floor.to_numpy(zero_copy_only=False).astype(np.int32),
        **{n: _texts(columns[n]) for n in ("device", "session", "split")},
        offsets=offsets,
        bssids=names,
        bssid_code=codes,
        access_points=read_access_points(folder / ACCESS_POINTS),
        plans=plans,
        sha256=hashlib.sha256(scans.read_bytes()).hexdigest(),
        **optional,
    )


def read_survey(folder: Path) -> Survey:
    """Read a survey folder. Raises SurveyError listing the first errors the checker finds."""
    from training.survey_check import check  # the checker reads through this module

    survey = read_unchecked(folder)
    errors = [p for p in check(survey, Path(folder)) if p.level == "error"]
    if errors:
        more = f"\nand {len(errors) - 5} more (rssfix survey check)" if len(errors) > 5 else ""
        raise SurveyError("\n".join(str(p) for p in errors[:5]) + more)
    return survey


def _table(survey: Survey) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for name, dtype in _ROW_COLUMNS.items():
        values = getattr(survey, name)
        unknown = np.zeros(len(survey), dtype=bool)
        if name in ("x_m", "y_m"):
            unknown = np.isnan(values)
        elif name == "floor":
            unknown = values == NO_FLOOR
        columns[name] = pa.array(values, type=dtype, mask=unknown)
    offsets = pa.array(survey.offsets, type=pa.int32())
    names = pa.array(survey.bssids, type=pa.string())
    ids = pa.DictionaryArray.from_arrays(pa.array(survey.bssid_code), names).cast(pa.string())
    columns["bssid"] = pa.ListArray.from_arrays(offsets, ids)
    for name, dtype in _LISTS.items():
        values = getattr(survey, name)
        if values is not None:
            columns[name] = pa.ListArray.from_arrays(offsets, pa.array(values, type=dtype))
    return pa.table(columns)


def _cast(array: pa.Array, dtype: pa.DataType, file: Path, name: str) -> pa.Array:
    try:
        return array.cast(dtype)
    except pa.ArrowException as error:
        raise SurveyError(
            f"{file}: column {name!r} is {array.type}, expected {dtype} ({error})"
        ) from None


def _list_column(
    table: pa.Table, name: str, dtype: pa.DataType | None, file: Path
) -> tuple[pa.Array, np.ndarray]:
    """The flat values and the (M + 1,) offsets of a list column without nulls."""
    if name not in table.column_names:
        raise SurveyError(f"{file}: column {name!r} is missing")
    array = table[name].combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    kind = array.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        raise SurveyError(f"{file}: column {name!r} is {kind}, expected a list per scan")
    if array.null_count:
        row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise SurveyError(f"{file}: row {row}: {name} is null, expected a list")
    lengths = array.value_lengths().to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    flat = array.flatten()
    if flat.null_count:
        reading = int(np.flatnonzero(flat.is_null().to_numpy(zero_copy_only=False))[0])
        row = int(np.searchsorted(offsets, reading, side="right") - 1)
        raise SurveyError(f"{file}: row {row}: a null inside {name}, expected a value")
    return flat if dtype is None else _cast(flat, dtype, file, name), offsets


def _dictionary(flat: pa.Array, file: Path) -> tuple[tuple[str, ...], np.ndarray]:
    if not pa.types.is_dictionary(flat.type):
        flat = _cast(flat, pa.string(), file, "bssid").dictionary_encode()
    texts = _cast(flat.dictionary, pa.string(), file, "bssid").to_pylist()
    # Two spellings of one address become one name; the checker sees an empty name as it is.
    names: dict[str, int] = {}
    code = [names.setdefault(normalise(t) if t.strip() else t, len(names)) for t in texts]
    indices = flat.indices.to_numpy(zero_copy_only=False)
    return tuple(names), np.array(code, dtype=np.int32)[indices]


def _texts(array: pa.Array) -> np.ndarray:
    return np.array(array.fill_null("").to_pylist(), dtype=object)
