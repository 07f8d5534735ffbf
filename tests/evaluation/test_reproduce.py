"""The command on an invented place: whole, resumed, interrupted, without data."""

import json
import warnings
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

from evaluation import exloc_places, exloc_study, explainers
from evaluation.exloc_places import PLACES, Place, by_row, with_validation
from evaluation.provenance import without_folders
from evaluation.reproduce import reproduce
from sdk.venue import AccessPoint, Floor
from training.survey import Header, SurveyError, from_rows

PNG = b"\x89PNG\r\n"
N = 6


def invented(sessions=6, side=4):
    """Log-distance levels of six access points in a room of 4 x 4 m, one with a known position."""
    rng = np.random.default_rng(0)
    places = rng.uniform(0, side, (N, 2))
    rows = []
    for s in range(sessions):
        for spot in range(side * side):
            x, y = spot % side + 0.5, spot // side + 0.5
            distance = np.hypot(places[:, 0] - x, places[:, 1] - y) + 0.5
            levels = -40 - 30 * np.log10(distance) + rng.normal(0, 2, N)
            rows.append({
                "timestamp_ms": 1000 * len(rows), "x_m": x, "y_m": y, "floor": 0, "device": "p",
                "session": f"s{s}", "split": "test" if s >= 4 else "train",
                "bssid": [f"ap{i}" for i in range(N)],
                "rssi_dbm": [float(min(v, -1)) for v in levels],
            })  # fmt: skip
    header = Header("invented", "CC0-1.0", "metres", (Floor(0),))
    return from_rows(header, rows, [AccessPoint("ap0", *places[0].tolist(), 0)])


@pytest.fixture
def one_place(monkeypatch, tmp_path):
    """A single place, invented, and a LIME that a test can afford."""
    place = Place("room", "A room", "invented", True, lambda _: by_row(invented()))
    monkeypatch.setattr(exloc_places, "PLACES", {"room": place})
    monkeypatch.setitem(explainers.EXPLAINERS, "LIME", partial(explainers.lime, samples=50))
    (tmp_path / "data" / "invented").mkdir(parents=True)
    return tmp_path


def call(folder, *more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CliRunner().invoke(
            reproduce,
            ["exloc", "--data", str(folder / "data"), "--out", str(folder / "out"),
             "--scans", "12", "--epochs", "2", "--preset", "small", "--preset", "additive", *more],
        )  # fmt: skip


def test_whole_and_resumed(one_place, monkeypatch):
    result = call(one_place)
    assert result.exit_code == 0, result.output
    out = one_place / "out"
    names = {p.name for p in out.iterdir()}
    assert names == {
        "runs", "tables.md", "tables.json", "room-scores.png", "room-deletion.png",
        "room-additive-heatmap.png", "room-additive-influential.png",
    }  # fmt: skip
    assert all(p.read_bytes().startswith(PNG) for p in out.glob("*.png"))
    text = (out / "tables.md").read_text()
    assert "These are not the paper's places" in text
    assert "| paper: Hall | paper | 10 | 21606 | 82.1 | 90.4 | 0.46 | - |" in text
    assert "| A room*, additive | LIME |" in text
    runs = json.loads((out / "tables.json").read_text())["runs"]
    assert [r["variant"] for r in runs] == ["small", "additive"]
    assert {"command", "commit", "date", "localization", "explained"} <= set(runs[0])
    assert str(one_place) not in text + json.dumps(runs)
    # With kernel 1 the score beyond silence and the logit drop rank alike: SPEC 1.7.
    additive = runs[1]["explained"]["agreement"]
    assert additive["CAM beyond silence, logit drop"] == pytest.approx(1.0, abs=1e-3)

    def never(*args):
        raise AssertionError("trained again")

    monkeypatch.setattr(exloc_study, "study", never)
    again = call(one_place)
    assert again.exit_code == 0, again.output
    assert "2 done, 0 to do" in again.output


def test_an_interruption_keeps_what_is_finished(one_place, monkeypatch):
    real = exloc_study.study
    calls = []

    def second_stops(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(exloc_study, "study", second_stops)
    result = call(one_place)
    assert result.exit_code == 0, result.output
    assert "interrupted" in result.output
    assert [p.name for p in (one_place / "out" / "runs").iterdir()] == ["room-small-0.json"]
    assert (one_place / "out" / "tables.md").is_file()


def test_what_is_not_there_is_said(one_place):
    (one_place / "data" / "invented").rmdir()
    result = call(one_place)
    assert result.exit_code == 0
    assert "skipped: no folder invented in the data folder" in result.output
    assert "no results, no tables" in result.output
    for words, text in (
        (("--places", "hall"), "'hall': expected some of room"),
        (("--preset", "big"), "'big': expected faithful"),
    ):
        result = call(one_place, *words)
        assert result.exit_code == 2
        assert text in result.output


def test_no_folder_of_this_machine_is_written_down():
    words = ["x/rssfix", "reproduce", "exloc", "--data", "/d", "--out=/o/p", "--seeds", "2"]
    assert without_folders(words, "exloc") == [
        "exloc",
        "--data",
        "DATA",
        "--out=OUT",
        "--seeds",
        "2",
    ]
    words = ["rssfix", "reproduce", "exloc", "--data=/d", "--out", "results"]
    assert without_folders(words, "exloc") == ["exloc", "--data=DATA", "--out", "results"]


def test_splits_of_the_places():
    survey = by_row(invented())
    shares = [survey.rows(s).mean() for s in ("train", "validation", "test")]
    np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.02)
    walks = with_validation(invented(), 0.3)
    held = set(walks.session[walks.split == "validation"])
    assert len(held) == 1
    assert not held & set(walks.session[walks.split == "train"])
    assert set(walks.session[walks.split == "test"]) == {"s4", "s5"}


def test_places_say_when_they_leak(tmp_path):
    assert all(place.leaks == name.endswith("-rows") for name, place in PLACES.items())
    with pytest.raises(SurveyError, match="no folder uji_library"):
        PLACES["uji-floor3"].survey(tmp_path)
