"""The scan and the numpy that benchmarks/native.py compares path_loss_pdf with."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from sdk import native

P0_DBM, EXPONENT, SIGMA_DB, OFFSET_DB, SILENCE_DBM = -35.0, 3.0, 8.0, 2.0, -90.0
APS, HEARD, SHAPE, PITCH_M = 40, 8, (80, 120), 0.5


class PathLossScan:
    """8 of 40 access points heard on 60 m x 40 m, as in kernel_bench.cpp."""

    def __init__(self) -> None:
        turns = np.outer(np.arange(APS) + 1, [0.7548776662, 0.5698402910]) % 1
        self.places = turns * [60, 40]
        away = np.maximum(np.hypot(*(self.places - [25, 15]).T), 1)
        self.rssi = np.where(np.arange(APS) < HEARD, P0_DBM - 30 * np.log10(away), np.nan)
        self.weight = np.where(np.arange(APS) < HEARD, 0.5, 0.05)
        self.extra_loss = np.zeros(APS)
        self.out = np.empty(SHAPE, np.float32)
        places = self.places.astype(np.float32)[:, :, None, None]
        x = (np.arange(SHAPE[1]) * PITCH_M).astype(np.float32)
        y = (np.arange(SHAPE[0]) * PITCH_M).astype(np.float32)[:, None]
        self.squared = (x - places[:, 0]) ** 2 + (y - places[:, 1]) ** 2

    def ours(self) -> np.ndarray:
        return native.path_loss_pdf(
            self.places, self.rssi, self.weight, self.extra_loss, P0_DBM, EXPONENT, SIGMA_DB,
            OFFSET_DB, SILENCE_DBM, (0.0, 0.0), PITCH_M, SHAPE, self.out,
        )  # fmt: skip

    def numpy_form(self) -> np.ndarray:
        """float32 with all squared distances known before, in place where it can be."""
        expected = np.maximum(self.squared, np.float32(1))
        np.log10(expected, out=expected)
        expected *= np.float32(-5 * EXPONENT)
        expected += np.float32(P0_DBM)
        weight = self.weight[:HEARD].astype(np.float32)
        residual = self.rssi[:HEARD, None, None].astype(np.float32) - expected[:HEARD]
        total = np.tensordot(weight, residual, 1)
        np.square(residual, out=residual)
        log_pdf = np.tensordot(weight, residual, 1)
        log_pdf -= total**2 / np.float32(weight.sum() + (SIGMA_DB / OFFSET_DB) ** 2)
        log_pdf /= np.float32(-2 * SIGMA_DB**2)
        silent = np.float32(SILENCE_DBM) - expected[HEARD:]
        silent /= np.float32(SIGMA_DB)
        log_ndtr(silent, out=silent)
        log_pdf += np.tensordot(self.weight[HEARD:].astype(np.float32), silent, 1)
        log_pdf -= log_pdf.max()
        return np.exp(log_pdf, out=log_pdf)
