"""level_sums: log-likelihoods looked up at every cell of the radio maps, against numpy."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk import native

RNG = np.random.default_rng(3)


@given(
    st.integers(1, 9), st.integers(1, 5000), st.sampled_from([2, 3, 256, 2048, 65536]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_against_numpy(maps, cells, levels, seed):
    rng = np.random.default_rng(seed)
    shown = rng.integers(0, levels, (maps, cells), dtype=np.uint16)
    tables = rng.normal(-5, 20, (maps, levels)).astype(np.float32)
    expected = np.take_along_axis(tables.astype(np.float64), shown.astype(np.int64), 1).sum(0)
    found = native.level_sums(shown, tables)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 6), st.integers(1, 5000), st.integers(2, 65535), st.data())
def test_a_level_without_a_table_is_named(simd, maps, cells, levels, data):
    shown = np.zeros((maps, cells), np.uint16)
    row, column = data.draw(st.integers(0, maps - 1)), data.draw(st.integers(0, cells - 1))
    shown[row, column] = level = data.draw(st.integers(levels, 65535))
    text = rf"maps\[{row}, {column}\] is {level}: expected a level from 0 to {levels - 1}"
    with pytest.raises(ValueError, match=text):
        native.level_sums(shown, np.zeros((maps, levels), np.float32))


def test_out_is_filled_and_returned():
    maps = RNG.integers(0, 300, (2, 30), dtype=np.uint16)
    tables = RNG.normal(size=(2, 300)).astype(np.float32)
    out = np.empty(30, np.float32)
    assert native.level_sums(maps, tables, out=out) is out
    np.testing.assert_array_equal(out, native.level_sums(maps, tables))


@pytest.mark.parametrize(
    ("maps", "tables", "error", "text"),
    [
        ([[0, 1]], np.zeros((1, 9)), TypeError, "maps is a list: expected a numpy array of uint16"),
        (np.zeros((1, 4), np.int64), np.zeros((1, 9)), TypeError, "expected a numpy array of uint"),
        (np.zeros((1, 4), np.uint8), np.zeros((1, 9)), TypeError, "expected a numpy array of uint"),
        (np.zeros((4, 2), np.uint16).T, np.zeros((2, 9)), TypeError, "C-contiguous and aligned"),
        (np.zeros(4, np.uint16), np.zeros((1, 9)), ValueError, r"maps has shape \(4,\)"),
        (np.zeros((2, 4), np.uint16), np.zeros((1, 9)), ValueError, r"tables has shape \(1, 9"),
        (np.zeros((1, 4), np.uint16), np.zeros((1, 1)), ValueError, r"expected \(1, 2 to 65536\)"),
        (np.zeros((1, 4), np.uint16), np.zeros((1, 65537)), ValueError, r"shape \(1, 65537\)"),
        (np.zeros((0, 4), np.uint16), np.zeros((0, 9)), ValueError, "maps"),
    ],
)  # fmt: skip
def test_refuses(maps, tables, error, text):
    with pytest.raises(error, match=text):
        native.level_sums(maps, tables)


def test_names_the_value_that_is_not_finite():
    tables = np.zeros((2, 256))
    tables[1, 9] = np.nan
    with pytest.raises(ValueError, match=r"tables\[1, 9\] is nan"):
        native.level_sums(np.zeros((2, 3), np.uint16), tables)
