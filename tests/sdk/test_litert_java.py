"""LiteRT's Java interpreter as a runtime, over a fake pyjnius with the real LiteRT behind."""

import fake_android as fake
import numpy as np
import pytest
import small_bundles as small

from sdk import BundleError, Localizer, RuntimeUnavailableError
from sdk.runtimes import tflite


@pytest.fixture
def on_android(monkeypatch):
    """No Python runtime, as on a phone."""

    def missing():
        raise ImportError("not on Android")

    fake.install(monkeypatch, litert=True)
    monkeypatch.setattr(tflite, "_litert", missing)
    monkeypatch.setattr(tflite, "_tflite_runtime", missing)


@pytest.fixture
def tflite_bundle(tflite_models):
    manifest, members = small.cells_parts("per_ap", models=tflite_models)
    return small.pack(manifest, members)


def test_the_same_fixes_as_with_python(tflite_bundle, scans, monkeypatch, request):
    with Localizer.open(tflite_bundle, "tflite") as python:
        wanted = [python.posterior(scan).probability for scan in scans]
        why = python.explain(scans[7]).scores
    request.getfixturevalue("on_android")
    with Localizer.open(tflite_bundle) as java:
        assert java.info.runtime == "LiteRT 2.20.0 (Java)"
        for scan, probability in zip(scans, wanted, strict=True):
            assert np.array_equal(java.posterior(scan).probability, probability)
        assert java.explain(scans[7]).scores == why


def test_answers_are_copies(tflite_bundle, scans, on_android):
    with Localizer.open(tflite_bundle) as java:
        first = java.posterior(scans[0]).probability.copy()
        java.posterior(scans[5])
        assert np.array_equal(java.posterior(scans[0]).probability, first)


def test_an_app_without_the_aar_says_so(tflite_bundle, on_android, monkeypatch):
    fake.install(monkeypatch, litert=False)
    with pytest.raises(RuntimeUnavailableError, match="the LiteRT AAR is not in this app"):
        Localizer.open(tflite_bundle)


def test_java_refuses_a_damaged_model(tflite_models, on_android):
    model = tflite_models["model.tflite"]
    broken = model[:8] + bytes(len(model) - 8)
    manifest, members = small.cells_parts("per_ap", models={"model.tflite": broken})
    with pytest.raises(BundleError, match=r"model\.tflite cannot be loaded"):
        Localizer.open(small.pack(manifest, members))
