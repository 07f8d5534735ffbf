"""Positions from ranges by semidefinite programs (Clarabel): SDP, robust SDP 1, 2 (SPEC 3.9).

The discs |x - s| <= d, which a range without noise fulfils, are softened by slack at a price: with
noise they may not meet. Whether they had to be is reported.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Metres are divided by this, so that squares stay near 1.
UNIT_M = 100.0
_PRICE = 1e3
# Squared units of slack that count as none.
_SLACK = 1e-6


class Found(NamedTuple):
    """``xy_m`` (2,), None where the solver gave up; ``softened``: whether the discs do not meet."""

    xy_m: Array | None
    softened: bool


def sdp(anchors: Array, ranges: Array, sigma_m: float) -> Found:
    """Vaghefi's program: squared-range residuals with a slack c >= 0 for the detour of each."""
    s, d, sigma = anchors / UNIT_M, ranges / UNIT_M, max(sigma_m, 1.0) / UNIT_M
    x, z, c, slack = _unknowns(len(d))
    # Of the largest: a slack must never pay.
    weight = (d.min() / d) ** 2
    h = z - 2 * s @ x + (s**2).sum(axis=1)
    least = weight @ cp.square(d**2 - h - c) + weight @ cp.square(c)
    limits = [h <= d**2 + 4 * sigma * d + slack, c >= 0, slack >= 0, _lifted(x, z)]
    return _solved(least, limits, x, slack)


def robust_sdp1(anchors: Array, ranges: Array, most_bias_m: float, sigma_m: float = 1.0) -> Found:
    """Wang's program: the worst bias between 0 and ``most_bias_m``, by the S-lemma."""
    s, d, b = anchors / UNIT_M, ranges / UNIT_M, most_bias_m / UNIT_M
    n, inverse = len(d), UNIT_M / sigma_m
    x, r, _, slack = _unknowns(n)
    g, big = cp.Variable(n), cp.Variable((n, n), symmetric=True)
    eta, multiplier = cp.Variable(), cp.Variable()
    column = cp.reshape(inverse * (d - g) - (multiplier * b / 2) * np.ones(n), (n, 1), order="C")
    corner = -inverse * cp.trace(big) + 2 * inverse * d @ g - inverse * d @ d + eta
    worst = cp.bmat(
        [[(multiplier - inverse) * np.eye(n), column],
         [column.T, cp.reshape(corner, (1, 1), order="C")]]
    )  # fmt: skip
    limits = [worst >> 0, multiplier >= 0, _lifted_by(g, big), _lifted(x, r), slack >= 0]
    limits += _distances(s, x, r, big)
    limits.append(r - 2 * s @ x <= d**2 - (s**2).sum(axis=1) + slack)
    return _solved(eta, limits, x, slack)


def robust_sdp2(anchors: Array, ranges: Array, most_bias_m: float, sigma_m: float = 1.0) -> Found:
    """Chen's program: as robust SDP 1 with one more bias that balances all of them."""
    s, d, b = anchors / UNIT_M, ranges / UNIT_M, most_bias_m / UNIT_M
    n, inverse = len(d), UNIT_M / sigma_m
    x, r, _, slack = _unknowns(n)
    g, big = cp.Variable(n + 1), cp.Variable((n + 1, n + 1), symmetric=True)
    eta, multiplier = cp.Variable(), cp.Variable()
    both = np.hstack([np.eye(n), np.ones((n, 1))])
    balance, most = b / 4, np.full(n, b)
    left_column = (balance - most)[:, None]
    last = np.array([[n * balance**2 - 2 * balance * most.sum()]])
    left = np.block([[np.eye(n), left_column], [left_column.T, last]])
    column = cp.reshape(inverse * (both @ g - d), (n, 1), order="C")
    corner = inverse * cp.trace(both.T @ both @ big) - 2 * inverse * d @ both @ g
    corner = corner + inverse * d @ d - eta
    right = cp.bmat(
        [[inverse * np.eye(n), column], [column.T, cp.reshape(corner, (1, 1), order="C")]]
    )
    limits = [multiplier * left - right >> 0, multiplier >= 0, _lifted_by(g, big), _lifted(x, r)]
    limits += _distances(s, x, r, big)
    limits += [g[n] >= 0, g[n] <= balance, big[n, n] >= 0, big[n, n] <= balance**2, slack >= 0]
    limits.append(r - 2 * s @ x <= d**2 - (s**2).sum(axis=1) + slack)
    return _solved(eta, limits, x, slack)


def _unknowns(n: int) -> tuple[Any, Any, Any, Any]:
    return cp.Variable(2), cp.Variable(), cp.Variable(n), cp.Variable(n)


def _lifted(x: Any, z: Any) -> Any:
    """z >= |x|²."""
    column = cp.reshape(x, (2, 1), order="C")
    return cp.bmat([[np.eye(2), column], [column.T, cp.reshape(z, (1, 1), order="C")]]) >> 0


def _lifted_by(g: Any, big: Any) -> Any:
    """big >= g gᵀ."""
    column = cp.reshape(g, (g.shape[0], 1), order="C")
    return cp.bmat([[big, column], [column.T, np.ones((1, 1))]]) >> 0


def _distances(s: Array, x: Any, r: Any, big: Any) -> list[Any]:
    """Squared distances on the diagonal; products of two at least the product of the vectors."""
    limits = []
    for i in range(len(s)):
        limits.append(big[i, i] == r - 2 * s[i] @ x + s[i] @ s[i])
        for j in range(i):
            limits.append(big[i, j] >= cp.abs(r - (s[i] + s[j]) @ x + s[i] @ s[j]))
    return limits


def _solved(least: Any, limits: list[Any], x: Any, slack: Any) -> Found:
    problem = cp.Problem(cp.Minimize(least + _PRICE * cp.sum(slack)), limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem.solve(solver=cp.CLARABEL)
    except cp.SolverError:
        return Found(None, True)
    if x.value is None or not np.isfinite(x.value).all():
        return Found(None, True)
    return Found(np.asarray(x.value) * UNIT_M, bool((slack.value > _SLACK).any()))
