"""LocUNet: a position from radio maps and path losses (Yapar et al. 2022; SPEC 3.3, 3.4).

A U-Net turns the images into a quasi-heatmap, which may be negative; its centre of mass is the
position. The up layers of the paper's Table I are bilinear with a 1 x 1 convolution, which alone
gives the published counts of parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.networks.skip_unet import Down, SkipUNet, Up, shallower

SIDES = (64, 128, 256)
ACTIVATIONS = ("leaky_relu", "relu", "sigmoid", "softmax")
SLOPE = 0.2
# Below this share of sum |H| the sum of H says nothing: the estimate is flagged (SPEC 3.4).
LEAST_MASS = 1e-3
_EPSILON = 1e-7
_SMALLEST_SIDE = 2

DOWN = (
    Down(20, 3), Down(50, 5, True), Down(60, 5, True), Down(70, 5), Down(90, 5, True),
    Down(100, 5), Down(120, 5, True), Down(120, 3), Down(135, 5), Down(150, 5, True),
    Down(225, 5), Down(300, 5, True), Down(400, 5), Down(500, 5, True),
)  # fmt: skip
UP = (
    Up(400, 1, True), Up(300, 5), Up(225, 1, True), Up(150, 5), Up(135, 1, True), Up(120, 5),
    Up(120, 3), Up(100, 1, True), Up(90, 5), Up(70, 1, True), Up(60, 5), Up(50, 1, True),
    Up(20, 1, True), Up(20, 5), Up(1, 5),
)  # fmt: skip


class Centre(NamedTuple):
    """``pixel`` (B, 2): column and row, counted from 0; ``mass`` (B,): |sum H| / sum |H|."""

    pixel: Tensor
    mass: Tensor

    @property
    def reliable(self) -> Tensor:
        """(B,) bool: False where positive and negative parts all but cancel."""
        return self.mass >= LEAST_MASS


def centre_of_mass(heatmap: Tensor) -> Centre:
    """Of maps (B, H, W) of any sign; turning the sign changes nothing. Finite for all-zero maps."""
    _, height, width = heatmap.shape
    column = torch.arange(width, dtype=heatmap.dtype, device=heatmap.device)
    row = torch.arange(height, dtype=heatmap.dtype, device=heatmap.device)
    over_rows, over_columns = heatmap.sum(dim=1), heatmap.sum(dim=2)
    total = over_columns.sum(dim=1)
    guarded = total + torch.where(total < 0, -_EPSILON, _EPSILON)
    pixel = torch.stack([over_rows @ column, over_columns @ row], dim=1) / guarded[:, None]
    size = heatmap.abs().sum(dim=(1, 2))
    return Centre(pixel, total.abs() / size.clamp_min(_EPSILON))


class LocUNet(nn.Module):
    """(B, inputs, S, S) images in [0, 1] -> quasi-heatmap (B, S, S).

    Args:
        inputs: 16 with 5 radio maps, 5 constant images of the path loss, 5 transmitters and the
            buildings; 11 without the transmitters, 15 without the buildings, 10 without both.
        side: 256, or 128 and 64, where the deepest layers no longer halve a side of 2.
        width: factor of all channels; 1 is the paper's network.
        activation: behind the last layer; the paper's is the leaky ReLU of all layers.
        seen: channels of the images that it looks at, where not at all of them: ``inputs`` in
            number.

    Raises:
        ValueError: a side or an activation of another name, or another number of ``seen``.
    """

    def __init__(
        self,
        inputs: int = 16,
        side: int = 256,
        width: float = 1.0,
        activation: str = "leaky_relu",
        seen: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if side not in SIDES or activation not in ACTIVATIONS:
            raise ValueError(
                f"side {side!r} and activation {activation!r}: expected one of {SIDES} and of "
                f"{ACTIVATIONS}"
            )
        if seen is not None and len(seen) != inputs:
            raise ValueError(f"{len(seen)} channels are seen, expected {inputs}")
        self.config: dict[str, Any] = {
            "inputs": inputs, "side": side, "width": width, "activation": activation,
        }  # fmt: skip
        self.seen = None if seen is None else list(seen)
        if self.seen is not None:
            self.config["seen"] = self.seen
        pools = (side // _SMALLEST_SIDE).bit_length() - 1
        down, up = shallower(DOWN, UP, pools)
        self.body = SkipUNet(
            inputs,
            [Down(_narrow(d.channels, width), d.kernel, d.pools) for d in down],
            [Up(_narrow(u.channels, width), u.kernel, u.doubles) for u in up[:-1]] + [up[-1]],
            "mean",
            SLOPE,
        )
        for layer in [*self.body.down, *self.body.up[:-1]]:
            # PyTorch's own start loses the image on the way through 29 layers without a
            # normalisation: the position stays the map's middle.
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            nn.init.zeros_(layer.bias)
        self.activation = activation
        if activation != "softmax":
            # A map of ones: its centre is the image's, and its sum far from 0.
            nn.init.ones_(self.body.up[-1].bias)

    def forward(self, images: Tensor) -> Tensor:
        heatmap = self.body(images if self.seen is None else images[:, self.seen])[:, 0]
        match self.activation:
            case "relu":
                return torch.relu(heatmap)
            case "sigmoid":
                return torch.sigmoid(heatmap)
            case "softmax":
                return heatmap.flatten(1).softmax(dim=1).reshape(heatmap.shape)
        return nn.functional.leaky_relu(heatmap, SLOPE)


def _narrow(channels: int, width: float) -> int:
    return max(1, round(channels * width))
