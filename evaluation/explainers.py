"""Explainers of a trained eXLoc network behind one face: scores (B, N) of access points.

Each takes a ``Subject``, normalised rows (B, N), which access points were heard (B, N) and the
class explained per row (B,), and gives float64 scores, higher = speaks more for the class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.decode import softmax
from training.exloc import load_network
from training.networks.exloc import ExLocNet, circulant
from training.run import Run

Rows = NDArray[np.float32]
Heard = NDArray[np.bool_]
Classes = NDArray[np.int64]
Scores = NDArray[np.float64]

_BATCH = 256
LIME_SAMPLES = 1000
# Kernel width of LIME in units of sqrt(N), the package's own default and SPEC 1.5.
LIME_WIDTH = 0.75


@dataclass(frozen=True)
class Subject:
    """What is explained: ``silent`` (N,) is the normalised value of an access point not heard,
    ``background`` (M, N) normalised training rows, ``temperature`` softens the posterior."""

    network: ExLocNet
    silent: Rows
    background: Rows
    temperature: float = 1.0

    @classmethod
    def of(cls, run: Run, background_dbm: Rows, device: str = "cpu") -> Subject:
        """The network of a run, with training rows (M, N) in dBm (NaN = not heard)."""
        recipe, n = run.input_recipe, len(run.bssids)
        silent = recipe.normalised(np.full((1, n), np.nan, np.float32))[0]
        return cls(
            load_network(run).to(device), silent, recipe.normalised(background_dbm),
            run.temperature,
        )  # fmt: skip

    def _parts(self, rows: Rows):
        device = self.network.fc.weight.device
        for part in torch.from_numpy(np.ascontiguousarray(rows, np.float32)).split(_BATCH):
            there = part.to(device)
            yield there.unsqueeze(1) if self.network.form == "1d" else circulant(there).unsqueeze(1)

    def logits(self, rows: Rows) -> Rows:
        """(B, N) -> (B, G)."""
        with torch.inference_mode():
            return torch.cat([self.network(x).cpu() for x in self._parts(rows)]).numpy()

    def features(self, rows: Rows) -> Rows:
        """(B, N) -> (B, K, N): what the head is linear in."""
        with torch.inference_mode():
            return torch.cat([self.network.features(x).cpu() for x in self._parts(rows)]).numpy()

    def probability(self, rows: Rows) -> NDArray[np.float64]:
        """(B, N) -> (B, G), as the device gives it."""
        return softmax(self.logits(rows), self.temperature)

    def log_probability(self, rows: Rows, classes: Classes) -> Scores:
        """(B, N) -> (B,) of one class per row."""
        scaled = self.logits(rows).astype(np.float64) / self.temperature
        most = scaled.max(axis=1)
        total = most + np.log(np.exp(scaled - most[:, None]).sum(axis=1))
        return scaled[np.arange(len(rows)), classes] - total

    def logit(self, rows: Rows, classes: Classes) -> Scores:
        """(B, N) -> (B,) of one class per row."""
        return self.logits(rows)[np.arange(len(rows)), classes].astype(np.float64)


Explainer = Callable[[Subject, Rows, Heard, Classes, int], Scores]


def cam(subject: Subject, rows: Rows, heard: Heard, classes: Classes, seed: int = 0) -> Scores:
    """Impact Scores (SPEC 1.4): their sum (``per_ap``) or mean (``gap``) is logit - bias."""
    del heard, seed
    features = subject.features(rows).astype(np.float64)
    weight = subject.network.head_weight().cpu().numpy()[classes].astype(np.float64)
    form = "bki,bki->bi" if weight.ndim == 3 else "bk,bki->bi"
    return np.einsum(form, weight, features)


def cam_beyond_silence(
    subject: Subject, rows: Rows, heard: Heard, classes: Classes, seed: int = 0
) -> Scores:
    """Impact Scores less those of a scan that hears nothing, for the same class.

    An Impact Score counts from zero features, not from silence: this takes the offset out. With
    kernel 1 it is the logit drop of occlusion exactly, for every head.
    """
    nothing = subject.silent[None, :]
    features = subject.features(nothing)[0].astype(np.float64)
    weight = subject.network.head_weight().cpu().numpy()[classes].astype(np.float64)
    form = "bki,ki->bi" if weight.ndim == 3 else "bk,ki->bi"
    return cam(subject, rows, heard, classes, seed) - np.einsum(form, weight, features)


def _drops(subject: Subject, rows: Rows, heard: Heard, classes: Classes, value: str) -> Scores:
    """What the value loses when each heard access point in turn is taken as not heard."""
    of = getattr(subject, value)
    row, column = np.nonzero(heard)
    without = rows[row].copy()
    without[np.arange(len(row)), column] = subject.silent[column]
    scores = np.zeros(rows.shape)
    scores[row, column] = of(rows, classes)[row] - of(without, classes[row])
    return scores


def occlusion(
    subject: Subject, rows: Rows, heard: Heard, classes: Classes, seed: int = 0
) -> Scores:
    """Drop of the log-probability, the device's method "occlusion"; 0 where not heard."""
    del seed
    return _drops(subject, rows, heard, classes, "log_probability")


def logit_occlusion(
    subject: Subject, rows: Rows, heard: Heard, classes: Classes, seed: int = 0
) -> Scores:
    """Drop of the class's logit (SPEC 1.5): what an exact split of the logit should resemble."""
    del seed
    return _drops(subject, rows, heard, classes, "logit")


def lime(
    subject: Subject,
    rows: Rows,
    heard: Heard,
    classes: Classes,
    seed: int = 0,
    samples: int = LIME_SAMPLES,
) -> Scores:
    """Coefficients of LIME on the 1-D RSSI vector, by the ``lime`` package (SPEC 1.5).

    Gaussian samples around the row, spread as the training rows are; kernel exp(-d^2 / width^2)
    with width 0.75 sqrt(N); ridge regression on the class's probability; all N coefficients.
    """
    from lime.lime_tabular import LimeTabularExplainer

    del heard
    n = rows.shape[1]
    explainer = LimeTabularExplainer(
        subject.background.astype(np.float64), mode="classification", discretize_continuous=False,
        feature_selection="none", sample_around_instance=True, kernel_width=LIME_WIDTH * n**0.5,
        random_state=seed,
    )  # fmt: skip
    scores = np.zeros(rows.shape)
    for i, (row, one) in enumerate(zip(rows, classes.tolist(), strict=True)):
        found = explainer.explain_instance(
            row.astype(np.float64), subject.probability, labels=(one,), num_features=n,
            num_samples=samples,
        )  # fmt: skip
        for column, coefficient in found.local_exp[one]:
            scores[i, column] = coefficient
    return scores


def random_order(
    subject: Subject, rows: Rows, heard: Heard, classes: Classes, seed: int = 0
) -> Scores:
    """Scores drawn at random: what every explainer has to beat."""
    del subject, heard, classes
    return np.random.default_rng(seed).random(rows.shape)


EXPLAINERS: dict[str, Explainer] = {
    "CAM": cam,
    "CAM beyond silence": cam_beyond_silence,
    "occlusion": occlusion,
    "LIME": lime,
    "random": random_order,
}
