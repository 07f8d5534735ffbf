"""The order of access points on the cyclic map: a closed tour (SPEC 1.1, "M-TSP" of the paper).

The map is cyclic, so the tour is closed: nearest neighbour from the access point nearest to the
corner of the surveyed area, then 2-opt until no exchange shortens it. Distances come from access
point positions, from pseudo-positions (mean of the training positions weighted by received
amplitude) or from correlation. Fitted on training rows. "name" (the columns as they come, sorted by
name) and "random" are there to compare with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

METHODS = ("positions", "pseudo_positions", "correlation", "name", "random")
ZONINGS = ("kmeans", "angle")


def order_aps(
    rssi_dbm: NDArray[np.float32],
    xy_m: NDArray[np.float64],
    method: str = "pseudo_positions",
    ap_xy_m: NDArray[np.float64] | None = None,
    zones: int = 1,
    not_heard_dbm: float = -100.0,
    zoning: str = "kmeans",
) -> NDArray[np.int64]:
    """The permutation (N,) that puts the columns of ``rssi_dbm`` (M, N, NaN = not heard) in order.

    ``ap_xy_m`` (N, 2), needed for method "positions", may hold NaN rows: those access points take
    their pseudo-position. ``zones`` > 1 (the paper's several salesmen) tours the k-means groups one
    after the other, neighbouring groups first, or with ``zoning`` "angle" the sectors round the
    middle, all of one size. "random" may carry a seed: "random:7".
    Raises ValueError for an unknown method, missing positions or fewer access points than zones.
    """
    n = rssi_dbm.shape[1]
    name, colon, seed = method.partition(":")
    if name not in METHODS or (colon and not (name == "random" and seed.isdecimal())):
        raise ValueError(f"order method is {method!r}, expected one of {', '.join(METHODS)}")
    method = name
    if zoning not in ZONINGS:
        raise ValueError(f"zoning is {zoning!r}, expected one of {', '.join(ZONINGS)}")
    if not 1 <= zones <= n:
        raise ValueError(f"{zones} zones for {n} access points, expected 1 to {n}")
    if zones != 1 and method not in ("positions", "pseudo_positions"):
        raise ValueError("zones need places: order by positions or pseudo_positions")
    if method == "name":
        return np.arange(n)
    if method == "random":
        return np.random.default_rng(int(seed or 0)).permutation(n)
    if method == "correlation":
        return closed_tour(correlation_distance(rssi_dbm, not_heard_dbm))
    place = pseudo_positions(rssi_dbm, xy_m)
    if method == "positions":
        if ap_xy_m is None:
            raise ValueError("order by positions needs access point positions")
        place = np.where(np.isfinite(ap_xy_m), ap_xy_m, place)
    corner = xy_m.min(axis=0)
    return np.concatenate(
        [_tour_from(place, m, corner) for m in _zones(place, zones, zoning, corner)]
    )


def _zones(
    place: NDArray[np.float64], zones: int, zoning: str, corner: NDArray[np.float64]
) -> list[NDArray[np.int64]]:
    """Indices of the places (N, 2) of every zone, the zones in the order they are visited."""
    if zones == 1:
        return [np.arange(len(place))]
    if zoning == "angle":
        from_middle = place - place.mean(axis=0)
        by_angle = np.argsort(np.arctan2(from_middle[:, 1], from_middle[:, 0]), kind="stable")
        return np.array_split(by_angle, zones)
    zone = KMeans(zones, random_state=0, n_init=4).fit_predict(place)
    groups = [np.flatnonzero(zone == z) for z in np.unique(zone)]
    middle = np.stack([place[members].mean(axis=0) for members in groups])
    return [groups[z] for z in _tour_from(middle, np.arange(len(groups)), corner)]


def _tour_from(
    place: NDArray[np.float64], members: NDArray[np.int64], corner: NDArray[np.float64]
) -> NDArray[np.int64]:
    """A closed tour through some places (N, 2) from the one nearest to the corner; indices."""
    inside = place[members]
    distance = np.linalg.norm(inside[:, None] - inside[None], axis=2)
    return members[closed_tour(distance, int(np.argmin(np.linalg.norm(inside - corner, axis=1))))]


def pseudo_positions(
    rssi_dbm: NDArray[np.float32], xy_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N, 2): mean of the positions where an access point was heard, weights 10^(dBm / 20)."""
    weight = np.where(np.isfinite(rssi_dbm), 10.0 ** (np.nan_to_num(rssi_dbm) / 20.0), 0.0)
    total = weight.sum(axis=0)
    mean = weight.T @ xy_m / np.where(total > 0, total, 1.0)[:, None]
    return np.where(total[:, None] > 0, mean, xy_m.mean(axis=0))


def correlation_distance(
    rssi_dbm: NDArray[np.float32], not_heard_dbm: float
) -> NDArray[np.float64]:
    """(N, N): 1 - correlation of the columns; a constant column correlates with nothing."""
    filled = np.where(np.isfinite(rssi_dbm), rssi_dbm, not_heard_dbm).astype(np.float64)
    filled -= filled.mean(axis=0)
    norm = np.linalg.norm(filled, axis=0)
    filled /= np.where(norm > 0, norm, 1.0)
    return np.maximum(1.0 - filled.T @ filled, 0.0)


def tour_length(distance: NDArray[np.float64], tour: NDArray[np.int64]) -> float:
    return float(distance[tour, np.roll(tour, -1)].sum())


def closed_tour(distance: NDArray[np.float64], start: int = 0) -> NDArray[np.int64]:
    """A short closed tour through all nodes of a symmetric (N, N) distance: greedy, then 2-opt."""
    return two_opt(distance, greedy_tour(distance, start))


def greedy_tour(distance: NDArray[np.float64], start: int = 0) -> NDArray[np.int64]:
    """From the start always on to the nearest node (of an (N, N) distance) not yet visited."""
    tour = [start]
    left = np.ones(len(distance), dtype=bool)
    left[start] = False
    while left.any():
        nearest = int(np.argmin(np.where(left, distance[tour[-1]], np.inf)))
        tour.append(nearest)
        left[nearest] = False
    return np.array(tour, dtype=np.int64)


def two_opt(distance: NDArray[np.float64], tour: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tour after exchanging pairs of edges until no exchange shortens it; the start stays."""
    path, n = tour.copy(), len(tour)
    improved = n > 3
    while improved:
        improved = False
        for i in range(n - 2):
            # Every exchange of edge (i, i+1) with a later one, at once; the best is applied.
            a, b = path[i], path[i + 1]
            last = n if i > 0 else n - 1
            c = path[i + 2 : last]
            d = np.roll(path, -1)[i + 2 : last]
            gain = distance[a, b] + distance[c, d] - distance[a, c] - distance[b, d]
            if gain.size and gain.max() > 1e-9:
                j = i + 2 + int(np.argmax(gain))
                path[i + 1 : j + 1] = path[i + 1 : j + 1][::-1]
                improved = True
    return path
