"""Readers on tiny sources in the layout of the public sets."""

import numpy as np
import pandas as pd
import pytest

from training.readers import microsoft_indoor, uji_library
from training.survey import SurveyError
from training.survey_check import check
from training.survey_file import read_survey, write_survey


@pytest.fixture
def uji(tmp_path):
    rows = []
    for month in (1, 2, 3):
        for group, camp in (("trn", 1), ("tst", 1), ("tst", 2)):
            for floor in (3, 5):
                rows.append({
                    "month": month, "set": group, "camp": camp, "id": "0", "floor": floor,
                    "t": f"20160{month}02155{camp}59{floor}17", "x": 3.5 + camp, "y": 20.0,
                    "device": "Galaxy S3", "AP001": -60 - month, "AP002": 100,
                    "AP003": -70 if floor == 3 else 100, "AP004": 100 if group == "trn" else -80,
                })  # fmt: skip
    write_uji(pd.DataFrame(rows), tmp_path)
    (tmp_path / "near_aps.csv").write_text(
        "Device,DBColumn,Frequency,AnonSSID,X,Y,Z\n1,3,2412,1,6.3,29.7,3\n1,1,2412,1,6.3,15.5,5\n"
    )
    return tmp_path


def write_uji(table, folder):
    kinds = {"month": "int8", "camp": "int8", "floor": "int8", "t": str, "id": str}
    table.astype(kinds).to_parquet(folder / "fingerprints.parquet")


def test_uji(uji, tmp_path):
    survey = uji_library.read(uji, [3], [1, 2])
    assert len(survey) == 6
    assert list(survey.session) == [
        "m01-trn01", "m01-tst01", "m01-tst02", "m02-trn01", "m02-tst01", "m02-tst02",
    ]  # fmt: skip
    assert list(survey.split) == ["train"] * 4 + ["test"] * 2
    assert survey.bssids == ("AP001", "AP003", "AP004"), "never heard columns are dropped"
    np.testing.assert_array_equal(
        survey.fingerprints(survey.bssids)[:2], [[-61, -70, np.nan], [-61, -70, -80]]
    )
    assert survey.timestamp_ms[0] == pd.Timestamp("2016-01-02 15:51:59.317").value // 10**6
    assert [(a.bssid, a.x_m, a.y_m, a.floor) for a in survey.access_points] == [
        ("AP003", 6.3, 29.7, 3)
    ]
    assert survey.header.licence == "CC-BY-4.0"
    assert "10.5281/zenodo.1066041" in survey.header.attribution
    assert [p.level for p in check(survey)] == []
    write_survey(survey, tmp_path / "out")
    assert read_survey(tmp_path / "out").header == survey.header
    both = uji_library.read(uji, [3, 5], [3])
    assert (both.split == "test").sum() == 4
    assert set(both.floor) == {3, 5}


def test_uji_seconds_may_be_60(uji):
    table = pd.read_parquet(uji / "fingerprints.parquet")
    table.loc[0, "t"] = "20160102155160017"
    write_uji(table, uji)
    survey = uji_library.read(uji, [3], [1])
    expected = pd.Timestamp("2016-01-02 15:52:00.017").value // 10**6
    assert expected in survey.timestamp_ms


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [("AP001", 5, "AP001 is 5"), ("t", "2016", "t is '2016'"), ("camp", None, "column 'camp'")],
)
def test_uji_faults(uji, column, value, text):
    table = pd.read_parquet(uji / "fingerprints.parquet")
    if value is None:
        table = table.drop(columns=column)
        table.to_parquet(uji / "fingerprints.parquet")
    else:
        table.loc[0, column] = value
        write_uji(table, uji)
    with pytest.raises(SurveyError, match=text):
        uji_library.read(uji, [3], [1])


def test_uji_refuses(uji, tmp_path):
    with pytest.raises(SurveyError, match=r"no floor \[4\], expected some of \[3, 5\]"):
        uji_library.read(uji, [3, 4])
    with pytest.raises(SurveyError, match=r"no month \[9\]"):
        uji_library.read(uji, [3], [9])
    with pytest.raises(SurveyError, match="missing; expected the folder"):
        uji_library.read(tmp_path / "elsewhere")
    (uji / "fingerprints.parquet").write_bytes(b"no")
    with pytest.raises(SurveyError, match="not a Parquet file"):
        uji_library.read(uji)


