"""Where transmitters and users stand and which transmitters serve together (SPEC 3.7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from training.propagation.dataset import CityError
from training.propagation.scene import Scene

SERVING = 5
_LEAST_APART_M = 20.0
# The paper's central boxes, of 256 m.
_TRANSMITTER_SHARE = 150 / 256
_USER_SHARE = 164 / 256
_MOST_DRAWS = 20_000


class NoRoomError(CityError):
    """A town in which not all places can be drawn; another one has to be."""


@dataclass(frozen=True)
class Crowd:
    """How many transmitters, users and deployments a map has."""

    transmitters: int = 80
    users: int = 200
    deployments: int = 50

    def __post_init__(self) -> None:
        for name, low, high in (
            ("transmitters", SERVING, 500), ("users", 1, 10_000), ("deployments", 1, 10_000),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise CityError(f"{name} is {getattr(self, name)}, expected {low} to {high}")


def streets(scene: Scene) -> NDArray[np.bool_]:
    """(H, W) the largest connected part of what is outdoors: no closed courtyards."""
    parts, count = label(scene.buildings == 0)
    if count == 0:
        raise NoRoomError("no pixel is outdoors")
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])


def _pixels(outdoors: NDArray[np.bool_], share: float) -> NDArray[np.int64]:
    """(n, 2) rows and columns outdoors in the central box."""
    size = len(outdoors)
    edge = round(size * (1 - share) / 2)
    box = np.zeros_like(outdoors)
    box[edge : size - edge, edge : size - edge] = True
    return np.argwhere(outdoors & box)


def _places(scene: Scene, pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    return (pixels[:, ::-1] + 0.5) * scene.pitch_m


def draw_transmitters(scene: Scene, crowd: Crowd, rng: np.random.Generator) -> NDArray[np.float64]:
    """(T, 2) pixel centres in metres, outdoors in the central 150 m of 256. Raises NoRoomError."""
    pixels = _pixels(streets(scene), _TRANSMITTER_SHARE)
    if len(pixels) < crowd.transmitters:
        raise NoRoomError(f"{len(pixels)} pixels for {crowd.transmitters} transmitters")
    return _places(scene, pixels[rng.choice(len(pixels), crowd.transmitters, replace=False)])


def draw_deployments(
    transmitters_m: NDArray[np.float64], crowd: Crowd, rng: np.random.Generator
) -> NDArray[np.int32]:
    """(D, 5) transmitters that stand 20 m apart or more. Raises NoRoomError."""
    apart = np.linalg.norm(transmitters_m[:, None] - transmitters_m[None], axis=2)
    close = (apart < _LEAST_APART_M) & ~np.eye(len(apart), dtype=bool)
    found: list[NDArray[np.int64]] = []
    for _ in range(_MOST_DRAWS):
        if len(found) == crowd.deployments:
            break
        five = rng.choice(len(apart), SERVING, replace=False)
        if not close[np.ix_(five, five)].any():
            found.append(five)
    if len(found) < crowd.deployments:
        raise NoRoomError(f"{len(found)} of {crowd.deployments} deployments 20 m apart")
    return np.array(found, dtype=np.int32)


def draw_users(
    scene: Scene,
    deployments: NDArray[np.int32],
    received: NDArray[np.bool_],
    crowd: Crowd,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """(U, 2) pixel centres outdoors in the central 164 m of 256, each in reach of every deployment.

    ``received`` (T, H, W): above the noise floor in every world. Raises NoRoomError.
    """
    pixels = _pixels(streets(scene), _USER_SHARE)
    heard = received[:, pixels[:, 0], pixels[:, 1]]
    served = heard[deployments].any(axis=1).all(axis=0)
    pixels = pixels[served]
    if len(pixels) < crowd.users:
        raise NoRoomError(f"{len(pixels)} pixels in reach of all deployments, {crowd.users} users")
    return _places(scene, pixels[rng.choice(len(pixels), crowd.users, replace=False)])
