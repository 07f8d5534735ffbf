"""geometric_median: Weiszfeld's steps, against numpy and against scipy's minimum."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from sdk import native


def crowd(places, seed=0, away_m=0.0):
    rng = np.random.default_rng(seed)
    x, y = away_m + rng.uniform(0, 200, (2, places))
    return x, y, rng.exponential(size=places) ** 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 400), st.sampled_from([0.0, 6e6]), st.sampled_from([1e-3, 1.0, 30.0]),
    st.integers(1, 30), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_against_numpy(simd, places, away_m, soft_m, steps, seed):
    x, y, weight = crowd(places, seed, away_m)
    at = np.array([away_m + 50.0, away_m + 120.0])
    found = native.geometric_median(x, y, weight, at, soft_m, steps)
    for _ in range(steps):
        dx, dy = x - at[0], y - at[1]
        near = weight / np.sqrt(dx**2 + dy**2 + soft_m**2)
        at = at + np.array([near @ dx, near @ dy]) / near.sum()
    np.testing.assert_allclose(found, at, rtol=1e-12, atol=1e-8)


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_no_point_is_nearer_on_average(places, seed):
    x, y, weight = crowd(places, seed)

    def distance(at):
        return weight @ np.sqrt((x - at[0]) ** 2 + (y - at[1]) ** 2 + 1)

    found = native.geometric_median(x, y, weight, (100, 100), 1.0, 20000)
    best = minimize(distance, found, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12})
    assert distance(found) <= best.fun * (1 + 1e-7)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"x_m": [0, np.nan, 1]}, ValueError, r"x_m\[1\] is nan: expected a coordinate from -1e9"),
        ({"y_m": [0, 2e9, 1]}, ValueError, r"y_m\[1\] is 2000000000.0: expected a coordinate"),
        ({"weight": [1, 1, -1]}, ValueError, r"weight\[2\] is -1: expected weights from 0 to 1e10"),
        ({"weight": [0, 0, 0]}, ValueError, r"weight\[0\] is 0: expected weights .*, not all 0"),
        ({"weight": [1, 1]}, ValueError, r"weight has shape \(2,\): expected \(3,\), as x_m"),
        ({"x_m": [[0, 1, 2]]}, ValueError, r"x_m has shape \(1, 3\): expected \(G,\)"),
        ({"start_m": (0, np.inf)}, ValueError, r"start_m\[1\] is inf: expected a coordinate"),
        ({"start_m": (0, 0, 0)}, ValueError, "start_m has shape"),
        ({"soft_m": 0.0}, ValueError, "soft_m is 0.0: expected a distance from 1e-6 to 1e9"),
        ({"steps": 0}, ValueError, "steps is 0: expected an integer from 1 to 100000"),
        ({"steps": -3}, ValueError, "steps is -3"),
        ({"steps": 2**70}, ValueError, "steps is 1180591620717411303424"),
        ({"steps": 1.5}, TypeError, "steps is 1.5: expected an integer"),
    ],
)
def test_refuses(change, error, text):
    given = {"x_m": [0, 1, 2], "y_m": [0, 1, 0], "weight": [1, 1, 1], "start_m": (0, 0),
             "soft_m": 1.0, "steps": 10}  # fmt: skip
    assert native.geometric_median(**given) == pytest.approx((1, 0.41), abs=0.1)
    with pytest.raises(error, match=text):
        native.geometric_median(**given | change)


def test_no_place_is_refused():
    with pytest.raises(ValueError, match=r"x_m has shape \(0,\): expected at least one element"):
        native.geometric_median([], [], [], (0, 0), 1.0, 10)
