"""The survey folder: what is written is read back, and what is broken is named."""

import shutil
import string
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import header, invented_survey

from sdk.venue import AccessPoint, Floor, Georeference
from training.survey import SurveyError, from_rows
from training.survey_file import read_survey, read_unchecked, write_survey

NAMES = [f"02:00:00:00:00:{i:02x}" for i in range(6)] + ["AP007", "kitchen"]
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
metres = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def scan_rows(draw):
    lists = draw(st.booleans())
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
        known = draw(st.booleans())
        row = {
            "timestamp_ms": draw(st.integers(0, 2**60)),
            "x_m": draw(metres) if known else None,
            "y_m": draw(metres) if known else None,
            "floor": draw(st.sampled_from([0, 1])) if known else None,
            "device": draw(texts),
            "session": draw(texts),
            "split": draw(st.sampled_from(["train", "validation", "test"])) if known else "",
            "bssid": names,
            "rssi_dbm": draw(st.lists(st.floats(-150, -0.5, width=32), min_size=len(names),
                                      max_size=len(names))),
        }  # fmt: skip
        if lists:
            row["age_ms"] = [draw(st.integers(0, 2**31 - 1)) for _ in names]
            row["frequency_mhz"] = [draw(st.integers(1, 7000)) for _ in names]
        rows.append(row)
    return rows


headers = st.builds(
    header,
    name=texts,
    frame=texts,
    attribution=st.none() | texts,
    georeference=st.none() | st.builds(Georeference, st.floats(-80, 80), st.floats(-180, 180)),
)


def assert_same(a, b):
    for name in ("timestamp_ms", "x_m", "y_m", "floor", "offsets", "rssi_dbm"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    for name in ("device", "session", "split"):
        assert list(getattr(a, name)) == list(getattr(b, name))
    for name in ("age_ms", "frequency_mhz"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None)
        if x is not None:
            np.testing.assert_array_equal(x, y)
    assert [a.bssids[c] for c in a.bssid_code] == [b.bssids[c] for c in b.bssid_code]
    assert a.header == b.header
    assert a.access_points == b.access_points


@settings(max_examples=60, deadline=None)
@given(scan_rows(), headers)
def test_round_trip(rows, head):
    points = [AccessPoint("AP007", 1.25, -3.0, 0)]
    survey = from_rows(head, rows, points)
    with tempfile.TemporaryDirectory() as folder:
        write_survey(survey, Path(folder) / "s")
        assert_same(survey, read_unchecked(Path(folder) / "s"))


def test_plans_and_addresses(tmp_path):
    (tmp_path / "plan.png").write_bytes(b"picture")
    head = header()
    head = type(head)(**{**vars(head), "floors": (Floor(0, plan="floors/0.png"), Floor(1))})
    row = {"timestamp_ms": 1, "x_m": 0.0, "y_m": 0.0, "floor": 0, "split": "train",
           "bssid": ["AA-BB-CC-00-00-01", "AABBCC000002"], "rssi_dbm": [-50.0, -60.0]}  # fmt: skip
    made = from_rows(head, [row])
    made = type(made)(**{**vars(made), "plans": {"floors/0.png": tmp_path / "plan.png"}})
    write_survey(made, tmp_path / "s")
    back = read_survey(tmp_path / "s")
    assert back.plans["floors/0.png"].read_bytes() == b"picture"
    assert back.bssids == ("aa:bb:cc:00:00:01", "aa:bb:cc:00:00:02")


def test_an_interrupted_write_leaves_the_old_survey(tmp_path, monkeypatch):
    survey = invented_survey(sessions=2, side=2)
    write_survey(survey, tmp_path / "s")
    before = {p.name: p.read_bytes() for p in (tmp_path / "s").iterdir()}

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.survey_file.pq.write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_survey(survey, tmp_path / "s")
    assert {p.name: p.read_bytes() for p in (tmp_path / "s").iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


@pytest.fixture
def folder(tmp_path):
    write_survey(invented_survey(sessions=2, side=2), tmp_path / "s")
    return tmp_path / "s"


def edit(folder, change):
    table = pq.read_table(folder / "scans.parquet")
    pq.write_table(change(table), folder / "scans.parquet")


def without_last(table, name):
    lists = table[name].to_pylist()
    lists[3] = lists[3][:-1]
    index = table.column_names.index(name)
    return table.set_column(index, name, pa.array(lists, pa.list_(pa.float32())))


def nulls(table):
    lists = table["bssid"].to_pylist()
    lists[2] = [None, *lists[2][1:]]
    return table.set_column(table.column_names.index("bssid"), "bssid", pa.array(lists))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda t: t.drop_columns("x_m"), "column 'x_m' is missing"),
        (lambda t: t.drop_columns("rssi_dbm"), "column 'rssi_dbm' is missing"),
        (lambda t: without_last(t, "rssi_dbm"), "row 3: rssi_dbm has"),
        (lambda t: t.set_column(1, "x_m", pa.array(["a"] * len(t))), "column 'x_m' is string"),
        (lambda t: t.set_column(7, "bssid", pa.array(["a"] * len(t))), "expected a list per scan"),
        (nulls, "row 2: a null inside bssid"),
    ],
)
def test_broken_columns(folder, change, text):
    edit(folder, change)
    with pytest.raises(SurveyError, match=r"scans\.parquet") as caught:
        read_survey(folder)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("survey.toml", b"name = ", "not TOML"),
        ("survey.toml", b'name = "a"', "expected name, licence, frame, floors"),
        ("survey.toml", b"\xff\xfe", "not TOML"),
        ("survey.toml", b'name="a"\nlicence="b"\nframe="c"\nfloors=[{label="x"}]', "survey.toml"),
        ("survey.toml", b'name="a"\nlicence="b"\nframe="c"\nfloors=[{floor=0},{floor=1}]\n'
                        b"[georeference]\nlatitude=95\nlongitude=0", "latitude"),
        ("access_points.csv", b"bssid,x_m,y_m,floor\na,1,2,x\n", "line 2"),
        ("access_points.csv", b"bssid,x_m,y_m,floor\na,nan,2,0\n", "line 2"),
        ("access_points.csv", b"bssid,x_m\na,1\n", "line 2"),
    ],
)  # fmt: skip
def test_broken_text_files(folder, file, content, text):
    (folder / file).write_bytes(content)
    with pytest.raises(SurveyError, match=file) as caught:
        read_survey(folder)
    assert text in str(caught.value)


def test_missing_files(tmp_path, folder):
    with pytest.raises(SurveyError, match="expected a survey folder"):
        read_survey(tmp_path)
    (folder / "survey.toml").unlink()
    with pytest.raises(SurveyError, match=r"survey\.toml is missing"):
        read_survey(folder)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(string.printable, max_size=50).map(str.encode),
       st.integers(0, 4000))  # fmt: skip
def test_any_bytes_are_refused_or_read(broken_survey, noise, at):
    """Bytes written over a good file never crash: they are read, or a SurveyError."""
    folder, good = broken_survey
    at %= len(good)
    (folder / "scans.parquet").write_bytes(good[:at] + noise + good[at + len(noise) + 1 :])
    with suppress(SurveyError):
        read_survey(folder)


@pytest.fixture(scope="module")
def broken_survey(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken") / "s"
    write_survey(invented_survey(sessions=1, side=2, test_sessions=0), folder)
    yield folder, (folder / "scans.parquet").read_bytes()
    shutil.rmtree(folder)
