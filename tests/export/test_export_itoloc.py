"""Bundles of iToLoc: what was trained, and what was updated, in every runtime."""

import zipfile
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from both_runtimes import exported_alike
from click.testing import CliRunner

import export.itoloc as export_itoloc
from export.build import export_run
from export.cli import export
from export.itoloc import checkpoint_probability
from export.verify import scan_of
from sdk import Localizer
from training import itoloc
from training.run import Run


@pytest.fixture(scope="module")
def run_itoloc(part, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "itoloc"
    tiny = {"width": 4, "cap": 12, "epochs": 3}
    itoloc.train(part, "small", changes=tiny, threads=1).save(folder)
    return folder


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_both_runtimes_answer_as_pytorch_does(run_itoloc, precision, tmp_path):
    report, manifest = exported_alike(
        run_itoloc, tmp_path / "site.rssfix", precision, checkpoint_probability
    )
    assert report.note.startswith(f"three modules, {precision}")
    assert (manifest["system"], manifest["input"]["image"]) == ("itoloc", "ratio")
    assert manifest["input"]["level"] is True


def test_the_last_int8_form_too(run_itoloc, tmp_path, monkeypatch):
    """Dense layers alone, for runs whose calibrated ranges move the answers too far."""
    forms = list(export_itoloc.attempts(Run.load(run_itoloc), ["onnx", "tflite"], "int8"))
    assert len(list(export_itoloc.attempts(Run.load(run_itoloc), ["onnx"], "fp32"))) == 1
    monkeypatch.setattr(export_itoloc, "attempts", lambda *_: forms[2:])
    report, _ = exported_alike(run_itoloc, tmp_path / "i.rssfix", "int8", checkpoint_probability)
    assert report.note == "three modules, int8, dense layers alone"
    with zipfile.ZipFile(report.path) as archive:
        network = onnx.load_model_from_string(archive.read("model.onnx")).graph
    kinds = {node.op_type for node in network.node}
    assert "DynamicQuantizeLinear" in kinds
    assert "QuantizeLinear" not in kinds


def test_the_answer_is_the_mean_of_three_softmaxes(run_itoloc, tmp_path):
    """Beside numpy: at temperature 1 nothing else is left in the graph."""
    run = replace(Run.load(run_itoloc), temperature=1.0)
    run.save(tmp_path / "run")
    report = export_run(tmp_path / "run", tmp_path / "site.rssfix", ["onnx"], "fp32")
    rows = run.arrays["validation_rssi_dbm"][:4]
    with torch.inference_mode():
        images = torch.from_numpy(run.input_recipe.images(rows))
        logits = [one.numpy().astype(np.float64) for one in itoloc.load_network(run)(images)]
    softmaxes = [np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for z in logits]
    with Localizer.open(report.path) as localizer:
        got = [localizer.posterior(scan_of(run.bssids, row)).probability for row in rows]
    np.testing.assert_allclose(got, np.mean(softmaxes, axis=0), atol=1e-5)


def test_what_an_update_masked_is_masked_on_the_device(run_itoloc, tmp_path):
    run = Run.load(run_itoloc)
    masked = replace(run, unknown=run.bssids[:3])
    masked.save(tmp_path / "run2")
    report = export_run(tmp_path / "run2", tmp_path / "site.rssfix", ["onnx"], "fp32")
    rows = run.arrays["validation_rssi_dbm"]
    row = rows[np.isfinite(rows[:, :3]).any(axis=1)][0]
    with Localizer.open(report.path) as localizer:
        got = localizer.posterior(scan_of(run.bssids, row)).probability
        others = np.where(np.arange(len(row)) < 3, np.nan, row).astype(np.float32)
        assert localizer.locate(scan_of(run.bssids, row)).matched_aps == np.isfinite(others).sum()
    np.testing.assert_allclose(got, checkpoint_probability(masked, row[None])[0], atol=1e-4)
    with_all = checkpoint_probability(run, row[None])[0]
    assert np.abs(got - with_all).max() > 1e-3
    # The same, where the device is told itself.
    plain = export_run(run_itoloc, tmp_path / "plain.rssfix", ["onnx"], "fp32")
    with Localizer.open(plain.path) as localizer:
        localizer.set_unknown(run.bssids[:3])
        told = localizer.posterior(scan_of(run.bssids, row)).probability
    np.testing.assert_allclose(told, got, atol=1e-5)


def test_explained_by_occlusion(run_itoloc, tmp_path):
    report = export_run(run_itoloc, tmp_path / "site.rssfix", ["onnx"], "fp32")
    run = Run.load(run_itoloc)
    row = run.arrays["validation_rssi_dbm"][0]
    heard = [run.bssids[i] for i in np.flatnonzero(np.isfinite(row))]
    with Localizer.open(report.path) as localizer:
        why = localizer.explain(scan_of(run.bssids, row))
    assert why.method == "occlusion"
    assert set(why.scores) == set(heard)
    without = np.where(np.array(run.bssids) == heard[0], np.nan, row).astype(np.float32)
    before, after = checkpoint_probability(run, np.stack([row, without]))[:, why.target.index]
    assert why.scores[heard[0]] == pytest.approx(np.log(before / after), abs=1e-3)


def test_vectors_too(part, tmp_path):
    """The 1-D ablation goes the same way."""
    tiny = {"width": 4, "cap": 8, "epochs": 1, "input": "vector", "level": False}
    itoloc.train(part, "small", changes=tiny, threads=1).save(tmp_path / "run")
    out = tmp_path / "site.rssfix"
    result = CliRunner().invoke(
        export, [str(tmp_path / "run"), "-o", str(out), "--precision", "fp32"]
    )
    assert result.exit_code == 0, result.output
    assert out.exists()


def test_a_fused_run_is_fused_on_the_device(part, tmp_path):
    """Network and neighbours, with access points masked in both."""
    tiny = {"width": 4, "cap": 12, "epochs": 2}
    run = itoloc.train(part, "best", changes=tiny, threads=1)
    run = replace(run, unknown=run.bssids[:3])
    run.save(tmp_path / "fused")
    report = export_run(tmp_path / "fused", tmp_path / "site.rssfix", ["onnx"], "fp32")
    rows = run.arrays["validation_rssi_dbm"][:5]
    wanted = checkpoint_probability(run, rows)
    with Localizer.open(report.path) as localizer:
        got = [localizer.posterior(scan_of(run.bssids, row)).probability for row in rows]
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    alone = checkpoint_probability(replace(run, neighbours=None), rows)
    assert np.abs(alone - wanted).max() > 0.01
