"""95 % intervals by drawing whole groups again: the points of a survey, or its walks.

Scans at one point, or one after the other on a walk, share their error; drawing them one by one
would promise more than there is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its 95 % interval; all None where nothing was answered."""

    value: float | None
    low: float | None
    high: float | None

    def text(self, digits: int = 2) -> str:
        if self.value is None:
            return "–"
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


@dataclass(frozen=True)
class Score:
    """What a method did on n scans in ``groups`` groups; errors over the answered ones."""

    n: int
    answered: int
    groups: int
    mean_m: Estimate
    median_m: Estimate
    floor_hit: Estimate

    def plain(self) -> dict[str, object]:
        return asdict(self)


def score(
    error_m: NDArray[np.float64],
    floor_hit: NDArray[np.bool_],
    group: NDArray[np.int64],
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """Mean, median and floor hit with intervals.

    Args:
        error_m: (n,) NaN = not answered.
        floor_hit: (n,) False where not answered; over all n scans.
        group: (n,) number from 0 of the group each scan belongs to, at least one scan each.
        seed, draws: of the bootstrap.
    """
    groups = int(group.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), draws)
    answered = np.isfinite(error_m)
    error, its_group = error_m[answered], group[answered]
    nothing = Estimate(None, None, None)
    mean = median = nothing
    if len(error):
        size, total = (
            np.bincount(its_group, minlength=groups),
            np.bincount(its_group, weights=error, minlength=groups),
        )
        mean = _estimate(error.mean(), (drawn @ total) / np.maximum(drawn @ size, 1))
        order = np.argsort(error, kind="stable")
        middles = [_median(error[order], row[its_group[order]]) for row in drawn]
        median = _estimate(np.median(error), np.array(middles))
    every = np.bincount(group, minlength=groups)
    hits = np.bincount(group, weights=floor_hit & answered, minlength=groups)
    hit = _estimate((floor_hit & answered).mean(), (drawn @ hits) / (drawn @ every))
    return Score(len(error_m), int(answered.sum()), groups, mean, median, hit)


def _median(ordered: NDArray[np.float64], times: NDArray[np.int64]) -> float:
    """Median of ascending values, each counted ``times``; NaN when none is."""
    upto = np.cumsum(times)
    if not upto[-1]:
        return np.nan
    low, high = np.searchsorted(upto, [(upto[-1] - 1) // 2, upto[-1] // 2], side="right")
    return float(ordered[low] + ordered[high]) / 2


def _estimate(value: float, draws: NDArray[np.float64]) -> Estimate:
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
