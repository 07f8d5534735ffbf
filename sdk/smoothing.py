"""Recorded walks: smoothing with the future known, and the Kalman refinement of Hapi's paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .fix import Fix
from .native import KalmanFilter
from .track import R68_PER_SIGMA, START_SPEED_M_S, STEP_S
from .venue import Venue

# Neighbouring scans err alike, so smoothing takes a fifth off the error (ble_tetam: 2.64 to 2.10 m)
# where the covariance, which takes them for independent, promises far more.
SMOOTHED_FLOOR = 0.8
_OBSERVED = np.eye(2, 4)


class _Step(NamedTuple):
    """One fix of a walk: predicted and filtered state, and how it was reached."""

    transition: NDArray[np.float64]
    predicted: NDArray[np.float64]
    predicted_covariance: NDArray[np.float64]
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]


def smooth(
    fixes: Sequence[Fix],
    accel_sigma: float = 0.3,
    gap_ms: int = 60_000,
    venue: Venue | None = None,
) -> list[Fix]:
    """The fixes of one user's walk, each with what came before and after taken into account.

    Fixed-interval (Rauch-Tung-Striebel) smoothing over the model of `Track`: constant velocity,
    white acceleration in steps of at most 1 s, the variance of a Gaussian whose 68 % radius is the
    fix's `accuracy_m`. The fixes must be measured ones (`Localizer.locate`, `Track.measured`), not
    those of a track. A fix without a position gets one where the walk was measured at most
    `gap_ms` before it, and keeps its status; after a longer gap the walk begins anew. Floors,
    statuses and candidates stay; `accuracy_m` is never below three quarters of the fix's own.

    Args:
        venue: for latitude and longitude; None leaves both out.

    Raises:
        ValueError: the fixes go back in time, or accel_sigma is not a number >= 0.
    """
    if not 0 <= accel_sigma < np.inf:
        raise ValueError(f"accel_sigma must be >= 0 m/s^2, got {accel_sigma!r}")
    smoothed = list(fixes)
    for walk in _walks(fixes, gap_ms):
        measured = fixes[walk[0]]
        states, covariances = _smoothed([fixes[i] for i in walk], accel_sigma)
        for i, state, covariance in zip(walk, states, covariances, strict=True):
            if fixes[i]:
                measured = fixes[i]
            smoothed[i] = _moved(fixes[i], measured, state, covariance, venue)
    return smoothed


def _walks(fixes: Sequence[Fix], gap_ms: int) -> list[list[int]]:
    """Indices of the fixes of each walk; the first of each is measured."""
    walks: list[list[int]] = []
    measured_ms: int | None = None
    before_ms: int | None = None
    for i, fix in enumerate(fixes):
        if before_ms is not None and fix.timestamp_ms < before_ms:
            raise ValueError(f"fix {i}: {fix.timestamp_ms} ms comes after {before_ms} ms")
        before_ms = fix.timestamp_ms
        goes_on = measured_ms is not None and fix.timestamp_ms - measured_ms <= gap_ms
        if goes_on:
            walks[-1].append(i)
        elif fix:
            walks.append([i])
        if fix:
            measured_ms = fix.timestamp_ms
    return walks


def _smoothed(
    walk: Sequence[Fix], accel_sigma: float
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """States (4,) = x, y, vx, vy and covariances (4, 4) of a walk."""
    state, covariance = _start(walk[0])
    steps = [_Step(np.eye(4), state, covariance, state, covariance)]
    for before, fix in pairwise(walk):
        transition, noise = moved_for((fix.timestamp_ms - before.timestamp_ms) / 1000, accel_sigma)
        predicted = transition @ state
        wide = transition @ covariance @ transition.T + noise
        state, covariance = _updated(predicted, wide, fix) if fix else (predicted, wide)
        steps.append(_Step(transition, predicted, wide, state, covariance))
    states, covariances = [state], [covariance]
    for step, after in zip(steps[-2::-1], steps[:0:-1], strict=True):
        # The gain P F' Pp^-1 from a solve: P and Pp are symmetric.
        gain = np.linalg.solve(after.predicted_covariance, after.transition @ step.covariance).T
        states.append(step.state + gain @ (states[-1] - after.predicted))
        change = covariances[-1] - after.predicted_covariance
        covariances.append(step.covariance + gain @ change @ gain.T)
    return states[::-1], covariances[::-1]


def moved_for(dt_s: float, accel_sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transition (4, 4) and noise (4, 4) over dt_s seconds, in the steps of `Track`."""
    transition, noise = np.eye(4), np.zeros((4, 4))
    while dt_s > 0:
        step_s = min(dt_s, STEP_S)
        one = np.eye(4)
        one[0, 2] = one[1, 3] = step_s
        pushed = accel_sigma * np.concatenate([np.eye(2) * step_s**2 / 2, np.eye(2) * step_s])
        transition = one @ transition
        noise = one @ noise @ one.T + pushed @ pushed.T
        dt_s -= step_s
    return transition, noise


