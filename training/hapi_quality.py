"""The error that a position of Hapi expects of itself, regressed on virtual users (SPEC 5.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.fingerprint import Fingerprint
from sdk.positioners.ranks import Ranks
from sdk.rank_rules import QUALITY_FEATURES
from training.decode import Decoded
from training.virtual_users import Users

LEAST_M, MOST_M = 0.5, 50.0


@dataclass(frozen=True)
class Answers:
    """What a positioner says of n scans: positions with the error it expects (spread_m), and the
    features (n, 4) of the regression, 0 where its rules have no quality."""

    found: Decoded
    features: NDArray[np.float64]


def answers(positioner: Ranks, users: Users) -> Answers:
    """Every scan through the code of the device, one at a time."""
    n = len(users)
    xy, floor, spread = np.empty((n, 2)), np.empty(n, dtype=np.int32), np.empty(n)
    features = np.zeros((n, len(QUALITY_FEATURES)))
    unknown = np.zeros(users.rssi_dbm.shape[1], dtype=np.bool_)
    for i, rssi_dbm in enumerate(users.rssi_dbm):
        heard = int(np.isfinite(rssi_dbm).sum())
        prepared = positioner.prepare(Fingerprint(rssi_dbm, unknown, heard, heard, heard))
        answer = positioner.invoke(prepared)
        posterior = positioner.decode(answer)
        xy[i, 0], xy[i, 1], floor[i] = posterior.mean()
        spread[i] = posterior.spread_m()
        if answer.quality is not None:
            features[i] = answer.quality
    return Answers(Decoded(xy, floor, spread), features)


def no_quality(threshold: float) -> dict[str, Any]:
    """Rules under which a positioner shows its features: an expected error of 0.5 m always."""
    zeros = [0.0] * len(QUALITY_FEATURES)
    return {
        "intercept_m": LEAST_M, "coefficients": zeros, "threshold": threshold,
        "least_m": LEAST_M, "most_m": MOST_M,
    }  # fmt: skip


def fit_quality(
    features: NDArray[np.float64], error_m: NDArray[np.float64], threshold: float
) -> dict[str, Any]:
    """The ``quality`` of a bundle: least squares of the error (n,) on the features (n, 4).

    Raises ValueError for no rows or unequal lengths.
    """
    if not len(error_m) or features.shape != (len(error_m), len(QUALITY_FEATURES)):
        raise ValueError(f"features {features.shape} of {len(error_m)} errors: expected (n, 4)")
    middle, scale = features.mean(axis=0), features.std(axis=0)
    # A feature that never varies explains nothing and gets no weight.
    scale = np.where(scale < 1e-9, np.inf, scale)
    standard = np.column_stack([np.ones(len(error_m)), (features - middle) / scale])
    weight = np.linalg.lstsq(standard, error_m, rcond=None)[0]
    slope = weight[1:] / scale
    return {
        **no_quality(threshold),
        "intercept_m": float(weight[0] - slope @ middle),
        "coefficients": slope.tolist(),
    }


def rank_correlation(expected_m: NDArray[np.float64], error_m: NDArray[np.float64]) -> float:
    """Spearman's, 0 where one of them never varies."""
    if np.ptp(expected_m) == 0 or np.ptp(error_m) == 0:
        return 0.0
    return float(np.corrcoef(_ranks(expected_m), _ranks(error_m))[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal values share the mean of their ranks."""
    _, member, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[member]
