"""Bundles and scans that the SDK's tests share."""

import warnings

import pytest
import small_bundles as small

from sdk import Localizer


@pytest.fixture(scope="session")
def per_ap_bundle():
    return small.pack(*small.cells_parts("per_ap"))


@pytest.fixture(scope="session")
def gap_bundle():
    return small.pack(*small.cells_parts("gap"))


@pytest.fixture(scope="session")
def neighbours_bundle():
    return small.pack(*small.neighbours_parts())


@pytest.fixture(scope="session")
def tflite_models():
    """The per-AP network as TFLite."""
    with warnings.catch_warnings():
        # The converter and torch warn about each other; that is not ours to mend.
        warnings.simplefilter("ignore")
        try:
            import litert_torch  # noqa: F401
        except ImportError as error:
            pytest.skip(f"no TFLite model can be made here: {error}")
        return {"model.tflite": small.tflite_model("per_ap")}


@pytest.fixture(params=["per_ap", "gap", "neighbours"])
def any_bundle(request):
    return request.getfixturevalue(f"{request.param}_bundle")


@pytest.fixture
def localizer(per_ap_bundle):
    with Localizer.open(per_ap_bundle) as opened:
        yield opened


@pytest.fixture(scope="session")
def scan():
    return small.scan_of(small.survey()[7])


@pytest.fixture(scope="session")
def scans():
    return [small.scan_of(row, 1000 * i) for i, row in enumerate(small.survey())]
