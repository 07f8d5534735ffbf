"""A network over powed levels, from training to the device."""

import json
import zipfile

import numpy as np
import pytest
import torch

from export.build import export_run
from export.exloc import checkpoint_probability
from export.verify import scan_of
from sdk import Localizer
from training import exloc
from training.exloc import load_network
from training.run import Run

SMALL = {"width": 8, "depth": 2, "cap": 24}
POWED = {
    "zscore": "place", "not_heard_dbm": -105.0, "value_form": "powed", "exponent": 2.0,
    "floor_loss": 1.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(part, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "powed"
    exloc.train(part, "small", seed=0, epochs=3, changes=SMALL | POWED).save(path)
    return path


@pytest.mark.parametrize("form", ["1d", "2d"])
def test_the_device_raises_to_the_power_as_training_does(folder, tmp_path, form):
    run = Run.load(folder)
    report = export_run(folder, tmp_path / "site.rssfix", ["onnx"], "fp32", form=form)
    with zipfile.ZipFile(report.path) as archive:
        recipe = json.loads(archive.read("manifest.json"))["input"]
    assert recipe["value_form"] == {"kind": "powed", "exponent": 2.0}
    rows = run.arrays["validation_rssi_dbm"][:8]
    network = load_network(run)
    values = np.nan_to_num((rows + 105.0) / 105.0, nan=0.0).clip(0) ** 2
    inputs = torch.from_numpy((values - recipe["mean_dbm"]) / recipe["std_db"]).float()
    with torch.inference_mode():
        logits = network(inputs.unsqueeze(1)).numpy()
    wanted = checkpoint_probability(run, rows)
    with Localizer.open(report.path) as localizer:
        for row, logit, probability in zip(rows, logits, wanted, strict=True):
            scan = scan_of(run.bssids, row)
            np.testing.assert_allclose(
                localizer.posterior(scan).probability, probability, atol=1e-5
            )
            told = localizer.explain(scan, method="cam", target=3).scores
            total = sum(told.values()) + float(network.fc.bias[3].detach())
            assert total == pytest.approx(float(logit[3]), rel=1e-3, abs=1e-3)


def test_int8_moves_the_fixes_little(folder, tmp_path):
    (verdict,) = export_run(folder, tmp_path / "site.rssfix", ["onnx"], "int8").verdicts
    assert verdict.shift_m < max(0.05, 0.02 * verdict.reference_error_m)
