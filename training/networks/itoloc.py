"""iToLoc's networks (SPEC 2.2): a feature extractor, three predictors and a discriminator.

The paper's figure gives the blocks in shuffled order; SPEC 2.2 says how they were put together.
Convolutions carry no bias, since batch normalisation follows each of them.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

FORMS = ("2d", "1d")
POOLS = ("global", "rows")
LEAST_APS = 4
_SLOPE = 0.1


class Layers:
    """The layers of a form: over images (B, C, N, N) or over vectors (B, C, N)."""

    def __init__(self, form: str) -> None:
        if form not in FORMS:
            raise ValueError(f"form is {form!r}, expected one of {', '.join(FORMS)}")
        flat = form == "1d"
        self.conv: Any = nn.Conv1d if flat else nn.Conv2d
        self.norm: Any = nn.BatchNorm1d if flat else nn.BatchNorm2d
        self.halve: Any = nn.MaxPool1d if flat else nn.MaxPool2d

    def convolved(self, before: int, after: int, kernel: int) -> list[nn.Module]:
        """A convolution of the same size with its norm."""
        return [
            self.conv(before, after, kernel, padding=kernel // 2, bias=False), self.norm(after),
        ]  # fmt: skip

    def block(self, before: int, after: int, kernel: int) -> nn.Sequential:
        """ "Conv block": two convolutions, each with norm and LeakyReLU(0.1)."""
        return nn.Sequential(
            *self.convolved(before, after, kernel), nn.LeakyReLU(_SLOPE),
            *self.convolved(after, after, kernel), nn.LeakyReLU(_SLOPE),
        )  # fmt: skip

    def halved(self, dropout: float) -> list[nn.Module]:
        """Max pooling 2 x 2, then dropout."""
        return [self.halve(2), nn.Dropout(dropout)]


class ResidualBlock(nn.Module):
    """A conv block with its input added before the last LeakyReLU; as many channels out as in."""

    def __init__(self, layers: Layers, channels: int, kernel: int) -> None:
        super().__init__()
        self.inner = layers.block(channels, channels, kernel)[:-1]
        self.activation = nn.LeakyReLU(_SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.inner(x))


class Pooled(nn.Module):
    """(B, C, ...) to (B, F): the mean over everything ("global"), or, of images, over the columns
    alone ("rows"), which leaves apart what was said of different access points."""

    def __init__(self, pool: str) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        if self.pool == "global":
            return x.flatten(2).mean(dim=2)
        return (x if x.ndim == 3 else x.mean(dim=3)).flatten(1)


class ItolocNet(nn.Module):
    """M_E, M_1, M_2, M_3 and M_D over images (B, channels, N, N), or vectors in form "1d".

    Args:
        n_aps: N, at least 4: there are two poolings.
        n_places, n_domains: classes C and |D|.
        channels: of the input, 2 with the level.
        width: 32 in the paper; the second half of M_1, M_2 and M_D has twice as many.
        pool: "global", the reading of the paper's "average pool", or "rows".
        modules: how many of M_1, M_2, M_3 there are; the paper's 3.

    Raises:
        ValueError: fewer than 4 access points, an unknown form or pool, modules not 1 to 3.
    """

    def __init__(
        self,
        n_aps: int,
        n_places: int,
        n_domains: int,
        channels: int = 1,
        width: int = 32,
        form: str = "2d",
        pool: str = "global",
        dropout: float = 0.5,
        modules: int = 3,
    ) -> None:
        super().__init__()
        if n_aps < LEAST_APS:
            raise ValueError(f"{n_aps} access points, expected {LEAST_APS} or more to pool twice")
        if pool not in POOLS:
            raise ValueError(f"pool is {pool!r}, expected one of {', '.join(POOLS)}")
        if not 1 <= modules <= 3:
            raise ValueError(f"modules is {modules}, expected 1 to 3")
        self.config = {
            "n_aps": n_aps, "n_places": n_places, "n_domains": n_domains, "channels": channels,
            "width": width, "form": form, "pool": pool, "dropout": dropout, "modules": modules,
        }  # fmt: skip
        layers = Layers(form)
        left = n_aps // 4 if pool == "rows" else 1

        def classifier(kernel: int, classes: int) -> nn.Sequential:
            return nn.Sequential(
                layers.block(width, width, kernel), *layers.halved(dropout),
                layers.block(width, 2 * width, kernel), Pooled(pool),
                nn.Linear(2 * width * left, classes),
            )  # fmt: skip

        self.extractor = nn.Sequential(layers.block(channels, width, 3), *layers.halved(dropout))
        residual = nn.Sequential(
            ResidualBlock(layers, width, 3), *layers.halved(dropout),
            ResidualBlock(layers, width, 3), Pooled(pool), nn.Linear(width * left, n_places),
        )  # fmt: skip
        self.predictors = nn.ModuleList(
            [classifier(3, n_places), classifier(5, n_places), residual][:modules]
        )
        self.discriminator = classifier(3, n_domains)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The predictors' logits, each (B, C)."""
        return self.predict(self.extractor(x))

    def predict(self, features: Tensor) -> tuple[Tensor, ...]:
        """The predictors' logits of features Z (B, width, ...)."""
        return tuple(module(features) for module in self.predictors)

    def scores(self, x: Tensor) -> Tensor:
        """(B, C): the log of the mean of their softmaxes, the paper's answer."""
        return log_mean(torch.stack(self(x), dim=1))

    def agreement(self, x: Tensor) -> Tensor:
        """(B, 1): how alike the predictors see it, `agreement` of their logits."""
        return agreement(torch.stack(self(x), dim=1))[:, None]


def agreement(logits: Tensor) -> Tensor:
    """(B, K, C) logits -> (B,) 1 - JS / log K, where JS, the Jensen-Shannon divergence of the K
    softmaxes, is the entropy of their mean less the mean of their entropies: 1 = all say the same,
    0 = nothing in common. 1 for a single one."""
    count = logits.shape[1]
    log_p, mean = torch.log_softmax(logits, dim=2), log_mean(logits)
    apart = (log_p.exp() * log_p).sum(dim=2).mean(dim=1) - (mean.exp() * mean).sum(dim=1)
    return 1.0 - apart / math.log(max(count, 2))


def log_mean(logits: Tensor) -> Tensor:
    """(B, K, C) logits -> (B, C), log of the mean of their softmaxes."""
    log_p = torch.log_softmax(logits, dim=2)
    top = log_p.amax(dim=1, keepdim=True)
    return (log_p - top).exp().mean(dim=1).log() + top[:, 0]
