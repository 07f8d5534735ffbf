"""The checker names every fault with its row."""

import numpy as np
import pytest
from invented import header

from sdk.venue import AccessPoint, Floor
from training.survey import from_rows
from training.survey_check import check

GOOD = {
    "timestamp_ms": 1000, "x_m": 1.0, "y_m": 2.0, "floor": 0, "device": "d", "session": "s",
    "split": "train", "bssid": ["a", "b"], "rssi_dbm": [-50.0, -60.0],
}  # fmt: skip


def problems(*changes, head=None, points=()):
    """Of a survey whose row i is GOOD, a little later, with changes[i]."""
    rows = [GOOD | {"timestamp_ms": 1000 + 10 * i} | c for i, c in enumerate(changes)]
    return check(from_rows(head or header(), rows, points))


def test_a_good_survey_has_none():
    assert problems({}, {}) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"rssi_dbm": [-50.0, 100.0]}, "rssi_dbm of 'b' is 100"),
        ({"rssi_dbm": [0.0, -50.0]}, "rssi_dbm of 'a' is 0"),
        ({"rssi_dbm": [-200.0, -50.0]}, "rssi_dbm of 'a' is -200"),
        ({"rssi_dbm": [np.nan, -50.0]}, "rssi_dbm of 'a' is nan"),
        ({"rssi_dbm": [-np.inf, -50.0]}, "rssi_dbm of 'a' is -inf"),
        ({"bssid": ["a", "a"]}, "'a' occurs twice"),
        ({"bssid": ["a", " "]}, "bssid is ' '"),
        ({"x_m": None}, "x_m, y_m = nan, 2.0"),
        ({"x_m": None, "y_m": None}, "no position in split 'train'"),
        ({"x_m": np.inf}, "x_m is inf"),
        ({"floor": 7}, "floor 7"),
        ({"floor": None}, "floor is null"),
        ({"split": "tests"}, "split 'tests'"),
    ],
)
def test_errors(change, text):
    found = [p for p in problems({}, change, {}) if p.level == "error"]
    assert [p.row for p in found] == [1]
    assert text in str(found[0])
    assert "scans.parquet: row 1" in str(found[0])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (({}, {"timestamp_ms": 5}), "lies before 1000"),
        (({}, {"split": "test"}), "in split 'train' and 'test'"),
        (({}, {"timestamp_ms": 1000}), "same time, place and readings as row 0"),
        (({}, {"bssid": [], "rssi_dbm": []}), "no readings"),
    ],
)
def test_warnings(changes, text):
    found = problems(*changes)
    assert [(p.level, p.row) for p in found] == [("warning", 1)]
    assert text in found[0].what


def test_unlabelled_rows_need_no_position():
    assert problems({}, {"x_m": None, "y_m": None, "floor": None, "split": ""}) == []


def test_ages_and_frequencies():
    found = problems({"age_ms": [1, -1], "frequency_mhz": [2412, 0]})
    assert sorted(p.what for p in found) == ["age_ms of 'b' is -1", "frequency_mhz of 'b' is 0"]


def test_header_and_access_points():
    head = header(floors=(), name="x")
    assert "no floors" in str(problems({}, head=head)[0])
    doubled = type(head)(**{**vars(head), "floors": (Floor(0), Floor(0, width_m=-1.0))})
    texts = [p.what for p in problems({}, head=doubled)]
    assert "floor 0 is listed 2 times" in texts
    assert "width_m of floor 0 is -1.0" in texts
    points = [AccessPoint("a", 0.0, 0.0, 9), AccessPoint("a", 0.0, 0.0, 0)]
    texts = [str(p) for p in problems({}, points=points)]
    assert any("floor 9 of 'a'" in t for t in texts)
    assert any("'a' occurs twice" in t for t in texts)


def test_positions_off_the_floor_plan_and_missing_plans(tmp_path):
    head = header()
    sized = type(head)(
        **{**vars(head), "floors": (Floor(0, plan="0.png", width_m=5.0, height_m=1.5), Floor(1))}
    )
    rows = [GOOD, GOOD | {"x_m": -1.0, "y_m": 1.0, "timestamp_ms": 2000}]
    found = check(from_rows(sized, rows), tmp_path)
    assert [(p.level, p.row) for p in found] == [("error", None), ("warning", 1), ("warning", 0)]
    assert "plan '0.png' of floor 0 is missing" in found[0].what


def test_no_rows():
    assert "no rows" in str(check(from_rows(header(), []))[0])
