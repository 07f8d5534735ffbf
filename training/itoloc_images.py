"""iToLoc's input in PyTorch, a batch at a time, with the augmentation: readings jitter, phones
differ in gain, access points are unknown. Without it, the images of ``sdk.images``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdk.images import LOUDEST_DBM, InputRecipe
from sdk.ratio import LEVEL_DBM
from sdk.value_form import ValueKind, value_form

INPUTS = ("image", "vector")


@dataclass(frozen=True)
class Augmentation:
    """``noise_db`` on every reading heard, ``offset_db`` on all of a scan; of a scan's access
    points a share drawn from 0..``unknown`` is unknown, and a share ``lost`` unheard."""

    noise_db: float = 0.0
    offset_db: float = 0.0
    unknown: float = 0.0
    lost: float = 0.0


def recipe_of(
    kind: str, rssi_dbm: NDArray[np.float32], not_heard_dbm: float, level: bool,
    exponent: float | None = None,
) -> InputRecipe:  # fmt: skip
    """The recipe of ``kind``: "image", ratios, or "vector", one z-score for the whole place, of
    dBm or, with an ``exponent``, of powed levels (``sdk/value_form.py``).

    Raises ValueError for another kind or a level beside a vector.
    """
    if kind == "image":
        return InputRecipe("ratio", not_heard_dbm, not_heard_dbm, 0.0, 1.0, level=level)
    if kind != "vector":
        raise ValueError(f"input is {kind!r}, expected one of {', '.join(INPUTS)}")
    form: ValueKind = "linear" if exponent is None else "powed"
    power = 1.0 if exponent is None else exponent
    values = value_form(rssi_dbm, form, not_heard_dbm, power).astype(np.float64)
    mean, std = float(values.mean()), max(float(values.std()), 1e-3)
    # Unknown is the mean, 0 in the network, as it is in an image.
    unknown_dbm = mean
    if exponent is not None:
        unknown_dbm = not_heard_dbm * (1.0 - mean ** (1.0 / exponent))
    return InputRecipe(
        "vector", not_heard_dbm, unknown_dbm, mean, std, level=level, value_form=form,
        exponent=exponent,
    )  # fmt: skip


class Images:
    """Rows (B, N) dBm, NaN = not heard, to inputs of the network on their device."""

    def __init__(self, recipe: InputRecipe) -> None:
        self.recipe = recipe
        self._mean, self._std = (torch.tensor(v) for v in (recipe.mean_dbm, recipe.std_db))

    def __call__(
        self, rssi_dbm: Tensor, augmentation: Augmentation | None = None,
        unknown: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """(B, C, N, N) or (B, 1, N); ``unknown`` (N,) or (B, N) bool marks access points besides
        those that the augmentation draws (from torch's own generator)."""
        recipe = self.recipe
        heard = torch.isfinite(rssi_dbm)
        levels = rssi_dbm
        masked = torch.zeros_like(heard) if unknown is None else unknown.expand_as(heard)
        if augmentation is not None:
            rows, where = len(levels), levels.device
            if augmentation.noise_db:
                levels = levels + torch.randn_like(levels) * augmentation.noise_db
            if augmentation.offset_db:
                gain = torch.randn(rows, 1, device=where)
                levels = levels + gain * augmentation.offset_db
            if augmentation.lost:
                heard = heard & (torch.rand(levels.shape, device=where) >= augmentation.lost)
            if augmentation.unknown:
                share = torch.rand(rows, 1, device=where) * augmentation.unknown
                masked = masked | (torch.rand(levels.shape, device=where) < share)
        filled = torch.where(heard, levels, recipe.not_heard_dbm)
        if recipe.image == "vector":
            values = torch.where(masked, recipe.unknown_dbm, filled)
            if recipe.exponent is not None:
                least = recipe.not_heard_dbm
                values = ((values - least) / -least).clamp(min=0.0) ** recipe.exponent
            mean, std = self._mean.to(values), self._std.to(values)
            return ((values - mean) / std)[:, None]
        filled = filled.clamp(recipe.not_heard_dbm, LOUDEST_DBM)
        known = (~masked).to(filled.dtype)
        made = filled[:, :, None] / filled[:, None, :] - 1.0
        made = (made * known[:, :, None] * known[:, None, :])[:, None]
        if not recipe.level:
            return made
        mean = (filled * known).sum(dim=1) / known.sum(dim=1).clamp(min=1.0) / LEVEL_DBM
        return torch.cat([made, mean[:, None, None, None].expand_as(made)], dim=1)
