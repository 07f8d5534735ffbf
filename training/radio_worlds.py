"""A city data set as tensors: radio maps as levels, and what users measure in one scenario.

Everything lies on the device that trains, so that a batch is an index and loading never waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdk.heatmap_rules import Gray
from sdk.roughness import roughness
from training.progress import steps
from training.propagation.dataset import City, CityError

TRANSMITTERS = 5
ESTIMATED = "estimated"


@dataclass(frozen=True)
class Worlds:
    """M maps of S x S pixels with T transmitters, U users and D deployments of 5 each.

    ``levels`` (M, T, S, S) uint8: the estimated maps, ``rough`` how uneven they are
    (``sdk.roughness``); ``measured_db`` (M, T, U) float32: path loss
    in the scenario, NaN below the noise floor; ``outdoors`` (M, S, S) bool; ``transmitter`` (M, T,
    2) and ``user`` (M, U, 2) int64: column and row; ``deployments`` (M, D, 5) int64; ``numbers``
    (M,): of the maps in the city.
    """

    levels: Tensor
    rough: Tensor
    measured_db: Tensor
    outdoors: Tensor
    transmitter: Tensor
    user: Tensor
    deployments: Tensor
    numbers: tuple[int, ...]
    gray: Gray
    pitch_m: float
    scenario: str

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def side(self) -> int:
        """S."""
        return int(self.levels.shape[-1])

    def to(self, device: str | torch.device) -> Worlds:
        """The same on another device."""
        moved = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **moved)

    @property
    def box(self) -> tuple[int, int]:
        """First and last pixel, in both axes, between which the users of all maps stand."""
        return int(self.user.min()), int(self.user.max())


@dataclass(frozen=True)
class Samples:
    """Which users with which transmitters: ``map``, ``user`` (B,), ``transmitter`` (B, K) of T."""

    map: Tensor
    user: Tensor
    transmitter: Tensor

    def __len__(self) -> int:
        return len(self.map)

    def part(self, rows: slice | Tensor) -> Samples:
        """Some of them."""
        return Samples(self.map[rows], self.user[rows], self.transmitter[rows])

    def few(self, count: int) -> Samples:
        """With the first ``count`` transmitters alone."""
        return replace(self, transmitter=self.transmitter[:, :count])


def worlds_of(
    city: City, split: str | Sequence[int], scenario: str, progress: bool = False
) -> Worlds:
    """The maps of a split, or of these numbers, as measured in ``scenario``.

    Raises CityError for a scenario or split that the data set has not, or a map without users.
    """
    numbers = city.split(split) if isinstance(split, str) else tuple(split)
    if not numbers:
        raise CityError(f"{city.folder}: no map for {split!r}; simulate more maps")
    low_db, high_db = city.path_loss_range_db
    gray = Gray(low_db, high_db, city.noise_floor_db)
    index, estimated = city.scenario(scenario), city.scenario(ESTIMATED)
    parts: dict[str, list[NDArray]] = {name: [] for name in _PARTS}
    with steps(f"read {scenario}", len(numbers), progress) as advance:
        for number in numbers:
            one = city[number]
            if not len(one.users_xy) or not len(one.deployments):
                raise CityError(f"{city.folder}: map {number} has no users or no deployments")
            user = city.pixels(one.users_xy)
            measured = one.path_loss_db[index][:, user[:, 0], user[:, 1]].astype(np.float32)
            measured[measured < gray.noise_floor_db] = np.nan
            levels = gray.levels(one.path_loss_db[estimated].astype(np.float32))
            parts["levels"].append(levels)
            parts["rough"].append(roughness(levels, one.buildings == 0))
            parts["measured_db"].append(measured)
            parts["outdoors"].append(one.buildings == 0)
            parts["transmitter"].append(city.pixels(one.transmitters_xy)[:, ::-1])
            parts["user"].append(user[:, ::-1])
            parts["deployments"].append(one.deployments.astype(np.int64))
            advance()
    try:
        stacked = {name: torch.from_numpy(np.stack(part)) for name, part in parts.items()}
    except ValueError as error:
        raise CityError(f"{city.folder}: the maps of a city must be alike: {error}") from None
    return Worlds(**stacked, numbers=numbers, gray=gray, pitch_m=city.pitch_m, scenario=scenario)


_PARTS = ("levels", "rough", "measured_db", "outdoors", "transmitter", "user", "deployments")


def drawn(worlds: Worlds, per_map: int, seed: int) -> Samples:
    """``per_map`` users of every map, each with a deployment, that hear one transmitter or more of
    the first three of it, so that the same users can be asked with 3 and with 5 transmitters."""
    rng = np.random.default_rng(seed)
    measured, deployments = worlds.measured_db.cpu().numpy(), worlds.deployments.cpu().numpy()
    n_maps, n_deployments = deployments.shape[:2]
    n_users = measured.shape[2]
    chosen: list[NDArray[np.int64]] = []
    for one in range(n_maps):
        heard = np.isfinite(measured[one][deployments[one, :, :3]]).any(axis=1)
        able = np.flatnonzero(heard)
        if not len(able):
            raise CityError(f"map {worlds.numbers[one]}: no user hears any transmitter")
        rows = rng.permutation(able)[:per_map]
        deployment, user = np.unravel_index(rows, (n_deployments, n_users))
        chosen.append(np.column_stack([np.full(len(rows), one), deployment, user]))
    table = torch.from_numpy(np.concatenate(chosen)).to(worlds.deployments.device)
    transmitter = worlds.deployments[table[:, 0], table[:, 1]]
    return Samples(table[:, 0], table[:, 2], transmitter)
