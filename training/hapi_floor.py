"""Fits the floor network: Adam, cross-entropy, early stopping, a temperature (SPEC 5.4)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.calibration import fit_temperature
from training.decode import softmax
from training.hapi_floor_data import FloorData, in_range
from training.hapi_site import Site
from training.networks.floor import FloorNet
from training.progress import steps

# Far below any score, yet finite: 0 * score must stay 0.
_NOT_THERE = -1e4


@dataclass(frozen=True)
class FloorSettings:
    """How the network is fitted. ``kinds`` 8, or 4 for TrueStory's inputs."""

    users: int = 20_000
    held_out: int = 4_000
    batch: int = 128
    epochs: int = 60
    patience: int = 8
    learning_rate: float = 1e-3
    dropout: float = 0.25
    kinds: int = 8


@dataclass
class FloorFit:
    """A fitted network with the scale of its input (4 * kinds,) and its temperature.

    ``epochs``: where the weights stem from; ``history``: held-out loss after each epoch.
    """

    network: FloorNet
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    temperature: float = 1.0
    epochs: int = 0
    history: list[float] = field(default_factory=list)

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) raw scores of features (n, 4, 8)."""
        self.network.eval()
        x = torch.from_numpy(standardised(features, self.network.kinds, self.mean, self.std))
        with torch.inference_mode():
            return self.network(x).numpy()

    def probability(
        self, features: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """(n, 4) over the range's floors; 0 for those (n, 4) that the building does not have."""
        return softmax(np.where(valid, self.scores(features), _NOT_THERE), self.temperature)

    def floor(self, rssi_dbm: NDArray[np.floating], site: Site) -> NDArray[np.int32]:
        """(n,) the most probable floor of scans (n, A) at a site."""
        start, features, valid = in_range(rssi_dbm, site)
        best = self.probability(features, valid).argmax(axis=1)
        return np.array(site.floors, dtype=np.int32)[start + best]


def standardised(
    features: NDArray[np.float32], kinds: int, mean: NDArray[np.float32], std: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n, 4 * kinds) network input from features (n, 4, 8), floor by floor."""
    rows = features[:, :, :kinds].reshape(len(features), -1)
    return ((rows - mean) / std).astype(np.float32)


def fit_floor(
    data: FloorData,
    held_out: FloorData,
    settings: FloorSettings,
    seed: int = 0,
    progress: bool = False,
) -> FloorFit:
    """Fit to ``data``; the epoch with the least loss on ``held_out`` counts. One seed, one result.

    Raises ValueError where either has no row.
    """
    if not len(data) or not len(held_out):
        raise ValueError(f"{len(data)} rows to train on, {len(held_out)} held out: expected some")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    rows = data.features[:, :, : settings.kinds].reshape(len(data), -1).astype(np.float64)
    # What never varies, such as floors that no range reaches, keeps a harmless scale.
    std = np.where(rows.std(axis=0) < 1e-3, 1.0, rows.std(axis=0)).astype(np.float32)
    network = FloorNet(kinds=settings.kinds, dropout=settings.dropout)
    found = FloorFit(network, rows.mean(axis=0).astype(np.float32), std)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
    x, label, absent = _tensors(data, found)
    watched = _tensors(held_out, found)
    best: tuple[int, dict[str, torch.Tensor]] | None = None
    least = np.inf
    size = min(settings.batch, len(data))
    with steps("floor network", settings.epochs, progress) as advance:
        for epoch in range(1, settings.epochs + 1):
            network.train()
            order = torch.from_numpy(rng.permutation(len(data)))
            for batch in order[: len(order) // size * size].split(size):
                scores = network(x[batch]).masked_fill(absent[batch], _NOT_THERE)
                loss = nn.functional.cross_entropy(scores, label[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            lost, hit = _judge(network, watched)
            found.history.append(lost)
            advance(f"held out {hit:.3f}")
            if lost < least:
                least, best = lost, (epoch, copy.deepcopy(network.state_dict()))
            elif best is not None and epoch - best[0] >= settings.patience:
                break
    assert best is not None
    found.epochs = best[0]
    network.load_state_dict(best[1])
    network.eval()
    scores = np.where(held_out.valid, found.scores(held_out.features), _NOT_THERE)
    found.temperature = fit_temperature(scores, np.eye(scores.shape[1])[held_out.label])
    return found


def _tensors(data: FloorData, fit: FloorFit) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = standardised(data.features, fit.network.kinds, fit.mean, fit.std)
    return torch.from_numpy(x), torch.from_numpy(data.label), torch.from_numpy(~data.valid)


def _judge(
    network: FloorNet, watched: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> tuple[float, float]:
    """Loss and share of right floors."""
    network.eval()
    x, label, absent = watched
    with torch.inference_mode():
        scores = network(x).masked_fill(absent, _NOT_THERE)
        lost = float(nn.functional.cross_entropy(scores, label))
        return lost, float((scores.argmax(dim=1) == label).float().mean())
