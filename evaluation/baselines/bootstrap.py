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


NOTHING = Estimate(None, None, None)


@dataclass(frozen=True)
class Score:
    """What a method did on n scans in ``groups`` groups; errors over the answered ones.

    ``coverage_68``: share of the answered whose truth lies within the stated radius.
    """

    n: int
    answered: int
    groups: int
    mean_m: Estimate
    median_m: Estimate
    floor_hit: Estimate
    p75_m: Estimate = NOTHING
    p95_m: Estimate = NOTHING
    coverage_68: Estimate = NOTHING

    def plain(self) -> dict[str, object]:
        return asdict(self)


def score(
    error_m: NDArray[np.float64],
    floor_hit: NDArray[np.bool_],
    group: NDArray[np.int64],
    seed: int = 0,
    draws: int = DRAWS,
    radius_m: NDArray[np.float64] | None = None,
) -> Score:
    """Mean, quantiles, floor hit and coverage with intervals.

    Args:
        error_m: (n,) NaN = not answered.
        floor_hit: (n,) False where not answered; over all n scans.
        group: (n,) number from 0 of the group each scan belongs to, at least one scan each.
        seed, draws: of the bootstrap.
        radius_m: (n,) that each answer states; None leaves the coverage out.
    """
    groups = int(group.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), draws)
    answered = np.isfinite(error_m)
    error, its_group = error_m[answered], group[answered]
    found = {"mean_m": NOTHING, "median_m": NOTHING, "p75_m": NOTHING, "p95_m": NOTHING}
    if len(error):
        found["mean_m"] = _share_of(error, its_group, drawn)
        order = np.argsort(error, kind="stable")
        times = drawn[:, its_group[order]]
        for name, share in (("median_m", 0.5), ("p75_m", 0.75), ("p95_m", 0.95)):
            values = quantiles(error[order], times, share)
            found[name] = _estimate(np.quantile(error, share), values)
        if radius_m is not None:
            inside = (error <= radius_m[answered]).astype(np.float64)
            found["coverage_68"] = _share_of(inside, its_group, drawn)
    hit = _share_of((floor_hit & answered).astype(np.float64), group, drawn)
    return Score(len(error_m), int(answered.sum()), groups, floor_hit=hit, **found)


def _share_of(
    values: NDArray[np.float64], group: NDArray[np.int64], drawn: NDArray[np.int64]
) -> Estimate:
    """The mean of values (n,), and its interval over groups drawn (draws, groups)."""
    groups = drawn.shape[1]
    size = np.bincount(group, minlength=groups)
    total = np.bincount(group, weights=values, minlength=groups)
    return _estimate(values.mean(), (drawn @ total) / np.maximum(drawn @ size, 1))


def quantiles(
    ordered: NDArray[np.float64], times: NDArray[np.int64], share: float
) -> NDArray[np.float64]:
    """(draws,) quantile of ascending values (n,), each counted ``times`` (draws, n).

    As numpy's default, between the two nearest; NaN where no value is counted.
    """
    upto = np.cumsum(times, axis=1)
    out = np.full(len(times), np.nan)
    for i in np.flatnonzero(upto[:, -1]):
        at = (upto[i, -1] - 1) * share
        below, above = np.searchsorted(upto[i], [np.floor(at), np.ceil(at)], side="right")
        out[i] = ordered[below] + (at % 1) * (ordered[above] - ordered[below])
    return out


def _estimate(value: float, draws: NDArray[np.float64]) -> Estimate:
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
