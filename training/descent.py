"""One step of a fit after the other: Adam, and the rise and fall of its learning rate."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


class Plan(Protocol):
    """What a preset says about it; ``epochs`` are those of the whole plan."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def one_cycle(self) -> bool: ...
    @property
    def epochs(self) -> int: ...


class Descent:
    """The papers' Adam (decoupled decay leaves it unchanged at 0) for ``per_epoch`` batches an
    epoch; the learning rate follows the whole plan, however early a fit ends."""

    def __init__(self, network: nn.Module, plan: Plan, per_epoch: int) -> None:
        self._optimizer = torch.optim.AdamW(
            network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self._schedule = None
        if plan.one_cycle:
            total = max(plan.epochs * per_epoch, 2)
            self._schedule = torch.optim.lr_scheduler.OneCycleLR(
                self._optimizer, plan.learning_rate, total
            )

    def step(self, loss: Tensor) -> None:
        """Down the gradient of a batch's loss."""
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        if self._schedule is not None:
            self._schedule.step()
