"""Times the city kernels: scaling with raster and corners, and numpy and shapely beside them.

    python benchmarks/propagation.py            tables
    python benchmarks/propagation.py --write    writes benchmarks/propagation.md

One thread, processor time (the machine is shared), medians of rounds in which all take turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import shapely
from numpy.typing import NDArray

from evaluation.provenance import commit, today
from native import processor
from sdk.native_city import PathModel
from training.propagation.scene import Scene

SIDE_M = 256.0
ROUNDS = 5
MODEL = PathModel()


def town(boxes_a_side: int, size_px: int, seed: int = 0) -> Scene:
    """Turned boxes, one per square of a grid: four corners each."""
    rng = np.random.default_rng(seed)
    step = SIDE_M / boxes_a_side
    rings = []
    for i in range(boxes_a_side):
        for j in range(boxes_a_side):
            half, angle = rng.uniform(0.18, 0.34, 2) * step, rng.uniform(0, 0.5)
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ turn
            rings.append(box + (np.array([i, j]) + 0.5 + rng.uniform(-0.06, 0.06, 2)) * step)
    return Scene(tuple(rings), size_px, SIDE_M / size_px)


def transmitters(scene: Scene, count: int) -> NDArray[np.float64]:
    """Outdoors, at random."""
    free = np.argwhere(scene.buildings == 0)
    chosen = np.random.default_rng(1).choice(len(free), count, replace=False)
    return (free[chosen][:, ::-1] + 0.5) * scene.pitch_m


def seconds(calls: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median processor time of each, in turns."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            found[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in found.items()}


def outdoor_cells(scene: Scene) -> NDArray[np.float64]:
    return (np.argwhere(scene.buildings == 0)[:, ::-1] + 0.5) * scene.pitch_m


def seen_by_numpy(scene: Scene, point: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Outdoor cells that a point sees: wall by wall, all cells at once."""
    cells = outdoor_cells(scene) - point
    hidden = np.zeros(len(cells), dtype=bool)
    for x1, y1, x2, y2 in scene.walls_m - np.tile(point, 2):
        if x1 * y2 - x2 * y1 >= 0:
            continue  # seen from behind
        beyond = (x2 - x1) * (cells[:, 1] - y1) - (y2 - y1) * (cells[:, 0] - x1) > 0
        left = cells[:, 0] * y1 - cells[:, 1] * x1 >= 0
        right = cells[:, 0] * y2 - cells[:, 1] * x2 < 0
        hidden |= beyond & left & right
    return ~hidden


def seen_by_shapely(scene: Scene, point: NDArray[np.float64], solid: object) -> NDArray[np.bool_]:
    """The same with prepared geometry."""
    cells = outdoor_cells(scene)
    ends = np.stack([np.broadcast_to(point, cells.shape), cells], axis=1)
    return ~shapely.intersects(solid, shapely.linestrings(ends))


def bits(scene: Scene) -> NDArray[np.bool_]:
    """(C, 2, cells) of a sight's words."""
    words = scene.sight.pixels.view(np.uint8)
    return np.unpackbits(words, axis=-1, bitorder="little")[..., : scene.buildings.size].view(bool)


