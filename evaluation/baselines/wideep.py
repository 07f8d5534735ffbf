"""WiDeep-like (Abbas et al. 2019): an autoencoder for every surveyed place, asked who knows a scan.

In spirit, not faithful: only the abstract was at hand (SPEC 6). Kept is what it tells: a stacked
denoising autoencoder per place, taught to give back scans of that place after a noise injector has
spoilt them; a scan's likelihood at a place by a Gaussian kernel of what its autoencoder cannot give
back; the place of probability's centre. Ours: layers, noise, Adam, and the kernel's width, which is
chosen over scans of the last campaign, held out for that. All places learn at once, side by side in
one batched product.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.knn import Database

SILENT_DBM = -100.0
HIDDEN = (64, 24)
# The injector: so many of the access points are struck out, and so much is added to a level of
# 0..1 (4 dB).
STRUCK, NOISE = 0.2, 0.04
BATCH, STEPS, RATE = 16, 600, 3e-3
WIDTHS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08)


class Autoencoders(nn.Module):
    """L autoencoders of N - 64 - 24 - 64 - N over levels in 0..1."""

    def __init__(self, places: int, n_aps: int) -> None:
        super().__init__()
        sizes = (n_aps, *HIDDEN, *HIDDEN[-2::-1], n_aps)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for before, after in pairwise(sizes):
            scale = (6.0 / (before + after)) ** 0.5
            weight = torch.empty(places, before, after).uniform_(-scale, scale)
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(torch.zeros(places, 1, after)))

    def forward(self, x: Tensor) -> Tensor:
        """(L, B, N), what each place makes of its scans."""
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            x = x.sigmoid() if i + 1 == len(self.weights) else nn.functional.elu(x)
        return x


@dataclass(frozen=True)
class Fitted:
    """Trained autoencoders with their places; ``width``: of the kernel, of levels in 0..1."""

    network: Autoencoders
    xy_m: NDArray[np.float64]
    width: float

    def locate(self, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
        """Places (B, 2) in metres of scans (B, N), NaN = not heard."""
        return centre(_squares(self.network, rssi_dbm), self.xy_m, self.width)


def fit(database: Database, visit: NDArray[np.integer], seed: int = 0) -> Fitted:
    """Train on a survey of one floor; ``visit`` (M,) is the campaign of each row."""
    last = visit == visit.max()
    early = _learned(database, ~last, seed)
    rows = database.rssi_dbm[last]
    truth = database.places_xy_m[database.place_of_row[last]]
    squares = _squares(early.network, rows)

    def error_m(width: float) -> float:
        found = centre(squares, early.xy_m, width)
        return float(np.linalg.norm(found - truth, axis=1).mean())

    width = min(WIDTHS, key=error_m)
    whole = _learned(database, np.ones(len(visit), dtype=bool), seed)
    return Fitted(whole.network, whole.xy_m, width)


def centre(
    squares: NDArray[np.float64], xy_m: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Centres (B, 2) of likelihoods exp(-square / 2 width^2), of mean squares (L, B) not given
    back at L places ``xy_m``."""
    likely = np.exp(-(squares - squares.min(axis=0)) / (2.0 * width**2))
    found: NDArray[np.float64] = (likely / likely.sum(axis=0)).T @ xy_m
    return found


def _learned(database: Database, rows: NDArray[np.bool_], seed: int) -> Fitted:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    place = database.place_of_row[rows]
    places = np.unique(place)
    levels = _shares(database.rssi_dbm[rows])
    own = [np.flatnonzero(place == one) for one in places]
    network = Autoencoders(len(places), levels.shape[1])
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    for _ in range(STEPS):
        drawn = torch.from_numpy(np.stack([rng.choice(one, BATCH) for one in own]))
        clean = levels[drawn]
        spoilt = (clean + NOISE * torch.randn_like(clean)).clamp(0, 1)
        spoilt = torch.where(torch.rand_like(clean) < STRUCK, 0.0, spoilt)
        loss = ((network(spoilt) - clean) ** 2).sum(dim=2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Fitted(network.eval(), database.places_xy_m[places], WIDTHS[0])


def _squares(network: Autoencoders, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
    """(L, B) mean squares of what each place cannot give back."""
    parts = []
    with torch.inference_mode():
        for part in _shares(rssi_dbm).split(256):
            left = network(part.expand(len(network.biases[0]), -1, -1)) - part
            parts.append((left**2).mean(dim=2))
    return torch.cat(parts, dim=1).double().numpy()


def _shares(rssi_dbm: NDArray[np.float32]) -> Tensor:
    filled = np.where(np.isfinite(rssi_dbm), rssi_dbm, SILENT_DBM)
    return torch.from_numpy((filled / -SILENT_DBM + 1.0).clip(0, 1).astype(np.float32))
