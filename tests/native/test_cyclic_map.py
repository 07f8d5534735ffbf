"""cyclic_map, diagonal_mean and ratio_image against numpy, and the identities of SPEC 1.2."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sdk import native

lengths = st.integers(1, 40)
dbm = st.floats(-120, -1, width=32)
fingerprints = lengths.flatmap(lambda n: arrays(np.float32, n, elements=dbm))
batches = st.tuples(st.integers(0, 4), lengths).flatmap(
    lambda shape: arrays(np.float32, shape, elements=dbm)
)
maps = st.tuples(st.integers(1, 3), lengths).flatmap(
    lambda bn: arrays(np.float32, (bn[0], bn[1], bn[1]), elements=st.floats(-1e4, 1e4, width=32))
)


def wrapped(n: int) -> np.ndarray:
    return (np.arange(n) - np.arange(n)[:, None]) % n


@given(fingerprints)
def test_cyclic_map_is_equation_2(rssi):
    np.testing.assert_array_equal(native.cyclic_map(rssi), rssi[wrapped(len(rssi))])


@given(batches)
def test_a_batch_of_maps_is_its_members(rssi):
    result = native.cyclic_map(rssi)
    assert result.shape == (*rssi.shape, rssi.shape[1])
    for one, expected in zip(result, rssi, strict=True):
        np.testing.assert_array_equal(one, native.cyclic_map(expected))


@given(fingerprints)
def test_diagonal_mean_undoes_cyclic_map(rssi):
    np.testing.assert_array_equal(native.diagonal_mean(native.cyclic_map(rssi)), rssi)


@given(fingerprints, st.integers(-50, 50))
def test_turning_the_fingerprint_turns_the_map_and_the_scores(rssi, shift):
    turned = native.cyclic_map(np.roll(rssi, shift))
    np.testing.assert_array_equal(turned, np.roll(native.cyclic_map(rssi), shift, axis=1))
    np.testing.assert_array_equal(native.diagonal_mean(turned), np.roll(rssi, shift))


@given(maps)
def test_diagonal_mean_is_equation_5(batch):
    n = batch.shape[1]
    columns = (np.arange(n)[:, None] + np.arange(n)) % n
    expected = batch.astype(np.float64)[:, np.arange(n), columns].mean(axis=2)
    np.testing.assert_allclose(native.diagonal_mean(batch), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(native.diagonal_mean(batch[0]), native.diagonal_mean(batch)[0])


@given(fingerprints)
def test_ratio_image_is_rank_one_minus_one(rssi):
    image = native.ratio_image(rssi)
    f = rssi.astype(np.float64)
    np.testing.assert_allclose(image, f[:, None] / f - 1, rtol=2e-6, atol=1e-12)
    assert not np.diagonal(image).any()


@pytest.mark.parametrize("n", [1, 3, 16, 27, 64, 255, 256, 300])
def test_every_set_of_kernels(simd, n):
    rng = np.random.default_rng(n)
    rssi = rng.uniform(-100, -30, n).astype(np.float32)
    f = rssi.astype(np.float64)
    np.testing.assert_array_equal(native.diagonal_mean(native.cyclic_map(rssi)), rssi)
    np.testing.assert_allclose(native.ratio_image(rssi), f[:, None] / f - 1, rtol=1e-6, atol=1e-6)
    image = rng.normal(size=(2, n, n)).astype(np.float32)
    columns = (np.arange(n)[:, None] + np.arange(n)) % n
    expected = image.astype(np.float64)[:, np.arange(n), columns].mean(axis=2)
    np.testing.assert_allclose(native.diagonal_mean(image), expected, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: native.cyclic_map([-1.0, float("nan")]), "rssi[1] is nan: expected a finite"),
        (lambda: native.cyclic_map([[-1, -2], [-3, np.inf]]), "rssi[1, 1] is inf: expected a fin"),
        (lambda: native.cyclic_map([-1.0, 1e39]), "rssi[1] is 1e+39: expected a finite number"),
        (lambda: native.cyclic_map(-5.0), "rssi has shape (): expected (N,) or (B, N)"),
        (lambda: native.cyclic_map(np.ones((2, 2, 2))), "rssi has shape (2, 2, 2): expected (N,)"),
        (lambda: native.cyclic_map([]), "rssi has shape (0,): expected at least one element"),
        (lambda: native.diagonal_mean(np.ones((2, 3))), "maps has shape (2, 3): expected (N, N)"),
        (lambda: native.diagonal_mean([1.0]), "maps has shape (1,): expected (N, N) or (B, N, N)"),
        (lambda: native.diagonal_mean(np.ones((0, 0))), "maps has shape (0, 0): expected at least"),
        (lambda: native.diagonal_mean([[1, 2], [-np.inf, np.inf]]), "maps[1, 0] is -inf: expected"),
        (lambda: native.ratio_image([-1, -2, 0]), "rssi[2] is 0: expected a number other than 0"),
        (lambda: native.ratio_image([-1, np.nan]), "rssi[1] is nan: expected a finite number"),
        (lambda: native.ratio_image([1e30, 1e-30]), "rssi[1] is 1e-30: expected a value with whi"),
        (lambda: native.ratio_image([[-1, -2]]), "rssi has shape (1, 2): expected (N,)"),
    ],
)
def test_wrong_values_are_shown(call, text):
    with pytest.raises(ValueError, match="expected") as error:
        call()
    assert str(error.value).startswith(text)
