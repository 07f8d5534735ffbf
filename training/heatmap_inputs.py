"""The images of ``sdk.heatmap_images`` for a batch of users of many maps, in torch."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from sdk.heatmap_images import (
    CORRECTION_CHANNELS,
    LEAST_LOG,
    LEAST_SUM,
    LOCUNET_CHANNELS,
    SLOTS,
)
from sdk.heatmap_rules import Likelihood
from sdk.roughness import LEVELS
from training.radio_likelihood import codes, measured, measured_tables
from training.radio_worlds import Samples, Worlds


def in_slots(worlds: Worlds, samples: Samples) -> Samples:
    """The same with the transmitters loudest first, those not received last."""
    level = measured(worlds, samples).nan_to_num(-torch.inf)
    order = level.argsort(dim=1, descending=True, stable=True)
    return replace(samples, transmitter=samples.transmitter.gather(1, order))


def locunet_images(worlds: Worlds, samples: Samples) -> Tensor:
    """(B, 16, S, S) of samples whose transmitters stand in slots."""
    levels = worlds.levels[samples.map[:, None], samples.transmitter]
    b, k, side, _ = levels.shape
    images = torch.zeros(b, LOCUNET_CHANNELS, side, side, device=levels.device)
    images[:, 0 : 2 * k : 2] = levels.float() / 255
    gray = worlds.gray
    share = (measured(worlds, samples) - gray.low_db) / (gray.high_db - gray.low_db)
    images[:, 1 : 2 * k : 2] = share.clamp(0, 1).nan_to_num(0.0)[:, :, None, None]
    pixel = worlds.transmitter[samples.map[:, None], samples.transmitter]
    row = torch.arange(b, device=levels.device)[:, None]
    slot = torch.arange(k, device=levels.device)[None]
    images[row, 2 * SLOTS + slot, pixel[..., 1], pixel[..., 0]] = 1.0
    images[:, -1] = (~worlds.outdoors[samples.map]).float()
    return images


def correction_inputs(
    worlds: Worlds, samples: Samples, likelihood: Likelihood, allowed: Tensor
) -> tuple[Tensor, Tensor]:
    """Images (B, 12, S, S) and the log-posterior (B, S, S), -inf where ``allowed`` (M, S, S) is
    False, of samples whose transmitters stand in slots."""
    index = codes(worlds, samples, likelihood)
    b, k, side, _ = index.shape
    tables = measured_tables(worlds, samples, likelihood)
    likely = (tables - tables.amax(dim=2, keepdim=True)).clamp_min(LEAST_LOG) / -LEAST_LOG + 1
    flat = index.flatten(2)
    sums = tables.gather(2, flat).sum(dim=1).reshape(b, side, side)
    here = allowed[samples.map]
    log = sums.masked_fill(~here, -torch.inf)
    top = log.flatten(1).amax(dim=1)[:, None, None]
    images = torch.zeros(b, CORRECTION_CHANNELS, side, side, device=log.device)
    images[:, 0] = torch.where(here, (sums - top).clamp(LEAST_SUM, 0.0) / -LEAST_SUM + 1, 0.0)
    images[:, 1] = here.float()
    images[:, 2 : 2 + k] = likely.gather(2, flat).reshape(b, k, side, side)
    images[:, 2 + SLOTS : 2 + SLOTS + k] = (index % LEVELS).float() / 255
    return images, log
