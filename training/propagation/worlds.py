"""The radio worlds of a map: what the receiver believes and what it measures (SPEC 3.7, 3.11).

``nominal`` is the dominant path model itself; ``cars`` the same with unknown cars in the way;
``reflected`` a richer world (bends cost otherwise, first reflections add power, some shadowing);
``robust`` that with cars: the error of the belief is mostly structured there. ``shadowed`` is the
dominant path model under correlated shadowing alone, deeper without line of sight, so that its
errors are of the same sizes. ``estimated`` is what a network like RadioUNet makes of the nominal
map: edges of shadows blurred, small errors elsewhere. The constants are ours, fitted to the
paper's errors (see acceptance.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sdk.native_city import Float32, Float64, PathModel, Sight
from training.propagation.scene import Scene, walls_of
from training.simulator.shadowing import Shadowing

SCENARIOS = ("estimated", "nominal", "robust", "shadowed", "cars", "reflected")
# Gray 0 and 255 of RadioMapSeer: a quarter of the span below the threshold, and 1 m of free space.
PATH_LOSS_RANGE_DB = (-147.0, -47.84)
NOISE_FLOOR_DB = -127.0


@dataclass(frozen=True)
class Radio:
    """Constants of the worlds; dB and metres.

    ``model`` is the dominant path model. The richer world has ``real`` bends, reflections that cost
    ``wall_db`` (a draw per building) and ``real_shadowing_db``. A car in the way of a leg costs
    ``car_db`` (a draw per map): less than the 5 to 8 dB of SPEC 3.11, with which cars alone would
    be off by more than the paper's whole robustness error. ``shadowing_db`` holds with line of
    sight and without, in the ratio of 3GPP TR 38.901's street canyon (4 and 7.82 dB). The estimate
    is the nominal map blurred by ``blur_m`` plus ``estimate_db`` times the cube of a correlated
    normal field.
    """

    model: PathModel = field(default_factory=PathModel)
    real: PathModel = field(
        default_factory=lambda: PathModel(nlos_exponent=2.0, least_bend_db=4.0, most_bend_db=21.2)
    )
    wall_db: tuple[float, float] = (6.0, 10.0)
    real_shadowing_db: float = 2.2
    cars: int = 100
    car_db: tuple[float, float] = (2.0, 3.5)
    shadowing_db: tuple[float, float] = (2.75, 5.38)
    shadowing_length_m: float = 10.0
    blur_m: float = 5.0
    estimate_db: float = 0.32
    estimate_length_m: float = 5.0


@dataclass(frozen=True)
class Worlds:
    """``path_loss_db`` (S, T, H, W) float32, ``toa_m`` and ``los`` (T, H, W)."""

    path_loss_db: Float32
    toa_m: Float32
    los: NDArray[np.bool_]


def _kept(path_loss_db: Float32) -> Float32:
    return np.clip(path_loss_db, *PATH_LOSS_RANGE_DB)


def make_worlds(
    scene: Scene,
    cars: tuple[Float64, ...],
    transmitters_m: Float64,
    radio: Radio,
    rng: np.random.Generator,
) -> Worlds:
    """All scenarios of a map. Buildings and what no path reaches have the lowest path loss."""
    shape = (len(transmitters_m), scene.size_px, scene.size_px)
    out = np.empty((len(SCENARIOS), *shape), dtype=np.float32)
    toa, los = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=bool)
    clear: Sight | None = None
    if cars:
        clear = scene.sight_past(np.concatenate([scene.walls_m, walls_of(cars)]))
    car_db = rng.uniform(*radio.car_db)
    wall_db = rng.uniform(*radio.wall_db, len(scene.rings))
    wall_db = np.repeat(wall_db, [len(ring) for ring in scene.rings])
    shadows, errors = (
        _fields(scene, len(transmitters_m), length, rng)
        for length in (radio.shadowing_length_m, radio.estimate_length_m)
    )
    outdoors = scene.buildings == 0
    at = {name: i for i, name in enumerate(SCENARIOS)}
    for t, transmitter in enumerate(transmitters_m):
        loss, length, los[t] = scene.paths(transmitter, radio.model)
        reached = np.isfinite(loss)
        toa[t] = np.where(reached, length, -1)
        nominal = np.where(reached, -loss, PATH_LOSS_RANGE_DB[0]).astype(np.float32)
        worlds = {
            "nominal": nominal,
            "shadowed": nominal + np.where(los[t], *radio.shadowing_db) * shadows[t],
            "cars": -scene.paths(transmitter, replace(radio.model, obstacle_db=car_db), clear)[0],
        }
        bounced = scene.reflected(transmitter, wall_db, radio.real.reference_db)
        for name, past in (("reflected", None), ("robust", clear)):
            straight, _, _ = scene.paths(transmitter, replace(radio.real, obstacle_db=car_db), past)
            power = 10 ** (-straight / 10) + bounced
            with np.errstate(divide="ignore"):
                worlds[name] = 10 * np.log10(power) + radio.real_shadowing_db * shadows[t]
        worlds["estimated"] = _estimated(_kept(nominal), errors[t], outdoors, scene.pitch_m, radio)
        for name, values in worlds.items():
            out[at[name], t] = np.where(reached, _kept(values), PATH_LOSS_RANGE_DB[0])
    return Worlds(out, toa, los)


def _estimated(
    nominal: Float32, error: Float32, outdoors: NDArray[np.bool_], pitch_m: float, radio: Radio
) -> Float32:
    """Blurred over what is outdoors, plus errors that are small but for a few patches."""
    sigma = radio.blur_m / pitch_m
    weight = gaussian_filter(outdoors.astype(np.float32), sigma, truncate=3)
    blurred = gaussian_filter(np.where(outdoors, nominal, 0), sigma, truncate=3)
    return blurred / np.maximum(weight, 1e-6) + radio.estimate_db * error**3


def _fields(scene: Scene, count: int, length_m: float, rng: np.random.Generator) -> Float32:
    """(count, H, W) correlated fields of variance 1."""
    centre = (np.arange(scene.size_px) + 0.5) * scene.pitch_m
    return Shadowing(count, length_m, rng).on_grid(centre, centre)
