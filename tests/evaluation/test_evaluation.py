"""From the demo survey to figures: training, bundles, the command and the pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evaluation.cli import evaluate
from evaluation.evaluate import evaluate_bundle, evaluate_knn, split_of
from evaluation.metrics import KEYS, accuracy, ecdf, loose_accuracy
from evaluation.plots import demo_figure, ecdf_figure
from export.build import export_run
from sdk import Localizer
from training import exloc, neighbours
from training.survey import SurveyError
from training.survey_file import read_survey
from training.survey_scans import scans_of

DEMO = Path(__file__).parents[2] / "examples" / "data" / "uji_library_floor3"
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def survey():
    return read_survey(DEMO)


@pytest.fixture(scope="module")
def test_scans(survey):
    return split_of(survey, "test")


@pytest.fixture(scope="module")
def knn(survey, test_scans):
    return evaluate_knn(survey, test_scans)[0]


def bundle_of(run, folder):
    run.save(folder / "run")
    export_run(folder / "run", folder / "site.rssfix", ["onnx"], "fp32")
    return folder / "site.rssfix"


@pytest.fixture(scope="module")
def exloc_bundle(survey, tmp_path_factory):
    run = exloc.train(survey, "small", seed=0)
    return bundle_of(run, tmp_path_factory.mktemp("exloc"))


@pytest.fixture(scope="module")
def knn_bundle(survey, tmp_path_factory):
    return bundle_of(neighbours.train(survey), tmp_path_factory.mktemp("knn"))


def test_the_demo_data_is_small_and_says_whose_it_is(survey):
    assert sum(f.stat().st_size for f in DEMO.rglob("*") if f.is_file()) < 1_000_000
    assert survey.header.licence == "CC-BY-4.0"
    assert "10.5281/zenodo.1066041" in survey.header.attribution
    assert "Mendoza-Silva" in (DEMO.parent / "README.md").read_text(encoding="utf-8")


def test_neighbours_reach_their_reference(knn):
    """SPEC: L1, k 25, weights d^-8 give 1.63 m on this split."""
    assert knn.figures["mean_m"] <= 1.63
    assert 0.60 <= knn.figures["coverage_68"] <= 0.76


def test_exloc_on_the_demo_survey(exloc_bundle, test_scans, knn):
    with Localizer.open(exloc_bundle) as localizer:
        got = evaluate_bundle(localizer, test_scans).figures
    assert got["n"] == got["answered"] == 1560
    assert got["mean_m"] <= 1.45
    assert got["mean_m"] <= knn.figures["mean_m"]
    assert 0.60 <= got["coverage_68"] <= 0.76


def test_a_neighbours_bundle_equals_the_baseline(knn_bundle, test_scans, knn):
    with Localizer.open(knn_bundle) as localizer:
        got = evaluate_bundle(localizer, test_scans)
    np.testing.assert_allclose(got.xy_m, knn.xy_m, atol=0.01)
    np.testing.assert_allclose(got.accuracy_m, knn.accuracy_m, atol=0.02)


def test_the_command(knn_bundle, tmp_path, knn):
    result = CliRunner().invoke(
        evaluate,
        [str(knn_bundle), str(DEMO), "--json", str(tmp_path / "a" / "f.json"), "--plot",
         str(tmp_path / "b" / "f.png")],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "tuned kNN" in result.output
    assert "neighbours" in result.output
    found = json.loads((tmp_path / "a" / "f.json").read_text())
    assert list(found) == [*KEYS, "wknn"]
    assert list(found["wknn"]) == list(KEYS)
    assert found["wknn"] == pytest.approx(knn.figures)
    assert (tmp_path / "b" / "f.png").read_bytes().startswith(PNG)
    assert [p.name for p in (tmp_path / "b").iterdir()] == ["f.png"]


def test_the_command_names_what_is_wrong(knn_bundle, tmp_path):
    result = CliRunner().invoke(evaluate, [str(knn_bundle), str(DEMO), "--split", "validation"])
    assert result.exit_code == 1
    assert "no labelled scan in split 'validation'; it has test, train" in result.output
    (tmp_path / "bad.rssfix").write_bytes(b"x")
    result = CliRunner().invoke(evaluate, [str(tmp_path / "bad.rssfix"), str(DEMO)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")


def test_scans_are_those_of_the_survey(survey):
    few = survey.take(np.arange(len(survey)) < 20)
    vectors = few.fingerprints(survey.bssids)
    for scan, row, time in zip(scans_of(few), vectors, few.timestamp_ms, strict=True):
        assert scan.timestamp_ms == time
        heard = {r.bssid: r.rssi_dbm for r in scan.readings}
        names = [survey.bssids[i] for i in np.flatnonzero(np.isfinite(row))]
        assert heard == {n: row[survey.bssids.index(n)] for n in names}


def test_unanswered_scans_are_counted(knn_bundle, test_scans):
    few = test_scans.take(np.arange(len(test_scans)) < 5)
    deaf = type(few)(**{**vars(few), "bssids": tuple(f"x{i}" for i in range(len(few.bssids)))})
    with Localizer.open(knn_bundle) as localizer:
        got = evaluate_bundle(localizer, deaf)
    assert got.figures == dict.fromkeys(KEYS) | {"n": 5, "answered": 0}
    with pytest.raises(SurveyError, match="it has test"):
        split_of(few, "train")


def test_pictures(exloc_bundle, test_scans, tmp_path):
    few = test_scans.take(np.arange(len(test_scans)) % 20 == 0)
    scan = next(scans_of(few))
    with Localizer.open(exloc_bundle) as localizer:
        result = evaluate_bundle(localizer, few)
        demo_figure(
            result, localizer.posterior(scan), localizer.locate(scan), tuple(few.xy_m[0]),
            localizer.explain(scan), tmp_path / "demo.png", "demo",
        )  # fmt: skip
    ecdf_figure(
        {"a": result.error_m, "nothing": np.full(3, np.nan)}, tmp_path / "ecdf.png", "errors"
    )
    for name in ("demo.png", "ecdf.png"):
        assert (tmp_path / name).read_bytes().startswith(PNG)


def test_ecdf_counts_everyone():
    error = np.array([0.5, 1.0, 2.0, np.nan])
    np.testing.assert_array_equal(ecdf(error, np.array([0.0, 1.0, 5.0])), [0.0, 0.5, 0.75])
    assert ecdf(np.array([]), np.array([1.0])) == [0.0]


def test_cell_accuracy():
    truth = np.array([[0.5, 0.5]] * 4)
    found = np.array([[0.9, 0.1], [1.5, 1.5], [2.5, 0.5], [np.nan, np.nan]])
    origin = np.zeros(2)
    assert accuracy(found, truth, origin) == 0.25
    assert loose_accuracy(found, truth, origin) == 0.5
