"""The golden vectors of the city kernels: every taut path is tried, one cell at a time."""

from __future__ import annotations

import math
from itertools import pairwise, permutations
from typing import Any

PUSH_M = 0.05
MODEL = {
    "reference_db": 47.86,
    "los_exponent": 2.0,
    "nlos_exponent": 2.3,
    "least_bend_db": 1.0,
    "most_bend_db": 12.0,
    "full_bend_rad": math.pi / 2,
    "decay": 0.3,
    "obstacle_db": 0.0,
    "most_corners": 3,
}
Point = tuple[float, float]
Box = tuple[float, float, float, float]  # low x, low y, high x, high y


def corners_of(box: Box) -> list[dict[str, Point]]:
    """Counterclockwise from the low one: the vertex, pushed outwards, and its two walls."""
    x0, y0, x1, y1 = box
    ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    away = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    walls = [((0, 1), (1, 0)), ((-1, 0), (0, 1)), ((0, -1), (-1, 0)), ((1, 0), (0, -1))]
    return [
        {
            "vertex": v,
            "pushed": (v[0] + PUSH_M * a[0], v[1] + PUSH_M * a[1]),
            "before": w[0],
            "after": w[1],
        }
        for v, a, w in zip(ring, away, walls, strict=True)
    ]


def hidden(p: Point, q: Point, boxes: list[Box]) -> bool:
    """Whether the line enters a box: the slabs of x and y overlap for a while."""
    for x0, y0, x1, y1 in boxes:
        first, last = 0.0, 1.0
        for a, b, low, high in ((p[0], q[0], x0, x1), (p[1], q[1], y0, y1)):
            if a == b:
                if not low < a < high:
                    first, last = 1.0, 0.0
                continue
            enter, leave = sorted(((low - a) / (b - a), (high - a) / (b - a)))
            first, last = max(first, enter), min(last, leave)
        if last - first > 1e-12:
            return True
    return False


def cross(a: Point, b: Point) -> float:
    return a[0] * b[1] - a[1] * b[0]


def minus(a: Point, b: Point) -> Point:
    return (a[0] - b[0], a[1] - b[1])


def loss_of(start: Point, bends: list[dict[str, Point]], end: Point) -> tuple[float, float]:
    """Loss and length of a taut path; infinite for another.

    It bends where it passes, a little outside; how much that costs is read off the vertices.
    """
    at = [start, *(c["pushed"] for c in bends), end]
    around = [start, *(c["vertex"] for c in bends), end]
    length = sum(math.dist(p, q) for p, q in pairwise(at))
    exponent = MODEL["nlos_exponent"] if bends else MODEL["los_exponent"]
    loss = MODEL["reference_db"] + 10 * exponent * math.log10(max(length, 1))
    for i, corner in enumerate(bends):
        here, there = minus(at[i + 1], at[i]), minus(at[i + 2], at[i + 1])
        left = (cross(here, there), cross(here, corner["after"]), cross(there, corner["before"]))
        right = (cross(there, here), cross(corner["before"], here), cross(corner["after"], there))
        sides = [
            side
            for side, (turn, *inner) in ((1, left), (-1, right))
            if turn > -1e-9 and min(inner) > 1e-9
        ]
        if not sides:
            return math.inf, math.inf
        one, two = minus(around[i + 1], around[i]), minus(around[i + 2], around[i + 1])
        turn = max(sides[0] * cross(one, two), 0)
        angle = math.atan2(turn, one[0] * two[0] + one[1] * two[1])
        share = min(angle / MODEL["full_bend_rad"], 1)
        bend = MODEL["least_bend_db"] + share * (MODEL["most_bend_db"] - MODEL["least_bend_db"])
        loss += bend / (1 + MODEL["decay"] * i)
    return loss, length


def dominant_path_case(name: str, boxes: list[Box], start: Point, shape: Any) -> dict[str, Any]:
    """A transmitter among boxes, cells of 1 m."""
    corners = [c for box in boxes for c in corners_of(box)]
    points = [c["pushed"] for c in corners]
    links = [[not hidden(p, q, boxes) for q in points] for p in points]
    lit = [not hidden(start, p, boxes) for p in points]
    loss: list[list[float | None]] = []
    length: list[list[float | None]] = []
    for row in range(shape[0]):
        loss.append([])
        length.append([])
        for column in range(shape[1]):
            cell = (column + 0.5, row + 0.5)
            best = (math.inf, math.inf)
            inside = any(x0 < cell[0] < x1 and y0 < cell[1] < y1 for x0, y0, x1, y1 in boxes)
            if not inside and not hidden(start, cell, boxes):
                best = loss_of(start, [], cell)
            elif not inside:
                seen = [not hidden(p, cell, boxes) for p in points]
                for count in range(1, MODEL["most_corners"] + 1):
                    for way in permutations(range(len(corners)), count):
                        joined = all(links[a][b] for a, b in pairwise(way))
                        if lit[way[0]] and joined and seen[way[-1]]:
                            best = min(best, loss_of(start, [corners[c] for c in way], cell))
            loss[-1].append(best[0])
            length[-1].append(best[1])
    return {
        "name": name,
        "vertices_m": [c["vertex"] for c in corners],
        "ring_start": [4 * i for i in range(len(boxes) + 1)],
        "push_m": PUSH_M,
        "transmitter_m": start,
        "model": list(MODEL.values()),
        "shape": shape,
        "loss_db": loss,
        "length_m": length,
    }
