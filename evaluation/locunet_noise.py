"""LocUNet's tables VI and VII: training labels that are off, transmitters that are not quite where
the maps have them (SPEC 3.7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.locunet_models import Asked
from evaluation.locunet_study import study
from training.propagation.dataset import City
from training.radio_worlds import Worlds

SIGMAS_M = (5.0, 15.0, 25.0)
SCENARIO = "robust"
_TRIES = 200


class Noise(NamedTuple):
    """``kind``: "labels" of the training maps, or "transmitters" of the ``splits`` named."""

    kind: str
    splits: tuple[str, ...]
    methods: tuple[str, ...]


NOISES = {
    "labels": Noise("labels", ("train",), ("kNN", "posterior")),
    # Zero-shot: learned from exact transmitters.
    "transmitters": Noise("transmitters", ("test",), ("kNN", "posterior", "residual")),
    "transmitters learned": Noise(
        "transmitters", ("train", "validation", "test"), ("kNN", "posterior")
    ),
}


def noise_study(asked: Asked, name: str, sigma_m: float, method: str) -> dict[str, Any]:
    """The record of one method, as `locunet_study.study` with the first seed, and the noise."""
    noise = NOISES[name]
    changed = {}
    for number, split in enumerate(noise.splits):
        worlds = asked.worlds(split, SCENARIO)
        rng = np.random.default_rng([number, round(sigma_m)])
        if noise.kind == "labels":
            changed[split, SCENARIO] = mislabelled(worlds, sigma_m, rng)
        else:
            changed[split, SCENARIO] = displaced(asked.city, worlds, sigma_m, rng)
    # What is learned from noise is another model than the one that is kept.
    kept = None if "train" in noise.splits else asked.kept
    noisy = replace(asked, kept=kept, read={**asked.read, **changed})
    record = study(noisy, method, SCENARIO, 0, elsewhere=False)
    return {**record, "noise": name, "sigma_m": sigma_m}


def mislabelled(worlds: Worlds, sigma_m: float, rng: np.random.Generator) -> Worlds:
    """Users said to stand elsewhere: off by N(0, sigma) on both axes, on the map's pixels."""
    off = rng.normal(0.0, sigma_m / worlds.pitch_m, tuple(worlds.user.shape))
    user = worlds.user + torch.from_numpy(np.rint(off).astype(np.int64))
    return replace(worlds, user=user.clamp(0, worlds.side - 1))


def displaced(city: City, worlds: Worlds, sigma_m: float, rng: np.random.Generator) -> Worlds:
    """Every transmitter measured where the user is not: off by N(0, sigma) on both axes, drawn
    again while that is indoors or off the map, which stands for a transmitter that has moved."""
    index = city.scenario(worlds.scenario)
    measured = torch.empty_like(worlds.measured_db)
    for row, number in enumerate(worlds.numbers):
        maps = city[number].path_loss_db[index].astype(np.float32)
        outdoors = worlds.outdoors[row].numpy()
        user = np.broadcast_to(worlds.user[row].numpy(), (len(maps), *worlds.user.shape[1:]))
        place = _moved(user, outdoors, sigma_m / worlds.pitch_m, rng)
        values = maps[np.arange(len(maps))[:, None], place[..., 1], place[..., 0]]
        values[values < worlds.gray.noise_floor_db] = np.nan
        measured[row] = torch.from_numpy(values)
    return replace(worlds, measured_db=measured)


def _moved(
    user: NDArray[np.int64], outdoors: NDArray[np.bool_], sigma: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Pixels (T, U, 2); what finds no place in many tries stays."""
    place, open_ = user.copy(), np.ones(user.shape[:2], dtype=np.bool_)
    for _ in range(_TRIES):
        tried = user[open_] + np.rint(rng.normal(0.0, sigma, (int(open_.sum()), 2))).astype(int)
        inside = ((tried >= 0) & (tried < len(outdoors))).all(axis=1)
        held = np.clip(tried, 0, len(outdoors) - 1)
        good = inside & outdoors[held[:, 1], held[:, 0]]
        where = np.argwhere(open_)[good]
        place[where[:, 0], where[:, 1]] = tried[good]
        open_[where[:, 0], where[:, 1]] = False
        if not open_.any():
            break
    return place
