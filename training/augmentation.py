"""Training rows of eXLoc, shaken anew for every batch: noise, another phone's gain, lost APs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdk.images import InputRecipe
from training.presets import Preset


class Shaken(Protocol):
    """Rows of a survey as a network learns from them."""

    def batch(self, rows: Tensor) -> Tensor:
        """(B,) row numbers on the device -> (B, N) network inputs there."""


def shaken(
    rssi_dbm: NDArray[np.float32], recipe: InputRecipe, preset: Preset, device: str
) -> Shaken:
    """``rssi_dbm`` (M, N), NaN = not heard, shaken in dB as the preset says.

    Draws from torch's generator; one state of it gives one batch.
    """
    kind = _Linear if recipe.value_form == "linear" else _Powed
    return kind(rssi_dbm, recipe, preset, device)


class _Linear:
    """A z-score commutes with what is added in dB, so rows lie ready on the device."""

    def __init__(
        self, rssi_dbm: NDArray[np.float32], recipe: InputRecipe, preset: Preset, device: str
    ) -> None:
        self._preset = preset
        n = rssi_dbm.shape[1]
        std_db = np.broadcast_to(np.asarray(recipe.std_db, np.float32), (n,))
        self._x, self._heard, self._jitter, self._offset, self._silent = (
            torch.from_numpy(array).to(device)
            for array in (
                recipe.normalised(rssi_dbm),
                np.isfinite(rssi_dbm),
                np.array(preset.noise_db / std_db, dtype=np.float32),
                np.array(preset.offset_db / std_db, dtype=np.float32),
                recipe.normalised(np.full((1, n), np.nan, np.float32))[0],
            )
        )

    def batch(self, rows: Tensor) -> Tensor:
        preset, batch, heard = self._preset, self._x[rows], self._heard[rows]
        if preset.noise_db:
            noise = torch.randn_like(batch) * self._jitter
            batch = torch.where(heard, batch + noise, batch)
        if preset.offset_db:
            gain = torch.randn(len(batch), 1, device=batch.device)
            batch = torch.where(heard, batch + gain * self._offset, batch)
        if preset.ap_dropout:
            lost = torch.rand_like(batch) < preset.ap_dropout
            batch = torch.where(lost, self._silent, batch)
        return batch


class _Powed:
    """Decibels are added before the power: after it, they would drown the weak levels."""

    def __init__(
        self, rssi_dbm: NDArray[np.float32], recipe: InputRecipe, preset: Preset, device: str
    ) -> None:
        self._rssi_dbm = torch.from_numpy(rssi_dbm)
        self._recipe, self._preset, self._device = recipe, preset, device

    def batch(self, rows: Tensor) -> Tensor:
        preset, dbm = self._preset, self._rssi_dbm[rows.cpu()]
        if preset.noise_db:
            dbm = dbm + torch.randn_like(dbm) * preset.noise_db
        if preset.offset_db:
            dbm = dbm + torch.randn(len(dbm), 1) * preset.offset_db
        if preset.ap_dropout:
            dbm = dbm.masked_fill(torch.rand_like(dbm) < preset.ap_dropout, torch.nan)
        return torch.from_numpy(self._recipe.normalised(dbm.numpy())).to(self._device)
