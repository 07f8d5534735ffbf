"""LocUNet and its relatives over a batch: positions, spreads and losses, in torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sdk.heatmap_rules import Likelihood
from sdk.posterior import MEDIAN_SOFT_M, MEDIAN_STEPS
from training.heatmap_inputs import correction_inputs, in_slots, locunet_images
from training.locunet_presets import INPUTS
from training.networks.correction import CorrectionNet
from training.networks.locunet import LocUNet, centre_of_mass
from training.radio_likelihood import expected_pixel, prior
from training.radio_worlds import Samples, Worlds

_TINY = 1e-12


class Answers(NamedTuple):
    """``xy_m`` (B, 2) and ``spread_m`` (B,) of the posterior; ``mass`` (B,) of a quasi-heatmap, 1
    where there is none."""

    xy_m: Tensor
    spread_m: Tensor
    mass: Tensor


@dataclass(frozen=True)
class HeatmapModel:
    """A likelihood, the pixels ``box`` between which users stand, and a network or none."""

    kind: str
    likelihood: Likelihood
    box: tuple[int, int]
    estimate: str
    network: nn.Module | None = None

    def log_posterior(self, worlds: Worlds, samples: Samples, allowed: Tensor) -> Tensor:
        """(B, S, S), not normalised; of a ``posterior`` or ``correction``."""
        images, log = correction_inputs(worlds, in_slots(worlds, samples), self.likelihood, allowed)
        return log if self.network is None else log + self.network(images)

    def heatmap(self, worlds: Worlds, samples: Samples) -> Tensor:
        """(B, S, S) quasi-heatmap of a ``locunet``."""
        assert self.network is not None
        return self.network(locunet_images(worlds, in_slots(worlds, samples)))

    def loss(
        self, worlds: Worlds, samples: Samples, allowed: Tensor, kind: str, target_px: float
    ) -> Tensor:
        """Mean distance in pixels between mean and truth (``mae``), or its square (``mse``); of a
        ``correction`` also minus the log-probability of the true pixel (``nll``), of a ``locunet``
        the squared difference to a Gaussian of ``target_px`` about it (``gaussian``)."""
        truth = worlds.user[samples.map, samples.user]
        if self.kind == "locunet":
            heatmap = self.heatmap(worlds, samples)
            if kind == "gaussian":
                target = (_squares(heatmap, truth) / (-2 * target_px**2)).exp()
                return ((heatmap - target) ** 2).sum(dim=(1, 2)).mean()
            found = centre_of_mass(heatmap).pixel
        else:
            log = self.log_posterior(worlds, samples, allowed)
            if kind == "nll":
                pixel = truth[:, 1] * log.shape[-1] + truth[:, 0]
                return nn.functional.cross_entropy(log.flatten(1), pixel)
            found = expected_pixel(log.flatten(1).softmax(dim=1).reshape(log.shape))
        square = ((found - truth) ** 2).sum(dim=1)
        return square.mean() if kind == "mse" else (square + _TINY).sqrt().mean()

    @torch.inference_mode()
    def answers(self, worlds: Worlds, samples: Samples, batch: int = 128) -> Answers:
        """Of all samples, ``batch`` at a time."""
        if self.network is not None:
            self.network.eval()
        allowed = prior(worlds, self.box)
        parts = [self._some(worlds, one, allowed) for one in _parts(samples, batch)]
        return Answers(*(torch.cat(column).cpu() for column in zip(*parts, strict=True)))

    def _some(self, worlds: Worlds, samples: Samples, allowed: Tensor) -> Answers:
        if self.kind == "locunet":
            heatmap = self.heatmap(worlds, samples)
            found = centre_of_mass(heatmap)
            sign = torch.where(heatmap.sum(dim=(1, 2)) < 0, -1.0, 1.0)
            belief = (heatmap * sign[:, None, None]).clamp_min(0) + _TINY
            probability = belief / belief.sum(dim=(1, 2), keepdim=True)
            pixel, mass = found.pixel, found.mass
        else:
            log = self.log_posterior(worlds, samples, allowed)
            probability = log.flatten(1).softmax(dim=1).reshape(log.shape)
            pixel = expected_pixel(probability)
            mass = torch.ones(len(log), device=log.device)
        if self.estimate == "mode":
            top = probability.flatten(1).argmax(dim=1)
            side = probability.shape[-1]
            pixel = torch.stack([top % side, top // side], dim=1).to(probability.dtype)
        spread = _spread(probability, expected_pixel(probability)) * worlds.pitch_m
        if self.estimate == "median":
            pixel = median_pixel(probability, pixel, MEDIAN_SOFT_M / worlds.pitch_m)
        return Answers((pixel + 0.5) * worlds.pitch_m, spread, mass)


def _parts(samples: Samples, batch: int) -> Iterator[Samples]:
    for start in range(0, len(samples), batch):
        yield samples.part(slice(start, start + batch))


def _squares(probability: Tensor, pixel: Tensor) -> Tensor:
    at = torch.arange(probability.shape[-1], dtype=probability.dtype, device=probability.device)
    across, along = (at[None] - pixel[:, :1]) ** 2, (at[None] - pixel[:, 1:]) ** 2
    return across[:, None, :] + along[:, :, None]


def _spread(probability: Tensor, pixel: Tensor) -> Tensor:
    return (probability * _squares(probability, pixel)).sum(dim=(1, 2)).sqrt()


def median_pixel(probability: Tensor, pixel: Tensor, soft: float) -> Tensor:
    """``sdk.posterior.Posterior.median`` of maps (B, S, S), from their means (B, 2)."""
    for _ in range(MEDIAN_STEPS):
        near = probability / (_squares(probability, pixel) + soft**2).sqrt()
        pixel = expected_pixel(near / near.sum(dim=(1, 2), keepdim=True))
    return pixel


def network_of(
    kind: str, side: int, width: float, activation: str, inputs: str = "all"
) -> nn.Module | None:
    """A new network of a kind; None for a ``posterior``. ``inputs``: a key of INPUTS."""
    from sdk.heatmap_images import CORRECTION_CHANNELS, LOCUNET_CHANNELS

    if kind == "locunet":
        seen = INPUTS[inputs]
        part = None if len(seen) == LOCUNET_CHANNELS else tuple(seen)
        return LocUNet(len(seen), side, width, activation, part)
    return CorrectionNet(CORRECTION_CHANNELS, int(width)) if kind == "correction" else None
