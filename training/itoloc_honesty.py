"""What a radius has to know beside the spread: how few access points are left, and whether the
three modules disagree. All of it is calibrated on held-out scans.

Access points that are gone cost accuracy in a way that the spread does not tell in full: on
uji_library the radius of 68 % held 56 to 60 % of the fixes with half of them gone. So the held-out
scans are heard again without some, unheard and masked, and the radius becomes wider with the number
that is left, by the worse of the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from training.calibration import PERCENTILE, fit_accuracy, radius_at, weighted_quantile
from training.decode import Decoded
from training.record import LEAST_RADIUS_M, MIN_MATCHED_APS

# Scans (B, N) and masked access points (N,) to fixes and the modules' agreement (B,).
Answer: TypeAlias = Callable[
    [NDArray[np.float32], NDArray[np.bool_]], tuple[Decoded, NDArray[np.float64]]
]
GONE = (0.25, 0.5, 0.75)
_DRAWS = 3
_MOST_ROWS = 300
_KNOTS = 6
# So few held-out scans agree less.
LOWEST_SHARE = 0.02
# What a full disagreement may add to the spread, and the least gain that it takes.
_ADDED_M = (1.0, 2.0, 5.0, 10.0)
_LEAST_GAIN = 0.02
_FOLDS = 5


@dataclass(frozen=True)
class Truth:
    """Held-out scans (V, N) dBm, NaN = not heard, with places, weights and spots (V,)."""

    rssi_dbm: NDArray[np.float32]
    xy_m: NDArray[np.float64]
    weight: NDArray[np.float64]
    spot: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Truth:
        """Those of a mask or an index."""
        return Truth(self.rssi_dbm[rows], self.xy_m[rows], self.weight[rows], self.spot[rows])


def calibrated(
    answer: Answer,
    truth: Truth,
    unknown: NDArray[np.bool_],
    accuracy: dict[str, Any],
    seed: int = 0,
    sharpen: bool = True,
) -> tuple[dict[str, Any], float]:
    """The accuracy table of a bundle, ``accuracy`` with what is added to it, and its
    ``least_agreement``.

    The agreement enters the radius only where held-out scans say that it sharpens it, and only
    with ``sharpen``: the table is then of ``truth``, which has to be all that it was fitted on.
    Scans with fewer than MIN_MATCHED_APS readings have no position and tell nothing.
    """
    truth = truth.take((np.isfinite(truth.rssi_dbm) & ~unknown).sum(axis=1) >= MIN_MATCHED_APS)
    found, agreement = answer(truth.rssi_dbm, unknown)
    error = np.linalg.norm(found.xy_m - truth.xy_m, axis=1)
    added = disagreement_m(found.spread_m, agreement, error, truth) if sharpen else 0.0
    table = {k: v for k, v in accuracy.items() if k not in ("disagreement_m", "matched")}
    if added:
        spread = found.spread_m + added * (1.0 - agreement)
        knots = fit_accuracy(spread, error, truth.weight, least_m=LEAST_RADIUS_M)
        table |= {"spread_m": knots[0], "radius_m": knots[1], "disagreement_m": added}
    table["matched"] = widened(answer, truth, unknown, table, seed)
    return table, lowest_agreement(agreement, truth.weight)


def lowest_agreement(agreement: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """What LOWEST_SHARE of the scans (V,) agree less than."""
    return weighted_quantile(agreement, LOWEST_SHARE, weight)


def disagreement_m(
    spread_m: NDArray[np.float64],
    agreement: NDArray[np.float64],
    error_m: NDArray[np.float64],
    truth: Truth,
) -> float:
    """What a full disagreement is to add to the spread; 0 unless it makes the radius sharper.

    Sharper: a pinball loss of the 68 % radius, cross-fitted over spots, that is smaller by 2 % in
    all and in every fold.
    """
    share, weight = PERCENTILE / 100.0, truth.weight
    fold = np.random.default_rng(0).permutation(truth.spot.max() + 1)[truth.spot] % _FOLDS

    def losses(added_m: float) -> NDArray[np.float64]:
        spread = spread_m + added_m * (1.0 - agreement)
        out = np.zeros(_FOLDS)
        for one in range(_FOLDS):
            here = fold == one
            if weight[here].sum() <= 0 or weight[~here].sum() <= 0:
                continue
            table = fit_accuracy(spread[~here], error_m[~here], weight[~here])
            over = error_m[here] - radius_at(table, spread[here])
            loss = np.maximum(share * over, (share - 1.0) * over)
            out[one] = (loss * weight[here]).sum() / weight.sum()
        return out

    without = losses(0.0)
    best, least = 0.0, without.sum() * (1.0 - _LEAST_GAIN)
    for added in _ADDED_M:
        now = losses(added)
        if now.sum() < least and (now <= without).all():
            best, least = added, now.sum()
    return best


def widened(
    answer: Answer,
    truth: Truth,
    unknown: NDArray[np.bool_],
    accuracy: dict[str, Any],
    seed: int = 0,
) -> dict[str, list[float]]:
    """How many times the radius of ``accuracy`` is too small with so many access points matched:
    ``{"aps": knots, "factor": falling, never under 1}``.

    The scans are heard whole, and with each share of GONE taken away by lot, of all access points
    alike and for all scans alike, as boxes are switched off. Whether somebody masks them is not
    known beforehand: what counts is the worse.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(truth.weight))[:_MOST_ROWS])
    some, n_aps = truth.take(rows), truth.rssi_dbm.shape[1]
    matched, ratio, weight = [], [], []
    for share in (0.0, *GONE):
        for _ in range(_DRAWS if share else 1):
            gone = np.zeros(n_aps, dtype=bool)
            gone[rng.permutation(n_aps)[: round(share * n_aps)]] = True
            heard = some.rssi_dbm.copy()
            heard[:, gone] = np.nan
            count = (np.isfinite(heard) & ~unknown).sum(axis=1)
            left = count >= MIN_MATCHED_APS
            if not left.any():
                continue
            both = []
            for masked in (unknown, unknown | gone):
                found, agreement = answer(heard[left], masked)
                spread = found.spread_m + accuracy.get("disagreement_m", 0.0) * (1.0 - agreement)
                radius = radius_at((accuracy["spread_m"], accuracy["radius_m"]), spread)
                both.append(np.linalg.norm(found.xy_m - some.xy_m[left], axis=1) / radius)
            matched.append(count[left])
            ratio.append(np.stack(both, axis=1))
            weight.append(some.weight[left] / (_DRAWS if share else 1))
    return _falling(np.concatenate(matched), np.concatenate(ratio), np.concatenate(weight))


def _falling(
    matched: NDArray[np.int64], ratio: NDArray[np.float64], weight: NDArray[np.float64]
) -> dict[str, list[float]]:
    """Bins of equal weight along the matched access points: the larger 68 % quantile of the two
    columns of ``ratio`` (m, 2), never rising."""
    # Scans with as many access points share a bin, that in which their middle lies.
    _, member = np.unique(matched, return_inverse=True)
    mass = np.bincount(member, weight) / weight.sum()
    number = ((np.cumsum(mass) - mass / 2.0) * _KNOTS).astype(int)[member]
    knots, factors, masses = [], [], []
    for b in range(_KNOTS):
        rows = np.flatnonzero(number == b)
        if len(rows) and weight[rows].sum() > 0:
            knots.append(weighted_quantile(matched[rows].astype(np.float64), 0.5, weight[rows]))
            share = PERCENTILE / 100.0
            factors.append(
                max(weighted_quantile(one, share, weight[rows]) for one in ratio[rows].T)
            )
            masses.append(weight[rows].sum())
    falling = IsotonicRegression(increasing=False)
    factor = falling.fit_transform(knots, factors, sample_weight=masses)
    return {"aps": knots, "factor": np.maximum(factor, 1.0).tolist()}
