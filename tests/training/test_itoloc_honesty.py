"""The radius when access points are gone, and the modules' agreement, beside numpy and scipy."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax

from training.calibration import fit_accuracy, radius_at
from training.decode import Decoded
from training.itoloc_honesty import Truth, calibrated, disagreement_m, widened
from training.networks.itoloc import ItolocNet, agreement

N_APS = 24


def test_agreement_is_the_jensen_shannon_divergence():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 6, (5, 3, 40))
    p = softmax(logits, axis=2)
    centre = p.mean(axis=1)
    # scipy's is of two; of three it is the mean Kullback-Leibler divergence from the mean.
    apart = (p * np.log(p / centre[:, None])).sum(axis=2).mean(axis=1)
    found = agreement(torch.from_numpy(logits)).numpy()
    np.testing.assert_allclose(found, 1 - apart / np.log(3), atol=1e-12)
    two = agreement(torch.from_numpy(logits[:, :2])).numpy()
    wanted = [1 - jensenshannon(*one, base=2) ** 2 for one in p[:, :2]]
    np.testing.assert_allclose(two, wanted, atol=1e-12)
    same = torch.from_numpy(np.repeat(logits[:, :1], 3, axis=1))
    np.testing.assert_allclose(agreement(same).numpy(), 1.0, atol=1e-12)
    apart = torch.full((1, 3, 3), -1e4)
    apart[0, range(3), range(3)] = 0.0
    assert agreement(apart).item() == pytest.approx(0.0, abs=1e-6)
    alone = ItolocNet(8, 5, 2, width=2, modules=1).eval()
    assert alone.agreement(torch.randn(2, 1, 8, 8)).tolist() == [[1.0], [1.0]]


def truth_of(n=1200, seed=0):
    rng = np.random.default_rng(seed)
    rssi = np.full((n, N_APS), -60.0, dtype=np.float32)
    return Truth(rssi, np.zeros((n, 2)), np.ones(n), rng.integers(0, 60, n))


def answering(error_of, agreement_of=None, spread_m=2.0):
    """Fixes that are off by ``error_of`` (matched) in x."""

    rng = np.random.default_rng(3)

    def answer(rssi_dbm, unknown):
        matched = (np.isfinite(rssi_dbm) & ~unknown).sum(axis=1)
        alike = np.ones(len(matched)) if agreement_of is None else agreement_of(len(matched))
        off = rng.rayleigh(1.0, len(matched)) * error_of(matched, alike)
        found = Decoded(
            np.column_stack([off, 0 * off]), np.zeros(len(off), np.int32),
            np.full(len(off), spread_m),
        )  # fmt: skip
        return found, alike

    return answer


def plain(answer, truth):
    found, _ = answer(truth.rssi_dbm, np.zeros(N_APS, dtype=bool))
    error = np.linalg.norm(found.xy_m, axis=1)
    knots = fit_accuracy(found.spread_m, error)
    return {"percentile": 68, "spread_m": knots[0], "radius_m": knots[1]}


def test_the_radius_follows_the_access_points_that_are_left():
    """An error that grows as the spread does not: coverage is 68 % at every loss."""
    answer, truth = answering(lambda matched, _: np.sqrt(N_APS / matched)), truth_of()
    none = np.zeros(N_APS, dtype=bool)
    table, _ = calibrated(answer, truth, none, plain(answer, truth))
    factor = dict(zip(table["matched"]["aps"], table["matched"]["factor"], strict=True))
    assert factor[24.0] == pytest.approx(1.0, abs=0.05)
    assert factor[12.0] == pytest.approx(2**0.5, rel=0.12)
    assert "disagreement_m" not in table
    for left in (24, 18, 12, 6):
        unknown = np.arange(N_APS) >= left
        found, _ = answer(truth.rssi_dbm, unknown)
        radius = radius_at((table["spread_m"], table["radius_m"]), found.spread_m)
        wider = np.interp(left, table["matched"]["aps"], table["matched"]["factor"])
        error = np.linalg.norm(found.xy_m, axis=1)
        print(left, (error <= radius).mean(), (error <= radius * wider).mean())
        assert (error <= radius * wider).mean() == pytest.approx(0.68, abs=0.05)
        if left <= 12:
            assert (error <= radius).mean() < 0.5, "without it the radius would lie"


def test_where_losses_do_not_hurt_the_radius_stays():
    answer, truth = answering(lambda matched, _: np.ones(len(matched))), truth_of()
    found = widened(answer, truth, np.zeros(N_APS, dtype=bool), plain(answer, truth))
    np.testing.assert_allclose(found["factor"], 1.0, atol=0.12)
    assert min(found["factor"]) >= 1.0


@pytest.mark.parametrize("tells", [True, False])
def test_agreement_enters_the_radius_only_where_it_tells_something(tells):
    rng = np.random.default_rng(7)

    def alike(n):
        return rng.uniform(0, 1, n)

    def error(matched, agreement):
        return 0.3 + 4.0 * (1 - agreement) if tells else np.full(len(matched), 2.0)

    answer, truth = answering(error, alike), truth_of()
    table, least = calibrated(answer, truth, np.zeros(N_APS, dtype=bool), plain(answer, truth))
    assert least == pytest.approx(0.02, abs=0.02)
    assert ("disagreement_m" in table) is tells
    found, agreed = answer(truth.rssi_dbm, np.zeros(N_APS, dtype=bool))
    off = np.linalg.norm(found.xy_m, axis=1)
    added = disagreement_m(found.spread_m, agreed, off, truth)
    assert (added > 0) is tells
    if tells:
        spread = found.spread_m + table["disagreement_m"] * (1 - agreed)
        radius = np.interp(spread, table["spread_m"], table["radius_m"])
        for rows in (agreed > 0.5, agreed <= 0.5):
            assert (off[rows] <= radius[rows]).mean() == pytest.approx(0.68, abs=0.12)
