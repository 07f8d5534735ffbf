"""Answers along recorded walks: the filter of a track, the paper's refinement, smoothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.hapi_system import Answers
from sdk.fix import Fix, Status
from sdk.native import KalmanFilter
from sdk.smoothing import refined, smooth
from sdk.track import R68_PER_SIGMA, START_SPEED_M_S, STEP_S

GAP_MS = 60_000
Walks = tuple[NDArray[np.int64], NDArray[np.object_]]


def walks_of(session: NDArray[np.object_]) -> Iterator[NDArray[np.int64]]:
    """Rows of each walk, in their order."""
    for name in dict.fromkeys(session):
        yield np.flatnonzero(session == name)


def fixes_of(answers: Answers, timestamp_ms: NDArray[np.int64]) -> list[Fix]:
    """The answers as a device's fixes."""
    out = []
    for (x, y), floor, radius, now in zip(
        answers.xy_m.tolist(), answers.floor.tolist(), answers.radius_m.tolist(),
        timestamp_ms.tolist(), strict=True,
    ):  # fmt: skip
        if np.isnan(x):
            out.append(Fix(now, Status.TOO_FEW_APS))
        else:
            out.append(Fix(now, Status.OK, x, y, floor, max(radius, 1e-3)))
    return out


def tracked(fixes: Sequence[Fix], accel_sigma: float) -> list[tuple[float, float] | None]:
    """(x, y) after each fix: the filter of ``sdk.track`` without its floors and statuses."""
    out: list[tuple[float, float] | None] = []
    kalman, measured_ms, now_ms = None, 0, 0
    for fix in fixes:
        if kalman is not None and fix.timestamp_ms - measured_ms > GAP_MS:
            kalman = None
        left_s, now_ms = (fix.timestamp_ms - now_ms) / 1000, fix.timestamp_ms
        while kalman is not None and left_s > 0:
            kalman.predict(min(left_s, STEP_S))
            left_s -= STEP_S
        if fix:
            variance = (fix.accuracy_m / R68_PER_SIGMA) ** 2
            measured_ms = fix.timestamp_ms
            if kalman is None:
                spread = np.diag([variance, variance, START_SPEED_M_S**2, START_SPEED_M_S**2])
                kalman = KalmanFilter([fix.x_m, fix.y_m, 0.0, 0.0], spread, accel_sigma)
            else:
                kalman.update([fix.x_m, fix.y_m], [variance, variance])
        out.append(None if kalman is None else (float(kalman.state[0]), float(kalman.state[1])))
    return out


METHODS: dict[str, Callable[[Sequence[Fix]], Sequence[tuple[float, float] | None]]] = {
    "Kalman of the paper (60 s, 0 m/s²)": lambda f: refined(f, 60_000, 0.0),
    "Kalman of the paper (60 s, 0.1 m/s²)": lambda f: refined(f, 60_000, 0.1),
    "track, 0.1 m/s²": lambda f: tracked(f, 0.1),
    "track, 0.3 m/s²": lambda f: tracked(f, 0.3),
    "RTS smoothing, 0.1 m/s²": lambda f: _places(smooth(f, 0.1)),
    "RTS smoothing, 0.3 m/s²": lambda f: _places(smooth(f, 0.3)),
}
TRACK = "track, 0.3 m/s²"


def along(
    method: str,
    answers: Answers,
    timestamp_ms: NDArray[np.int64],
    session: NDArray[np.object_],
) -> NDArray[np.float64]:
    """(n, 2) the places that a method makes of the answers, walk by walk; NaN where it has none."""
    out = np.full_like(answers.xy_m, np.nan)
    for rows in walks_of(session):
        part = Answers(answers.xy_m[rows], answers.floor[rows], answers.radius_m[rows])
        for row, place in zip(rows, METHODS[method](fixes_of(part, timestamp_ms[rows])),
                              strict=True):  # fmt: skip
            if place is not None:
                out[row] = place
    return out


def _places(fixes: Sequence[Fix]) -> list[tuple[float, float] | None]:
    return [(f.x_m, f.y_m) if f else None for f in fixes]  # type: ignore[misc]
