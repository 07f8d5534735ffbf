"""Presets of ``rssfix train locunet``, as data. What was measured: evaluation/results/locunet."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("posterior", "correction", "locunet")
DEFAULT_PRESET = "posterior"
# Channels of sdk.heatmap_images' images: maps and path losses by turns, transmitters, buildings.
INPUTS = {
    "all": range(16), "no buildings": range(15), "no transmitters": (*range(10), 15),
    "radio maps": range(10),
}  # fmt: skip


@dataclass(frozen=True)
class LocUNetPreset:
    """Everything about a training that is not the city or the seed.

    ``kind``: no network, one that corrects the log-posterior, or the paper's. ``scenario``: the
    world that users measure in. ``tailed`` and ``classes``: of the likelihood. ``width``: channels
    at full size of a correction, factor of the paper's. ``activation``, ``loss`` ("mae", "mse") and
    ``inputs`` (a key of INPUTS) are those of the paper's ablation; the loss "gaussian" is heatmap
    regression to a Gaussian of ``target_px``. ``few``: share of the samples with three
    transmitters. An epoch is ``steps`` batches.
    """

    kind: str
    scenario: str = "robust"
    estimate: str = "median"
    tailed: bool = True
    classes: int = 8
    width: float = 16
    activation: str = "leaky_relu"
    loss: str = "mae"
    inputs: str = "all"
    target_px: float = 2.0
    few: float = 0.5
    epochs: int = 8
    steps: int = 100
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.15
    patience: int = 100
    one_cycle: bool = True

    def __post_init__(self) -> None:
        if self.inputs not in INPUTS:
            raise ValueError(f"inputs is {self.inputs!r}, expected one of {', '.join(INPUTS)}")


PRESETS: dict[str, LocUNetPreset] = {
    # No network: prior times a likelihood fitted in seconds; in the native core on the device.
    "posterior": LocUNetPreset("posterior"),
    # The posterior, corrected by a small U-Net that starts at 0.
    "residual": LocUNetPreset("correction", loss="nll", epochs=5),
    # The same, half as wide, for small machines.
    "edge": LocUNetPreset("correction", loss="nll", epochs=5, width=8),
    # The paper's network, a quarter as wide: 40 minutes of one core at 64 pixels. At a rate of 1e-3
    # it may die at the map's middle. At 256 pixels and width 1 it wants an accelerator.
    "paper": LocUNetPreset(
        "locunet", estimate="mean", width=0.25, batch=16, epochs=100, steps=200, learning_rate=4e-4
    ),
    # As published (SPEC 3.5): 50 epochs over all samples, the rate a tenth after 30.
    "paper-full": LocUNetPreset(
        "locunet", estimate="mean", width=1.0, few=0.0, batch=15, epochs=50, steps=46_000,
        learning_rate=1e-5, weight_decay=0.0, one_cycle=False,
    ),
}  # fmt: skip
