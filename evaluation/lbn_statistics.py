"""Is one network better than another, or was it lucky: paired tests over seeds and over points.

Scans of one reference point and visit resemble each other, so the unit is the point, not the scan.
A difference has two sources of luck: the seed (weights, batches, synthetic scans) and the points
that happen to be tested. Each has a paired test of its own, with the other held fixed, and a
bootstrap draws both again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evaluation.lbn_places import DEVELOPMENT_MONTH, OTHER_PHONE

Record = dict[str, Any]
DRAWS = 10_000
LEVEL = 0.05
_APART = (f"month {DEVELOPMENT_MONTH}", OTHER_PHONE)
_MEANS = ("mean_m", "expected_m")


@dataclass(frozen=True)
class Comparison:
    """Mean error of one variant less another's, in metres; negative: the first is better.

    ``low_m``, ``high_m``: 95 % interval of the bootstrap over seeds and points; ``p_seeds``: paired
    t over seeds (NaN for one seed), ``p_points``: Wilcoxon's signed ranks over the points.
    """

    seeds: int
    difference_m: float
    low_m: float
    high_m: float
    p_seeds: float
    p_points: float

    @property
    def told_apart(self) -> bool:
        """By all three."""
        outside = self.low_m > 0 or self.high_m < 0
        return outside and self.p_seeds < LEVEL and self.p_points < LEVEL


def later(record: Record) -> list[str]:
    """The tests that are reported together: not the development month, not the other phone."""
    return [name for name in record["tests"] if name not in _APART]


def pooled(record: Record, tests: Sequence[str] | None = None) -> dict[str, Any]:
    """Figures of several tests taken as one, from the record's figures of each."""
    parts = [record["tests"][t] for t in (tests or later(record))]
    n = np.array([p["n"] for p in parts], dtype=np.float64)
    share = n / n.sum()
    out: dict[str, Any] = {key: float(share @ [p[key] for p in parts]) for key in _MEANS}
    for key in ("margins", "within", "ecdf"):
        out[key] = share @ np.array([p[key] for p in parts])
    square = [p["variance_m2"] + p["mean_m"] ** 2 for p in parts]
    out["variance_m2"] = float(share @ square) - out["mean_m"] ** 2
    out["std_m"] = float(np.sqrt(out["variance_m2"]))
    return out


def points_of(
    record: Record, tests: Sequence[str] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean error (R,) of each point over the tests, and its number of scans (R,)."""
    parts = [record["tests"][t]["by_point"] for t in (tests or later(record))]
    n = np.array([p["n"] for p in parts], dtype=np.float64)
    total = (n * np.array([p["mean_m"] for p in parts])).sum(axis=0)
    return total / np.maximum(n.sum(axis=0), 1), n.sum(axis=0)


def compare(
    first: Sequence[Record], second: Sequence[Record], tests: Sequence[str] | None = None
) -> Comparison | None:
    """The seeds that both have, paired; None without any."""
    a, b = ({r["seed"]: r for r in records} for records in (first, second))
    seeds = sorted(set(a) & set(b))
    if not seeds:
        return None
    pairs = [(points_of(a[s], tests), points_of(b[s], tests)) for s in seeds]
    difference = np.array([one[0] - other[0] for one, other in pairs])
    return paired(difference, pairs[0][0][1])


def paired(difference_m: NDArray[np.float64], scans: NDArray[np.float64]) -> Comparison:
    """From differences (S, R) of every seed and point and the number of scans (R,) of a point."""
    tested = scans > 0
    difference, weight = difference_m[:, tested], scans[tested]
    by_seed = difference @ weight / weight.sum()
    by_point = difference.mean(axis=0)
    seeds, points = difference.shape
    # Nothing to test where nothing differs: scipy would answer NaN and warn.
    p_points = float(stats.wilcoxon(by_point).pvalue) if np.any(by_point) else 1.0
    p_seeds = np.nan
    if seeds > 1:
        p_seeds = float(stats.ttest_rel(by_seed, np.zeros(seeds)).pvalue) if np.ptp(by_seed) else (
            1.0 if not by_seed.any() else 0.0
        )  # fmt: skip
    rng = np.random.default_rng(0)
    drawn_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), DRAWS)
    drawn_points = rng.multinomial(points, np.full(points, 1 / points), DRAWS) * weight
    total = np.einsum("ds,sp,dp->d", drawn_seeds, difference, drawn_points, optimize=True)
    means = total / (seeds * drawn_points.sum(axis=1))
    low, high = np.quantile(means, (0.025, 0.975))
    return Comparison(
        seeds, float(by_seed.mean()), float(low), float(high), float(p_seeds), p_points
    )
