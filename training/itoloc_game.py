"""One epoch of iToLoc's game: predictors and extractor against the discriminator (SPEC 2.4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdk.images import InputRecipe
from training.itoloc_images import Images
from training.itoloc_losses import (
    domain_loss,
    floor_loss,
    location_loss,
    ramp,
    reversed_gradient,
    spatial_loss,
)
from training.itoloc_presets import ItolocPreset
from training.networks.itoloc import ItolocNet

# SPEC 2.4: lr 0.1 with -lambda L_d may diverge.
_MOST_NORM = 5.0


@dataclass(frozen=True)
class Material:
    """What a network learns from: rows (M, N) dBm with NaN = not heard, their spots and domains
    (M,), targets and spatial weights (spots, G), the floors' members (G, F), the recipe, and rows
    of the target domains (U, N), without a place, with their domains (U,)."""

    rssi_dbm: NDArray[np.float32]
    spot: NDArray[np.int64]
    domain: NDArray[np.int64]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]
    members: NDArray[np.float64]
    recipe: InputRecipe
    n_domains: int
    target_dbm: NDArray[np.float32]
    target_domain: NDArray[np.int64]


class Game:
    """The two players with their optimizers, epoch by epoch."""

    def __init__(
        self, network: ItolocNet, material: Material, preset: ItolocPreset, device: str
    ) -> None:
        self.network, self.preset, self.device = network, preset, device
        self.images = Images(material.recipe)
        self.rows = torch.from_numpy(material.rssi_dbm).to(device)
        self.spot = torch.from_numpy(material.spot).to(device)
        self.domain = torch.from_numpy(material.domain).to(device)
        self.targets = torch.from_numpy(material.targets).to(device)
        self.weights = torch.from_numpy(material.weights).to(device)
        self.members = torch.from_numpy(material.members).to(self.targets)
        self.others = torch.from_numpy(material.target_dbm).to(device)
        self.other_domain = torch.from_numpy(material.target_domain).to(device)
        # One domain has nothing to tell apart.
        self.adversary = preset.adversary if material.n_domains > 1 else "none"
        self.bound = math.log(max(material.n_domains, 2))
        opponent = list(network.discriminator.parameters())
        player = [*network.extractor.parameters(), *network.predictors.parameters()]
        joint = self.adversary == "reversal"
        self.player = _optimizer([*player, *opponent] if joint else player, preset)
        self.opponent = _optimizer(opponent, preset)

    def epoch(self, rng: np.random.Generator, rate: float, done: int) -> tuple[float, float]:
        """One pass over the rows; the mean of L_a + gamma L_s, and of L_d (NaN without one)."""
        for optimizer in (self.player, self.opponent):
            for group in optimizer.param_groups:
                group["lr"] = rate
        self.network.train()
        size = min(self.preset.batch, len(self.rows))
        count = len(self.rows) // size
        order = torch.from_numpy(rng.permutation(len(self.rows))).to(self.device)
        others = _rounds(rng, len(self.others), size)
        sums = np.zeros(2)
        for i in range(count):
            share = ramp((done + i / count) / self.preset.epochs, self.preset.most_lambda)
            rows = order[i * size : (i + 1) * size]
            more = torch.from_numpy(next(others)).to(self.device) if len(self.others) else None
            sums += self._step(rows, more, share)
        return float(sums[0] / count), float(sums[1] / count)

    def _step(self, rows: Tensor, more: Tensor | None, share: float) -> tuple[float, float]:
        scans, domain = self.rows[rows], self.domain[rows]
        if more is not None and self.adversary != "none":
            scans = torch.cat([scans, self.others[more]])
            domain = torch.cat([domain, self.other_domain[more]])
        features = self.network.extractor(self.images(scans, self.preset.augmentation))
        found = self.network.predict(features[: len(rows)])
        spot = self.spot[rows]
        located = location_loss(found, self.targets[spot])
        if self.preset.gamma:
            located = located + self.preset.gamma * spatial_loss(found, self.weights[spot])
        if self.preset.floor_loss:
            on_floors = floor_loss(found, self.targets[spot], self.members)
            located = located + self.preset.floor_loss * on_floors
        whole, told = located, math.nan
        if self.adversary == "reversal":
            turned = reversed_gradient(features, share)
            seen = domain_loss(self.network.discriminator(turned), domain)
            whole, told = located + seen, seen.item()
        elif self.adversary == "alternating":
            # Beyond log |D| the discriminator knows nothing, and there is nothing left to win.
            seen = domain_loss(self.network.discriminator(features), domain)
            whole, told = located - share * seen.clamp(max=self.bound), seen.item()
        self.network.zero_grad()
        whole.backward()
        self._cut(self.player)
        self.player.step()
        if self.adversary == "alternating":
            self.network.zero_grad()
            domain_loss(self.network.discriminator(features.detach()), domain).backward()
            self._cut(self.opponent)
            self.opponent.step()
        return located.item(), told

    def _cut(self, optimizer: torch.optim.Optimizer) -> None:
        for group in optimizer.param_groups:
            nn.utils.clip_grad_norm_(group["params"], _MOST_NORM)


def _optimizer(parameters: Iterable[nn.Parameter], preset: ItolocPreset) -> torch.optim.Optimizer:
    if preset.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, preset.learning_rate, momentum=0.9, weight_decay=preset.weight_decay
        )
    return torch.optim.AdamW(parameters, preset.learning_rate, weight_decay=preset.weight_decay)


def _rounds(rng: np.random.Generator, count: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Batches of ``size`` of ``count`` rows, over and over in new orders."""
    pool: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    while count:
        while len(pool) < size:
            pool = np.concatenate([pool, rng.permutation(count)])
        yield pool[:size]
        pool = pool[size:]
