"""path_loss_pdf against float64 numpy and scipy's log_ndtr."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import log_ndtr

from sdk import native


def reference(
    ap_xy_m, rssi_dbm, weight, extra_loss_db, reference_dbm, exponent, sigma_db, offset_sigma_db,
    silence_dbm, origin_m, pitch_m, shape,
):  # fmt: skip
    """The marginal of the offset by way of its least squares, not by the closed form."""
    ap_xy_m, rssi_dbm = np.asarray(ap_xy_m, float), np.asarray(rssi_dbm, float)
    weight, extra = np.asarray(weight, float), np.asarray(extra_loss_db, float)
    x = origin_m[0] + pitch_m * np.arange(shape[1])
    y = origin_m[1] + pitch_m * np.arange(shape[0])
    away = np.hypot(x - ap_xy_m[:, 0, None, None], y[None, :, None] - ap_xy_m[:, 1, None, None])
    expected = reference_dbm - 10 * exponent * np.log10(np.maximum(away, 1))
    expected -= extra[:, None, None]
    heard = np.isfinite(rssi_dbm)
    log_pdf = np.zeros(shape)
    if heard.any():
        residual = rssi_dbm[heard, None, None] - expected[heard]
        w = weight[heard, None, None] / sigma_db**2
        offset = 0.0
        if offset_sigma_db:
            offset = (w * residual).sum(0) / (w.sum(0) + 1 / offset_sigma_db**2)
            log_pdf -= offset**2 / offset_sigma_db**2 / 2
        log_pdf -= (w * (residual - offset) ** 2).sum(0) / 2
    silent = log_ndtr((silence_dbm - expected[~heard]) / sigma_db)
    log_pdf += (weight[~heard, None, None] * silent).sum(0)
    return np.exp(log_pdf - log_pdf.max())


def scan(rng, aps, span_m=(60.0, 40.0), heard=8, silence_weight=0.05, floors=4):
    """A scan as the preset ``best`` passes it on."""
    ap_xy_m = rng.uniform((-5, -5), np.add(span_m, 5), (aps, 2))
    floor = rng.integers(0, floors, aps)
    away = np.hypot(*(ap_xy_m - rng.uniform((0, 0), span_m)).T)
    level = -35 - 30 * np.log10(np.maximum(away, 1)) - 20 * floor + rng.normal(0, 6, aps)
    kept = np.argsort(-level)[:heard]
    rssi, weight = np.full(aps, np.nan), np.full(aps, silence_weight)
    rssi[kept] = level[kept]
    weight[kept] = 10 ** ((level[kept] - level.max()) / 30)
    return ap_xy_m, rssi, weight, 20.0 * floor


RADIO = (-35.0, 3.0, 8.0, 2.0, -90.0)


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 90),
    st.integers(0, 12),
    st.floats(0, 1),
    st.tuples(
        st.floats(-70, -20), st.floats(0.5, 6), st.floats(1, 20),
        st.just(0.0) | st.floats(0.01, 300),
        st.floats(-120, -40),
    ),
    st.floats(-40, 40),
    st.sampled_from([0.1, 0.25, 0.5, 0.77, 1.0, 3.0]),
    st.tuples(st.integers(1, 40), st.integers(1, 70)),
)  # fmt: skip
@example(0, 4, 0, 1.0, (-20.0, 0.5, 1.0, 0.0, -103.0), 0.0, 0.1, (1, 2))  # silence of loud APs
def test_no_cell_is_off_by_more_than_1e_4(seed, aps, heard, silence, radio, shift, pitch, shape):
    rng = np.random.default_rng(seed)
    places, rssi, weight, extra = scan(rng, aps, heard=heard, silence_weight=silence)
    arguments = (places, rssi + shift, weight, extra, *radio, (-3.0, 2.5), pitch, shape)
    pdf = native.path_loss_pdf(*arguments)
    np.testing.assert_allclose(pdf, reference(*arguments), rtol=0, atol=1e-4)
    assert pdf.max() == 1


@pytest.mark.parametrize("shape", [(80, 120), (3, 5), (31, 16), (9, 64), (1, 1)])
def test_every_set_of_kernels(simd, shape):
    arguments = (*scan(np.random.default_rng(3), 40), *RADIO, (0.0, 0.0), 0.5, shape)
    pdf = native.path_loss_pdf(*arguments)
    np.testing.assert_allclose(pdf, reference(*arguments), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("aps", "floors", "shape", "pitch_m"),
    [(400, 3, (60, 100), 2.0), (300, 40, (40, 60), 1.0), (60, 2, (20, 1200), 1.0)],
    ids=["many APs", "many floors", "a long hall"],
)
def test_large_buildings(simd, aps, floors, shape, pitch_m):
    rng = np.random.default_rng(4)
    span_m = (shape[1] * pitch_m, shape[0] * pitch_m)
    arguments = (*scan(rng, aps, span_m, floors=floors), *RADIO, (0.0, 0.0), pitch_m, shape)
    pdf = native.path_loss_pdf(*arguments)
    np.testing.assert_allclose(pdf, reference(*arguments), rtol=0, atol=3e-5)


def test_offset_takes_up_a_shift_of_all_levels():
    places, rssi, weight, extra = scan(np.random.default_rng(5), 12, silence_weight=0.0)
    grid = (0.0, 0.0), 0.5, (80, 120)
    free = (-35.0, 3.0, 8.0, 1e4, -90.0)
    at = native.path_loss_pdf(places, rssi, weight, extra, *free, *grid)
    shifted = native.path_loss_pdf(places, rssi - 30, weight, extra, *free, *grid)
    np.testing.assert_allclose(shifted, at, atol=1e-3)
    fixed = (-35.0, 3.0, 8.0, 0.0, -90.0)
    at = native.path_loss_pdf(places, rssi, weight, extra, *fixed, *grid)
    shifted = native.path_loss_pdf(places, rssi - 30, weight, extra, *fixed, *grid)
    assert np.abs(shifted - at).max() > 0.5


def test_rows_are_y_and_columns_are_x():
    pdf = native.path_loss_pdf([[6.0, 2.0]], [-30.0], [1.0], [0.0], *RADIO, (1, 1), 0.5, (8, 20))
    # All cells within 1 m are alike.
    row, column = np.nonzero(pdf == 1)
    assert (row.mean(), column.mean()) == (2, 10)


def test_float64_places_far_from_the_origin_keep_their_digits():
    places, rssi, weight, extra = scan(np.random.default_rng(6), 20)
    near = native.path_loss_pdf(places, rssi, weight, extra, *RADIO, (0, 0), 0.5, (50, 60))
    far = np.array([5e5, 4e6])
    again = native.path_loss_pdf(places + far, rssi, weight, extra, *RADIO, far, 0.5, (50, 60))
    np.testing.assert_allclose(again, near, atol=1e-6)


def test_without_weights_every_place_is_as_likely():
    pdf = native.path_loss_pdf(
        [[1.0, 2.0]] * 2, [-50, np.nan], [0, 0], [0, 0], *RADIO, (0, 0), 1.0, (4, 6)
    )
    np.testing.assert_array_equal(pdf, np.ones((4, 6)))


extreme = st.sampled_from([0.0, 1.0, 1e-300, 1e-12, 1e3, 1e4, 1e6, 1e300, 1.7e308])
signed = st.tuples(extreme, st.sampled_from([-1, 1])).map(lambda v: v[0] * v[1])
level = st.sampled_from([-1e4, -1e3, -90.0, 0.0, 1e4, np.nan])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(signed, signed, level, st.sampled_from([0.0, 1e-300, 0.05, 1.0, 1e6]),
                  st.sampled_from([0.0, 20.0, 1e4])),
        min_size=1, max_size=12,
    ),
    st.sampled_from([-1e4, -35.0, 1e4]),
    st.sampled_from([1e-300, 1e-3, 3.0, 100.0]),
    st.sampled_from([1e-3, 0.1, 8.0, 1e4]),
    st.sampled_from([0.0, 1e-300, 2.0, 1e4]),
    st.sampled_from([-1e4, -90.0, 1e4]),
    st.tuples(signed, signed),
    st.sampled_from([1e-300, 1e-3, 0.02, 1.0, 4.0, 1e6, 1e300]),
)  # fmt: skip
def test_no_nan_leaves(aps, p0, exponent, sigma, offset, silence, origin_m, pitch_m):
    x, y, rssi, weight, extra = np.array(aps).T
    pdf = native.path_loss_pdf(
        np.column_stack([x, y]), rssi, weight, extra, p0, exponent, sigma, offset, silence,
        origin_m, pitch_m, (5, 19),
    )  # fmt: skip
    assert np.isfinite(pdf).all()
    assert pdf.min() >= 0
    assert pdf.max() == 1


GOOD = {
    "ap_xy_m": [[1.0, 2.0], [3.0, 4.0]],
    "rssi_dbm": [-50.0, np.nan],
    "weight": [1.0, 0.05],
    "extra_loss_db": [0.0, 20.0],
    "reference_dbm": -35.0,
    "exponent": 3.0,
    "sigma_db": 8.0,
    "offset_sigma_db": 2.0,
    "silence_dbm": -90.0,
    "origin_m": (0.0, 0.0),
    "pitch_m": 0.5,
    "shape": (4, 6),
}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"ap_xy_m": [[1, 2], [3, np.nan]]}, "ap_xy_m[1, 1] is nan: expected a finite number"),
        ({"ap_xy_m": [1.0, 2.0]}, "ap_xy_m has shape (2,): expected (APs, 2)"),
        (
            {"ap_xy_m": np.empty((0, 2)), "rssi_dbm": [], "weight": [], "extra_loss_db": []},
            "ap_xy_m has shape (0, 2): expected at least one element",
        ),
        ({"rssi_dbm": [-50.0]}, "rssi_dbm has shape (1,): expected (2,), one number per row"),
        ({"rssi_dbm": [-50.0, np.inf]}, "rssi_dbm[1] is inf: expected a level from -10000"),
        ({"rssi_dbm": [-1e5, -50.0]}, "rssi_dbm[0] is -100000.0: expected a level from -10000"),
        ({"weight": [1.0, -0.1]}, "weight[1] is -0.1: expected a weight from 0 to 1000000"),
        ({"weight": [np.nan, 1.0]}, "weight[0] is nan: expected a weight from 0 to 1000000"),
        ({"weight": [[1.0, 1.0]]}, "weight has shape (1, 2): expected (2,), one number per row"),
        ({"extra_loss_db": [0.0, -20.0]}, "extra_loss_db[1] is -20.0: expected a number from 0"),
        ({"reference_dbm": np.nan}, "reference_dbm is nan: expected a level from -10000 to 10000"),
        ({"exponent": 0.0}, "exponent is 0.0: expected an exponent above 0, at most 100"),
        ({"sigma_db": 0.0}, "sigma_db is 0.0: expected a deviation from 0.001 to 10000"),
        ({"offset_sigma_db": -1.0}, "offset_sigma_db is -1.0: expected a number from 0 to 10000"),
        ({"silence_dbm": -np.inf}, "silence_dbm is -inf: expected a level from -10000 to 10000"),
        ({"origin_m": (0.0, np.inf)}, "origin_m[1] is inf: expected a finite number"),
        ({"pitch_m": 0.0}, "pitch_m is 0.0: expected a finite number greater than 0"),
        ({"shape": (0, 5)}, "shape is (0, 5): expected a height and a width of 1 or more"),
    ],
)
def test_wrong_values_are_shown(wrong, text):
    with pytest.raises(ValueError, match="expected") as error:
        native.path_loss_pdf(**(GOOD | wrong))
    assert str(error.value).startswith(text)


def test_wrong_types_are_shown():
    with pytest.raises(TypeError, match="weight has dtype bool: expected real numbers"):
        native.path_loss_pdf(**(GOOD | {"weight": [True, False]}))
    with pytest.raises(TypeError, match="sigma_db has dtype <U1: expected real numbers"):
        native.path_loss_pdf(**(GOOD | {"sigma_db": "8"}))
