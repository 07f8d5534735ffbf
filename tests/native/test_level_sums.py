"""level_sums: log-likelihoods looked up at every cell of the radio maps, against numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import native

RNG = np.random.default_rng(3)


@given(st.integers(1, 6), st.integers(1, 5000), st.integers(0, 2**32 - 1))
def test_against_numpy(maps, cells, seed):
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 256, (maps, cells), dtype=np.uint8)
    tables = rng.normal(-5, 20, (maps, 256)).astype(np.float32)
    expected = np.take_along_axis(tables.astype(np.float64), levels.astype(np.int64), 1).sum(0)
    found = native.level_sums(levels, tables)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


def test_out_is_filled_and_returned():
    levels = RNG.integers(0, 256, (2, 30), dtype=np.uint8)
    tables = RNG.normal(size=(2, 256)).astype(np.float32)
    out = np.empty(30, np.float32)
    assert native.level_sums(levels, tables, out=out) is out
    np.testing.assert_array_equal(out, native.level_sums(levels, tables))


@pytest.mark.parametrize(
    ("maps", "tables", "error", "text"),
    [
        ([[0, 1]], np.zeros((1, 256)), TypeError, "maps is a list: expected a numpy array of u"),
        (np.zeros((1, 4), np.int64), np.zeros((1, 256)), TypeError, "expected a numpy array of ui"),
        (np.zeros((4, 2), np.uint8).T, np.zeros((2, 256)), TypeError, "in C order"),
        (np.zeros(4, np.uint8), np.zeros((1, 256)), ValueError, r"maps has shape \(4,\)"),
        (np.zeros((2, 4), np.uint8), np.zeros((1, 256)), ValueError, r"tables has shape \(1, 256"),
        (np.zeros((1, 4), np.uint8), np.zeros((1, 255)), ValueError, r"expected \(1, 256\)"),
        (np.zeros((0, 4), np.uint8), np.zeros((0, 256)), ValueError, "maps"),
    ],
)  # fmt: skip
def test_refuses(maps, tables, error, text):
    with pytest.raises(error, match=text):
        native.level_sums(maps, tables)


def test_names_the_value_that_is_not_finite():
    tables = np.zeros((2, 256))
    tables[1, 9] = np.nan
    with pytest.raises(ValueError, match=r"tables\[1, 9\] is nan"):
        native.level_sums(np.zeros((2, 3), np.uint8), tables)
