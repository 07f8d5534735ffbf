"""Intervals, the sets of the calibration-free table, and its command."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from evaluation import calibration_free
from evaluation.baselines import sets
from evaluation.baselines.bootstrap import score
from training.simulator import Crowd, Radio, place_access_points, simulate


def test_intervals_follow_the_groups():
    rng = np.random.default_rng(0)
    level = rng.normal(5, 1, 100)
    group = np.repeat(np.arange(100), 20)
    error = level[group] + 1e-6 * rng.normal(size=2000)
    got = score(error, np.ones(2000, dtype=bool), group)
    width = got.mean_m.high - got.mean_m.low
    np.testing.assert_allclose(width, 2 * 1.96 * level.std() / 10, rtol=0.12)
    assert got.mean_m.value == pytest.approx(error.mean())
    assert got.median_m.low < got.median_m.value < got.median_m.high
    assert (got.n, got.answered, got.groups) == (2000, 2000, 100)
    assert got.floor_hit.text(3) == "1.000 [1.000, 1.000]"
    alone = score(error, np.ones(2000, dtype=bool), np.arange(2000))
    assert alone.mean_m.high - alone.mean_m.low < width / 3, "scans drawn one by one promise more"


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_a_single_group_has_no_width(n):
    error = np.random.default_rng(n).random(n)
    got = score(error, np.zeros(n, dtype=bool), np.zeros(n, dtype=int), draws=20)
    for one, value in ((got.mean_m, error.mean()), (got.median_m, np.median(error))):
        np.testing.assert_allclose([one.value, one.low, one.high], value)
    assert got.floor_hit.value == 0


def test_unanswered_scans():
    error = np.array([1.0, np.nan, 3.0, np.nan])
    got = score(error, np.array([True, True, False, False]), np.array([0, 0, 1, 1]), draws=50)
    assert (got.n, got.answered) == (4, 2)
    assert got.mean_m.value == 2
    assert got.floor_hit.value == 0.25, "a hit needs an answer"
    none = score(np.full(3, np.nan), np.zeros(3, dtype=bool), np.arange(3), draws=10)
    assert none.mean_m.text() == "–"
    assert none.plain()["median_m"] == {"value": None, "low": None, "high": None}


def simulated(walks=True):
    building = place_access_points("s", [5, 5, 5], 30, 20, np.random.default_rng(0))
    survey = simulate(building, Radio(), Crowd(scans=120, walks=6), seed=1)
    return sets.queries(survey, "simulated small", "note", walks=walks), survey


def test_queries():
    walks, survey = simulated()
    points, _ = simulated(walks=False)
    assert (walks.grouped_by, points.grouped_by) == ("walks", "points")
    assert walks.group.max() == 5
    assert points.group.max() > 50
    window = sets.queries(survey, "w", window=4)
    assert len(window.rssi_dbm) == 120 - 6 * 3, "only full windows"
    first = int(np.flatnonzero(survey.session == "walk0000")[3])
    expected = np.fmax.reduce(walks.rssi_dbm[first - 3 : first + 1])
    np.testing.assert_array_equal(window.rssi_dbm[0], expected)
    test = sets.queries(survey, "t", rows=survey.split == "test")
    assert len(test.floor) == (survey.split == "test").sum()


def test_measure_and_table():
    queries, _ = simulated()
    got = calibration_free.measure(queries)
    assert set(got) == {*calibration_free.METHODS, *calibration_free.FLOOR_RULES}
    assert got[calibration_free.POWER_5].mean_m.value < got["Locus (in spirit)"].mean_m.value
    text = calibration_free.table(queries, got)
    assert "120 scans, 120 answered; 95 % intervals over 6 walks." in text
    assert text.count("\n|") == len(got) + 2
    assert calibration_free.against_spec(queries) == []


def test_figures_beside_the_sheet(monkeypatch):
    queries, _ = simulated()
    method = calibration_free.STRONGEST_3
    found = calibration_free.METHODS[method](queries)
    error = np.linalg.norm(found.xy_m - queries.xy_m, axis=1)
    own = (error.mean(), np.median(error))
    for expected, hit in ((own, True), ((own[0] + 3, own[1]), False)):
        monkeypatch.setattr(calibration_free, "EXPECTED", {("simulated small", method): expected})
        rows = calibration_free.against_spec(queries)
        assert [r["reproduced"] for r in rows] == [hit]
        assert calibration_free.comparison(rows).endswith(f"| {'yes' if hit else 'no'} |\n")


@pytest.fixture
def data(tmp_path):
    """Two walks of the BLE set; all others are missing."""
    folder = tmp_path / "data" / "ble_tetam"
    folder.mkdir(parents=True)
    places = {"000000000101": (0.0, 0.0), "000000000102": (8.0, 0.0), "000000000103": (4.0, 7.0)}
    for name in ("zigzagging_with_rotation", "zigzagging_without_rotation"):
        rows = []
        for second in range(5):
            x, y = 1.0 + second, 2.0
            for sensor, (u, v) in places.items():
                level = round(-59 - 15 * np.log10((x - u) ** 2 + (y - v) ** 2 + 1))
                rows.append({"t_s": 100.0 + second, "sensor": sensor, "beacon": "e78f135624ce",
                             "rssi": level, "x": x, "y": y, "z": 1.8})  # fmt: skip
        pd.DataFrame(rows).to_parquet(folder / f"track_{name}.parquet")
    lines = [f"{s},a,{x},{y},1" for s, (x, y) in places.items()]
    (folder / "sensor_positions.csv").write_text("\n".join(["sensor,alias,x,y,z", *lines, ""]))
    return tmp_path / "data"


def test_command(data, tmp_path, monkeypatch):
    monkeypatch.setattr(sets, "_SIMULATED_SCANS", 40)
    out = tmp_path / "out"
    out.mkdir()
    (out / "kept.md").write_text("of someone else")
    words = [str(data), "--only", "ble_tetam", "--out", str(out)]
    result = CliRunner().invoke(calibration_free.main, words)
    assert result.exit_code == 0, result.output
    assert "CETC331 skipped" in result.output
    report = json.loads((out / "baselines.json").read_text())
    assert set(report["sets"]) == {"ble_tetam", "ble_tetam, 3 s"}
    assert set(report["skipped"]) == {"CETC331", "HCXY", "rooms", "uji_library"}
    fit = report["sets"]["ble_tetam"]["methods"]["path loss fit, 5 strongest, FAF 20"]
    assert fit["mean_m"]["value"] < 0.5
    assert fit["groups"] == 2
    text = (out / "baselines.md").read_text()
    assert str(tmp_path) not in text + (out / "baselines.json").read_text()
    assert sorted(p.name for p in out.iterdir()) == ["baselines.json", "baselines.md", "kept.md"]