@pytest.fixture
def mall(tmp_path):
    scans = []
    for walk, (site, floor) in enumerate([("site1", "B1"), ("site1", "F1"), ("site1", "F1"),
                                          ("site2", "F2")]):  # fmt: skip
        for i in range(3):
            scans.append({
                "site": site, "floor": floor, "path": f"p{walk}", "t_ms": 10_000 * walk + 100 * i,
                "x": 1.0 + i, "y": 2.0, "in_span": i > 0, "ap": [0, 1], "rssi": [-50 - i, -70],
                "age_ds": [2, 31],
            })  # fmt: skip
    frame = pd.DataFrame(scans).astype(dict.fromkeys(("site", "floor", "path"), "category"))
    frame.to_parquet(tmp_path / "scans.parquet")
    aps = [
        {"ap": a, "site": s, "bssid": f"aa:00:00:00:0{s[-1]}:0{a}", "freq_mhz": 2412 + 5 * a,
         "n_obs": 9}
        for s in ("site1", "site2") for a in (0, 1)
    ]  # fmt: skip
    pd.DataFrame(aps).to_parquet(tmp_path / "aps.parquet")
    rows = [i for i, s in enumerate(scans) if s["in_span"]]
    flags = [scans[i]["path"] == "p1" for i in rows]
    pd.DataFrame({"row": rows, "path_test_s0": flags}).to_parquet(tmp_path / "splits.parquet")
    (tmp_path / "floors.csv").write_text(
        "site,floor,width_m,height_m\nsite1,B1,30,20\nsite1,F1,30.5,20\nsite2,F2,9,9\n"
    )
    (tmp_path / "floors").mkdir()
    (tmp_path / "floors" / "site1_F1.png").write_bytes(b"png")
    return tmp_path


def test_microsoft(mall, tmp_path):
    survey = microsoft_indoor.read(mall, "site1")
    assert len(survey) == 6, "scans outside the waypoints are dropped"
    assert list(zip(survey.session, survey.split, strict=True)) == [
        ("p0", "train"), ("p0", "train"), ("p1", "test"), ("p1", "test"), ("p2", "train"),
        ("p2", "train"),
    ]  # fmt: skip
    assert list(survey.floor) == [-1, -1, 0, 0, 0, 0]
    np.testing.assert_array_equal(survey.age_ms[:2], [200, 3100])
    np.testing.assert_array_equal(survey.frequency_mhz[:2], [2412, 2417])
    fresh = survey.fingerprints(survey.bssids, max_age_ms=3000)
    np.testing.assert_array_equal(fresh[0], [-51, np.nan])
    assert [f.plan for f in survey.header.floors] == [None, "floors/F1.png"]
    assert check(survey, mall) == []
    write_survey(survey, tmp_path / "out")
    assert (tmp_path / "out" / "floors" / "F1.png").read_bytes() == b"png"


def test_microsoft_draws_a_split_by_walk(mall):
    ground = microsoft_indoor.read(mall, "site1", floors=["F1"])
    assert set(ground.floor) == {0}
    assert [floor.label for floor in ground.header.floors] == ["F1"]
    assert len(ground) == (microsoft_indoor.read(mall, "site1").floor == 0).sum() > 0

    survey = microsoft_indoor.read(mall, "site1", split_seed=7)
    for walk in set(survey.session):
        assert len(set(survey.split[survey.session == walk])) == 1


def test_microsoft_refuses(mall):
    with pytest.raises(
        SurveyError, match=r"site1 has no floor 'F7', expected some of .*'B1', 'F1'"
    ):
        microsoft_indoor.read(mall, "site1", floors=["F1", "F7"])
    with pytest.raises(SurveyError, match=r"no site 'site9', expected one of"):
        microsoft_indoor.read(mall, "site9")
    aps = pd.read_parquet(mall / "aps.parquet")
    aps[aps["ap"] == 0].to_parquet(mall / "aps.parquet")
    with pytest.raises(SurveyError, match="no access point 1 of site1"):
        microsoft_indoor.read(mall)
    (mall / "floors.csv").unlink()
    aps.to_parquet(mall / "aps.parquet")
    with pytest.raises(SurveyError, match=r"floors\.csv"):
        microsoft_indoor.read(mall)


@pytest.mark.parametrize(("label", "number"), [("B2", -2), ("B1", -1), ("F1", 0), ("F8", 7)])
def test_floor_numbers(label, number):
    assert microsoft_indoor.floor_number(label) == number


@pytest.mark.parametrize("label", ["", "F0", "G", "F", "1F", "F-1"])
def test_strange_floors(label):
    with pytest.raises(SurveyError, match="expected B1, B2"):
        microsoft_indoor.floor_number(label)
