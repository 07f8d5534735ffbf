"""Which access point decides where (the paper's Fig. 3), and whether nearness has to do with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.score_groups import TOP, spearman
from sdk.venue import AccessPoint

# Access points that hear too few scans say nothing about distance.
_LEAST_SCANS = 20


def most_influential(
    scores: NDArray[np.float64], heard: NDArray[np.bool_], xy_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The locations (L, 2) and, for each, the heard access point most often scored highest (L,).

    Scores (n, N) and positions (n, 2) of scans; scans of one location share their position.
    """
    top = np.where(heard, scores, -np.inf).argmax(axis=1)
    spots, member = np.unique(np.round(xy_m, 3), axis=0, return_inverse=True)
    member = member.reshape(-1)
    votes = np.zeros((len(spots), scores.shape[1]))
    np.add.at(votes, (member, top), 1.0)
    return spots, votes.argmax(axis=1)


def distances_m(
    bssids: Sequence[str], access_points: Sequence[AccessPoint], xy_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, N) from each scan to each access point; NaN where the position is not known."""
    known = {ap.bssid: (ap.x_m, ap.y_m) for ap in access_points}
    places = np.array([known.get(b, (np.nan, np.nan)) for b in bssids])
    return np.linalg.norm(xy_m[:, None] - places[None], axis=2)


def nearness(
    scores: NDArray[np.float64],
    rssi_dbm: NDArray[np.float32],
    distance_m: NDArray[np.float64],
) -> dict[str, float | int | None] | None:
    """How scores and levels of the located access points follow distance; None without any.

    ``score_distance``, ``level_distance``, ``score_level``: rank correlation over the scans that
    hear the access point, mean over access points. ``top3_share``: share of scans with a located
    one among the three highest heard scores; ``top3_distance_m`` and ``all_distance_m``: median
    distance to the nearest of those, and to the nearest located one that is heard at all.
    """
    heard = np.isfinite(rssi_dbm)
    located = heard & np.isfinite(distance_m)
    used = np.flatnonzero(located.sum(axis=0) >= _LEAST_SCANS)
    if not len(used):
        return None
    pairs: dict[str, list[float]] = {"score_distance": [], "level_distance": [], "score_level": []}
    for i in used:
        at = located[:, i]
        score, level, metres = scores[at, i], rssi_dbm[at, i], distance_m[at, i]
        for name, a, b in (
            ("score_distance", score, metres),
            ("level_distance", level, metres),
            ("score_level", score, level),
        ):
            found = spearman(a, b)
            if found is not None:
                pairs[name].append(found)
    order = np.argsort(np.where(heard, -scores, np.inf), axis=1)[:, :TOP]
    top = np.zeros_like(heard)
    np.put_along_axis(top, order, True, axis=1)
    among = np.where(top & located, distance_m, np.inf).min(axis=1)
    nearest = np.where(located, distance_m, np.inf).min(axis=1)
    hit = np.isfinite(among)
    return {
        "access_points": len(used),
        **{name: float(np.mean(v)) if v else None for name, v in pairs.items()},
        "top3_share": float(hit.mean()),
        "top3_distance_m": float(np.median(among[hit])) if hit.any() else None,
        "all_distance_m": float(np.median(nearest[np.isfinite(nearest)])),
    }