def paths_in_numpy(scene: Scene, seen: NDArray[np.bool_], transmitter: NDArray[np.float64]):
    """Loss to all cells: the kernel's search, corner by corner with numpy over cells."""
    corners, wedges = scene._corners
    centre = (np.arange(scene.size_px) + 0.5) * scene.pitch_m
    cells = np.stack(np.meshgrid(centre, centre), axis=-1).reshape(-1, 2)
    best = np.full(len(cells), np.inf)
    los = np.zeros(len(cells), dtype=bool)
    los[np.flatnonzero(scene.buildings.ravel() == 0)] = seen_by_numpy(scene, transmitter)
    apart = np.linalg.norm(cells - transmitter, axis=1)
    best[los] = MODEL.reference_db + 20 * np.log10(np.maximum(apart[los], 1))
    count = len(corners)
    loss, bends = np.full(2 * count, np.inf), np.zeros(2 * count)
    length, number = np.zeros(2 * count), np.zeros(2 * count, int)
    arrival, settled = np.zeros((2 * count, 2)), np.zeros(2 * count, dtype=bool)
    origin = np.zeros((2 * count, 2))

    def cross(a, b):
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

    def reach(which, from_m, vertex, before_m, before_db, turns):
        along, leg = wedges[which, 0] - vertex, corners[which] - from_m
        metres = before_m + np.linalg.norm(leg, axis=1)
        level = 10 * MODEL.nlos_exponent * np.log10(np.maximum(metres, 1)) + before_db
        for side, inner in enumerate((2, 1)):
            state = 2 * which + side
            good = (1 - 2 * side) * cross(leg, wedges[which, inner]) > 1e-9
            take = good & ~settled[state] & (level < loss[state])
            at = state[take]
            loss[at], bends[at], length[at] = level[take], before_db[take], metres[take]
            number[at], origin[at] = turns, from_m
            arrival[at] = along[take] / np.linalg.norm(along[take], axis=1, keepdims=True)

    def bend(state, goal_m, goal):
        sign = 1 - 2 * (state % 2)
        corner = corners[state // 2]
        turns = sign * cross(corner - origin[state], goal_m - corner) >= 0
        turned = sign * cross(arrival[state], goal)
        angle = np.arctan2(np.maximum(turned, 0), goal @ arrival[state])
        share = np.minimum(angle / MODEL.full_bend_rad, 1)
        more = MODEL.least_bend_db + (MODEL.most_bend_db - MODEL.least_bend_db) * share
        return turns, bends[state] + more / (1 + MODEL.decay * number[state])

    lit = np.array([not _blocked(scene, transmitter, c) for c in corners])
    first = np.flatnonzero(lit)
    reach(first, transmitter, transmitter, 0.0, np.zeros(len(first)), 0)
    while True:
        open_loss = np.where(settled, np.inf, loss)
        state = int(np.argmin(open_loss))
        if np.isinf(open_loss[state]):
            break
        settled[state] = True
        corner, vertex = corners[state // 2], wedges[state // 2, 0]
        which = np.flatnonzero(seen[state // 2, state % 2])
        which = which[~los[which]]
        good, off = bend(state, cells[which], cells[which] - vertex)
        metres = length[state] + np.linalg.norm(cells[which] - corner, axis=1)
        level = MODEL.reference_db + off
        level = level + 10 * MODEL.nlos_exponent * np.log10(np.maximum(metres, 1))
        better = good & (level < best[which])
        best[which[better]] = level[better]
        if number[state] + 1 < MODEL.most_corners:
            which = np.flatnonzero(scene.sight.links[state // 2])
            which = which[which != state // 2]
            good, off = bend(state, corners[which], wedges[which, 0] - vertex)
            inner = wedges[state // 2, 1 + state % 2]
            good &= (1 - 2 * (state % 2)) * cross(corners[which] - corner, inner) > 1e-9
            reach(which[good], corner, vertex, length[state], off[good], number[state] + 1)
    return best.reshape(scene.size_px, scene.size_px)


def _blocked(scene: Scene, a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    x1, y1, x2, y2 = (scene.walls_m - np.tile(a, 2)).T
    to = b - a
    front = x1 * y2 - x2 * y1 < 0
    beyond = (x2 - x1) * (to[1] - y1) - (y2 - y1) * (to[0] - x1) > 0
    return bool((front & beyond & (to[0] * y1 >= to[1] * x1) & (to[0] * y2 < to[1] * x2)).any())


def scaling() -> list[str]:
    """Rows: raster and corners, seconds of visibility and per transmitter."""
    lines = [
        "| raster | corners | visibility, s | a transmitter, s | reflections, s | seen, share |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for size, boxes in (
        (64, 4), (64, 9), (128, 4), (128, 9), (256, 4), (256, 6), (256, 9), (256, 12), (256, 18),
        (512, 9),
    ):  # fmt: skip
        scene = town(boxes, size)
        places = iter(np.tile(transmitters(scene, 5), (20, 1)))
        walls = np.full(len(scene.walls_m), 8.0)
        found = seconds({
            "visibility": lambda: scene.sight_past(scene.walls_m),  # noqa: B023
            "path": lambda: scene.paths(next(places), MODEL),  # noqa: B023
            "reflections": lambda: scene.reflected(next(places), walls, 47.86),  # noqa: B023
        })  # fmt: skip
        share = bits(scene).any(axis=1).mean()
        lines.append(
            f"| {size} x {size} | {len(scene.corners_m)} | {found['visibility']:.3f} | "
            f"{found['path']:.4f} | {found['reflections']:.4f} | {share:.3f} |"
        )
    return lines


def peers() -> list[str]:
    """Rows: ours beside numpy and shapely at 256 x 256 and 324 corners."""
    scene = town(9, 256)
    solid = shapely.union_all([shapely.Polygon(ring) for ring in scene.rings])
    shapely.prepare(solid)
    seen, corners = bits(scene), len(scene.corners_m)
    place = transmitters(scene, 1)[0]
    found = seconds({
        "ours": lambda: scene.sight_past(scene.walls_m),
        "numpy": lambda: seen_by_numpy(scene, scene.corners_m[7]),
        "shapely": lambda: seen_by_shapely(scene, scene.corners_m[7], solid),
        "path": lambda: scene.paths(place, MODEL),
        "numpy path": lambda: paths_in_numpy(scene, seen, place),
    }, 3)  # fmt: skip
    plain, ours = paths_in_numpy(scene, seen, place), scene.paths(place, MODEL)[0]
    reached = np.isfinite(ours)
    worst = float(np.abs(plain[reached] - ours[reached]).max())
    each = 1e3 * found["ours"] / corners
    lines = ["| 256 x 256, 324 corners | ms | ours, ms | ratio |", "|---|--:|--:|--:|"]
    for name, time_s, mine in (
        ("cells seen by one corner, numpy", found["numpy"], each),
        ("cells seen by one corner, shapely, prepared", found["shapely"], each),
        ("a transmitter, numpy", found["numpy path"], 1e3 * found["path"]),
    ):
        lines.append(f"| {name} | {1e3 * time_s:.1f} | {mine:.2f} | {1e3 * time_s / mine:.0f} |")
    return [*lines, "", f"Largest difference of the two path losses: {worst:.4f} dB."]


def main() -> None:
    """Measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = NOTES.format(
        date=today(), commit=commit("native", "benchmarks/propagation.py"), cpu=processor(),
        cores=os.cpu_count(), load=f"{os.getloadavg()[2]:.1f}",
        scaling="\n".join(scaling()), peers="\n".join(peers()),
    )  # fmt: skip
    print(text)
    if options.write:
        (Path(__file__).parent / "propagation.md").write_text(text, encoding="utf-8")


NOTES = """\
# The city kernels

`python benchmarks/propagation.py --write`, {date}, commit {commit}.
{cpu} ({cores} cores, load {load} over 15 minutes), processor time, one thread. Towns of turned
boxes on 256 m. To reach at 256 x 256 with about 300 corners: 1.5 s of visibility and 0.08 s a
transmitter.

{scaling}

"Seen": of all pairs of a corner and a cell, those that a path round the corner can use.

{peers}

## How to read it

- Visibility is paid once a map, a transmitter's search and its cells for every scenario. All of it
  is exact up to rounding: the depth buffer answers where a whole bin of directions agrees, and asks
  the walls one by one elsewhere.
- Visibility grows with corners times cells; a transmitter with the pairs seen, of which a town of
  more and smaller buildings has fewer for each corner.
- The numpy forms are given what they need beforehand: the search in numpy gets the cells that each
  corner sees, shapely a prepared union.
"""

if __name__ == "__main__":
    main()
