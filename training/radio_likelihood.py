"""Fits how measured path loss scatters about a radio map: mu(R), sigma(R), outliers (SPEC 3.13)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sdk.heatmap_rules import Gray, Likelihood
from sdk.roughness import LEVELS
from training.radio_worlds import Samples, Worlds

KNOTS = 17
MOST_PAIRS = 200_000
# A deviation under a level of the maps says nothing.
_LEAST_SIGMA_DB = 0.3
_SMOOTH = 0.02
# Of a class of roughness.
_LEAST_PAIRS = 1000
_STEPS = 60
POWERS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)


class Pairs(NamedTuple):
    """Of P users and transmitters: what the map shows there (P,) uint8, its roughness (P,) uint8,
    and what was measured (P,) dB, NaN = not received."""

    shown: Tensor
    rough: Tensor
    measured: Tensor

    def part(self, rows: Tensor) -> Pairs:
        """Some of them."""
        return Pairs(*(column[rows] for column in self))


def pairs(worlds: Worlds, most: int = MOST_PAIRS, seed: int = 0) -> Pairs:
    """At most ``most`` of all maps, drawn at random."""
    maps, transmitters, _ = worlds.measured_db.shape
    column, row = worlds.user[..., 0], worlds.user[..., 1]
    at = (
        torch.arange(maps)[:, None, None], torch.arange(transmitters)[None, :, None],
        row[:, None, :], column[:, None, :],
    )  # fmt: skip
    whole = worlds.levels[at].flatten(), worlds.rough[at].flatten(), worlds.measured_db.flatten()
    order = np.random.default_rng(seed).permutation(len(whole[0]))[:most]
    return Pairs(*whole).part(torch.from_numpy(order))


def fit_likelihood(
    worlds: Worlds, seed: int = 0, tailed: bool = True, classes: int = 1
) -> Likelihood:
    """The likelihood of largest probability over users of all maps; its power is 1.

    Measurements below the noise floor count by the probability to fall there. ``tailed`` False:
    without the wider part, as the calibrated Gaussian posterior of SPEC 3.13. ``classes``: of
    roughness, each with as many of the pairs and a likelihood of its own; fewer where they would
    have too few pairs.
    """
    found = Pairs(*(part.cpu() for part in pairs(worlds, seed=seed)))
    shares = np.linspace(0, 1, min(classes, 1 + len(found.rough) // _LEAST_PAIRS) + 1)[1:-1]
    rough = found.rough.numpy()
    edges = np.unique(np.quantile(rough, shares).astype(np.int64))
    above = edges[edges < rough.max()].tolist()
    class_of = torch.from_numpy(np.searchsorted(above, rough, side="left"))
    first, *others = (
        _fitted(found.part((class_of == one).nonzero()[:, 0]), worlds.gray, tailed)
        for one in range(len(above) + 1)
    )
    return replace(first, above=tuple(above), rougher=tuple(others))


def _fitted(found: Pairs, gray: Gray, tailed: bool) -> Likelihood:
    """Of pairs of one class."""
    shown, measured = found.shown, found.measured
    level = torch.from_numpy(gray.level_db)
    knots = torch.linspace(gray.low_db, gray.high_db, KNOTS, dtype=torch.float64)
    # Linear interpolation between knots, as a table over the levels.
    width = float(knots[1] - knots[0])
    hats = (1 - (level[:, None] - knots[None, :]).abs() / width).clamp_min(0)
    heard = measured.isfinite()
    value = measured[heard].double()
    mean = knots.clone().requires_grad_()
    log_sigma = torch.full((KNOTS,), math.log(4.0), dtype=torch.float64, requires_grad=True)
    rare = torch.tensor(-4.0, dtype=torch.float64, requires_grad=True)
    tail = torch.tensor(-1.5, dtype=torch.float64, requires_grad=tailed)
    log_factor = torch.tensor(1.0, dtype=torch.float64, requires_grad=tailed)
    parameters = [mean, log_sigma, rare, *([tail, log_factor] if tailed else [])]
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=_STEPS, history_size=20, line_search_fn="strong_wolfe"
    )
    span = gray.high_db - gray.low_db
    outside = (gray.noise_floor_db - gray.low_db) / span
    seen, silent = shown[heard].long(), torch.bincount(shown[~heard].long(), minlength=len(level))

    def loss() -> Tensor:
        optimizer.zero_grad()
        mu, sigma = hats @ mean, (hats @ log_sigma).exp() + _LEAST_SIGMA_DB
        share, wide = rare.sigmoid(), tail.sigmoid() if tailed else torch.zeros(())
        density, below = share / span, share * outside + 1e-12
        for part, factor in ((1 - wide, 1.0), (wide, 1 + log_factor.exp())):
            z = (value - mu[seen]) / (factor * sigma[seen])
            height = (1 - share) * part / (factor * sigma[seen] * math.sqrt(2 * math.pi))
            density = density + height * (-0.5 * z**2).exp()
            under = torch.special.ndtr((gray.noise_floor_db - mu) / (factor * sigma))
            below = below + (1 - share) * part * under
        log = density.log().sum() + (silent * below.log()).sum()
        bend = ((mean - knots).diff(n=2) ** 2).sum() + 10 * (log_sigma.diff(n=2) ** 2).sum()
        total = -log / len(shown) + _SMOOTH * bend / KNOTS
        total.backward()
        return total

    optimizer.step(loss)
    with torch.no_grad():
        sigma = (hats @ log_sigma).exp() + _LEAST_SIGMA_DB
        at = torch.linspace(0, len(level) - 1, KNOTS).round().long()
        return Likelihood(
            gray,
            tuple(mean.tolist()),
            tuple(sigma[at].tolist()),
            float(rare.sigmoid()),
            1.0,
            float(tail.sigmoid()) if tailed else 0.0,
            float(1 + log_factor.exp()) if tailed else 1.0,
        )


def codes(worlds: Worlds, samples: Samples, likelihood: Likelihood) -> Tensor:
    """``Likelihood.codes`` of the samples' maps (B, K, S, S) int64."""
    at = samples.map[:, None], samples.transmitter
    levels = worlds.levels[at].long()
    if not likelihood.rougher:
        return levels
    class_of = torch.from_numpy(likelihood.class_of.astype(np.int64)).to(levels.device)
    return class_of[worlds.rough[at].long()] * LEVELS + levels


