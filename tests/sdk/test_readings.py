"""Fingerprints as lists of readings: exact, small, and never nonsense."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import readings
from sdk.readings import Readings


def fingerprints(rows, aps, heard, whole, seed=0):
    rng = np.random.default_rng(seed)
    levels = rng.uniform(-110, -20, (rows, aps)).astype(np.float32)
    levels = np.rint(levels) if whole else levels
    return np.where(rng.random((rows, aps)) < heard, levels, np.nan).astype(np.float32)


@given(
    st.integers(1, 40), st.integers(1, 30), st.sampled_from([0, 0.1, 0.9, 1]), st.booleans(),
    st.integers(0, 99),
)  # fmt: skip
def test_every_reading_comes_back(rows, aps, heard, whole, seed):
    given_dbm = fingerprints(rows, aps, heard, whole, seed)
    stored = Readings.of(given_dbm)
    assert [part.dtype.str for part in stored[:2]] == ["<i4", "<u2"]
    assert stored.dbm.dtype.str == readings.KINDS[stored.kind]
    assert stored.problem(aps) is None
    found = stored.fingerprints(aps)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, given_dbm)


def test_whole_dbm_take_one_byte():
    assert Readings.of(fingerprints(9, 9, 0.5, True)).kind == "int8"
    assert Readings.of(fingerprints(9, 9, 0.5, False)).kind == "float32"
    assert Readings.of(np.array([[-128.0]], np.float32)).kind == "float32"
    assert Readings.of(np.array([[-127.0]], np.float32)).kind == "int8"


def test_more_access_points_than_numbers_are_refused():
    with pytest.raises(ValueError, match="65537 access points, expected at most 65536"):
        Readings.of(np.empty((0, (1 << 16) + 1), np.float32))


@pytest.mark.parametrize(
    ("start", "ap", "message"),
    [
        ([0], [], "start at 0, ascend and end at 0"),
        ([1, 2], [0, 1], "start at 0"),
        ([0, 2, 1, 2], [0, 1], "ascend and end at 2"),
        ([0, 3], [0, 1], "end at 2"),
        ([0, 2], [0, 3], r"must lie in 0\.\.2, got 3"),
        ([0, 2], [1, 1], "ascend within a row, each once"),
        ([0, 2], [2, 1], "ascend within a row"),
        (np.zeros((1 << 25) + 1), [], "over the cap of 67108864 values"),
    ],
)
def test_problems_are_named(start, ap, message):
    stored = Readings(
        np.array(start, np.int32), np.array(ap, np.uint16), np.zeros(len(ap), np.int8)
    )
    problem = stored.problem(3)
    assert problem is not None
    assert re.search(message, problem)


def test_rows_that_heard_nothing_stay():
    stored = Readings(*(np.array(v) for v in ([0, 0, 2, 2], [0, 2], [-50, -60])))
    assert stored.problem(3) is None
    np.testing.assert_array_equal(
        stored.fingerprints(3), [[np.nan] * 3, [-50, np.nan, -60], [np.nan] * 3]
    )
