"""From a list of access points to positions: train, export, locate; nothing was surveyed."""

import copy
import json
import zipfile
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner

from export import conversion
from export import hapi as parts
from export.build import METADATA_KEY, export_run
from export.errors import ExportError
from export.verify import scan_of
from sdk import Localizer, Scan, cli
from training import hapi
from training.hapi_record import as_survey
from training.hapi_site import read_site
from training.run import Run, RunError
from training.survey_file import write_survey
from training.virtual_users import Users

FLOORS, APS, WIDTH_M, HEIGHT_M = 4, 6, 30.0, 18.0


@pytest.fixture(scope="module")
def ap_list(tmp_path_factory):
    """Six access points on each of four floors."""
    rng = np.random.default_rng(3)
    lines = ["bssid,x_m,y_m,floor"]
    for floor in range(FLOORS):
        for i in range(APS):
            x, y = rng.uniform(0, [WIDTH_M, HEIGHT_M])
            lines.append(f"aa:bb:cc:{floor:02x}:{i:02x}:00,{x:.2f},{y:.2f},{floor}")
    path = tmp_path_factory.mktemp("site") / "house.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def run(ap_list, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "hapi"
    few = {"users": 1500, "held_out": 200, "epochs": 4}
    hapi.train(read_site(ap_list), "paper", 0, changes=few).save(folder)
    return folder


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory):
    """int8 in both formats."""
    path = tmp_path_factory.mktemp("bundles") / "house.rssfix"
    return export_run(run, path, ["onnx", "tflite"], "int8")


def test_the_bundle_is_the_checkpoint_in_every_runtime(bundle):
    assert bundle.note.startswith("floor network, int8")
    assert [v.runtime.split()[0] for v in bundle.verdicts] == ["onnxruntime", "ai-edge-litert"]
    for verdict in bundle.verdicts:
        assert verdict.rows > 500
        assert verdict.shift_m < 0.05
        assert verdict.accuracy >= verdict.reference_accuracy - 0.01
        assert verdict.golden_difference <= verdict.difference
    assert [name.split()[0] for name in bundle.agreeing] == ["tflite-runtime"]


@pytest.mark.parametrize("runtime", ["onnx", "tflite"])
def test_the_device_answers_as_pytorch_does(bundle, run, runtime):
    loaded = Run.load(run)
    rows = loaded.arrays["validation_rssi_dbm"][:40]
    wanted = parts.checkpoint_probability(loaded, rows)[np.arange(len(rows))]
    with Localizer.open(bundle.path, runtime=runtime) as localizer:
        found = np.array([localizer.posterior(scan_of(loaded.bssids, r)).probability for r in rows])
    moved = np.abs(found - wanted).sum(axis=1) / 2
    assert np.median(moved) < 0.02
    floor = loaded.arrays["places_floor"]
    floors = np.arange(FLOORS)
    mass = [[p[floor == f].sum() for f in floors] for p in found]
    assert np.mean(np.argmax(mass, axis=1) == loaded.arrays["validation_floor"][:40]) > 0.8


def test_fp32_gives_the_very_same_probabilities(run, tmp_path):
    report = export_run(run, tmp_path / "fp32.rssfix", ["onnx"], "fp32")
    assert report.verdicts[0].difference < 1e-4
    names = zipfile.ZipFile(report.path).namelist()
    proto = onnx.load_model_from_string(zipfile.ZipFile(report.path).read("model.onnx"))
    stored = json.loads({p.key: p.value for p in proto.metadata_props}[METADATA_KEY])
    assert stored["output"]["positioner"] == "ranks"
    assert {"ap_xy_m.npy", "ap_floor.npy", "golden_probability.npy"} <= set(names)


def test_without_a_network_there_is_no_model(run, tmp_path):
    loaded = Run.load(run)
    ranks = {**loaded.ranks, "floor_network": None}
    replace(loaded, network=None, state=None, ranks=ranks).save(tmp_path / "run")
    report = export_run(tmp_path / "run", tmp_path / "plain.rssfix", ["onnx", "tflite"])
    assert report.note == "floor of the strongest access point, no model file"
    assert not [n for n in zipfile.ZipFile(report.path).namelist() if n.startswith("model.")]
    with Localizer.open(report.path) as localizer:
        assert localizer.info.runtime == "native"
        fix = localizer.locate(Scan.from_dict({loaded.bssids[2 * APS]: -55.0}, 0))
    assert fix.floor == 2
    timed = CliRunner().invoke(cli.main, ["bench", str(report.path), "--num-runs", "5"])
    assert timed.exit_code == 0, timed.output
    assert "native, 1 thread" in timed.output


def test_virtual_aps_travel_with_the_bundle(run, tmp_path):
    loaded = Run.load(run)
    box = loaded.bssids[0]
    replace(loaded, physical={"guest": box}).save(tmp_path / "run")
    report = export_run(tmp_path / "run", tmp_path / "virtual.rssfix", ["onnx"])
    with Localizer.open(report.path) as localizer:
        one = localizer.locate(Scan.from_dict({"guest": -55.0}, 0))
        other = localizer.locate(Scan.from_dict({box: -55.0}, 0))
        # The preset's rule: the mean of a scan's virtual APs.
        both = localizer.locate(Scan.from_dict({box: -50.0, "guest": -60.0}, 0))
    assert one == other == both


