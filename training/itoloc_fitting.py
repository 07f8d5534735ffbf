"""The training loop of iToLoc: epochs, learning rates, and what held-out scans say of them."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from sdk.images import InputRecipe
from training.cells import Cells
from training.decode import decode, softmax
from training.fitting import FLOOR_PENALTY_M
from training.itoloc_game import Game, Material
from training.itoloc_images import Images
from training.itoloc_presets import ItolocPreset
from training.networks.itoloc import ItolocNet
from training.progress import steps
from training.survey import Survey

_BATCH = 256


@dataclass(frozen=True)
class Watched:
    """Held-out scans (V, N) dBm, their truth and weights (V,)."""

    rssi_dbm: NDArray[np.float32]
    truth: Survey
    weight: NDArray[np.float64]

    def error_m(self, fitting: Fitting, cells: Cells, estimate: str) -> float:
        """Weighted mean error, wrong floors penalised."""
        probability = softmax(fitting.logits(self.rssi_dbm), 1.0)
        found = decode(probability, cells.xy_m, cells.floor, estimate)
        error = np.linalg.norm(found.xy_m - self.truth.xy_m, axis=1)
        error = error + FLOOR_PENALTY_M * (found.floor != self.truth.floor)
        return float(np.average(error, weights=self.weight))


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
    unknown: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:  # fmt: skip
    """(M, N) dBm -> (M, G) scores of a network, in eval mode afterwards; ``unknown`` (N,)."""
    network.eval()
    device = next(network.parameters()).device
    images = Images(recipe)
    mask = None if unknown is None else torch.from_numpy(unknown).to(device)
    with torch.inference_mode():
        parts = torch.from_numpy(np.ascontiguousarray(rssi_dbm)).split(_BATCH)
        found = [network.scores(images(p.to(device), unknown=mask)).cpu() for p in parts]
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
        preset.width, preset.form, preset.pool, preset.dropout,
    ).to(device)  # fmt: skip
    game = Game(network, material, preset, device)
    result, best, least = Fitting(network, material.recipe), None, np.inf
    epochs = preset.epochs if rates is None else len(rates)
    lowest, waited, rate = np.inf, 0, preset.learning_rate
    with steps(title, epochs, progress) as advance:
        for epoch in range(1, epochs + 1):
            if rates is not None:
                rate = rates[epoch - 1]
            elif preset.optimizer == "adam":
                rate = preset.learning_rate * _rise_and_fall((epoch - 0.5) / preset.epochs)
            result.rates.append(rate)
            loss, domain = game.epoch(rng, rate, epoch - 1)
            result.domain_losses.append(domain)
            result.epochs = epoch
            error = loss
            if watch is not None:
                error = watch.error_m(result, cells, preset.estimate)
                result.history.append(error)
            if error < lowest - 1e-4:
                lowest, waited = error, 0
            elif (waited := waited + 1) >= preset.plateau and preset.optimizer == "sgd":
                rate, waited = rate / 10.0, 0
            if watch is None:
                advance()
                continue
            advance(f"held out {error:.2f} m")
            if error < least:
                least, best = error, (epoch, copy.deepcopy(network.state_dict()))
            elif best is not None and epoch - best[0] >= preset.patience:
                break
    if best is not None:
        result.epochs = best[0]
        network.load_state_dict(best[1])
    network.eval()
    return result


def _rise_and_fall(progress: float) -> float:
    """A share of the rate: up over the first 30 %, down along a cosine to nothing."""
    if progress < 0.3:
        return 0.5 - 0.5 * math.cos(math.pi * progress / 0.3)
    return 0.5 + 0.5 * math.cos(math.pi * (progress - 0.3) / 0.7)
