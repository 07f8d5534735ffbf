"""What every exported network must do: answer in ONNX and in TFLite as its checkpoint does."""

import json
import zipfile

import numpy as np

from export.build import export_run
from export.verify import scan_of
from sdk import Localizer
from training.run import Run


def exported_alike(folder, path, precision, probability, most_shift_m=None):
    """Export a run in both formats and compare; returns the report and the bundle's manifest.

    ``probability(run, rows)`` is the checkpoint's; ``most_shift_m`` bounds the fixes of int8,
    otherwise the verdict's own limit does.
    """
    report = export_run(folder, path, ["onnx", "tflite"], precision)
    assert [v.runtime.split()[0] for v in report.verdicts] == ["onnxruntime", "ai-edge-litert"]
    assert [name.split()[0] for name in report.agreeing] == ["tflite-runtime"]
    for verdict in report.verdicts:
        limit = 1e-3 if precision == "fp32" else most_shift_m or verdict.most_shift_m
        assert verdict.shift_m < limit
    run = Run.load(folder)
    rows = run.arrays["validation_rssi_dbm"][:5]
    wanted = probability(run, rows)
    for runtime in ("onnx", "tflite"):
        with Localizer.open(report.path, runtime=runtime) as localizer:
            got = [localizer.posterior(scan_of(run.bssids, row)).probability for row in rows]
        np.testing.assert_allclose(got, wanted, atol=1e-4 if precision == "fp32" else 0.1)
    with zipfile.ZipFile(report.path) as archive:
        return report, json.loads(archive.read("manifest.json"))
