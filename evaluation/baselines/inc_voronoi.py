"""IncVoronoi (Elbakly and Youssef 2016): the stronger of two access points is the nearer one.

In spirit, not faithful: of the paper only its idea was at hand (SPEC 5.9). Each pair of access
points cuts the floor along their perpendicular bisector. ``hard_voronoi`` cuts the floor's
rectangle, surest pairs first, and passes over a pair that would leave nothing. ``soft_voronoi``
lets every pair vote on a grid, for each side with the probability that the noise did not turn the
two levels round, and takes the cells with the most votes. Walls, phones and "smart" access points
of the paper have no counterpart here. Only access points of the user's floor take part.
"""

from __future__ import annotations

from math import erf

import numpy as np
from numpy.typing import NDArray

from training.ap_floors import by_strongest
from training.ap_layout import NO_FLOOR, Found, Layout

# Less than this is nothing: three bisectors meet in a point, and rounding leaves a sliver there.
LEAST_M2 = 1e-4
_GAP = 1e-9
_CHUNK = 256
_erf = np.frompyfunc(erf, 1, 1)


def bisectors(
    xy_m: NDArray[np.float64], near: NDArray[np.int64], far: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(P, 3) a, b, c: the points with a x + b y <= c are nearer to access point near than far."""
    normal = xy_m[far] - xy_m[near]
    offset = (xy_m[far] ** 2).sum(axis=1) - (xy_m[near] ** 2).sum(axis=1)
    return np.column_stack([normal, offset / 2])


def cut(polygon: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V', 2) the part of a convex polygon (V, 2) with a x + b y <= c; (0, 2) if none."""
    side = polygon @ line[:2] - line[2]
    after, following = np.roll(side, -1), np.roll(polygon, -1, axis=0)
    corners = []
    for p, q, s, t in zip(polygon, following, side, after, strict=True):
        if s <= 0:
            corners.append(p)
        if (s < 0 < t) or (t < 0 < s):
            corners.append(p + s / (s - t) * (q - p))
    return np.array(corners).reshape(-1, 2)


def intersection(polygon: NDArray[np.float64], lines: NDArray[np.float64]) -> NDArray[np.float64]:
    """The polygon cut by half planes (P, 3) in turn; one that would leave nothing is passed over.

    A line that misses the polygon stays without effect for good, as the polygon only shrinks.
    """
    first = 0
    while first < len(lines):
        side = polygon @ lines[first:, :2].T - lines[first:, 2]
        scale = np.maximum(np.abs(lines[first:, :2]).max(axis=1), _GAP)
        cuts = (side.max(axis=0) > _GAP * scale) & (side.min(axis=0) < -_GAP * scale)
        if not cuts.any():
            break
        first += int(np.argmax(cuts))
        smaller = cut(polygon, lines[first])
        if area(smaller) >= LEAST_M2:
            polygon = smaller
        first += 1
    return polygon


def area(polygon: NDArray[np.float64]) -> float:
    """Square metres of a polygon (V, 2), corners counter-clockwise."""
    following = np.roll(polygon, -1, axis=0)
    return float((polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0]).sum() / 2)


def middle(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2,) centroid of a polygon's area; the mean of its corners where it has none."""
    start = polygon.mean(axis=0)
    p = polygon - start
    q = np.roll(p, -1, axis=0)
    cross = p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
    area = cross.sum()
    if abs(area) < _GAP:
        return start
    return start + ((p + q) * cross[:, None]).sum(axis=0) / (3 * area)


def hard_voronoi(
    layout: Layout,
    rssi_dbm: NDArray[np.float64],
    least_db: float = 3.0,
    floor: NDArray[np.int32] | None = None,
) -> Found:
    """Centroid of what the pairs leave of the floor, those with the greatest difference first.

    Levels (M, A); pairs that differ by less than ``least_db`` do not count. One access point
    alone, or no pair, leaves the whole floor.
    """
    floor = by_strongest(layout, rssi_dbm) if floor is None else floor
    out = np.full((len(rssi_dbm), 2), np.nan)
    for i in np.flatnonzero(floor != NO_FLOOR):
        heard = np.flatnonzero(np.isfinite(rssi_dbm[i]) & (layout.floor == floor[i]))
        if not len(heard):
            continue
        level = rssi_dbm[i, heard]
        ahead = level[:, None] - level[None]
        near, far = np.nonzero(ahead >= max(least_db, _GAP))
        order = np.argsort(-ahead[near, far], kind="stable")
        lines = bisectors(layout.xy_m, heard[near[order]], heard[far[order]])
        out[i] = middle(intersection(rectangle(layout.area_m[int(floor[i])]), lines))
    return Found(floor, out)


def rectangle(area_m: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """(4, 2) the corners of x0, y0, x1, y1, counter-clockwise."""
    x0, y0, x1, y1 = area_m
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def soft_voronoi(
    layout: Layout,
    rssi_dbm: NDArray[np.float64],
    sigma_db: float = 6.0,
    pitch_m: float = 1.0,
    floor: NDArray[np.int32] | None = None,
) -> Found:
    """Middle of the cells with the most votes; levels (M, A).

    A pair votes for the side of its stronger access point with Phi(difference / (sigma sqrt 2))
    and for the other side with the rest.
    """
    floor = by_strongest(layout, rssi_dbm) if floor is None else floor
    out = np.full((len(rssi_dbm), 2), np.nan)
    for one in layout.floors:
        aps = np.flatnonzero(layout.floor == one)
        cells = _grid(layout.area_m[int(one)], pitch_m)
        distance = np.linalg.norm(cells[:, None] - layout.xy_m[aps][None], axis=2)
        i, j = np.triu_indices(len(aps), 1)
        # +1 nearer to i, -1 nearer to j: the votes of a pair are even in sum.
        nearer = np.sign(distance[:, j] - distance[:, i]).astype(np.float32).T
        rows = np.flatnonzero((floor == one) & np.isfinite(rssi_dbm[:, aps]).any(axis=1))
        for part in np.array_split(rows, max(1, len(rows) // _CHUNK)):
            ahead = rssi_dbm[np.ix_(part, aps[i])] - rssi_dbm[np.ix_(part, aps[j])]
            sure = _erf(np.nan_to_num(ahead) / (2 * sigma_db)).astype(np.float32)
            votes = sure @ nearer
            most = votes >= votes.max(axis=1, keepdims=True) - 1e-4
            out[part] = most @ cells / most.sum(axis=1, keepdims=True)
    return Found(floor, out)


def _grid(area_m: tuple[float, float, float, float], pitch_m: float) -> NDArray[np.float64]:
    """(G, 2) centres of cells that tile a rectangle, at most ``pitch_m`` wide."""
    x0, y0, x1, y1 = area_m
    columns, rows = (max(1, int(np.ceil(s / pitch_m))) for s in (x1 - x0, y1 - y0))
    x = x0 + (np.arange(columns) + 0.5) * (x1 - x0) / columns
    y = y0 + (np.arange(rows) + 0.5) * (y1 - y0) / rows
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
