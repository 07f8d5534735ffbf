"""ONNX and TFLite give the same answers; what cannot run says why."""

import sys

import numpy as np
import pytest
import small_bundles as small

from sdk import BundleError, Localizer, RuntimeUnavailableError
from sdk.runtimes import ModelShape, open_runtime
from sdk.runtimes.onnx import OnnxRuntime

SHAPE = ModelShape((1, 1, small.N_APS), small.N_PLACES, (0, small.N_APS), "logits", "features")


@pytest.fixture(scope="module")
def both(tflite_models):
    models = {"model.onnx": small.onnx_model("per_ap"), **tflite_models}
    return small.pack(*small.cells_parts(models=models))


def test_both_runtimes_agree(both, scans):
    with Localizer.open(both, "onnx") as onnx, Localizer.open(both, "tflite") as tflite:
        assert onnx.info.runtime.startswith("onnxruntime ")
        assert tflite.info.runtime.startswith(("ai-edge-litert ", "tflite-runtime "))
        with Localizer.open(both) as auto:
            assert auto.info.runtime == onnx.info.runtime
        for scan in scans:
            a, b = onnx.posterior(scan).probability, tflite.posterior(scan).probability
            np.testing.assert_allclose(a, b, atol=1e-5)
            if onnx.locate(scan):
                first, second = onnx.explain(scan, target=5), tflite.explain(scan, target=5)
                assert first.scores == pytest.approx(second.scores, abs=1e-4)


def test_tflite_in_many_threads(both, scans):
    from concurrent.futures import ThreadPoolExecutor

    with Localizer.open(both, "tflite") as localizer:
        serial = [localizer.locate(scan) for scan in scans]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(localizer.locate, scans * 10)) == serial * 10


def test_auto_takes_tflite_where_onnxruntime_is_missing(both, scan, monkeypatch):
    with Localizer.open(both) as localizer:
        expected = localizer.locate(scan)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with Localizer.open(both) as localizer:
        assert not localizer.info.runtime.startswith("onnxruntime")
        assert localizer.locate(scan).x_m == pytest.approx(expected.x_m, abs=1e-4)
    with pytest.raises(RuntimeUnavailableError, match=r"rssfix\[onnx\]"):
        Localizer.open(both, "onnx")


def test_tflite_runtime_is_the_second_choice(tflite_models, scans, monkeypatch):
    pytest.importorskip("tflite_runtime")
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    bundle = small.pack(*small.cells_parts(models=tflite_models))
    with Localizer.open(bundle) as localizer:
        assert localizer.info.runtime.startswith("tflite-runtime")
        row = small.survey()[7]
        found = localizer.posterior(scans[7]).probability
        np.testing.assert_allclose(found, small.probability(row, "per_ap"), atol=1e-5)


def test_tflite_runtime_beside_numpy_2_is_refused_with_the_extra(tflite_models, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setattr(np, "__version__", "2.4.6")
    with pytest.raises(RuntimeUnavailableError) as caught:
        open_runtime("tflite", tflite_models, SHAPE, 1)
    assert "tflite-runtime works with numpy < 2 only, this is 2.4.6" in str(caught.value)
    assert "rssfix[litert]" in str(caught.value)


def test_no_tflite_runtime_at_all(monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    with pytest.raises(RuntimeUnavailableError, match=r"rssfix\[litert\].*rssfix\[tflite\]"):
        open_runtime("tflite", {"model.tflite": b""}, SHAPE, 1)


def test_tflite_models_of_another_shape_are_refused(tflite_models):
    def opened(**changes):
        values = {name: getattr(SHAPE, name) for name in SHAPE.__slots__}
        return open_runtime("tflite", tflite_models, ModelShape(**{**values, **changes}), 1)

    opened()
    for changes, message in [
        ({"image": (1, 1, 9)}, r"one float32 input \[1, 1, 9\], it has"),
        ({"n_places": 7}, r"no float32 output \[1, 7\] for the scores"),
        ({"features": (9, small.N_APS)}, r"no float32 output \[1, 9, 8\] for the features"),
    ]:
        with pytest.raises(BundleError, match=message):
            opened(**changes)
    with pytest.raises(BundleError, match="gives no features"):
        opened(features=None).scores_and_features(np.zeros((1, 1, 8), np.float32))


@pytest.mark.parametrize("model", [b"", b"TFL3", b"\x1c\0\0\0TFL3", b"\x1c\0\0\0TFL2" + bytes(99)])
def test_tflite_models_that_are_none(model):
    with pytest.raises(BundleError, match=r"model\.tflite"):
        open_runtime("tflite", {"model.tflite": model}, SHAPE, 1)


def test_choices_that_cannot_be(per_ap_bundle):
    with pytest.raises(BundleError, match=r"no model\.tflite in the bundle, it has model\.onnx"):
        Localizer.open(per_ap_bundle, "tflite")
    with pytest.raises(ValueError, match="runtime must be one of"):
        open_runtime("torch", {}, SHAPE, 1)


def test_onnx_sessions_do_not_spin(monkeypatch):
    import onnxruntime

    seen = {}
    plain = onnxruntime.InferenceSession

    def session(model, options, **rest):
        seen.update(
            intra=options.intra_op_num_threads,
            inter=options.inter_op_num_threads,
            spin=options.get_session_config_entry("session.intra_op.allow_spinning"),
            sequential=options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL,
        )
        return plain(model, options, **rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    OnnxRuntime(small.onnx_model("gap"), SHAPE, 2)
    assert seen == {"intra": 2, "inter": 1, "spin": "0", "sequential": True}


def test_onnx_input_of_the_wrong_shape_is_a_bundle_error():
    runtime = OnnxRuntime(small.onnx_model("gap"), SHAPE, 1)
    with pytest.raises(BundleError, match="failed to run"):
        runtime.scores(np.zeros((1, 1, 5), np.float32))
