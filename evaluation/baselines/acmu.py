"""AcMu-like (Wu, Yang and Xiao 2018): an old map carried on by what some reference places hear now.

In spirit, not faithful: only the abstract was at hand (SPEC 6). Kept is the idea: how the level at
a place depends on the levels at some reference places is learned from the survey and assumed to
stay; scans from the reference places at the new time then refresh the whole map. Where the phones
rest is told by their trajectories in the paper; here their scans come with their positions, **which
makes this a baseline with labels of the new time**. The regression is ours: ridge about "changes as
its neighbours do".
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.decode import Decoded
from training.knn import PLAIN, Database, Rule, apply

SILENT_DBM = -100.0
# dB^2: a visit's own scatter must not look like a dependency.
RIDGE = 100.0
# Of the distance, metres, that keeps a reference at the place itself from weighing all.
NEAR_M = 1.0


def refreshed(
    database: Database,
    visit: NDArray[np.integer],
    new_dbm: NDArray[np.float32],
    new_xy_m: NDArray[np.float64],
) -> Database:
    """The database with every row's levels moved by what its place is expected to hear now.

    Args:
        visit: (M,) number of the campaign each row of the database stems from.
        new_dbm: (U, N) scans of the new time, NaN = not heard; their places ``new_xy_m`` (U, 2) are
            the references, those of them that the old survey has visited too.

    A level that falls to ``SILENT_DBM`` is not heard, nor is what no reference hears any more that
    did before. Raises ValueError where no reference place of
    the new scans is in the database.
    """
    filled = np.where(np.isfinite(database.rssi_dbm), database.rssi_dbm, SILENT_DBM)
    place, places = database.place_of_row, database.places_xy_m
    away = np.linalg.norm(new_xy_m[:, None] - places[None], axis=2)
    their = np.where(away.min(axis=1) < 1e-3, away.argmin(axis=1), -1)
    reference = np.unique(their[their >= 0])
    if not len(reference):
        raise ValueError(f"none of {len(new_dbm)} new scans stands at a place of the old survey")
    new = np.where(np.isfinite(new_dbm), new_dbm, SILENT_DBM)
    now = np.stack([new[their == r].mean(axis=0) for r in reference])
    names, number = np.unique(visit, return_inverse=True)
    # Means of every campaign at every place; NaN where it was not.
    history = np.full((len(names), len(places), filled.shape[1]), np.nan)
    for t in range(len(names)):
        rows = number.reshape(-1) == t
        count = np.bincount(place[rows], minlength=len(places))
        total = np.zeros((len(places), filled.shape[1]))
        np.add.at(total, place[rows], filled[rows])
        history[t, count > 0] = total[count > 0] / count[count > 0, None]
    usual = np.nanmean(history, axis=0)
    whole = np.isfinite(history[:, reference, 0]).all(axis=1)
    apart = np.linalg.norm(places[:, None] - places[reference][None], axis=2)
    prior = 1.0 / (apart + NEAR_M) ** 2
    prior /= prior.sum(axis=1, keepdims=True)
    change = now - usual[reference]
    moved = np.empty_like(usual)
    for i in range(len(places)):
        seen = whole & np.isfinite(history[:, i, 0])
        moved[i] = prior[i] @ change
        if i in reference:
            moved[i] = change[np.flatnonzero(reference == i)[0]]
        elif seen.sum() > 1:
            past = history[seen][:, reference] - usual[reference]
            moved[i] += _beyond(past, history[seen, i] - usual[i], prior[i], change)
    gone = (now <= SILENT_DBM).all(axis=0) & (usual[reference] > SILENT_DBM).any(axis=0)
    level = np.where(gone, SILENT_DBM, (filled + moved[place]).clip(max=-1.0))
    level = np.where(level <= SILENT_DBM + 1.0, np.nan, level).astype(np.float32)
    return replace(database, rssi_dbm=level)


def acmu(
    database: Database,
    visit: NDArray[np.integer],
    new_dbm: NDArray[np.float32],
    new_xy_m: NDArray[np.float64],
    query_dbm: NDArray[np.float32],
) -> Decoded:
    """Scans (B, N) by weighted kNN over the refreshed map; see ``refreshed``."""
    return apply(refreshed(database, visit, new_dbm, new_xy_m), Rule(*PLAIN), query_dbm)


def _beyond(past: NDArray, own: NDArray, prior: NDArray, change: NDArray) -> NDArray[np.float64]:
    """(N,) of the change at a place what the prior does not say: for each access point a ridge
    regression of what was left over (T, N) on the references' past (T, K, N)."""
    left = own - np.einsum("tkn,k->tn", past, prior)
    gram = np.einsum("tkn,tjn->nkj", past, past) + RIDGE * np.eye(len(prior))
    slope = np.linalg.solve(gram, np.einsum("tkn,tn->nk", past, left)[..., None])[..., 0]
    found: NDArray[np.float64] = np.einsum("nk,kn->n", slope, change)
    return found
