"""Run on the target, under qemu or on the device: it answers what the other machine answered.

`make test-edge` calls it; RSSFIX_EDGE is the folder that `make_bundles.py` wrote. Latency under
qemu means nothing, so nothing is timed.
"""

import json
import os
import platform
import sys
from pathlib import Path

import pytest

from sdk import Localizer, RuntimeUnavailableError, Scan
from sdk.native import build_info

FOLDER = Path(os.environ["RSSFIX_EDGE"])
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
SCANS = [Scan.from_json(line) for line in (FOLDER / "scans.jsonl").read_text().splitlines()]
# Runtime, its package, the other one of the same kind, what the SDK calls it.
RUNTIMES = [
    ("neighbours", None, None, None),
    ("onnx", "onnxruntime", None, "onnxruntime"),
    ("tflite", "ai_edge_litert", "tflite_runtime", "ai-edge-litert"),
    ("tflite", "tflite_runtime", "ai_edge_litert", "tflite-runtime"),
]


def test_this_is_the_target():
    assert platform.machine() == os.environ["RSSFIX_EDGE_MACHINE"]
    assert build_info()["simd"] == "baseline"


@pytest.mark.parametrize(("name", "package", "other", "called"), RUNTIMES)
def test_fixes_tracks_and_explanations_are_those_of_the_other_machine(
    name, package, other, called, monkeypatch
):
    if package is not None:
        __import__(package)
    if other is not None:
        monkeypatch.setitem(sys.modules, f"{other}.interpreter", None)
        monkeypatch.setitem(sys.modules, other, None)
    with Localizer.open(FOLDER / f"{name}.rssfix") as localizer:
        if called is not None:
            assert localizer.info.runtime.replace("_", "-").startswith(called)
        track = localizer.start_track()
        for scan, expected in zip(SCANS, EXPECTED[name]["track"], strict=True):
            found = track.update(scan).to_dict()
            for field in ("status", "floor", "matched_aps", "model_id"):
                assert found[field] == expected[field], field
            for field in ("x_m", "y_m", "accuracy_m", "latitude", "longitude"):
                assert found[field] == pytest.approx(expected[field], abs=1e-4), field
        scores = localizer.explain(SCANS[7]).scores
        assert scores == pytest.approx(EXPECTED[name]["why"], abs=1e-4)


def test_a_runtime_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'rssfix\[onnx\]'"):
        Localizer.open(FOLDER / "onnx.rssfix")
