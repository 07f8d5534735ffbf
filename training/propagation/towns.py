"""Random towns: blocks along streets, some left open, some with a corner cut out; and cars.

The plan's numbers are ours, fitted so that transmitters and users in the central boxes have the
paper's line of sight and detours (see acceptance.py); they describe no real town.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdk.native_city import Float64
from training.propagation.scene import Scene


@dataclass(frozen=True)
class Plan:
    """How towns are drawn.

    Blocks repeat every ``block_m`` (x, y) metres with streets between them; each side of a block is
    moved by up to ``jitter_m``. Some towns are dense, some open: the width of the streets
    (``street_m``) and the share of blocks left out (``open_share``) lie between two limits, both at
    the same share of the way. Of the other blocks a share ``cut_share`` loses a corner and a share
    ``joined_share`` reaches across the street to the next one. A town is turned by up to
    ``turn_deg``.
    """

    block_m: tuple[float, float] = (62.0, 74.0)
    street_m: tuple[float, float] = (16.0, 34.0)
    open_share: tuple[float, float] = (0.0, 0.32)
    jitter_m: float = 7.0
    cut_share: float = 0.1
    joined_share: float = 0.12
    turn_deg: float = 45.0


@dataclass(frozen=True)
class Town:
    """Rings of buildings and the direction of the streets."""

    rings: tuple[Float64, ...]
    turn_rad: float


def draw_town(
    plan: Plan, side_m: float, rng: np.random.Generator, airy: float | None = None
) -> Town:
    """A town that fills a square from (0, 0) to (side_m, side_m).

    ``airy``: 0 for the densest, 1 for the most open towns of the plan; None draws it.
    """
    turn = np.deg2rad(rng.uniform(-plan.turn_deg, plan.turn_deg))
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    step = np.array(plan.block_m)
    start = rng.uniform(0, step)
    airy = rng.random() if airy is None else airy
    street_m, open_share = (
        np.interp(airy, (0, 1), plan.street_m),
        np.interp(airy, (0, 1), plan.open_share),
    )
    reach = np.ceil(side_m / step * np.sqrt(0.5)).astype(int) + 1
    rings = []
    for i in range(-reach[0], reach[0] + 1):
        for j in range(-reach[1], reach[1] + 1):
            jitter = rng.uniform(-plan.jitter_m, plan.jitter_m, (2, 2))
            left_open, cut, joined, across = rng.random(4)
            corner, keep = rng.integers(4), rng.uniform(0.35, 0.65, 2)
            if left_open < open_share:
                continue
            low = start + step * (i, j) + street_m / 2 + jitter[0]
            high = start + step * (i + 1, j + 1) - street_m / 2 + jitter[1]
            if joined < plan.joined_share:
                high[int(across < 0.5)] += street_m
            if (high - low).min() < 4:
                continue
            ring = _block(low, high, int(corner), keep) if cut < plan.cut_share else _box(low, high)
            ring = (ring - step / 2) @ turned + side_m / 2
            if (ring.max(axis=0) > 0).all() and (ring.min(axis=0) < side_m).all():
                rings.append(ring)
    return Town(tuple(rings), float(turn))


def _box(low: Float64, high: Float64) -> Float64:
    return np.array([low, (high[0], low[1]), high, (low[0], high[1])])


def _block(low: Float64, high: Float64, corner: int, keep: Float64) -> Float64:
    """A box without one quarter, ``keep`` of its sides kept there."""
    box = _box(low, high)
    before, at, after = box[corner - 1], box[corner], box[(corner + 1) % 4]
    share = keep if corner % 2 == 0 else keep[::-1]
    one = before + share[0] * (at - before)
    two = after + share[1] * (at - after)
    inner = one + two - at
    rest = [box[(corner + k) % 4] for k in (1, 2, 3)]
    return np.array([one, inner, two, *rest])


CAR_M = (5.0, 2.0)


def draw_cars(
    scene: Scene, turn_rad: float, count: int, rng: np.random.Generator
) -> tuple[Float64, ...]:
    """Up to ``count`` cars of 5 x 2 m outdoors, along or across the streets (SPEC 3.7)."""
    side_m = scene.size_px * scene.pitch_m
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(CAR_M) / 2
    # Corners, middles of the sides and the centre: a car is smaller than any building.
    probes = np.concatenate([half, (half + np.roll(half, -1, axis=0)) / 2, [[0, 0]]])
    fine = scene.buildings if scene.pitch_m <= 1 else None
    cars: list[Float64] = []
    for _ in range(20 * count):
        if len(cars) == count:
            break
        angle = turn_rad + np.pi / 2 * rng.integers(2)
        turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        at = rng.uniform(3, side_m - 3, 2)
        spots = probes @ turned + at
        if fine is not None:
            cells = np.clip((spots / scene.pitch_m).astype(int), 0, scene.size_px - 1)
            inside = fine[cells[:, 1], cells[:, 0]].any()
        else:
            inside = any(_inside(scene.walls_m, spot) for spot in spots)
        if not inside:
            cars.append(half @ turned + at)
    return tuple(cars)


def _inside(walls_m: Float64, spot: Float64) -> bool:
    """Whether walls wind round a point."""
    x1, y1, x2, y2 = (walls_m - np.tile(spot, 2)).T
    side = x1 * y2 - x2 * y1
    up = (y1 <= 0) & (y2 > 0) & (side > 0)
    down = (y2 <= 0) & (y1 > 0) & (side < 0)
    return bool(up.sum() != down.sum())
