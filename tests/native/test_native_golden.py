"""The vectors of tests/golden, which the C++ tests read too."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sdk import native, native_city

FOLDER = Path(__file__).parents[1] / "golden"


def cases(kernel: str):
    return [
        pytest.param(case, id=f"{kernel} {case['name']}")
        for case in json.loads((FOLDER / f"{kernel}.json").read_text())
    ]


def with_nan(values) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize("case", cases("cyclic_map"))
def test_cyclic_map(simd, case):
    np.testing.assert_array_equal(native.cyclic_map(case["rssi"]), case["expected"])


@pytest.mark.parametrize("case", cases("diagonal_mean"))
def test_diagonal_mean(simd, case):
    np.testing.assert_allclose(native.diagonal_mean(case["maps"]), case["expected"], rtol=1e-7)


@pytest.mark.parametrize("case", cases("floor_features"))
def test_floor_features(case):
    start, features = native.floor_features(
        with_nan(case["rssi_dbm"]), case["ap_xy_m"], case["ap_floor"], case["n_floors"],
        case["silent_dbm"], case["span"],
    )  # fmt: skip
    assert start.tolist() == case["start"]
    np.testing.assert_allclose(features, case["features"], rtol=1e-6, atol=1e-6)


def without(case, *keys) -> dict:
    return {key: case[key] for key in case if key not in ("name", "expected", *keys)}


@pytest.mark.parametrize("case", cases("geometric_median"))
def test_geometric_median(simd, case):
    found = native.geometric_median(**without(case))
    assert found == pytest.approx(case["expected"], rel=1e-12)


@pytest.mark.parametrize("case", cases("level_likelihoods"))
def test_level_likelihoods(simd, case):
    found = native.level_likelihoods(with_nan(case["measured_db"]), **without(case, "measured_db"))
    np.testing.assert_allclose(found, case["expected"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", cases("level_sums"))
def test_level_sums(case):
    maps = np.array(case["maps"], dtype=np.uint16)
    found = native.level_sums(maps, case["tables"])
    np.testing.assert_allclose(found, case["expected"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", cases("ratio_image"))
def test_ratio_image(simd, case):
    image = native.ratio_image(case["rssi"])
    np.testing.assert_allclose(image, case["expected"], rtol=2e-7, atol=1e-15)


@pytest.mark.parametrize("case", cases("path_loss_pdf"))
def test_path_loss_pdf(simd, case):
    rssi_dbm = with_nan(case["rssi_dbm"])
    found = native.path_loss_pdf(rssi_dbm=rssi_dbm, **without(case, "rssi_dbm"))
    np.testing.assert_allclose(found, case["expected"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("case", cases("rank_pdf"))
def test_rank_pdf(simd, case):
    found = native.rank_pdf(**without(case))
    np.testing.assert_allclose(found, case["expected"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", cases("threshold_centroid"))
def test_threshold_centroid(simd, case):
    found = native.threshold_centroid(
        case["pdf"], case["origin_m"], case["pitch_m"], case["threshold"]
    )
    assert found == pytest.approx(case["expected"], rel=1e-6)


@pytest.mark.parametrize("case", cases("kalman_filter"))
def test_kalman_filter(case):
    ours = native.KalmanFilter(case["state"], case["covariance"], case["accel_sigma"])
    for step in case["steps"]:
        ours.predict(step["dt_s"])
        ours.update(step["z"], step["variance"])
        np.testing.assert_allclose(ours.state, step["state"], rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(ours.covariance, step["covariance"], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", cases("weighted_knn"))
def test_weighted_knn(simd, case):
    indices, distances = native.weighted_knn(
        with_nan(case["database"]), with_nan(case["query"]), case["k"], case["metric"]
    )
    assert indices.tolist() == case["indices"]
    expected = with_nan(case["distances"])
    np.testing.assert_allclose(distances, np.where(np.isnan(expected), np.inf, expected), rtol=1e-6)


@pytest.mark.parametrize("case", cases("dominant_path"))
def test_dominant_path(case):
    vertices, starts = np.array(case["vertices_m"]), case["ring_start"]
    corners, wedges = native_city.convex_corners(vertices, starts, case["push_m"])
    rings = [vertices[a:b] for a, b in pairwise(starts)]
    walls = np.concatenate([np.hstack([r, np.roll(r, -1, axis=0)]) for r in rings])
    expected = with_nan(case["loss_db"])
    buildings = np.zeros(case["shape"], np.uint8)
    for r in rings:
        (x0, y0), (x1, y1) = np.ceil(r.min(axis=0) - 0.5), np.ceil(r.max(axis=0) - 0.5)
        buildings[int(y0) : int(y1), int(x0) : int(x1)] = 1
    sight = native_city.corner_visibility(walls, corners, wedges, buildings, (0.5, 0.5), 1.0)
    loss, length, los = native_city.dominant_path(
        case["transmitter_m"], corners, wedges, sight, buildings,
        native_city.PathModel(*case["model"]), (0.5, 0.5), 1.0,
    )  # fmt: skip
    np.testing.assert_array_equal(np.isnan(expected), np.isinf(loss))
    np.testing.assert_array_equal(np.isnan(expected), buildings == 1)
    reached = buildings == 0
    np.testing.assert_allclose(loss[reached], expected[reached], atol=1e-3)
    np.testing.assert_allclose(length[reached], with_nan(case["length_m"])[reached], rtol=1e-6)
    assert 0 < (los & reached).sum() < reached.sum()
