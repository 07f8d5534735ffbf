"""Nearest neighbours over the pixels of radio maps: what every table stands beside (SPEC 3.8).

A pixel's fingerprint are the gray values of the radio maps; the k nearest pixels' mean is the
position, unweighted as in the paper. The search is the native core's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk import native
from training.metrics import figures
from training.radio_likelihood import measured, prior
from training.radio_worlds import Samples, Worlds, drawn

COUNTS = (5, 3)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_CHOSEN_PER_MAP = 4


@dataclass(frozen=True)
class RadioKnn:
    """``box``: only pixels outdoors between these two, all pixels where None. ``heard``: only the
    transmitters that were received are compared, not those below the noise floor. ``share``:
    adaptive, the pixels whose squared distance is at most (1 + share) times the least and one level
    more, of the ``k`` nearest."""

    k: int
    metric: str = "l2"
    box: tuple[int, int] | None = None
    heard: bool = False
    share: float | None = None

    def errors_m(self, worlds: Worlds, samples: Samples) -> NDArray[np.float64]:
        """(B,) distances to the users."""
        return self.errors_of(worlds, samples, (self.k,))[0][0]

    def errors_of(
        self, worlds: Worlds, samples: Samples, sizes: Sequence[int]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(len(sizes), B) distances with the k of ``sizes``, and the mean number of pixels (B,)."""
        error = np.empty((len(sizes), len(samples)))
        used = np.empty(len(samples))
        for rows, database, xy_m, query, truth in self._groups(worlds, samples):
            most = min(max(sizes), len(database))
            index, distance = native.weighted_knn(database, query, most, self.metric)
            taken = np.ones(distance.shape, dtype=np.bool_)
            if self.share is not None:
                square = distance.astype(np.float64) ** 2
                taken = square <= (1 + self.share) * square[:, :1] + (1 / 255) ** 2
            weight = taken[:, :, None] * xy_m[index]
            count = taken.cumsum(axis=1)
            means = weight.cumsum(axis=1) / count[:, :, None]
            away = np.linalg.norm(means - truth[:, None, :], axis=2)
            for i, k in enumerate(sizes):
                error[i, rows] = away[:, min(k, most) - 1]
            used[rows] = count[:, min(self.k, most) - 1]
        return error, used

    def _groups(self, worlds: Worlds, samples: Samples) -> Iterator[tuple[Any, ...]]:
        """Samples of one map and one deployment share the database."""
        one, transmitter = samples.map.cpu().numpy(), samples.transmitter.cpu().numpy()
        values = measured(worlds, samples).cpu().numpy()
        gray = worlds.gray.share(values)
        if self.heard:
            gray = np.where(np.isnan(values), np.nan, gray).astype(np.float32)
        truth = worlds.user[samples.map, samples.user].cpu().numpy()
        keys, member = np.unique(np.column_stack([one, transmitter]), axis=0, return_inverse=True)
        allowed = None if self.box is None else prior(worlds, self.box).cpu().numpy()
        levels = worlds.levels.cpu().numpy()
        for number, key in enumerate(keys):
            rows = np.flatnonzero(member.reshape(-1) == number)
            maps = levels[key[0], key[1:]].reshape(len(key) - 1, -1).T
            cells = np.arange(len(maps))
            if allowed is not None:
                cells = np.flatnonzero(allowed[key[0]].reshape(-1))
            database = np.ascontiguousarray(maps[cells].astype(np.float32) / np.float32(255))
            pixel = np.stack([cells % worlds.side, cells // worlds.side], axis=1)
            xy_m = (pixel + 0.5) * worlds.pitch_m
            yield rows, database, xy_m, gray[rows], (truth[rows] + 0.5) * worlds.pitch_m


def best_k(kind: RadioKnn, worlds: Worlds, samples: Samples) -> int:
    """The size of least mean error, of ``SIZES``."""
    error, _ = kind.errors_of(worlds, samples, SIZES)
    return int(SIZES[int(error.mean(axis=1).argmin())])


def plain_knn(
    worlds: Worlds, others: Worlds, samples: Samples, seed: int
) -> dict[int, dict[str, Any]]:
    """Figures of the paper's kNN over all pixels with 5 and with 3 transmitters, k chosen on the
    training maps; its radius is the training errors' 68th percentile."""
    found = {}
    chosen = drawn(worlds, _CHOSEN_PER_MAP, seed)
    for count in COUNTS:
        k = best_k(RadioKnn(1), worlds, chosen.few(count))
        radius = np.quantile(RadioKnn(k).errors_m(worlds, chosen.few(count)), 0.68)
        error = RadioKnn(k).errors_m(others, samples.few(count))
        hit = np.ones(len(error), dtype=np.bool_)
        found[count] = {"k": k, **figures(error, hit, np.full(len(error), radius))}
    return found