def log_likelihoods(worlds: Worlds, samples: Samples, likelihood: Likelihood) -> Tensor:
    """Of every transmitter at every pixel (B, K, S, S) float32."""
    index = codes(worlds, samples, likelihood)
    tables = measured_tables(worlds, samples, likelihood)
    return tables.gather(2, index.flatten(2)).reshape(index.shape)


def measured(worlds: Worlds, samples: Samples) -> Tensor:
    """Path loss (B, K) of the samples, NaN = not received."""
    return worlds.measured_db[samples.map[:, None], samples.transmitter, samples.user[:, None]]


def measured_tables(worlds: Worlds, samples: Samples, likelihood: Likelihood) -> Tensor:
    """``Likelihood.tables`` of the samples: (B, K, 256 classes)."""
    values = measured(worlds, samples)
    tables = likelihood.tables(values.flatten().cpu().numpy())
    return torch.from_numpy(tables).to(values.device).reshape(*values.shape, -1)


def prior(worlds: Worlds, box: tuple[int, int]) -> Tensor:
    """Where a user may stand (M, S, S) bool: outdoors, between the pixels ``box`` on both axes."""
    first, last = box
    inside = torch.zeros_like(worlds.outdoors)
    inside[:, first : last + 1, first : last + 1] = True
    return inside & worlds.outdoors


def posterior(worlds: Worlds, samples: Samples, likelihood: Likelihood, allowed: Tensor) -> Tensor:
    """(B, S, S): probability over the pixels that ``allowed`` (M, S, S) leaves; sums to 1."""
    log = log_likelihoods(worlds, samples, likelihood).sum(dim=1)
    log = log.masked_fill(~allowed[samples.map], -torch.inf)
    return log.flatten(1).softmax(dim=1).reshape(log.shape)


def expected_pixel(probability: Tensor) -> Tensor:
    """(B, 2): mean column and row of maps (B, S, S) that sum to 1."""
    at = torch.arange(probability.shape[-1], dtype=probability.dtype, device=probability.device)
    return torch.stack([probability.sum(dim=1) @ at, probability.sum(dim=2) @ at], dim=1)
