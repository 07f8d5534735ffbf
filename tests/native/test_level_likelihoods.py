"""level_likelihoods: a normal with tail and outliers for every code of a map, against scipy."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from sdk import native

NAMES = ("mean_db", "sigma_db", "tail_factor", "narrow", "wide", "outliers", "silent")


def model(codes, seed=0):
    """Within all bounds; float32."""
    rng = np.random.default_rng(seed)
    values = (
        rng.uniform(-150, -40, codes), 10 ** rng.uniform(-2.99, 2, codes),
        10 ** rng.uniform(-2.99, 2.99, codes), rng.uniform(0, 1, codes), rng.uniform(0, 1, codes),
        10 ** rng.uniform(-19.9, 0, codes), rng.uniform(-28, 0, codes),
    )  # fmt: skip
    return {k: v.astype(np.float32) for k, v in zip(NAMES, values, strict=True)}


def exact(measured, parts, power):
    """In float64, from the float32 numbers."""
    p = measured.astype(np.float64)[:, None]
    mean, sigma, factor, narrow, wide, outliers, silent = (
        parts[name].astype(np.float64) for name in NAMES
    )
    density = outliers + narrow * stats.norm(mean, sigma).pdf(p)
    density = density + wide * stats.norm(mean, factor * sigma).pdf(p)
    return power * np.where(np.isnan(p), silent, np.log(density))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 600), st.integers(1, 8), st.sampled_from([1.0, 0.5, 0.9]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_against_scipy(simd, codes, count, power, seed):
    rng = np.random.default_rng(seed)
    parts = model(codes, seed)
    near = rng.integers(codes, size=count)
    measured = np.where(
        rng.random(count) < 0.5,
        rng.uniform(-200, 0, count),
        parts["mean_db"][near] + 2 * rng.normal(size=count) * parts["sigma_db"][near],
    ).astype(np.float32)
    measured[rng.random(count) < 0.2] = np.nan
    found = native.level_likelihoods(measured, **parts, power=power)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact(measured, parts, power), rtol=1e-5, atol=1e-5)


def test_the_density_sums_to_its_shares():
    parts = {k: v[:1] for k, v in model(1).items()} | {
        "sigma_db": [4.0], "tail_factor": [2.5], "narrow": [0.7], "wide": [0.2], "outliers": [1e-9]
    }  # fmt: skip
    p = np.arange(-400, 300, 0.25)
    density = np.exp(native.level_likelihoods(p, **parts, power=1.0)[:, 0].astype(np.float64))
    assert density.sum() * 0.25 == pytest.approx(0.9, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "wrong", "text"),
    [
        ("mean_db", [10001, np.inf, np.nan], "a number from -10000 to 10000"),
        ("sigma_db", [0, -1, 0.0005, np.nan], "a deviation from 0.001 to 10000"),
        ("tail_factor", [0, 1001, np.nan], "a factor from 0.001 to 1000"),
        ("narrow", [-0.5, 1.5, np.nan], "a share from 0 to 1"),
        ("wide", [-0.5, 1.5, np.nan], "a share from 0 to 1"),
        ("outliers", [0, -1, 1e-21, np.nan], "a density from 1e-20 to 1000000"),
        ("silent", [-np.inf, np.nan], "a number from -10000 to 10000"),
    ],
)
def test_a_model_out_of_bounds_is_named(simd, name, wrong, text):
    for value in wrong:
        for place in (0, 40, 50):
            parts = model(51)
            parts[name][place] = value
            with pytest.raises(ValueError, match=rf"{name}\[{place}\] is .*: expected {text}"):
                native.level_likelihoods([-70.0], **parts, power=1.0)


@pytest.mark.parametrize(
    ("measured", "power", "text"),
    [
        ([-70, np.inf], 1.0, r"measured_db\[1\] is inf: expected a path loss from -10000 to 10000"),
        ([-20000, -70], 1.0, r"measured_db\[0\] is -20000"),
        ([], 1.0, r"measured_db has shape \(0,\): expected at least one element"),
        ([[-70]], 1.0, r"measured_db has shape \(1, 1\): expected \(K,\)"),
        ([-70], 0.0, "power is 0.0: expected a power above 0, at most 1000000"),
        ([-70], np.nan, "power is nan"),
    ],
)
def test_wrong_measurements_are_named(measured, power, text):
    with pytest.raises(ValueError, match=text):
        native.level_likelihoods(measured, **model(20), power=power)


def test_arrays_of_another_length_are_refused():
    parts = model(20)
    parts["wide"] = parts["wide"][:19]
    with pytest.raises(ValueError, match=r"wide has shape \(19,\): expected \(20,\), as mean_db"):
        native.level_likelihoods([-70.0], **parts, power=1.0)
    with pytest.raises(ValueError, match=r"mean_db has shape \(0,\): expected at least one"):
        native.level_likelihoods([-70.0], **model(0), power=1.0)
