"""Chameleon-like (He, Lin and Chan 2017): altered access points by the disagreement of subsets.

In spirit, not faithful: the paper's text was not at hand (SPEC 6). Kept are the steps of its public
description: subsets of the access points each place an unlabelled scan; where most of the estimates
gather, there the scan is; access points that do not fit there are altered; and their levels in the
map are estimated anew from the scans so placed. Number and size of the subsets, the thresholds and
the kernel regression (the paper has a Gaussian process) are ours. No label of the new time is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.decode import Decoded
from training.knn import PLAIN, Database, Rule, apply

SILENT_DBM = -100.0


@dataclass(frozen=True)
class Settings:
    """``subsets`` of half of the access points each; a scan is placed where at least ``agreeing``
    of the estimates lie within ``cluster_m`` of their middle one; an access point is altered where
    its levels are off by ``altered_db`` in the mean over the scans it concerns; the kernel is
    ``kernel_m`` wide."""

    subsets: int = 8
    agreeing: float = 0.6
    cluster_m: float = 3.0
    altered_db: float = 6.0
    kernel_m: float = 1.5
    least_scans: int = 50


@dataclass(frozen=True)
class Refreshed:
    """The new map, the access points found altered (N,), and how many scans were placed."""

    database: Database
    altered: NDArray[np.bool_]
    placed: int


def refreshed(
    database: Database,
    unlabelled_dbm: NDArray[np.float32],
    seed: int = 0,
    settings: Settings | None = None,
) -> Refreshed:
    """The database with the levels of altered access points estimated from scans (U, N).

    A row that heard an altered access point, or not, gets the kernel mean of the placed scans
    around its place. Where fewer than ``least_scans`` scans can be placed, nothing is changed.
    """
    settings = settings or Settings()
    count = unlabelled_dbm.shape[1]
    place, sure = _gathered(database, unlabelled_dbm, seed, settings)
    scans = _filled(unlabelled_dbm[sure])
    if len(scans) < settings.least_scans:
        return Refreshed(database, np.zeros(count, dtype=bool), len(scans))
    old = _filled(database.rssi_dbm)
    expected = _around(database.places_xy_m[database.place_of_row], old, place[sure], settings)
    # Where neither is loud enough, both are silent and agree about nothing.
    concerned = np.maximum(expected, scans) > SILENT_DBM + settings.altered_db
    off = ((scans - expected) * concerned).sum(axis=0) / np.maximum(concerned.sum(axis=0), 1)
    found = np.abs(off) > settings.altered_db
    now = _around(place[sure], scans, database.places_xy_m, settings)[database.place_of_row]
    level = np.where(found, now, old)
    level = np.where(level <= SILENT_DBM + 1.0, np.nan, level).astype(np.float32)
    return Refreshed(replace(database, rssi_dbm=level), found, len(scans))


def chameleon(
    database: Database,
    unlabelled_dbm: NDArray[np.float32],
    query_dbm: NDArray[np.float32],
    seed: int = 0,
) -> Decoded:
    """Scans (B, N) by weighted kNN over the refreshed map."""
    return apply(refreshed(database, unlabelled_dbm, seed).database, Rule(*PLAIN), query_dbm)


def _gathered(
    database: Database, rssi_dbm: NDArray[np.float32], seed: int, settings: Settings
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where the subsets' estimates gather (U, 2), and whether enough of them do (U,)."""
    rng = np.random.default_rng(seed)
    count = rssi_dbm.shape[1]
    estimates = []
    for _ in range(settings.subsets):
        part = np.sort(rng.permutation(count)[: max(count // 2, 1)])
        levels = np.ascontiguousarray(database.rssi_dbm[:, part])
        query = np.ascontiguousarray(rssi_dbm[:, part])
        estimates.append(apply(replace(database, rssi_dbm=levels), Rule(*PLAIN), query).xy_m)
    said = np.stack(estimates, axis=1)
    apart = np.linalg.norm(said[:, :, None] - said[:, None], axis=3)
    near = apart <= settings.cluster_m
    middle = near.sum(axis=2).argmax(axis=1)
    member = near[np.arange(len(said)), middle]
    place = (said * member[..., None]).sum(axis=1) / member.sum(axis=1)[:, None]
    return place, member.mean(axis=1) >= settings.agreeing


def _around(
    known_xy_m: NDArray, levels: NDArray, xy_m: NDArray, settings: Settings
) -> NDArray[np.float64]:
    """(B, N) kernel means of levels (M, N) heard at places (M, 2), at places (B, 2)."""
    # Beyond every support the nearest decides: no weight is nothing.
    square = ((xy_m[:, None] - known_xy_m[None]) ** 2).sum(axis=2)
    square -= square.min(axis=1, keepdims=True)
    weight = np.exp(-square / (2.0 * settings.kernel_m**2))
    found: NDArray[np.float64] = weight @ levels / weight.sum(axis=1, keepdims=True)
    return found


def _filled(rssi_dbm: NDArray) -> NDArray[np.float64]:
    return np.where(np.isfinite(rssi_dbm), rssi_dbm, SILENT_DBM).astype(np.float64)
