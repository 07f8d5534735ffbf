"""The U-Net that RadioUNet and LocUNet are made of: tables of layers, skips, inputs seen again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

Pool = Literal["max", "mean"]


@dataclass(frozen=True)
class Down:
    """A layer on the way down: convolution, activation, the side halved where it ``pools``."""

    channels: int
    kernel: int
    pools: bool = False


@dataclass(frozen=True)
class Up:
    """A layer on the way up. ``doubles`` the side by a transposed convolution of stride 2, or, with
    kernel 1, by a convolution and bilinear interpolation."""

    channels: int
    kernel: int
    doubles: bool = False


def shallower(
    down: Sequence[Down], up: Sequence[Up], pools: int
) -> tuple[tuple[Down, ...], tuple[Up, ...]]:
    """The same layers for a smaller image: only the first ``pools`` of them halve the side."""
    left, smaller = pools, []
    for layer in down:
        smaller.append(replace(layer, pools=layer.pools and left > 0))
        left -= layer.pools
    spare, larger = sum(layer.doubles for layer in up) - pools, []
    for layer in up:
        larger.append(replace(layer, doubles=layer.doubles and spare <= 0))
        spare -= layer.doubles
    return tuple(smaller), tuple(larger)


class SkipUNet(nn.Module):
    """(B, inputs, S, S) -> (B, 1, S, S), S a multiple of 2 per pooling layer.

    A layer on the way up sees the one before it and the one of its size on the way down; the last
    two see the inputs as well. ``slope``: of the leaky ReLU behind every layer but the last, which
    has no activation.
    """

    def __init__(
        self, inputs: int, down: Sequence[Down], up: Sequence[Up], pool: Pool, slope: float
    ) -> None:
        """Raises ValueError where the two ways do not mirror each other."""
        super().__init__()
        pools = sum(layer.pools for layer in down)
        if len(up) != len(down) + 1 or pools != sum(layer.doubles for layer in up):
            raise ValueError(
                f"{len(down)} layers with {pools} pools down and {len(up)} with "
                f"{sum(layer.doubles for layer in up)} doublings up: expected one layer more and "
                "as many doublings"
            )
        self._steps = 2**pools
        self._pools = [layer.pools for layer in down]
        self._resized = [layer.doubles and layer.kernel == 1 for layer in up]
        self._pool = nn.functional.max_pool2d if pool == "max" else nn.functional.avg_pool2d
        self._slope = slope
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        channels = inputs
        for layer in down:
            self.down.append(nn.Conv2d(channels, layer.channels, layer.kernel, padding="same"))
            channels = layer.channels
        beside = [0, *(layer.channels for layer in down[-2::-1]), 0]
        for number, layer in enumerate(up):
            channels += beside[number] + (inputs if number >= len(up) - 2 else 0)
            if layer.doubles and layer.kernel > 1:
                made: nn.Module = nn.ConvTranspose2d(
                    channels, layer.channels, layer.kernel, 2, layer.kernel // 2 - 1
                )
            else:
                made = nn.Conv2d(channels, layer.channels, layer.kernel, padding="same")
            self.up.append(made)
            channels = layer.channels

    def forward(self, images: Tensor) -> Tensor:
        """Raises ValueError for sides that cannot be halved often enough."""
        if images.shape[-1] % self._steps or images.shape[-2] % self._steps:
            raise ValueError(
                f"images are {tuple(images.shape)}, expected sides in steps of {self._steps}"
            )
        kept, x = [], images
        for layer, pools in zip(self.down, self._pools, strict=True):
            x = self._activated(layer(x))
            x = self._pool(x, 2) if pools else x
            kept.append(x)
        kept.pop()
        last = len(self.up) - 1
        for number, layer in enumerate(self.up):
            parts = [x]
            if number and kept:
                parts.append(kept.pop())
            if number >= last - 1:
                parts.append(images)
            x = layer(torch.cat(parts, dim=1))
            if self._resized[number]:
                # Interpolation weighs by shares of 1, so behind the convolution it is the same as
                # before it, on a quarter of the pixels.
                x = nn.functional.interpolate(
                    x, scale_factor=2.0, mode="bilinear", align_corners=False
                )
            if number < last:
                x = self._activated(x)
        return x

    def _activated(self, x: Tensor) -> Tensor:
        return nn.functional.leaky_relu(x, self._slope) if self._slope else torch.relu(x)
