"""The three losses of iToLoc and how they play against each other (SPEC 2.3, 2.4).

The whole is L = L_a + gamma L_s - lambda L_d: the predictors and the extractor make it small, the
discriminator makes L_d small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.cells import Cells
from training.fitting import floor_cross_entropy

# A floor up or down counts as this far away in the spatial constraint, as in the watched error.
FLOOR_M = 15.0
_RAMP = 10.0


def location_loss(logits: Sequence[Tensor], target: Tensor) -> Tensor:
    """L_a (eq. 5): the modules' cross-entropies to (B, C) targets, summed, mean over the batch."""
    return torch.stack([nn.functional.cross_entropy(one, target) for one in logits]).sum()


def floor_loss(logits: Sequence[Tensor], target: Tensor, members: Tensor) -> Tensor:
    """The modules' cross-entropies over floors, summed, mean over the batch: of the masses that
    they and the targets (B, C) put on each; members (C, F) 1 or 0."""
    return torch.stack(
        [floor_cross_entropy(one.log_softmax(dim=1), target, members) for one in logits]
    ).sum()


def domain_loss(logits: Tensor, domain: Tensor) -> Tensor:
    """L_d (eq. 8): cross-entropy of (B, D) logits to the true domains (B,)."""
    return nn.functional.cross_entropy(logits, domain)


def spatial_loss(logits: Sequence[Tensor], weight: Tensor) -> Tensor:
    """L_s (eq. 10): expected ``weight`` (B, C) under each module's softmax, summed as in L_a."""
    return torch.stack([(one.softmax(dim=1) * weight).sum(dim=1).mean() for one in logits]).sum()


def spatial_weights(
    cells: Cells, xy_m: NDArray[np.float64], floor: NDArray[np.int32]
) -> NDArray[np.float32]:
    """(M, C) distances from true positions (M, 2) to the places, over the site's largest.

    The largest is that between two places, so that gamma means the same on every site. Floors
    are 15 m apart.
    """

    def apart(xy: NDArray[np.float64], level: NDArray[np.int32]) -> NDArray[np.float64]:
        flat = np.sqrt(((xy[:, None] - cells.xy_m[None]) ** 2).sum(axis=2))
        return flat + FLOOR_M * np.abs(level[:, None].astype(np.float64) - cells.floor[None])

    largest = max(float(apart(row[None], level[None]).max()) for row, level in
                  zip(cells.xy_m, cells.floor, strict=True))  # fmt: skip
    return (apart(xy_m, floor) / max(largest, 1e-9)).astype(np.float32)


def ramp(progress: float, most: float) -> float:
    """lambda at a share 0..1 of the training: from 0 towards ``most``, as DANN has it."""
    return most * (2.0 / (1.0 + math.exp(-_RAMP * progress)) - 1.0)


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reversed_gradient(features: Tensor, strength: float) -> Tensor:
    """The features; their gradient comes back times -``strength`` (gradient reversal)."""
    found: Tensor = _Reversed.apply(features, strength)
    return found