def test_int8_falls_back_to_a_float_head(run):
    attempt = list(parts.attempts(Run.load(run), ["onnx"], "int8"))[1]()
    assert attempt.note == "floor network, int8, float32 head"
    weights = onnx.load_model_from_string(attempt.members["model.onnx"]).graph.initializer
    kinds = {w.name: w.data_type for w in weights}
    floats = [n for n, k in kinds.items() if k == onnx.TensorProto.FLOAT and n.endswith("weight")]
    assert len(floats) == 1
    assert sum(k == onnx.TensorProto.INT8 for n, k in kinds.items() if "weight" in n) >= 4


def test_another_network_is_not_the_checkpoint(run, tmp_path, monkeypatch):
    right = conversion.to_onnx

    def wrong(network, *rest):
        other = copy.deepcopy(network)
        with torch.no_grad():
            other.layers[-1].bias += torch.tensor([4.0, 0.0, -4.0, 0.0])
        return right(other, *rest)

    monkeypatch.setattr(conversion, "to_onnx", wrong)
    with pytest.raises(ExportError, match="probabilities differ by"):
        export_run(run, tmp_path / "wrong.rssfix", ["onnx"], "fp32")
    assert not (tmp_path / "wrong.rssfix").exists()


def test_runs_that_do_not_fit_are_named(run, tmp_path):
    loaded = Run.load(run)
    windows = {"floor_ms": 1, "position_ms": 2}
    bad = replace(loaded, ranks={**loaded.ranks, "windows": windows})
    with pytest.raises(RunError, match=r"run\.ranks\.windows\.floor_ms must be at least"):
        parts.ranks_of_run(bad)
    bad.save(tmp_path / "run")
    with pytest.raises(ExportError, match="floor_ms must be at least position_ms"):
        export_run(tmp_path / "run", tmp_path / "x.rssfix")
    less = replace(loaded, arrays={k: v for k, v in loaded.arrays.items() if k != "ap_floor"})
    with pytest.raises(RunError, match="no array 'ap_floor'"):
        parts.ranks_of_run(less)
    narrow = replace(loaded, network={**loaded.network, "width": 7})
    with pytest.raises(RunError, match="does not fit its weights"):
        parts.floor_network(narrow)
    with pytest.raises(ExportError, match="form '1d': a hapi run has no convolutions"):
        export_run(run, tmp_path / "x.rssfix", form="1d")


def test_golden_rows_are_sure_of_their_floor(run):
    loaded = Run.load(run)
    reference = parts.checkpoint_probability(loaded, loaded.arrays["validation_rssi_dbm"])
    floor = loaded.arrays["places_floor"]
    assert 1 <= len(reference.golden) <= 4
    for p in reference[reference.golden]:
        assert max(p[floor == f].sum() for f in range(FLOORS)) > 0.9


def test_the_commands_take_the_bundle(bundle, run, tmp_path):
    loaded = Run.load(run)
    scans = tmp_path / "scans.jsonl"
    rows = loaded.arrays["validation_rssi_dbm"][:5]
    lines = [Scan(1000 * i, scan_of(loaded.bssids, r).readings) for i, r in enumerate(rows)]
    scans.write_text("\n".join(scan.to_json() for scan in lines) + "\n")
    for command in (
        ["info", bundle.path],
        ["locate", bundle.path, scans],
        ["locate", bundle.path, scans, "--track", "--smooth"],
        ["explain", bundle.path, scans],
        ["bench", bundle.path, "--num-runs", 5],
    ):
        done = CliRunner().invoke(cli.main, list(map(str, command)))
        assert done.exit_code == 0, done.output


def test_evaluation_finds_the_positions_that_training_measured(bundle, run, ap_list, tmp_path):
    """The same virtual users as a survey without training scans, through the command."""
    loaded, arrays = Run.load(run), Run.load(run).arrays
    names = ("validation_rssi_dbm", "validation_xy_m", "validation_floor")
    users = Users(*(arrays[name] for name in names))
    survey, split = as_survey(read_site(ap_list), loaded.bssids, users, users)
    write_survey(survey.take(split.rows), tmp_path / "survey")
    figures = tmp_path / "figures.json"
    options = [bundle.path, tmp_path / "survey", "--split", "validation", "--json", figures]
    done = CliRunner().invoke(cli.main, ["evaluate", *map(str, options)])
    assert done.exit_code == 0, done.output
    assert "tuned kNN" not in done.output
    found = json.loads(figures.read_text())
    assert found["answered"] == len(users)
    assert found["mean_m"] == pytest.approx(loaded.metrics["mean_m"], rel=0.02)
    assert found["floor_hit"] == pytest.approx(loaded.metrics["floor_hit"], abs=0.01)
    assert found["wknn"] is None
