"""A small U-Net that corrects a log-posterior over pixels (SPEC 3.13)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from training.networks.skip_unet import Down, SkipUNet, Up

DOWN = (Down(1, 3), Down(2, 3, True), Down(3, 3), Down(4, 3, True), Down(4, 3))
UP = (Up(4, 3), Up(3, 1, True), Up(2, 3), Up(1, 1, True), Up(1, 3), Up(1, 3))


class CorrectionNet(nn.Module):
    """(B, inputs, S, S) in [0, 1] -> what is added to the log-posterior, (B, S, S); 0 at first.

    It works at half the side: the detail is in the log-posterior itself. ``width`` is the number of
    channels there; the deepest layer has four times as many. S is a multiple of 8.
    """

    def __init__(self, inputs: int, width: int = 16) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"inputs": inputs, "width": width}
        self.body = SkipUNet(
            inputs,
            [Down(width * d.channels, d.kernel, d.pools) for d in DOWN],
            [Up(width * u.channels, u.kernel, u.doubles) for u in UP[:-1]] + [UP[-1]],
            "mean",
            0.0,
        )
        # From the posterior itself every step can only learn what it lacks.
        nn.init.zeros_(self.body.up[-1].weight)
        nn.init.zeros_(self.body.up[-1].bias)

    def forward(self, images: Tensor) -> Tensor:
        coarse = self.body(nn.functional.avg_pool2d(images, 2))
        return nn.functional.interpolate(
            coarse, scale_factor=2.0, mode="bilinear", align_corners=False
        )[:, 0]
