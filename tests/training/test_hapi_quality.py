"""The expected error of a position, against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression

from training.hapi_quality import fit_quality, rank_correlation


def test_is_ordinary_least_squares():
    rng = np.random.default_rng(0)
    features = rng.normal([8, -70, -50, 120], [3, 5, 8, 60], (300, 4))
    error = np.abs(features @ [-0.2, -0.05, -0.02, 0.01] + rng.normal(2, 1, 300))
    found = fit_quality(features, error, 0.5)
    oracle = LinearRegression().fit(features, error)
    np.testing.assert_allclose(found["coefficients"], oracle.coef_, rtol=1e-6)
    assert found["intercept_m"] == pytest.approx(oracle.intercept_)
    assert (found["threshold"], found["least_m"], found["most_m"]) == (0.5, 0.5, 50.0)


def test_features_that_never_vary_get_no_weight():
    features = np.tile([3.0, -60.0, -40.0, 9.0], (10, 1))
    features[:, 0] = np.arange(10)
    found = fit_quality(features, 10.0 - np.arange(10), 0.85)
    np.testing.assert_allclose(found["coefficients"], [-1, 0, 0, 0], atol=1e-9)
    one = fit_quality(features[:1], np.array([4.0]), 0.85)
    assert one["intercept_m"] == pytest.approx(4.0)
    with pytest.raises(ValueError, match=r"features \(10, 4\) of 3 errors: expected"):
        fit_quality(features, np.ones(3), 0.5)


def test_rank_correlation_is_spearman_s():
    rng = np.random.default_rng(1)
    a = rng.integers(0, 9, 200).astype(float)
    b = a + rng.normal(0, 4, 200).round()
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(a, np.ones(200)) == 0.0
