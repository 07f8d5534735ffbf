"""Radii that keep their word, temperatures, and figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.posterior import Places, Posterior
from training.calibration import fit_accuracy, fit_temperature, radius_at, weighted_quantile
from training.decode import decode, softmax
from training.metrics import figures


@pytest.mark.parametrize("n", [60, 400, 3000])
def test_coverage_on_fresh_data(n):
    """Errors that grow with the spread: covered overall and in both halves."""
    rng = np.random.default_rng(n)

    def draw(count):
        spread = rng.gamma(4.0, 0.4, count)
        return spread, spread * rng.rayleigh(0.8, count)

    knots = fit_accuracy(*draw(n))
    spread, error = draw(20_000)
    inside = error <= radius_at(knots, spread)
    margin = 0.03 + 1.5 / np.sqrt(n)
    assert abs(inside.mean() - 0.68) < margin
    if n == 3000:
        low = spread < np.median(spread)
        assert abs(inside[low].mean() - inside[~low].mean()) < 0.08


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(0, 999), st.booleans())
def test_tables_are_monotone_and_cover_their_own_data(n, seed, coarse):
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0, 5, n).round(0 if coarse else 6)
    error = rng.exponential(2, n)
    weight = rng.uniform(0.1, 3, n)
    x, y = fit_accuracy(spread, error, weight)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert min(y) > 0
    inside = error <= radius_at((x, y), spread) + 1e-9
    assert np.average(inside, weights=weight) >= 0.68 - 1e-9


def test_no_radius_is_under_the_least():
    spread = np.linspace(0, 5, 200)
    assert min(fit_accuracy(spread, spread / 10, least_m=0.2)[1]) == 0.2


def test_accuracy_refuses():
    for spread, error in (([], []), ([1.0], [1.0, 2.0]), ([np.nan], [1.0])):
        with pytest.raises(ValueError, match=r"expected|finite"):
            fit_accuracy(np.array(spread), np.array(error))


def test_weights_count_as_repeats():
    values, times = np.array([3.0, 1.0, 2.0]), np.array([1, 5, 2])
    for share in (0.1, 0.6, 0.63, 0.9):
        repeated = np.sort(np.repeat(values, times))
        expected = repeated[int(np.ceil(share * 8)) - 1]
        assert weighted_quantile(values, share, times.astype(float)) == expected


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_temperature_is_found_again(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (6000, 8))
    p = softmax(logits, temperature)
    truth = (p.cumsum(axis=1) > rng.random((6000, 1))).argmax(axis=1)
    assert fit_temperature(logits, np.eye(8)[truth]) == pytest.approx(temperature, rel=0.1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999))
def test_decoding_is_the_device_s(seed):
    rng = np.random.default_rng(seed)
    xy, floor = rng.uniform(0, 50, (12, 2)), rng.integers(0, 3, 12).astype(np.int32)
    p = rng.dirichlet(np.full(12, 0.4), 5)
    places = Places(xy[:, 0], xy[:, 1], floor)
    for estimate in ("mean", "mode"):
        found = decode(p, xy, floor, estimate)
        for i, row in enumerate(p):
            one = Posterior(places, row)
            x, y, level = getattr(one, estimate)()
            np.testing.assert_allclose(found.xy_m[i], (x, y), rtol=1e-9, atol=1e-9)
            assert found.floor[i] == level
            assert found.spread_m[i] == pytest.approx(one.spread_m(), abs=1e-5)


def test_figures_count_the_unanswered():
    error = np.array([1.0, 3.0, np.nan, 2.0])
    hit = np.array([True, True, True, False])
    got = figures(error, hit, np.array([1.5, 1.0, np.nan, 2.0]))
    assert (got["n"], got["answered"]) == (4, 3)
    assert got["mean_m"] == got["median_m"] == 2.0
    assert got["rmse_m"] == pytest.approx(np.sqrt(14 / 3))
    assert got["floor_hit"] == 0.5
    assert got["coverage_68"] == pytest.approx(2 / 3)
    assert got["median_accuracy_m"] == 1.5
    none = figures(np.array([np.nan]), np.array([True]), np.array([np.nan]))
    assert (none["n"], none["answered"], none["mean_m"]) == (1, 0, None)


def test_figures_with_weights():
    error, hit = np.array([1.0, 2.0, 9.0]), np.array([True, True, False])
    got = figures(error, hit, np.full(3, 5.0), np.array([2.0, 1.0, 1.0]))
    assert got["mean_m"] == pytest.approx(13 / 4)
    assert got["median_m"] == 1.0
    assert got["floor_hit"] == got["coverage_68"] == 0.75
