"""weighted_knn against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk import native

METRICS = ["l1", "l2", "sorensen"]


def reference(database, query, metric):
    """Distances (B, M) in float64."""
    a, b = np.float64(query)[:, None, :], np.float64(database)[None]
    known = ~(np.isnan(a) | np.isnan(b))
    count = known.sum(2)
    difference = np.where(known, np.abs(a - b), 0)
    scale = database.shape[1] / np.maximum(count, 1)
    if metric == "l1":
        distance = scale * difference.sum(2)
    elif metric == "l2":
        distance = np.sqrt(scale * (difference**2).sum(2))
    else:
        below = np.where(known, np.abs(a + b), 0).sum(2)
        distance = difference.sum(2) / np.where(below > 0, below, 1)
    return np.where(count > 0, distance, np.inf)


def check(database, query, k, metric):
    indices, distances = native.weighted_knn(database, query, k, metric)
    exact = reference(database, np.atleast_2d(query), metric)
    expected = np.sort(exact, axis=1)[:, :k]
    assert indices.shape == distances.shape == expected.shape
    assert (indices.dtype, distances.dtype) == (np.int64, np.float32)
    np.testing.assert_allclose(distances, expected, rtol=2e-6)
    np.testing.assert_allclose(np.take_along_axis(exact, indices, 1), expected, rtol=2e-6)
    for row, near in zip(indices, distances, strict=True):
        assert len(set(row.tolist())) == k
        equal = near[1:] == near[:-1]
        assert (row[1:][equal] > row[:-1][equal]).all()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 40),
    st.integers(0, 3),
    st.sampled_from(METRICS),
    st.sampled_from([0.0, 0.1, 0.7, 1.0]),
    st.integers(0, 2**32 - 1),
    st.data(),
)
def test_is_the_brute_force_answer(rows, columns, queries, metric, unknown, seed, data):
    rng = np.random.default_rng(seed)
    # Whole dBm over a narrow range, so that equal distances occur.
    database = rng.integers(-60, -50, (rows, columns)).astype(np.float32)
    query = rng.integers(-60, -50, (queries, columns)).astype(np.float32)
    database[rng.random(database.shape) < unknown] = np.nan
    query[rng.random(query.shape) < unknown / 2] = np.nan
    check(database, query, data.draw(st.integers(1, rows)), metric)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("columns", [1, 7, 8, 16, 33, 100])
def test_every_set_of_kernels(simd, metric, columns):
    rng = np.random.default_rng(columns)
    database = rng.uniform(-100, -30, (403, columns)).astype(np.float32)
    query = rng.uniform(-100, -30, (2, columns)).astype(np.float32)
    check(database, query, 7, metric)
    database[rng.random(database.shape) < 0.3] = np.nan
    check(database, query, 403, metric)


def test_one_query_is_a_batch_of_one():
    database = np.eye(3, dtype=np.float32)
    indices, distances = native.weighted_knn(database, [0.0, 1.0, 0.0], 2, "l1")
    assert indices.tolist() == [[1, 0]]
    assert distances.tolist() == [[0.0, 2.0]]


def test_a_row_is_nearest_to_itself():
    database = np.random.default_rng(1).uniform(-100, -30, (50, 9)).astype(np.float32)
    for metric in METRICS:
        indices, distances = native.weighted_knn(database, database, 1, metric)
        assert indices[:, 0].tolist() == list(range(50))
        assert not distances.any()


DATABASE = np.full((4, 3), -50.0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: native.weighted_knn(DATABASE, DATABASE[0], 5),
            "k is 5: expected 1 to 4, the rows",
        ),
        (
            lambda: native.weighted_knn(DATABASE, DATABASE[0], 0),
            "k is 0: expected 1 to 4, the rows",
        ),
        (
            lambda: native.weighted_knn(DATABASE, DATABASE[0], -1),
            "k is -1: expected 1 to 4, the ro",
        ),
        (lambda: native.weighted_knn(DATABASE, DATABASE[0], 2**70), "k is 1180591620717411303424:"),
        (
            lambda: native.weighted_knn(DATABASE, [-50, -np.inf, -50], 1),
            "query[1] is -inf: expected a finite number, or NaN for unknown",
        ),
        (
            lambda: native.weighted_knn([[1, 2], [np.nan, np.inf]], [1, 2], 1),
            "database[1, 1] is inf: expected a finite number, or NaN for unknown",
        ),
        (
            lambda: native.weighted_knn(DATABASE, [-50, -50], 1),
            "query has shape (2,): expected (3,) or (B, 3), the columns of database",
        ),
        (
            lambda: native.weighted_knn(DATABASE, np.zeros((1, 1, 3)), 1),
            "query has shape (1, 1, 3): expected (3,) or (B, 3)",
        ),
        (lambda: native.weighted_knn(DATABASE[0], DATABASE[0], 1), "database has shape (3,): expe"),
        (
            lambda: native.weighted_knn(np.empty((0, 3)), DATABASE[0], 1),
            "database has shape (0, 3): expected at least one element",
        ),
        (
            lambda: native.weighted_knn(DATABASE, DATABASE[0], 1, "cosine"),
            "metric is 'cosine': expected 'l1', 'l2' or 'sorensen'",
        ),
        (lambda: native.weighted_knn(DATABASE, DATABASE[0], 1, 2), "metric is 2: expected 'l1', "),
    ],
)
def test_wrong_values_are_shown(call, text):
    with pytest.raises(ValueError, match="expected") as error:
        call()
    assert str(error.value).startswith(text)


@pytest.mark.parametrize("k", [1.0, True, "1", None])
def test_k_is_an_integer(k):
    with pytest.raises(TypeError, match=r"k is .*: expected an integer"):
        native.weighted_knn(DATABASE, DATABASE[0], k)
