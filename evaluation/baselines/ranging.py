"""Positions from ranges to anchors, without a solver: POCS, bisection, correntropy (SPEC 3.9).

Anchors (J, 2) and ranges (J,) in metres; a range is time of arrival times the speed of light, so
never shorter than the distance but for noise. Written from the problem statements of SPEC 3.9.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.optimize import brentq

Array = NDArray[np.float64]
_D = np.diag([1.0, 1.0, 0.0])
_G = np.array([0.0, 0.0, -0.5])
_LEAST_RANGE_M = 1e-3


def pocs(anchors: Array, ranges: Array, start: Array) -> Array:
    """A point of the intersection of the discs, by relaxed projections onto one after another.

    10 J steps with relaxation 1, then 20 J steps with 1 / ceil((t - 10 J + 1) / J).
    """
    x, count = start.astype(float), len(anchors)
    for t in range(1, 30 * count + 1):
        relax = 1.0 if t <= 10 * count else 1.0 / math.ceil((t - 10 * count + 1) / count)
        anchor, radius = anchors[(t - 1) % count], ranges[(t - 1) % count]
        away = x - anchor
        distance = float(np.hypot(*away))
        if distance > radius:
            x = x + relax * (anchor + away * (max(radius, 0.0) / distance) - x)
    return x


def gtrs(a: Array, f: Array, weight: Array) -> Array:
    """The point x (2,) of min ||W (A y - f)||, y = (x, |x|²): a generalised trust region problem.

    Its multiplier is the root of a decreasing function, bracketed by doubling.

    Args:
        a: (M, 3); f: (M,); weight: (M,) > 0.
    """
    # Columns of one size: |x|² is some hundred times x.
    scale = np.array([1.0, 1.0, max(1.0, float(np.abs(a[:, :2]).max()))])
    rows = a * (weight[:, None] * scale)
    normal = rows.T @ rows + 1e-12 * np.trace(rows.T @ rows) * np.eye(3)
    right = rows.T @ (weight * f)
    g = _G * scale
    # M + λ D must stay positive definite.
    largest = float(eigh(_D, normal, eigvals_only=True)[-1])
    low = -1.0 / largest

    def point(multiplier: float) -> Array:
        return np.linalg.solve(normal + multiplier * _D, right - multiplier * g)

    def constraint(multiplier: float) -> float:
        y = point(multiplier)
        return float(y @ _D @ y + 2 * g @ y)

    begin = low * (1 - 1e-9) if low < 0 else low
    step, end = max(1.0, abs(low)), begin
    for _ in range(200):
        end = begin + step
        if constraint(end) < 0:
            break
        step *= 2
    else:
        return point(end)[:2]
    near = begin + 1e-9 * step
    if constraint(near) <= 0:
        return point(near)[:2]
    return point(brentq(constraint, near, end, xtol=1e-12 * max(1.0, abs(end))))[:2]


def bisection(anchors: Array, ranges: Array, most_bias_m: float) -> Array:
    """Robust squared ranges (Tomic): the bias of every range lies between 0 and ``most_bias_m``, so
    the point lies between two circles, of radii d and d - b; both are fitted."""
    middle = ranges - most_bias_m / 2
    weight = np.sqrt(1 - ranges / ranges.sum()) / (2 * np.maximum(ranges, _LEAST_RANGE_M))
    squares = (anchors**2).sum(axis=1)
    a, f, w = [], [], []
    for side in (-1, 1):
        # Of a range no longer than the bias the inner circle is a point.
        radius = np.maximum(middle + side * most_bias_m / 2, 0.0)
        a.append(np.column_stack([2 * anchors, -np.ones(len(anchors))]))
        f.append(squares - radius**2)
        w.append(weight)
    return gtrs(np.vstack(a), np.concatenate(f), np.concatenate(w))


def correntropy(anchors: Array, ranges: Array, start: Array, rounds: int = 10) -> Array:
    """Squared ranges weighted by how usual their residual is (Welsch; Xiong), reweighted until the
    point moves by less than 1e-5 m."""
    squares = (anchors**2).sum(axis=1)
    a = np.column_stack([2 * anchors, -np.ones(len(anchors))])
    f = squares - ranges**2
    x, width = start.astype(float), 1e7
    for _ in range(rounds):
        residual = ranges**2 - ((x - anchors) ** 2).sum(axis=1)
        # exp(-e²/2σ²) is the square of the weight; a floor keeps three rows apart.
        weight = np.sqrt(np.maximum(np.exp(-(residual**2) / (2 * width**2)), 1e-6))
        moved = gtrs(a, f, weight)
        done = float(np.hypot(*(moved - x))) < 1e-5
        x = moved
        if done:
            break
        left = ranges**2 - ((x - anchors) ** 2).sum(axis=1)
        quartiles = np.subtract(*np.quantile(left, [0.75, 0.25])) / 1.34
        width = max(1.06 * min(left.std(), quartiles) * len(left) ** -0.2, 1e-6)
    return x
