"""If only one file of tests is run, then this one: a wheel on another machine, with numpy alone."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from sdk import BundleError, Localizer, Scan, Status, native

HERE = Path(__file__).parent
sys.path.append(str(HERE / "sdk"))

import small_bundles as small  # noqa: E402


def golden(kernel):
    return json.loads((HERE / "golden" / f"{kernel}.json").read_text())


@pytest.mark.parametrize("kernel", ["cyclic_map", "ratio_image"])
def test_kernels_agree_with_the_golden_vectors(kernel):
    for case in golden(kernel):
        found = getattr(native, kernel)(np.array(case["rssi"], dtype=np.float32))
        np.testing.assert_allclose(found, np.array(case["expected"]), rtol=1e-5, atol=1e-6)


def test_a_bundle_opens_and_locates():
    with Localizer.open(small.pack(*small.neighbours_parts())) as localizer:
        row = small.survey()[0]
        fix = localizer.locate(small.scan_of(row))
        assert fix
        np.testing.assert_allclose(
            localizer.posterior(small.scan_of(row)).probability,
            small.knn_probability(row),
            atol=1e-5,
        )
        nothing = localizer.locate(Scan.from_dict({}, timestamp_ms=0))
        assert not nothing
        assert nothing.status is Status.TOO_FEW_APS
        assert nothing.x_m is None


def test_a_damaged_bundle_is_refused():
    data = bytearray(small.pack(*small.neighbours_parts()))
    data[len(data) // 2] ^= 1
    with pytest.raises(BundleError):
        Localizer.open(bytes(data))
