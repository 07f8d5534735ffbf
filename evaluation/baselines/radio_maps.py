"""The fingerprint baselines of LocUNet's table III on radio maps (SPEC 3.8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.radio_knn import RadioKnn, best_k
from training.radio_likelihood import measured
from training.radio_worlds import Samples, Worlds

SHARES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_MOST_ADAPTIVE = 1024


@dataclass(frozen=True)
class Fitted:
    """Errors (B,) of test samples, and what was chosen on the training maps."""

    error_m: NDArray[np.float64]
    chosen: dict[str, Any]


Baseline = Callable[[Worlds, Samples, Worlds, Samples], Fitted]


def fixed(kind: RadioKnn) -> Baseline:
    """One k for all, chosen on the training samples."""

    def fit(worlds: Worlds, train: Samples, others: Worlds, test: Samples) -> Fitted:
        here = kind if kind.box is None else replace(kind, box=worlds.box)
        k = best_k(here, worlds, train)
        return Fitted(replace(here, k=k).errors_m(others, test), {"k": k})

    return fit


def conditional(worlds: Worlds, train: Samples, others: Worlds, test: Samples) -> Fitted:
    """A k for each number of transmitters above the noise floor, over these transmitters alone."""
    kind = RadioKnn(1, heard=True)
    learned, asked = heard(worlds, train), heard(others, test)
    error = np.full(len(test), np.nan)
    chosen = {}
    for number in np.unique(asked).tolist():
        # As good as any where the training maps have no such user.
        similar = learned == number if (learned == number).any() else learned > 0
        k = best_k(kind, worlds, train.part(_rows(similar)))
        rows = np.flatnonzero(asked == number)
        error[rows] = replace(kind, k=k).errors_m(others, test.part(_rows(asked == number)))
        chosen[str(number)] = k
    return Fitted(error, {"k": chosen})


def adaptive(worlds: Worlds, train: Samples, others: Worlds, test: Samples) -> Fitted:
    """All pixels nearly as near as the nearest; how nearly is chosen on the training samples."""
    kinds = {share: RadioKnn(_MOST_ADAPTIVE, share=share) for share in SHARES}
    best = min(SHARES, key=lambda share: float(kinds[share].errors_m(worlds, train).mean()))
    error, used = kinds[best].errors_of(others, test, (_MOST_ADAPTIVE,))
    return Fitted(error[0], {"share": best, "mean_k": float(used.mean())})


def heard(worlds: Worlds, samples: Samples) -> NDArray[np.int64]:
    """How many of its transmitters each sample receives (B,)."""
    return measured(worlds, samples).isfinite().sum(dim=1).cpu().numpy()


def _rows(mask: NDArray[np.bool_]) -> Any:
    import torch

    return torch.from_numpy(np.flatnonzero(mask))


BASELINES: dict[str, Baseline] = {
    "kNN": fixed(RadioKnn(1)),
    # The box is that of the training maps' users; it is filled in when it is fitted.
    "kNN outdoors in the box": fixed(RadioKnn(1, box=(0, 0))),
    "kNN conditional": conditional,
    "kNN adaptive": adaptive,
    "kNN Manhattan": fixed(RadioKnn(1, "l1")),
}
