"""RadioUNet_C: the radio map of a transmitter from the buildings (Levie et al. 2021; SPEC 3.6).

Two U-Nets in a row. The first sees the buildings and the transmitter, the second these and the
first one's map. Each halves the side six times, from 256 to 4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.networks.skip_unet import Down, SkipUNet, Up

INPUTS = 2

FIRST_DOWN = (
    Down(6, 3), Down(40, 5, True), Down(50, 5, True), Down(60, 5), Down(100, 5, True),
    Down(100, 3), Down(150, 5, True), Down(300, 5, True), Down(500, 5, True),
)  # fmt: skip
FIRST_UP = (
    Up(300, 4, True), Up(150, 4, True), Up(100, 4, True), Up(100, 3), Up(60, 6, True), Up(50, 5),
    Up(40, 6, True), Up(20, 6, True), Up(20, 5), Up(1, 5),
)  # fmt: skip
SECOND_DOWN = (
    Down(20, 3), Down(30, 5, True), Down(40, 5, True), Down(50, 5), Down(60, 5, True),
    Down(70, 3), Down(90, 5, True), Down(110, 5, True), Down(150, 5, True),
)  # fmt: skip
SECOND_UP = (
    Up(110, 4, True), Up(90, 4, True), Up(70, 4, True), Up(60, 3), Up(50, 6, True), Up(40, 5),
    Up(30, 6, True), Up(20, 6, True), Up(20, 5), Up(1, 5),
)  # fmt: skip


class RadioUNet(nn.Module):
    """Both stages: 10,921,405 + 2,352,626 = 13,274,031 parameters.

    ``forward`` takes (B, 2, S, S), S a multiple of 64: buildings and the transmitter's pixel, 0 or
    1, and gives the two stages' maps (B, 1, S, S), gray levels as in SPEC 3.2. The gradient of the
    second map ends at the second stage, which learns after the first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = SkipUNet(INPUTS, FIRST_DOWN, FIRST_UP, "max", 0.0)
        self.second = SkipUNet(INPUTS + 1, SECOND_DOWN, SECOND_UP, "max", 0.0)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        first = self.first(images)
        return first, self.second(torch.cat([first.detach(), images], dim=1))
