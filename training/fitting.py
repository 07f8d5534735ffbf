"""The training loop of eXLoc: Adam, softened labels, early stopping."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdk.images import InputRecipe
from sdk.positioners.fused import floor_members
from training.augmentation import shaken
from training.cells import Cells
from training.descent import Descent
from training.epochs import Watched, run_epochs
from training.networks.exloc import ExLocNet, circulant
from training.presets import Preset
from training.survey import Survey

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Settings:
    """What one fit needs beside its data. ``stop_after`` ends a fit whose length was found
    before; the learning rate still follows the whole plan."""

    preset: Preset
    seed: int
    title: str
    progress: bool
    stop_after: int | None
    device: str = "cpu"


@dataclass
class Fitting:
    """A fitted network; ``epochs``: where its weights stem from, ``history``: watched errors."""

    network: ExLocNet
    epochs: int = 0
    history: list[float] = field(default_factory=list)

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """(M, N) normalised -> (M, G)."""
        self.network.eval()
        device = self.network.fc.weight.device
        with torch.inference_mode():
            parts = torch.from_numpy(inputs).to(device).split(256)
            logits = torch.cat([self.network(_shaped(p, self.network)) for p in parts])
            return logits.cpu().numpy()


def device_of(name: str) -> str:
    """ "cpu", "cuda", or "auto": cuda where there is one. Raises ValueError for any other name, or
    where cuda is asked for and missing."""
    if name not in DEVICES:
        raise ValueError(f"device is {name!r}, expected one of {', '.join(DEVICES)}")
    present = torch.cuda.is_available()
    if name == "cuda" and not present:
        raise ValueError("device is 'cuda', but torch finds no CUDA device here")
    return "cuda" if name != "cpu" and present else "cpu"


@contextmanager
def arithmetic(threads: int | None) -> Iterator[None]:
    """Torch set up for training, and put back afterwards: others in the process share it.

    Denormal numbers make training several times slower. So does a second thread on a machine that
    is busy, since the kernels of a 1-D network are too short to share out.
    """
    kept = torch.tensor([1e-40]).mul(1.0).item() != 0.0
    before = torch.get_num_threads()
    torch.set_flush_denormal(True)
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_flush_denormal(not kept)
        torch.set_num_threads(before)


def fit(
    rssi_dbm: NDArray[np.float32],
    recipe: InputRecipe,
    truth: Survey,
    cells: Cells,
    watch: Watched | None,
    settings: Settings,
) -> Fitting:
    """Fit a new network to rows (M, N), NaN = not heard, with the positions of ``truth`` (M scans).

    ``watch`` is judged after every epoch: the weights of the best one are kept, and ``patience``
    epochs without a better one end the fit. One seed gives one result.
    """
    preset = settings.preset
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    network = ExLocNet(
        rssi_dbm.shape[1], len(cells), preset.width, preset.depth, preset.kernel, preset.padding,
        preset.head, preset.form, preset.embedding,
    ).to(settings.device)  # fmt: skip
    size = min(preset.batch, len(rssi_dbm))
    per_epoch = len(rssi_dbm) // size
    descent = Descent(network, preset, per_epoch)
    rows_of = shaken(rssi_dbm, recipe, preset, settings.device)
    # Scans share spots, so a table of targets per spot spares each batch most of its arithmetic.
    spot, spot_of = truth.spots()
    targets = torch.from_numpy(
        cells.soft_targets(truth.xy_m[spot], truth.floor[spot], preset.soften_m)
    ).to(settings.device)
    target_of = torch.from_numpy(spot_of).to(settings.device)
    members = torch.from_numpy(floor_members(cells.floor)).to(targets)
    result = Fitting(network)

    def one(_: int) -> None:
        order = torch.from_numpy(rng.permutation(len(rssi_dbm))).to(settings.device)
        for start in range(0, per_epoch * size, size):
            rows = order[start : start + size]
            batch = rows_of.batch(rows)
            target = targets[target_of[rows]]
            log_p = network(_shaped(batch, network)).log_softmax(dim=1)
            loss = _cross_entropy(log_p, target)
            if preset.floor_loss:
                loss = loss + preset.floor_loss * floor_cross_entropy(log_p, target, members)
            descent.step(loss)

    result.epochs = run_epochs(
        network, one,
        None if watch is None else partial(watch.error_m, result, cells, preset.estimate),
        result.history, settings.stop_after or preset.epochs, preset.patience, settings.title,
        settings.progress,
    )  # fmt: skip
    return result


def _shaped(rows: Tensor, network: ExLocNet) -> Tensor:
    """(B, N) -> the input of the network's form."""
    return rows.unsqueeze(1) if network.form == "1d" else circulant(rows).unsqueeze(1)


def _cross_entropy(log_p: Tensor, target: Tensor) -> Tensor:
    return -(target * log_p).sum(dim=1).mean()


def floor_cross_entropy(log_p: Tensor, target: Tensor, members: Tensor) -> Tensor:
    """Of the masses on the floors; log_p and target (B, G), members (G, F) 1 or 0."""
    # Where the right floor holds less, the cells' loss alone pulls it up.
    on_floor = (log_p.exp() @ members).clamp_min(1e-30)
    return _cross_entropy(on_floor.log(), target @ members)