def _measured(fix: Fix) -> tuple[NDArray[np.float64], float]:
    """(x, y), and the variance of each."""
    assert fix.x_m is not None
    assert fix.y_m is not None
    assert fix.accuracy_m is not None
    return np.array([fix.x_m, fix.y_m]), (fix.accuracy_m / R68_PER_SIGMA) ** 2


def _start(fix: Fix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    position, variance = _measured(fix)
    speed = START_SPEED_M_S**2
    return np.concatenate([position, [0.0, 0.0]]), np.diag([variance, variance, speed, speed])


def _updated(
    state: NDArray[np.float64], covariance: NDArray[np.float64], fix: Fix
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    position, variance = _measured(fix)
    gain = np.linalg.solve(covariance[:2, :2] + variance * np.eye(2), covariance[:2]).T
    # Joseph's form: symmetric and positive definite however often it is used.
    left = np.eye(4) - gain @ _OBSERVED
    spread = left @ covariance @ left.T + variance * gain @ gain.T
    return state + gain @ (position - state[:2]), spread


def _moved(
    fix: Fix,
    measured: Fix,
    state: NDArray[np.float64],
    covariance: NDArray[np.float64],
    venue: Venue | None,
) -> Fix:
    x_m, y_m = float(state[0]), float(state[1])
    sigma = float(np.sqrt((covariance[0, 0] + covariance[1, 1]) / 2))
    assert measured.accuracy_m is not None
    latitude, longitude = (venue.to_wgs84(x_m, y_m) if venue else None) or (None, None)
    return replace(
        fix,
        x_m=x_m,
        y_m=y_m,
        floor=measured.floor if fix.floor is None else fix.floor,
        accuracy_m=max(R68_PER_SIGMA * sigma, SMOOTHED_FLOOR * measured.accuracy_m),
        latitude=latitude,
        longitude=longitude,
    )


def refined(
    fixes: Sequence[Fix], window_ms: int = 60_000, accel_sigma: float = 0.0
) -> list[tuple[float, float] | None]:
    """The paper's Kalman refinement (Hapi eq. 16-24, SPEC 5.7): (x, y) for every measured fix.

    For each fix a filter runs afresh over the measured fixes of the last `window_ms`: it starts at
    the first with speed 0 and covariance 100 I, and takes in position and speed (the difference
    to the fix before) with the variances q^2 and (q_t^2 + q_before^2) / dt^2, q = `accuracy_m`.
    None where a fix has no position. Kept to be compared with `Track` and `smooth`.
    """
    answers: list[tuple[float, float] | None] = []
    for i, fix in enumerate(fixes):
        since_ms = fix.timestamp_ms - window_ms
        window = [one for one in fixes[: i + 1] if one and one.timestamp_ms > since_ms]
        answers.append(_last_of(window, accel_sigma) if fix else None)
    return answers


def _last_of(window: Sequence[Fix], accel_sigma: float) -> tuple[float, float]:
    position, _ = _measured(window[0])
    kalman = KalmanFilter([*position, 0.0, 0.0], 100.0 * np.eye(4), accel_sigma)
    for before, fix in pairwise(window):
        dt_s = (fix.timestamp_ms - before.timestamp_ms) / 1000
        (x, y), (x0, y0) = _measured(fix)[0], _measured(before)[0]
        assert fix.accuracy_m is not None
        assert before.accuracy_m is not None
        q2, before_q2 = fix.accuracy_m**2, before.accuracy_m**2
        kalman.predict(dt_s)
        if dt_s > 0:
            speed_variance = (q2 + before_q2) / dt_s**2
            z = [x, y, (x - x0) / dt_s, (y - y0) / dt_s]
            kalman.update(z, [q2, q2, speed_variance, speed_variance])
        else:
            kalman.update([x, y], [q2, q2])
    return float(kalman.state[0]), float(kalman.state[1])
