"""Ranks of signal strength fitted to pairs of level and distance (Hapi, section 4.3; SPEC 5.5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering
from sklearn.isotonic import IsotonicRegression

from sdk.rank_rules import RANKS
from training.ap_layout import Layout, with_floor_attenuation
from training.hapi_presets import Ranks
from training.survey import Survey, SurveyError

KEPT = 0.8
# Bins of a decibel with fewer readings join their neighbour: their mean distance says nothing.
LEAST_READINGS = 20
LEAST_SIGMA_M = 0.5


def pairs_of(
    surveys: Sequence[Survey], floor_attenuation_db: float, cap_dbm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level without the floors between (n,) and horizontal distance (n,) of all readings of
    located access points in the labelled scans. Raises SurveyError where a survey has none."""
    levels, distances = [], []
    for survey in surveys:
        layout = Layout.of(survey)
        part = survey.take(survey.labelled)
        level = with_floor_attenuation(
            layout, layout.levels(part), part.floor, floor_attenuation_db, cap_dbm
        )
        heard = np.isfinite(level)
        if not heard.any():
            raise SurveyError(
                f"reference survey {survey.header.name!r}: no labelled scan hears one of its "
                f"{len(layout.ids)} located access points"
            )
        apart = np.linalg.norm(part.xy_m[:, None] - layout.xy_m[None], axis=2)
        levels.append(level[heard])
        distances.append(apart[heard])
    return np.concatenate(levels), np.concatenate(distances)


def fit_edges(level_dbm: NDArray[np.float64], distance_m: NDArray[np.float64]) -> tuple[float, ...]:
    """Five edges between the ranks: bins of 1 dB, clustered by mean distance (Ward).

    Only neighbouring bins may join, so that a rank is one range of levels.
    Raises SurveyError where fewer than six bins have readings enough.
    """
    order = np.argsort(level_dbm, kind="stable")
    level, distance = level_dbm[order], distance_m[order]
    starts = np.flatnonzero(np.diff(np.floor(level), prepend=-np.inf))
    kept = [0]
    for start in starts[1:].tolist():
        if start - kept[-1] >= LEAST_READINGS and len(level) - start >= LEAST_READINGS:
            kept.append(start)
    if len(kept) < RANKS:
        raise SurveyError(
            f"{len(level)} readings of {len(kept)} distinct levels; expected {RANKS} levels or "
            f"more with {LEAST_READINGS} readings each"
        )
    means = np.add.reduceat(distance, kept) / np.diff([*kept, len(level)])
    chain = np.eye(len(kept), k=1) + np.eye(len(kept), k=-1)
    label = AgglomerativeClustering(RANKS, linkage="ward", connectivity=chain).fit_predict(
        means[:, None]
    )
    return tuple(float(np.floor(level[kept[i]])) for i in np.flatnonzero(np.diff(label)) + 1)


def rank_table(
    edges_dbm: Sequence[float],
    level_dbm: NDArray[np.float64],
    distance_m: NDArray[np.float64],
    kept: float = KEPT,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the distance in each rank, very weak first.

    Of every rank the central share ``kept`` counts; the means are made to fall with the level
    (isotonic regression, weights = readings). Raises SurveyError for a rank without readings.
    """
    rank = np.searchsorted(edges_dbm, level_dbm, side="right")
    means, sigmas, counts = [], [], []
    for one in range(len(edges_dbm) + 1):
        distance = np.sort(distance_m[rank == one])
        cut = int((1.0 - kept) / 2 * len(distance))
        if not len(distance):
            raise SurveyError(f"no reading of rank {one} of edges {list(edges_dbm)} dBm")
        central = distance[cut : len(distance) - cut]
        means.append(central.mean())
        sigmas.append(max(float(central.std()), LEAST_SIGMA_M))
        counts.append(len(distance))
    falling = IsotonicRegression(increasing=False).fit_transform(
        np.arange(len(means)), means, sample_weight=counts
    )
    return tuple(falling.tolist()), tuple(sigmas)


def fit_ranks(
    level_dbm: NDArray[np.float64], distance_m: NDArray[np.float64], like: Ranks
) -> Ranks:
    """``like`` with edges, means and deviations fitted. Raises SurveyError for too few readings."""
    edges = fit_edges(level_dbm, distance_m)
    mean_m, sigma_m = rank_table(edges, level_dbm, distance_m)
    return Ranks(edges, mean_m, sigma_m, like.combine, like.strongest, like.threshold)
