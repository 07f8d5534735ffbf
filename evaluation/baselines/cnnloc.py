"""CNNLoc (Song et al. 2019): a stacked autoencoder, then a 1-D CNN on its code.

After the public program's description (SPEC 6): levels in powed form with exponent e, encoder
N - 128 - 64 (ELU) taught to give the input back, then dropout 0.7 and three valid 1-D convolutions
(99, 66 and 33 channels, kernel 22, ELU) over the code, trained with the position by squared error;
Adam, batches of 66. Faithful in layers and losses. Ours: the input's width and the number of epochs
(the file has 6, for 19,937 rows), the scaling of the positions to the surveyed box, for which a
linear head stands in the place of the ELU, and one floor head in the place of the program's two
(its floors are buildings' floors here), where there is more than one floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdk.value_form import value_form
from training.survey import Survey

WEAKEST_DBM = -105.0
BATCH = 66
CODE = 64
_KERNEL = 22


class CnnLoc(nn.Module):
    """The network over (B, N) powed levels.

    Args:
        n_aps: N.
        n_floors: classes of the floor head; 1 leaves it out of the loss.
    """

    def __init__(self, n_aps: int, n_floors: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_aps, 128), nn.ELU(), nn.Linear(128, CODE), nn.ELU()
        )
        self.decoder = nn.Sequential(
            nn.Linear(CODE, 128), nn.ELU(), nn.Linear(128, n_aps), nn.ELU()
        )
        self.layers = nn.Sequential(
            nn.Dropout(0.7), nn.Conv1d(1, 99, _KERNEL), nn.ELU(), nn.Conv1d(99, 66, _KERNEL),
            nn.ELU(), nn.Conv1d(66, 33, _KERNEL), nn.ELU(), nn.Flatten(),
        )  # fmt: skip
        self.place, self.floor = nn.Linear(33, 2), nn.Linear(33, n_floors)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Places (B, 2) in the scaled frame and logits (B, floors)."""
        found = self.layers(self.encoder(x)[:, None])
        return self.place(found), self.floor(found)


@dataclass(frozen=True)
class Fitted:
    """A trained network with what turns its answers into metres."""

    network: CnnLoc
    middle_m: NDArray[np.float64]
    half_m: float
    floors: NDArray[np.int32]

    def locate(
        self, rssi_dbm: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Places (B, 2) in metres and floors (B,) of scans (B, N), NaN = not heard."""
        self.network.eval()
        with torch.inference_mode():
            place, floor = self.network(torch.from_numpy(_powed(rssi_dbm)))
        xy_m = place.double().numpy() * self.half_m + self.middle_m
        return xy_m, self.floors[floor.argmax(dim=1).numpy()]


def fit(
    rssi_dbm: NDArray[np.float32],
    learned: Survey,
    seed: int = 0,
    epochs: int = 20,
    code_epochs: int = 6,
) -> Fitted:
    """Train on rows (M, N) with the places of ``learned``: first the code, then everything."""
    torch.manual_seed(seed)
    low, high = learned.xy_m.min(axis=0), learned.xy_m.max(axis=0)
    middle, half = (low + high) / 2.0, max(float((high - low).max()) / 2.0, 1e-6)
    floors, floor = np.unique(learned.floor, return_inverse=True)
    inputs = torch.from_numpy(_powed(rssi_dbm))
    place = torch.from_numpy(((learned.xy_m - middle) / half).astype(np.float32))
    level = torch.from_numpy(floor.reshape(-1).astype(np.int64))
    network = CnnLoc(rssi_dbm.shape[1], len(floors))
    coding = torch.optim.Adam([*network.encoder.parameters(), *network.decoder.parameters()])
    for rows in _batches(len(inputs), code_epochs):
        given = inputs[rows]
        loss = nn.functional.mse_loss(network.decoder(network.encoder(given)), given)
        _step(coding, loss)
    locating = torch.optim.Adam(network.parameters())
    network.train()
    for rows in _batches(len(inputs), epochs):
        where, which = network(inputs[rows])
        loss = nn.functional.mse_loss(where, place[rows])
        if len(floors) > 1:
            loss = loss + nn.functional.cross_entropy(which, level[rows])
        _step(locating, loss)
    return Fitted(network.eval(), middle, half, floors.astype(np.int32))


def _powed(rssi_dbm: NDArray[np.float32]) -> NDArray[np.float32]:
    values = value_form(rssi_dbm, "powed", WEAKEST_DBM, float(np.e))
    return np.ascontiguousarray(values, dtype=np.float32)


def _batches(count: int, epochs: int) -> list[Tensor]:
    size = min(BATCH, count)
    return [
        part
        for _ in range(epochs)
        for part in torch.randperm(count).split(size)
        if len(part) == size
    ]


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
