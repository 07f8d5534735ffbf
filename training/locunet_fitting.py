"""The training loop of LocUNet and its relatives, with Lightning Fabric.

The same code trains on a processor, on one accelerator and, by ``devices``, in several processes
(DDP), each with samples of its own. Where it was interrupted it goes on from the last epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from training.epochs import Best, run_epochs
from training.heatmap_model import HeatmapModel
from training.locunet_presets import LocUNetPreset
from training.radio_likelihood import prior
from training.radio_worlds import TRANSMITTERS, Samples, Worlds

FEW = 3
_CLIP = 5.0


@dataclass
class Fitting:
    """A fitted model; ``epochs``: where its weights stem from, ``history``: watched errors."""

    model: HeatmapModel
    epochs: int = 0
    history: list[float] = field(default_factory=list)


def fit(
    worlds: Worlds,
    watched: tuple[Worlds, Samples],
    model: HeatmapModel,
    preset: LocUNetPreset,
    fabric: Fabric,
    seed: int,
    progress: bool,
    kept: Path | None = None,
) -> Fitting:
    """Fit the model's network to users of all maps, drawn afresh for every batch.

    The mean error over the ``watched`` samples, with 3 and with 5 transmitters, chooses the epoch
    that is kept. ``kept``: a file that holds the state after every epoch, to go on from.
    """
    assert model.network is not None
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, fabric.global_rank])
    worlds, others = worlds.to(fabric.device), watched[0].to(fabric.device)
    optimizer: Any = torch.optim.AdamW(
        model.network.parameters(), lr=preset.learning_rate, weight_decay=preset.weight_decay
    )
    network, optimizer = fabric.setup(
        model.network.to(memory_format=torch.channels_last), optimizer
    )
    model = replace(model, network=network)
    if preset.one_cycle:
        schedule: Any = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, preset.learning_rate, max(preset.epochs * preset.steps, 2),
            pct_start=preset.warm_up,
        )  # fmt: skip
    else:
        # A tenth after three fifths of the epochs: 30 of the paper's 50.
        schedule = torch.optim.lr_scheduler.StepLR(
            optimizer, max(1, preset.epochs * preset.steps * 3 // 5), 0.1
        )
    allowed = prior(worlds, model.box)
    result = Fitting(model)

    def one(_: int) -> None:
        for _ in range(preset.steps):
            batch = drawn_batch(worlds, preset, rng)
            loss = model.loss(worlds, batch, allowed, preset.loss, preset.target_px)
            optimizer.zero_grad()
            fabric.backward(loss)
            fabric.clip_gradients(network, optimizer, max_norm=_CLIP)
            optimizer.step()
            schedule.step()

    def error_m() -> float:
        errors = []
        for count in (TRANSMITTERS, FEW):
            samples = watched[1].few(count)
            found = model.answers(others, samples).xy_m
            errors.append(float(errors_m(others, samples, found).mean()))
        return float(np.mean(errors))

    keeper = None
    if kept is not None:
        parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
        keeper = Keeper(kept, parts, rng, result.history, fabric.is_global_zero)
    result.epochs = run_epochs(
        network, one, error_m, result.history, preset.epochs, preset.patience, preset.kind,
        progress and fabric.is_global_zero, keeper,
    )  # fmt: skip
    plain: nn.Module = network.module.cpu().to(memory_format=torch.contiguous_format)
    result.model = replace(model, network=plain)
    return result


def drawn_batch(worlds: Worlds, preset: LocUNetPreset, rng: np.random.Generator) -> Samples:
    """Users that hear a transmitter or more, their deployments in any order; all with 5 of them, or
    all with the first 3."""
    maps, _, users = worlds.measured_db.shape
    device = worlds.levels.device
    count = FEW if rng.random() < preset.few else TRANSMITTERS
    draw = partial(rng.integers, size=2 * preset.batch)
    one, user = draw(maps), draw(users)
    deployment = draw(worlds.deployments.shape[1])
    order = rng.permuted(np.tile(np.arange(TRANSMITTERS), (2 * preset.batch, 1)), axis=1)
    index = [torch.from_numpy(part).to(device) for part in (one, user, deployment, order)]
    transmitter = worlds.deployments[index[0], index[2]].gather(1, index[3])[:, :count]
    samples = Samples(index[0], index[1], transmitter)
    heard = worlds.measured_db[index[0][:, None], transmitter, index[1][:, None]].isfinite()
    return samples.part(heard.any(dim=1).nonzero()[: preset.batch, 0])


def errors_m(worlds: Worlds, samples: Samples, xy_m: torch.Tensor) -> torch.Tensor:
    """Distances (B,) to the users."""
    truth = (worlds.user[samples.map, samples.user].cpu() + 0.5) * worlds.pitch_m
    return (xy_m - truth).norm(dim=1)


class Keeper:
    """The state of a fit in a file: what ``run_epochs`` asks after every epoch."""

    def __init__(
        self,
        file: Path,
        parts: dict[str, Any],
        rng: np.random.Generator,
        history: list[float],
        writes: bool,
    ) -> None:
        self.file, self.parts, self.rng, self.history = file, parts, rng, history
        self.writes = writes

    def load(self) -> tuple[int, Best | None]:
        """Epochs done, and the best so far; (0, None) where nothing was kept."""
        if not self.file.is_file():
            return 0, None
        state = torch.load(self.file, map_location="cpu", weights_only=True)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.history[:] = state["history"]
        # Not the very samples that would have come, but as good ones: a file per process spares.
        self.rng.bit_generator.advance(state["epoch"] << 40)  # type: ignore[attr-defined]
        return state["epoch"], state["best"]

    def save(self, epoch: int, best: Best | None) -> None:
        """Written beside and renamed."""
        if not self.writes:
            return
        beside = self.file.with_suffix(".new")
        state = {name: part.state_dict() for name, part in self.parts.items()}
        torch.save({**state, "history": self.history, "epoch": epoch, "best": best}, beside)
        beside.replace(self.file)
