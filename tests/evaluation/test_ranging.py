"""Ranging by time of arrival: exact ranges give the place, the trust region problem is solved."""

import numpy as np
import pytest
from scipy.optimize import minimize

from evaluation.baselines.ranging import bisection, correntropy, gtrs, pocs
from evaluation.baselines.ranging_sdp import robust_sdp1, robust_sdp2, sdp

MIDDLE = np.array([128.0, 128.0])


def scene(seed, count=5):
    rng = np.random.default_rng(seed)
    anchors, user = rng.uniform(50, 200, (count, 2)), rng.uniform(60, 190, 2)
    return anchors, np.linalg.norm(anchors - user, axis=1), user


@pytest.mark.parametrize("seed", range(6))
def test_exact_ranges_give_the_place(seed):
    anchors, ranges, user = scene(seed)
    for found in (
        bisection(anchors, ranges, 0.0),
        correntropy(anchors, ranges, MIDDLE),
        sdp(anchors, ranges, 0.0).xy_m,
        robust_sdp1(anchors, ranges, 0.01).xy_m,
    ):
        np.testing.assert_allclose(found, user, atol=0.6)


@pytest.mark.parametrize("seed", range(4))
def test_the_trust_region_problem_against_scipy(seed):
    rng = np.random.default_rng(seed)
    anchors, ranges, _ = scene(seed)
    ranges = ranges + rng.exponential(15, 5)
    a = np.column_stack([2 * anchors, -np.ones(5)])
    f = (anchors**2).sum(axis=1) - ranges**2
    weight = rng.uniform(0.5, 2, 5)

    def cost(x):
        return (((a @ [*x, x @ x] - f) * weight) ** 2).sum() / 1e8

    found = gtrs(a, f, weight)
    best = min(
        (minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12})
         for start in (MIDDLE, [30, 30], [220, 40], [60, 210])),
        key=lambda one: one.fun,
    )  # fmt: skip
    assert cost(found) <= best.fun * (1 + 1e-6) + 1e-9
    np.testing.assert_allclose(found, best.x, atol=0.05)


def test_pocs_ends_in_the_intersection_of_the_discs():
    for seed in range(5):
        anchors, ranges, _ = scene(seed)
        found = pocs(anchors, ranges + 20.0, np.array([500.0, -300.0]))
        assert (np.linalg.norm(anchors - found, axis=1) <= ranges + 20.5).all()
    inside = MIDDLE.copy()
    np.testing.assert_array_equal(pocs(anchors, np.full(5, 1e3), inside), inside)


def test_a_detour_moves_robust_programs_less_than_it_is_long():
    for seed in range(3):
        anchors, ranges, user = scene(seed)
        late = ranges.copy()
        late[1] += 20.0
        for found in (sdp(anchors, late, 0.0), robust_sdp1(anchors, late, 20.0),
                      robust_sdp2(anchors, late, 20.0)):  # fmt: skip
            assert np.linalg.norm(found.xy_m - user) < 20.0
            assert not found.softened


def test_discs_that_do_not_meet_are_said():
    anchors = np.array([[0.0, 0.0], [100.0, 0.0], [50.0, 90.0]])
    for program in (lambda d: robust_sdp1(anchors, d, 0.7), lambda d: robust_sdp2(anchors, d, 0.7)):
        found = program(np.array([20.0, 20.0, 20.0]))
        assert found.softened
        assert found.xy_m is not None
        assert not program(np.array([70.0, 70.0, 70.0])).softened
