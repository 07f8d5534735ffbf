"""Bundles of the LBN-CNN: what was trained, in every runtime."""

import numpy as np
import pytest
from both_runtimes import exported_alike
from click.testing import CliRunner

from export.build import export_run
from export.cli import export
from export.errors import ExportError
from export.lbn import checkpoint_probability
from export.verify import scan_of
from sdk import Localizer
from sdk.errors import BundleError
from training import lbn
from training.run import Run


@pytest.fixture(scope="module")
def run_lbn(part, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "lbn"
    tiny = {
        "norm": "lbn", "side": 8, "block": 2, "factor": 1, "epochs": 3, "momentum": 0.9,
        "dropout": 0.1,
    }  # fmt: skip
    lbn.train(part, "lbn-best", changes=tiny, threads=1).save(folder)
    return folder


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_both_runtimes_answer_as_pytorch_does(run_lbn, precision, tmp_path):
    report, manifest = exported_alike(
        run_lbn, tmp_path / "site.rssfix", precision, checkpoint_probability, most_shift_m=0.05
    )
    assert report.note.startswith(f"lbn network folded, {precision}")
    side = manifest["input"]["side"]
    assert (manifest["system"], manifest["input"]["image"], side) == ("lbn", "square", 8)
    assert len(manifest["ap_table"]["bssids"]) <= side**2


def test_explained_by_occlusion(run_lbn, tmp_path):
    report = export_run(run_lbn, tmp_path / "site.rssfix", ["onnx"], "fp32")
    run = Run.load(run_lbn)
    row = run.arrays["validation_rssi_dbm"][0]
    heard = [run.bssids[i] for i in np.flatnonzero(np.isfinite(row))]
    with Localizer.open(report.path) as localizer:
        scan = scan_of(run.bssids, row)
        why = localizer.explain(scan)
        assert why.method == "occlusion"
        assert set(why.scores) == set(heard)
        without = np.where(np.array(run.bssids) == heard[0], np.nan, row).astype(np.float32)
        before, after = checkpoint_probability(run, np.stack([row, without]))[:, why.target.index]
        assert why.scores[heard[0]] == pytest.approx(np.log(before / after), abs=1e-3)
        with pytest.raises(BundleError, match="no head weights"):
            localizer.explain(scan, method="cam")


def test_the_command_line(run_lbn, tmp_path):
    out = tmp_path / "site.rssfix"
    result = CliRunner().invoke(export, [str(run_lbn), "-o", str(out), "--precision", "fp32"])
    assert result.exit_code == 0, result.output
    assert out.exists()
    with pytest.raises(ExportError, match="a lbn run has no"):
        export_run(run_lbn, out, ["onnx"], form="1d")
