"""Posteriors to positions, many at a time: what ``sdk.posterior`` does for one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdk.posterior import MEDIAN_SOFT_M, MEDIAN_STEPS

ESTIMATES = ("mean", "median", "mode")


class Decoded(NamedTuple):
    """``xy_m`` (B, 2), ``floor`` (B,), ``spread_m`` (B,) as in ``sdk.posterior.Posterior``."""

    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    spread_m: NDArray[np.float64]


def softmax(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """(B, G) scores to probabilities."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    weight = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def _median(
    probability: NDArray[np.float64],
    places_xy_m: NDArray[np.float64],
    places_floor: NDArray[np.int32],
    start: NDArray[np.float64],
    floor: NDArray[np.int32],
) -> NDArray[np.float64]:
    """``Posterior.median`` of (B, G) posteriors, from their means."""
    found = start.copy()
    for row, level in enumerate(floor):
        here = places_floor == level
        place, weight = places_xy_m[here], probability[row, here]
        for _ in range(MEDIAN_STEPS):
            away = np.sqrt(((place - found[row]) ** 2).sum(axis=1) + MEDIAN_SOFT_M**2)
            near = weight / away
            found[row] = near @ place / near.sum()
    return found


def decode(
    probability: NDArray[np.float64],
    places_xy_m: NDArray[np.float64],
    places_floor: NDArray[np.int32],
    estimate: str = "mean",
) -> Decoded:
    """Positions of (B, G) posteriors; the spread is about the mean on the most probable floor."""
    floors = np.unique(places_floor)
    on_floor = np.stack([probability[:, places_floor == f].sum(axis=1) for f in floors], axis=1)
    floor = floors[on_floor.argmax(axis=1)].astype(np.int32)
    mean = np.empty((len(probability), 2))
    spread = np.empty(len(probability))
    for level in np.unique(floor):
        rows, here = floor == level, places_floor == level
        p = probability[np.ix_(rows, here)]
        p = p / p.sum(axis=1, keepdims=True)
        centre = places_xy_m[here].mean(axis=0)
        place = places_xy_m[here] - centre
        m = p @ place
        mean[rows] = m + centre
        spread[rows] = np.sqrt(np.maximum(p @ (place**2).sum(axis=1) - (m**2).sum(axis=1), 0.0))
    if estimate == "mean":
        return Decoded(mean, floor, spread)
    if estimate == "median":
        return Decoded(_median(probability, places_xy_m, places_floor, mean, floor), floor, spread)
    if estimate != "mode":
        raise ValueError(f"estimate is {estimate!r}, expected one of {', '.join(ESTIMATES)}")
    top = probability.argmax(axis=1)
    return Decoded(places_xy_m[top], places_floor[top].astype(np.int32), spread)
