"""Kernels that take a fingerprint or a state: images, kNN and the Kalman filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import filterpy.kalman
import numpy as np
import simdkalman
from native_comparison import F32, Comparison, dbm
from numpy.lib.stride_tricks import as_strided
from sklearn.neighbors import NearestNeighbors

from sdk import native


def cyclic_map(n: int) -> Comparison:
    rssi = dbm(n)
    index = (np.arange(n) - np.arange(n)[:, None]) % n
    twice = np.empty(2 * n, F32)

    def strided() -> np.ndarray:
        twice[:n] = twice[n:] = rssi
        return as_strided(twice[n:], (n, n), (-4, 4)).copy()

    return Comparison(
        f"cyclic_map, N = {n}",
        f"cyclic_map_{n}",
        lambda: native.cyclic_map(rssi),
        {"numpy fancy indexing": lambda: rssi[index], "numpy strided copy": strided},
        target=3 if n == 256 else None,
    )


def diagonal_mean(n: int) -> Comparison:
    maps = dbm(n, n)
    twice = np.empty((n, 2 * n), F32)
    diagonals = as_strided(twice, (n, n), (8 * n + 4, 4))

    def strided() -> np.ndarray:
        twice[:, :n] = twice[:, n:] = maps
        return diagonals.mean(axis=0)

    return Comparison(
        f"diagonal_mean, N = {n}",
        f"diagonal_mean_{n}",
        lambda: native.diagonal_mean(maps),
        {"numpy strided mean": strided},
    )


def ratio_image(n: int) -> Comparison:
    rssi = dbm(n)

    def in_place() -> np.ndarray:
        image = rssi[:, None] / rssi
        image -= 1
        return image

    return Comparison(
        f"ratio_image, N = {n}",
        f"ratio_image_{n}",
        lambda: native.ratio_image(rssi),
        {"numpy": in_place},
    )


def weighted_knn(metric: str) -> Comparison:
    database, query = dbm(400, 100), dbm(100)
    norms = np.square(database).sum(1)
    work = np.empty_like(database)

    def smallest(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nearest = np.argpartition(distance, 4)[:5]
        nearest = nearest[np.argsort(distance[nearest])]
        return nearest, distance[nearest]

    def l2() -> tuple[np.ndarray, np.ndarray]:
        squared = database @ query
        squared *= -2
        squared += norms
        nearest, least = smallest(squared)
        return nearest, np.sqrt(least + query @ query)

    def l1() -> tuple[np.ndarray, np.ndarray]:
        np.abs(np.subtract(database, query, out=work), out=work)
        return smallest(work.sum(1))

    peers: dict[str, Callable[[], Any]] = {"numpy": l2 if metric == "l2" else l1}
    if metric == "l2":
        brute = NearestNeighbors(n_neighbors=5, algorithm="brute", n_jobs=1).fit(database)
        peers["scikit-learn brute"] = lambda: brute.kneighbors(query[None])
    return Comparison(
        f"weighted_knn, {metric}, 400 x 100, one query, k = 5",
        f"weighted_knn_{metric}",
        lambda: native.weighted_knn(database, query, 5, metric),  # type: ignore[arg-type]
        peers,
        target=3 if metric == "l2" else None,
        target_of={"scikit-learn brute": 20} if metric == "l2" else {},
    )


def kalman(measured: int) -> Comparison:
    z, variance = [1.0, 2.0, 0.1, 0.2][:measured], [4.0, 4.0, 1.0, 1.0][:measured]
    ours = native.KalmanFilter([0.0] * 4, 100 * np.eye(4), 0.1)

    def step() -> None:
        ours.predict(1.0)
        ours.update(z, variance)

    F = np.eye(4)
    F[0, 2] = F[1, 3] = 1
    G = np.array([[0.5, 0], [0, 0.5], [1, 0], [0, 1]])
    Q, H, R = 0.01 * G @ G.T, np.eye(4)[:measured], np.diag(variance)
    peer = filterpy.kalman.KalmanFilter(dim_x=4, dim_z=measured)
    peer.F, peer.Q, peer.H, peer.R, peer.P = F, Q, H, R, 100 * np.eye(4)
    measurement = np.array(z)[:, None]

    def filterpy_step() -> None:
        peer.predict()
        peer.update(measurement)

    simd = simdkalman.KalmanFilter(F, Q, H, R)
    mean, covariance = np.zeros((1, 4, 1)), 100 * np.eye(4)[None]
    observed = np.array(z).reshape(1, measured, 1)

    def simdkalman_step() -> None:
        nonlocal mean, covariance
        mean, covariance = simd.predict_next(mean, covariance)
        mean, covariance = simd.update(mean, covariance, observed)[:2]

    return Comparison(
        f"KalmanFilter predict + update, {measured} measured",
        f"kalman_{measured}",
        step,
        {"filterpy": filterpy_step, "simdkalman": simdkalman_step},
        target=15,
    )
