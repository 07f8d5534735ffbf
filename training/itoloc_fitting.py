"""The training loop of iToLoc: epochs, learning rates, and what held-out scans say of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from sdk.images import InputRecipe
from training.cells import Cells
from training.epochs import Watched, run_epochs
from training.itoloc_game import Game, Material
from training.itoloc_images import Images
from training.itoloc_presets import ItolocPreset
from training.networks.itoloc import ItolocNet

_BATCH = 256


@dataclass
class Fitting:
    """A fitted network; ``epochs``: where its weights stem from, ``history``: watched errors,
    ``rates``: learning rate of every epoch, ``domain_losses``: mean L_d of every epoch."""

    network: ItolocNet
    recipe: InputRecipe
    epochs: int = 0
    history: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    domain_losses: list[float] = field(default_factory=list)

    def logits(self, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float32]:
        """(M, N) dBm -> (M, G): the log of the mean of the three softmaxes."""
        return scores(self.network, self.recipe, rssi_dbm)


def scores(
    network: ItolocNet, recipe: InputRecipe, rssi_dbm: NDArray[np.float32],
    unknown: NDArray[np.bool_] | None = None, what: str = "scores",
) -> NDArray[np.float32]:  # fmt: skip
    """(M, N) dBm -> (M, G) scores of a network, in eval mode afterwards; ``unknown`` (N,).

    ``what`` "agreement" gives (M, 1), how alike its modules see it.
    """
    network.eval()
    device = next(network.parameters()).device
    images = Images(recipe)
    mask = None if unknown is None else torch.from_numpy(unknown).to(device)
    with torch.inference_mode():
        parts = torch.from_numpy(np.ascontiguousarray(rssi_dbm)).split(_BATCH)
        found = [getattr(network, what)(images(p.to(device), unknown=mask)).cpu() for p in parts]
        return torch.cat(found).numpy()


def fit(
    material: Material,
    cells: Cells,
    watch: Watched | None,
    preset: ItolocPreset,
    seed: int,
    title: str,
    progress: bool,
    device: str = "cpu",
    rates: list[float] | None = None,
) -> Fitting:
    """Fit a new network.

    ``watch`` is judged after every epoch: the weights of the best one are kept, and ``patience``
    epochs without a better one end the fit. ``rates`` repeats the epochs of a fit whose learning
    rates were found before. One seed gives one result.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = ItolocNet(
        material.rssi_dbm.shape[1], len(cells), material.n_domains, 2 if preset.level else 1,
        preset.width, preset.form, preset.pool, preset.dropout, preset.modules,
    ).to(device)  # fmt: skip
    game = Game(network, material, preset, device)
    result = Fitting(network, material.recipe)
    losses: list[float] = []
    pace = _Pace(preset)

    def one(epoch: int) -> None:
        seen = losses if watch is None else result.history
        rate = (
            pace.rate(epoch, seen[-1] if seen else math.inf) if rates is None else rates[epoch - 1]
        )
        result.rates.append(rate)
        loss, domain = game.epoch(rng, rate, epoch - 1)
        losses.append(loss)
        result.domain_losses.append(domain)

    result.epochs = run_epochs(
        network, one,
        None if watch is None else partial(watch.error_m, result, cells, preset.estimate),
        result.history, preset.epochs if rates is None else len(rates), preset.patience, title,
        progress,
    )  # fmt: skip
    return result


class _Pace:
    """The learning rate: Adam's rises and falls, SGD's drops to a tenth on a plateau."""

    def __init__(self, preset: ItolocPreset) -> None:
        self._preset, self._rate = preset, preset.learning_rate
        self._lowest, self._waited = math.inf, 0

    def rate(self, epoch: int, error: float) -> float:
        """Of an epoch, counted from 1; ``error`` is that of the epoch before."""
        if self._preset.optimizer == "adam":
            share = _rise_and_fall((epoch - 0.5) / self._preset.epochs)
            return self._preset.learning_rate * share
        if epoch == 1:
            return self._rate
        if error < self._lowest - 1e-4:
            self._lowest, self._waited = error, 0
        else:
            self._waited += 1
            if self._waited >= self._preset.plateau:
                self._rate, self._waited = self._rate / 10.0, 0
        return self._rate


def _rise_and_fall(progress: float) -> float:
    """A share of the rate: up over the first 30 %, down along a cosine to nothing."""
    if progress < 0.3:
        return 0.5 - 0.5 * math.cos(math.pi * progress / 0.3)
    return 0.5 + 0.5 * math.cos(math.pi * (progress - 0.3) / 0.7)
