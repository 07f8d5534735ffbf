"""The training loop of the LBN-CNN: Adam over measured and synthetic scans, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdk.images import InputRecipe
from training.cells import Cells
from training.descent import Descent
from training.epochs import Watched, run_epochs
from training.fluctuation import Fluctuation
from training.lbn_presets import LbnPreset
from training.networks.lbn import LbnNet

_BATCH = 256


@dataclass(frozen=True)
class Material:
    """What a network learns from: rows (M, N) dBm with NaN = not heard, their places, sessions and
    spots (M,), targets (spots, G) that sum to 1, and the recipe that makes images of rows."""

    rssi_dbm: NDArray[np.float32]
    place: NDArray[np.int64]
    session: NDArray
    spot: NDArray[np.int64]
    targets: NDArray[np.float32]
    recipe: InputRecipe


@dataclass
class Fitting:
    """A fitted network; ``epochs``: where its weights stem from, ``history``: watched errors."""

    network: LbnNet
    epochs: int = 0
    history: list[float] = field(default_factory=list)

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(M, 1, S, S) -> (M, G) over the places."""
        self.network.eval()
        device = self.network.head.weight.device
        with torch.inference_mode():
            parts = torch.from_numpy(images).split(_BATCH)
            return torch.cat([self.network.scores(p.to(device)).cpu() for p in parts]).numpy()


def network_of(preset: LbnPreset, n_places: int) -> LbnNet:
    """A new network as the preset describes it."""
    return LbnNet(
        n_places, preset.side, preset.norm, preset.layer, preset.block, preset.running,
        preset.scope, preset.edges, preset.ln_affine, preset.momentum, preset.eps,
        preset.dropout,
        preset.compat75,
    )  # fmt: skip


def fit(
    material: Material,
    cells: Cells,
    watch: Watched | None,
    preset: LbnPreset,
    seed: int,
    title: str,
    progress: bool,
    device: str = "cpu",
    stop_after: int | None = None,
) -> Fitting:
    """Fit a new network.

    An epoch is ``factor`` x M scans in random order: every row once as it was measured and
    ``factor`` - 1 times as a synthetic scan of its place, drawn afresh. ``watch`` is judged after
    every epoch: the weights of the best one are kept, and ``patience`` epochs without a better one
    end the fit. ``stop_after`` ends a fit whose length was found before; the learning rate still
    follows the whole plan. One seed gives one result.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = network_of(preset, len(cells)).to(device)
    rows = len(material.rssi_dbm)
    shown = rows * preset.factor
    size = min(preset.batch, shown)
    per_epoch = shown // size
    descent = Descent(network, preset, per_epoch)
    draws = Fluctuation(material.rssi_dbm, material.place, material.session, preset.draw)
    # Class 0 of a network with the paper's 75 outputs belongs to nothing.
    targets = torch.from_numpy(np.pad(material.targets, ((0, 0), (network.first_place, 0))))
    result = Fitting(network)

    def one(_: int) -> None:
        order = rng.permutation(shown)
        for start in range(0, per_epoch * size, size):
            number = order[start : start + size]
            row = number % rows
            made = number >= rows
            scans = material.rssi_dbm[row]
            if made.any():
                scans[made] = draws.scans(material.place[row[made]], rng)
            images = torch.from_numpy(material.recipe.images(scans)).to(device)
            target = targets[torch.from_numpy(material.spot[row])].to(device)
            loss = nn.functional.cross_entropy(network(images), target)
            descent.step(loss)

    result.epochs = run_epochs(
        network, one,
        None if watch is None else partial(watch.error_m, result, cells, preset.estimate),
        result.history, stop_after or preset.epochs, preset.patience, title, progress,
    )  # fmt: skip
    return result
