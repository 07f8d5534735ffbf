"""rank_pdf and threshold_centroid against float64 numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk import native

# SPEC 5.5, very weak to very strong.
MEAN_M = np.array([37.5, 31.6, 19.8, 11.4, 5.9, 2.7])
SIGMA_M = np.array([9.8, 10.3, 8.5, 6.0, 3.3, 1.6])
COMBINE = ["sum", "product", "tempered"]


def reference(ap_xy_m, ranks, mean_m, sigma_m, origin_m, pitch_m, shape, combine):
    ap_xy_m, ranks = np.asarray(ap_xy_m, float), np.asarray(ranks)
    x = origin_m[0] + pitch_m * np.arange(shape[1])
    y = origin_m[1] + pitch_m * np.arange(shape[0])
    distance = np.hypot(x - ap_xy_m[:, 0, None, None], y[None, :, None] - ap_xy_m[:, 1, None, None])
    mean = np.asarray(mean_m, float)[ranks][:, None, None]
    sigma = np.asarray(sigma_m, float)[ranks][:, None, None]
    log_density = -(((distance - mean) / sigma) ** 2) / 2 - np.log(sigma)
    if combine == "sum":
        log_density -= (top := log_density.max())
        log_pdf = top + np.log(np.maximum(np.exp(log_density).sum(0), 1e-300))
    else:
        log_pdf = log_density.sum(0) / (len(ranks) if combine == "tempered" else 1)
    return np.exp(log_pdf - log_pdf.max())


scans = st.integers(1, 90).flatmap(
    lambda aps: st.tuples(
        st.lists(st.tuples(st.floats(-50, 90), st.floats(-50, 90)), min_size=aps, max_size=aps),
        st.lists(st.integers(0, 5), min_size=aps, max_size=aps),
    )
)


@settings(max_examples=60, deadline=None)
@given(
    scans,
    st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
    st.floats(0.2, 4),
    st.tuples(st.integers(1, 45), st.integers(1, 70)),
    st.floats(0.05, 2),
    st.sampled_from(COMBINE),
)
def test_no_cell_is_off_by_more_than_1e_5(scan, origin_m, pitch_m, shape, width, combine):
    arguments = (*scan, MEAN_M, SIGMA_M * width, origin_m, pitch_m, shape, combine)
    pdf = native.rank_pdf(*arguments)
    np.testing.assert_allclose(pdf, reference(*arguments), rtol=0, atol=1e-5)
    assert pdf.max() == 1


@pytest.mark.parametrize("combine", COMBINE)
def test_every_set_of_kernels(simd, combine):
    rng = np.random.default_rng(3)
    scan = rng.uniform(-10, 60, (40, 2)), rng.integers(0, 6, 40)
    for shape in [(100, 101), (3, 5), (31, 16), (9, 64)]:
        arguments = (*scan, MEAN_M, SIGMA_M, (0, 0), 0.5, shape, combine)
        np.testing.assert_allclose(
            native.rank_pdf(*arguments), reference(*arguments), rtol=0, atol=1e-5
        )


def test_rows_are_y_and_columns_are_x():
    pdf = native.rank_pdf([[6.0, 2.0]], [0], [0.0], [1.0], (1.0, 1.0), 0.5, (8, 20))
    assert np.unravel_index(pdf.argmax(), pdf.shape) == (2, 10)


def test_float64_places_far_from_the_origin_keep_their_digits():
    near = native.rank_pdf([[3.3, 4.7]], [1], MEAN_M, SIGMA_M, (0, 0), 0.5, (50, 60))
    far = native.rank_pdf([[5e5 + 3.3, 4e6 + 4.7]], [1], MEAN_M, SIGMA_M, (5e5, 4e6), 0.5, (50, 60))
    np.testing.assert_allclose(far, near, atol=1e-6)


GOOD = {
    "ap_xy_m": [[1.0, 2.0], [3.0, 4.0]],
    "ranks": [0, 1],
    "mean_m": [5.0, 2.0],
    "sigma_m": [2.0, 1.0],
    "origin_m": (0.0, 0.0),
    "pitch_m": 0.5,
    "shape": (4, 6),
}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"ap_xy_m": [[1, 2], [3, np.nan]]}, "ap_xy_m[1, 1] is nan: expected a finite number"),
        ({"ap_xy_m": [1.0, 2.0]}, "ap_xy_m has shape (2,): expected (APs, 2)"),
        ({"ap_xy_m": np.empty((0, 2)), "ranks": []}, "ap_xy_m has shape (0, 2): expected at least"),
        ({"ranks": [0, 2]}, "ranks[1] is 2: expected a rank from 0 to 1"),
        ({"ranks": [-1, 0]}, "ranks[0] is -1: expected a rank from 0 to 1"),
        ({"ranks": [2**40, 0]}, "ranks[0] is 1099511627776: expected a rank from 0 to 1"),
        ({"ranks": [0]}, "ranks has shape (1,): expected (2,), one rank per row of ap_xy_m"),
        ({"mean_m": [5.0, -1.0]}, "mean_m[1] is -1.0: expected a finite number of 0 or more"),
        ({"mean_m": [], "sigma_m": []}, "mean_m has shape (0,): expected at least one element"),
        ({"sigma_m": [0.0, 1.0]}, "sigma_m[0] is 0.0: expected a finite number greater than 0"),
        ({"sigma_m": [1.0, -3]}, "sigma_m[1] is -3.0: expected a finite number greater than 0"),
        ({"sigma_m": [1.0, np.inf]}, "sigma_m[1] is inf: expected a finite number greater than 0"),
        ({"sigma_m": [1.0]}, "sigma_m has shape (1,): expected (2,), as mean_m"),
        ({"origin_m": (0.0, np.inf)}, "origin_m[1] is inf: expected a finite number"),
        ({"origin_m": (0.0, 1.0, 2.0)}, "origin_m has shape (3,): expected (2,)"),
        ({"pitch_m": 0.0}, "pitch_m is 0.0: expected a finite number greater than 0"),
        ({"pitch_m": float("nan")}, "pitch_m is nan: expected a finite number greater than 0"),
        ({"shape": (0, 5)}, "shape is (0, 5): expected a height and a width of 1 or more"),
        ({"shape": (5,)}, "shape is (5,): expected (height, width)"),
        ({"shape": (2**40, 2**40)}, "shape is (1099511627776, 1099511627776): expected"),
        ({"combine": "mean"}, "combine is 'mean': expected 'sum', 'product' or 'tempered'"),
        ({"combine": None}, "combine is None: expected 'sum', 'product' or 'tempered'"),
    ],
)
def test_wrong_values_are_shown(wrong, text):
    with pytest.raises(ValueError, match="expected") as error:
        native.rank_pdf(**(GOOD | wrong))
    assert str(error.value).startswith(text)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"ranks": [0.0, 1.0]}, "ranks has dtype float64: expected integers"),
        ({"ranks": [True, False]}, "ranks has dtype bool: expected real numbers"),
        ({"shape": (2.0, 3)}, "shape is 2.0: expected an integer"),
        ({"shape": (True, 3)}, "shape is True: expected an integer"),
        ({"pitch_m": "1"}, "pitch_m has dtype <U1: expected real numbers"),
    ],
)
def test_wrong_types_are_shown(wrong, text):
    with pytest.raises(TypeError, match="expected") as error:
        native.rank_pdf(**(GOOD | wrong))
    assert str(error.value).startswith(text)


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 30), st.integers(1, 50)),
    st.floats(0.01, 1),
    st.integers(0, 2**32 - 1),
)
def test_threshold_centroid_is_the_weighted_mean(shape, threshold, seed):
    rng = np.random.default_rng(seed)
    pdf = rng.uniform(size=shape).astype(np.float32)
    pdf /= pdf.max()
    x_m, y_m, area_m2 = native.threshold_centroid(pdf, (-3.0, 7.0), 0.25, threshold)
    weight = np.where(pdf >= np.float32(threshold), pdf, 0).astype(np.float64)
    row, column = np.indices(shape)
    assert x_m == pytest.approx(-3 + 0.25 * (weight * column).sum() / weight.sum(), abs=1e-5)
    assert y_m == pytest.approx(7 + 0.25 * (weight * row).sum() / weight.sum(), abs=1e-5)
    assert area_m2 == pytest.approx(0.0625 * np.count_nonzero(weight))


def test_the_maximum_of_a_rank_pdf_reaches_threshold_1():
    pdf = native.rank_pdf(**GOOD)
    x_m, y_m, area_m2 = native.threshold_centroid(pdf, (0, 0), 0.5, 1.0)
    row, column = np.unravel_index(pdf.argmax(), pdf.shape)
    assert (x_m, y_m, area_m2) == pytest.approx((column * 0.5, row * 0.5, 0.25))


@pytest.mark.parametrize(
    ("pdf", "threshold", "text"),
    [
        ([[0.5, 1.0]], 0.0, "threshold is 0.0: expected a number above 0, at most 1"),
        ([[0.5, 1.0]], 1.5, "threshold is 1.5: expected a number above 0, at most 1"),
        ([[0.5, 1.0]], np.nan, "threshold is nan: expected a number above 0, at most 1"),
        ([[0.5, 0.1]], 0.75, "threshold is 0.75: expected a threshold that at least one cell"),
        ([[0.5, np.nan]], 0.5, "pdf[0, 1] is nan: expected a finite number of 0 or more"),
        ([[0.5], [-0.5]], 0.5, "pdf[1, 0] is -0.5: expected a finite number of 0 or more"),
        ([[np.inf]], 0.5, "pdf[0, 0] is inf: expected a finite number of 0 or more"),
        ([0.5, 1.0], 0.5, "pdf has shape (2,): expected (H, W)"),
        (np.empty((0, 3)), 0.5, "pdf has shape (0, 3): expected at least one element"),
    ],
)
def test_threshold_centroid_shows_wrong_values(pdf, threshold, text):
    with pytest.raises(ValueError, match="expected") as error:
        native.threshold_centroid(pdf, (0, 0), 1.0, threshold)
    assert str(error.value).startswith(text)
