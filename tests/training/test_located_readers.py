"""Readers of the sets with known access points, on tiny sources in their layout."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from training.cli import survey as survey_command
from training.readers import ble_tetam, rooms, sodindoorloc
from training.survey import SurveyError
from training.survey_check import check
from training.survey_file import read_survey, write_survey


def sheet(folder, name, rows, mark=100):
    """``rows``: (MAC levels by column, ECoord, NCoord, floor, sample)."""
    table = pd.DataFrame([
        {"MAC10": mark, "MAC2": mark, **levels, "ECoord": e, "NCoord": n, "FloorID": floor,
         "BuildingID": 1, "SceneID": 1, "UserID": 4, "PhoneID": 3, "SampleTimes": sample}
        for levels, e, n, floor, sample in rows
    ])  # fmt: skip
    table.to_parquet(folder / f"{name}.parquet")


@pytest.fixture
def sodi(tmp_path):
    sheet(tmp_path, "Training_CETC331", [
        ({"MAC2": -60, "MAC10": -70}, 45.5, 20.0, 1, 1), ({"MAC10": -104}, 46.0, 21.0, 3, 1),
    ])  # fmt: skip
    sheet(tmp_path, "Testing_CETC331", [
        ({"MAC2": -50}, 45.0, 19.25, 1, 1), ({"MAC2": -52}, 45.0, 19.25, 1, 2),
    ])  # fmt: skip
    point = (900.0, 880.125, 4)
    sheet(tmp_path, "Training_HCXY_AP_30", [({"MAC2": -40}, *point, i) for i in (1, 2)])
    sheet(tmp_path, "Training_HCXY_AP_Avg", [({"MAC2": -41}, *point, 1)], mark=-105)
    sheet(tmp_path, "Testing_HCXY_AP", [({"MAC10": -80}, 901.0, 880.0, 4, 1)])
    (tmp_path / "ap_positions.csv").write_text(
        "building,ap_id,ECoord,NCoord,FloorID,band,mac_column,freq_mhz\n"
        "CETC331,1,48.152072,18.7,1,2.4,MAC2,2412\nCETC331,1,48.152072,18.7,1,5.0,MAC10,5745\n"
        "HCXY,1,855.5,870.0,4,2.4,MAC2,2412\n"
    )
    return tmp_path


def test_cetc331(sodi, tmp_path):
    survey = sodindoorloc.read(sodi)
    assert survey.bssids == ("MAC2", "MAC10"), "by number, not by text"
    np.testing.assert_array_equal(
        survey.fingerprints(survey.bssids),
        [[-60, -70], [np.nan, -104], [-50, np.nan], [-52, np.nan]],
    )
    assert list(survey.split) == ["train", "train", "test", "test"]
    assert survey.session[2] == survey.session[3] != survey.session[0]
    assert list(survey.timestamp_ms[2:]) == [1000, 2000]
    assert list(survey.floor) == [1, 3, 1, 1]
    np.testing.assert_allclose(survey.xy_m[2], [5.0, 9.25])
    assert [(a.bssid, a.x_m, a.y_m, a.floor) for a in survey.access_points] == [
        ("MAC2", 8.152, 8.7, 1), ("MAC10", 8.152, 8.7, 1),
    ]  # fmt: skip
    assert "do not ship" in survey.header.licence
    assert check(survey) == []
    write_survey(survey, tmp_path / "out")
    assert read_survey(tmp_path / "out").access_points == survey.access_points


def test_the_mark_of_hcxy_differs_by_sheet(sodi):
    samples, average = (sodindoorloc.read(sodi, "HCXY", s) for s in ("", "AP_Avg"))
    assert samples.header.name == "sodindoorloc HCXY AP_30"
    for survey, n in ((samples, 2), (average, 1)):
        assert np.diff(survey.offsets).tolist() == [1] * (n + 1)
        assert check(survey) == []
        np.testing.assert_allclose(survey.xy_m[0], [50.0, 15.125])


def test_sodindoorloc_refuses(sodi, tmp_path):
    with pytest.raises(SurveyError, match="no building 'SYL', expected one of CETC331, HCXY"):
        sodindoorloc.read(sodi, "SYL")
    with pytest.raises(SurveyError, match="HCXY has no sheet 'All'"):
        sodindoorloc.read(sodi, "HCXY", "All")
    with pytest.raises(SurveyError, match="CETC331 has no sheet"):
        sodindoorloc.read(sodi, "CETC331", "AP_30")
    with pytest.raises(SurveyError, match="missing; expected the folder of sodindoorloc"):
        sodindoorloc.read(tmp_path / "elsewhere")
    sheet(sodi, "Training_HCXY_AP_Avg", [({"MAC2": 100}, 900.0, 880.0, 4, 1)], mark=-105)
    with pytest.raises(SurveyError, match="row 0: MAC2 is 100, expected dBm under 0 or -105"):
        sodindoorloc.read(sodi, "HCXY", "AP_Avg")
    positions = (sodi / "ap_positions.csv").read_text()
    (sodi / "ap_positions.csv").write_text(positions + "CETC331,9,1,1,1,2.4,MAC77,2412\n")
    with pytest.raises(SurveyError, match="CETC331 has no column 'MAC77'"):
        sodindoorloc.read(sodi)
    (sodi / "ap_positions.csv").unlink()
    with pytest.raises(SurveyError, match="positions of the access points"):
        sodindoorloc.read(sodi)
    (sodi / "Training_CETC331.parquet").write_bytes(b"no")
    with pytest.raises(SurveyError, match="not a Parquet file"):
        sodindoorloc.read(sodi)


SENSORS = "sensor,alias,x,y,z\nb827eb4521b4,a,7.0,7.5,1.22\n000000000101,b,1.0,0.5,2.3\n"
PACKETS = [
    # Out of order by one packet, as in the source.
    (100.0004, "b827eb4521b4", -60, 1.0), (100.9, "b827eb4521b4", -70, 2.0),
    (100.5, "000000000101", -80, 1.5), (101.2, "000000000101", 42, 9.0),
    (102.1, "000000000101", -90, 4.0),
]  # fmt: skip


def track(folder, name, packets=PACKETS):
    rows = [
        {"t_s": t, "sensor": s, "beacon": "e78f135624ce", "rssi": r, "x": x, "y": 3.0, "z": 1.8,
         "track": name} for t, s, r, x in packets
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(folder / f"track_{name}.parquet")


@pytest.fixture
def tetam(tmp_path):
    track(tmp_path, "straight_01")
    track(tmp_path, "zigzag")
    (tmp_path / "sensor_positions.csv").write_text(SENSORS)
    return tmp_path


def test_tetam(tetam):
    survey = ble_tetam.read(tetam, test=["zigzag"])
    assert list(survey.session) == ["straight_01"] * 2 + ["zigzag"] * 2
    assert list(survey.split) == ["train"] * 2 + ["test"] * 2
    assert survey.bssids == ("b8:27:eb:45:21:b4", "00:00:00:00:01:01")
    np.testing.assert_array_equal(
        survey.fingerprints(survey.bssids)[:2], [[-65, -80], [np.nan, -90]]
    )
    np.testing.assert_allclose(survey.x_m[:2], [1.5, 4.0])
    np.testing.assert_array_equal(survey.timestamp_ms[:2], [100_000, 102_000])
    assert survey.device[0] == "e7:8f:13:56:24:ce"
    assert [a.x_m for a in survey.access_points] == [7.0, 1.0]
    assert [p for p in check(survey) if p.level == "error"] == []
    whole = ble_tetam.read(tetam, window_ms=10_000, test=[])
    assert len(whole) == 2
    assert set(whole.split) == {"train"}


def test_tetam_refuses(tetam, tmp_path):
    with pytest.raises(SurveyError, match="no walk 'circle'"):
        ble_tetam.read(tetam, test=["circle"])
    with pytest.raises(SurveyError, match="window_ms is 0"):
        ble_tetam.read(tetam, 0, [])
    with pytest.raises(SurveyError, match=r"no track_\*\.parquet"):
        ble_tetam.read(tmp_path / "elsewhere")
    track(tetam, "zigzag", [(1.0, "000000000999", -60, 1.0)])
    with pytest.raises(SurveyError, match="sensor '000000000999' has no position"):
        ble_tetam.read(tetam, test=[])
    track(tetam, "zigzag", [(1.0, "000000000101", -200, 1.0)])
    with pytest.raises(SurveyError, match="row 0: rssi is -200"):
        ble_tetam.read(tetam, test=[])
    (tetam / "sensor_positions.csv").unlink()
    with pytest.raises(SurveyError, match="positions of the sensors"):
        ble_tetam.read(tetam, test=[])


@pytest.fixture
def room(tmp_path):
    for part, x in (("train", 0.0), ("test", 10.0)):
        rows = [
            {"X": x, "Y": 1.0, "AP1 RTT(mm)": 100000.0, "AP1 RSS(dBm)": -200.0,
             "AP2 RSS(dBm)": -60.0 - i, "AP3 RSS(dBm)": -70.0, "LOS APs": None} for i in range(3)
        ]  # fmt: skip
        pd.DataFrame(rows).to_parquet(tmp_path / f"corridor_{part}.parquet")
    (tmp_path / "ap_positions.csv").write_text(
        "room,ap,x_grid,y_grid\noffice,1,9,9\ncorridor,1,2.0,7.5\ncorridor,2,17,-1\n"
    )
    return tmp_path


def test_rooms(room):
    survey = rooms.read(room, "corridor")
    assert survey.bssids == ("AP2", "AP3"), "AP1 is never heard in the corridor"
    np.testing.assert_array_equal(survey.rssi_dbm[:2], [-60, -70])
    assert [(a.bssid, a.x_m, a.y_m) for a in survey.access_points] == [
        ("AP2", 1.2, 4.5), ("AP3", 10.2, -0.6),
    ]  # fmt: skip
    np.testing.assert_allclose(survey.xy_m[[0, 3]], [[0.0, 0.6], [6.0, 0.6]])
    assert list(survey.split) == ["train"] * 3 + ["test"] * 3
    assert list(survey.timestamp_ms[:3]) == [0, 1000, 2000]
    assert check(survey) == []


def test_rooms_refuses(room, tmp_path):
    with pytest.raises(SurveyError, match="no room 'attic', expected one of lecture_theatre"):
        rooms.read(room, "attic")
    with pytest.raises(SurveyError, match="missing; expected the folder of wifi_rss_rtt_rooms"):
        rooms.read(room, "office")
    table = pd.read_parquet(room / "corridor_train.parquet")
    table.loc[1, "AP3 RSS(dBm)"] = 7.0
    table.to_parquet(room / "corridor_train.parquet")
    with pytest.raises(SurveyError, match=r"row 1 \(both files counted\): AP3 RSS\(dBm\) is 7"):
        rooms.read(room, "corridor")


def test_from_the_command_line(sodi, tmp_path):
    for words in (["sodindoorloc", sodi], ["sodindoorloc", sodi, "--building", "HCXY"]):
        words = ["convert", *map(str, words), "-o", str(tmp_path / "out")]
        result = CliRunner().invoke(survey_command, words)
        assert result.exit_code == 0, result.output
        result = CliRunner().invoke(survey_command, ["check", str(tmp_path / "out")])
        assert "0 errors, 0 warnings" in result.output
    for words in (["ble_tetam", sodi], ["rooms", sodi], ["sodindoorloc", sodi, "--building", "x"]):
        words = ["convert", *map(str, words), "-o", str(tmp_path / "none")]
        result = CliRunner().invoke(survey_command, words)
        assert result.exit_code == 1
        assert result.output.startswith("Error: ")
    assert not (tmp_path / "none").exists()
