"""One map of a data set from its number: the same number gives the same bytes anywhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from training.propagation.dataset import CityError, CityMap
from training.propagation.real_city import RealCity
from training.propagation.sampling import (
    Crowd,
    NoRoomError,
    draw_deployments,
    draw_transmitters,
    draw_users,
)
from training.propagation.scene import Scene
from training.propagation.towns import Plan, Town, draw_cars, draw_town
from training.propagation.worlds import (
    NOISE_FLOOR_DB,
    PATH_LOSS_RANGE_DB,
    SCENARIOS,
    Radio,
    make_worlds,
)

SIDE_M = 256.0
SIZES = (256, 128, 64)
_MOST_TOWNS = 50
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Recipe:
    """All that decides a data set's maps."""

    seed: int = 0
    size_px: int = 256
    crowd: Crowd = field(default_factory=Crowd)
    plan: Plan = field(default_factory=Plan)
    radio: Radio = field(default_factory=Radio)
    real_city: RealCity | None = None

    def __post_init__(self) -> None:
        if self.size_px not in SIZES:
            raise CityError(f"size is {self.size_px}, expected one of {SIZES}")
        if self.seed < 0:
            raise CityError(f"seed is {self.seed}, expected 0 or more")

    @property
    def pitch_m(self) -> float:
        """A city is 256 m wide at every size."""
        return SIDE_M / self.size_px

    def header(self, n_maps: int) -> dict[str, Any]:
        """What city.json says."""
        plan: Any = asdict(self.plan)
        if self.real_city is not None:
            plan = self.real_city.describe()
        return {
            "seed": self.seed,
            "size_px": self.size_px,
            "pitch_m": self.pitch_m,
            "n_maps": n_maps,
            "transmitters_per_map": self.crowd.transmitters,
            "scenarios": list(SCENARIOS),
            "settings": {
                "crowd": asdict(self.crowd),
                "town": plan,
                "radio": asdict(self.radio),
            },
            "noise_floor_db": NOISE_FLOOR_DB,
            "path_loss_range_db": list(PATH_LOSS_RANGE_DB),
        }


def make_map(recipe: Recipe, number: int) -> CityMap:
    """Map ``number``; towns without room for transmitters or users are drawn anew.

    Raises CityError where none of 50 towns has room.
    """
    for attempt in range(_MOST_TOWNS):
        streams = np.random.SeedSequence([recipe.seed, number, attempt]).spawn(4)
        for_town, for_places, for_cars, for_radio = map(np.random.default_rng, streams)
        town = _town(recipe, number, for_town)
        scene = Scene(town.rings, recipe.size_px, recipe.pitch_m)
        try:
            transmitters = draw_transmitters(scene, recipe.crowd, for_places)
            deployments = draw_deployments(transmitters, recipe.crowd, for_places)
            cars = draw_cars(scene, town.turn_rad, recipe.radio.cars, for_cars)
            worlds = make_worlds(scene, cars, transmitters, recipe.radio, for_radio)
            measured = worlds.path_loss_db[1:].min(axis=0)
            users = draw_users(
                scene, deployments, measured > NOISE_FLOOR_DB, recipe.crowd, for_places
            )
        except NoRoomError as error:
            reason = error
            continue
        return CityMap(
            number=number,
            buildings=scene.buildings,
            transmitters_xy=transmitters.astype(np.float32),
            path_loss_db=worlds.path_loss_db.astype(np.float16),
            toa_m=worlds.toa_m,
            los=worlds.los,
            users_xy=users.astype(np.float32),
            deployments=deployments,
        )
    raise CityError(f"map {number}: none of {_MOST_TOWNS} towns has room, the last: {reason}")


def _town(recipe: Recipe, number: int, rng: np.random.Generator) -> Town:
    if recipe.real_city is not None:
        return recipe.real_city.draw(SIDE_M, rng)
    # Evenly spread over any run of maps, so that a hundred of them are like another hundred.
    first = np.random.default_rng(recipe.seed).random()
    return draw_town(recipe.plan, SIDE_M, rng, (first + number * _GOLDEN) % 1)
