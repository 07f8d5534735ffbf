"""Ranks from pairs of level and distance, against the constants of SPEC 5.5."""

from itertools import pairwise

import numpy as np
import pytest
from invented import invented_survey

from training.hapi_presets import Ranks
from training.hapi_ranks import fit_edges, fit_ranks, pairs_of, rank_table
from training.survey import SurveyError

FAF_DB = 15.0


@pytest.fixture(scope="module")
def pairs():
    """SPEC 5.4's radio on five floors of 60 x 40 m with 12 access points each (SPEC 5.5)."""
    rng = np.random.default_rng(4)
    size, floors = np.array([60.0, 40.0]), 5
    aps, ap_floor = rng.uniform(0, size, (12 * floors, 2)), np.repeat(np.arange(floors), 12)
    users, floor = rng.uniform(0, size, (4000, 2)), rng.integers(0, floors, 4000)
    flat = np.linalg.norm(users[:, None] - aps[None], axis=2)
    apart = np.abs(ap_floor[None] - floor[:, None])
    space = np.maximum(np.hypot(flat, 3.5 * apart + 1.5), 1.0)
    rssi = -40 - 30 * np.log10(space) - FAF_DB * apart + rng.normal(0, 6, flat.shape)
    heard = rssi >= -92
    return np.minimum(rssi + FAF_DB * apart, -30)[heard], flat[heard]


def test_the_constants_of_the_spec_come_out(pairs):
    """Untrimmed and trimmed to the central 80 %, at the default edges."""
    like = Ranks()
    for kept, sigma in ((1.0, like.sigma_m), (0.8, (6.9, 7.0, 5.5, 3.7, 2.0, 0.9))):
        mean_m, sigma_m = rank_table(like.edges_dbm, *pairs, kept=kept)
        # The SPEC states the means before trimming.
        np.testing.assert_allclose(mean_m, like.mean_m, rtol=0.12 if kept == 1.0 else 0.2)
        np.testing.assert_allclose(sigma_m, sigma, rtol=0.25)


def test_edges_are_ward_s(pairs):
    level, distance = pairs
    edges = fit_edges(level, distance)
    assert len(edges) == 5
    assert list(edges) == sorted(set(edges))
    bins = np.floor(level)
    values = [v for v in np.unique(bins) if (bins == v).sum() >= 20]
    parts = [np.array([distance[bins == v].mean()]) for v in values]
    first = list(values)
    # Ward by hand: join the neighbours whose squares about the mean grow least.
    while len(parts) > 6:
        costs = [
            len(a) * len(b) / (len(a) + len(b)) * (a.mean() - b.mean()) ** 2
            for a, b in pairwise(parts)
        ]
        i = int(np.argmin(costs))
        parts[i : i + 2] = [np.concatenate(parts[i : i + 2])]
        del first[i + 1]
    assert list(edges) == first[1:]


def test_fitted_ranks_fall_with_the_level(pairs):
    found = fit_ranks(*pairs, Ranks(combine="product", strongest=5, threshold=0.7))
    assert (np.diff(found.mean_m) <= 0).all()
    assert min(found.sigma_m) >= 0.5
    assert (found.combine, found.strongest, found.threshold) == ("product", 5, 0.7)
    assert found.mean_m[0] > 30
    assert found.mean_m[-1] < 5


def test_means_are_made_monotone():
    rng = np.random.default_rng(0)
    level = np.repeat([-95.0, -85, -75, -65, -55, -45], 100)
    distance = np.repeat([30.0, 34, 20, 10, 6, 3], 100) + rng.normal(0, 0.1, 600)
    mean_m, _ = rank_table(Ranks().edges_dbm, level, distance)
    np.testing.assert_allclose(mean_m, [32, 32, 20, 10, 6, 3], atol=0.1)


def test_pairs_are_those_of_located_access_points():
    survey = invented_survey(sessions=2, side=3)
    level, distance = pairs_of([survey, survey], 15.0, -30.0)
    part = survey.take(survey.labelled)
    assert len(level) == 2 * len(part.rssi_dbm)
    where = {ap.bssid: ap for ap in survey.access_points}
    row = part.row_of_reading[0]
    ap = where[part.bssids[part.bssid_code[0]]]
    wanted = np.hypot(ap.x_m - part.x_m[row], ap.y_m - part.y_m[row])
    assert np.abs(distance - wanted).min() < 1e-9
    assert level.max() <= max(-30.0, part.rssi_dbm.max())


def test_too_little_is_refused():
    with pytest.raises(SurveyError, match="40 readings of 1 distinct levels; expected 6 levels"):
        fit_edges(np.full(40, -50.0), np.ones(40))
    with pytest.raises(SurveyError, match=r"no reading of rank 0 of edges \[-90"):
        rank_table((-90.0, -80.0, -70.0, -60.0, -50.0), np.full(40, -50.0), np.ones(40))
