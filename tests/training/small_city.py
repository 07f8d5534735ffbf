"""A small city data set, made without the simulator: streets walked around rectangular houses."""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from training.propagation.dataset import CityMap, write_header, write_map

RANGE_DB = (-147.0, -47.84)
NOISE_FLOOR_DB = -127.0
SCENARIOS = ("estimated", "nominal", "robust")


def make_city(folder, n_maps=12, size_px=16, pitch_m=16.0, transmitters=8, users=12, deployments=4,
              seed=0):  # fmt: skip
    """Write a city data set to ``folder``; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n_maps):
        rng = np.random.default_rng([seed, number])
        write_map(folder, made(rng, number, size_px, pitch_m, transmitters, users, deployments))
    write_header(folder, {
        "seed": seed, "size_px": size_px, "pitch_m": pitch_m, "n_maps": n_maps,
        "transmitters_per_map": transmitters, "scenarios": list(SCENARIOS), "settings": {},
        "noise_floor_db": NOISE_FLOOR_DB, "path_loss_range_db": list(RANGE_DB),
    })  # fmt: skip
    return folder


def made(rng, number, size, pitch_m, transmitters, users, deployments):
    buildings = np.zeros((size, size), np.uint8)
    for _ in range(10):
        r, c = rng.integers(0, size - 2, 2)
        h, w = rng.integers(2, max(3, size // 5), 2)
        buildings[r : r + h, c : c + w] = 1
    middle = np.argwhere(buildings == 0)
    nearest = middle[np.abs(middle - size / 2).sum(axis=1).argmin()]
    # Courtyards that no street leads to are built over.
    buildings[~np.isfinite(walks(buildings, nearest[None], pitch_m)[0])] = 1
    outdoors = np.argwhere(buildings == 0)
    middle = outdoors[(np.abs(outdoors - (size - 1) / 2) < 0.32 * size).all(axis=1)]
    tx = middle[rng.choice(len(middle), transmitters, replace=False)]
    walked = walks(buildings, tx, pitch_m)
    straight = np.hypot(*(np.indices((size, size))[:, None] - tx.T[:, :, None, None])) * pitch_m
    excess = np.where(np.isfinite(walked), walked, 0.0) - straight
    los = np.isfinite(walked) & (excess < 0.1 * straight + pitch_m)
    with np.errstate(divide="ignore"):
        loss = -47.86 - 22 * np.log10(np.maximum(walked, pitch_m / 2))
    loss -= np.where(los, 0.0, 12 + 6 * np.log1p(np.maximum(excess, 0) / 10))
    loss[~np.isfinite(walked)] = -300
    worlds = [loss + 0.7 * rng.normal(size=loss.shape), loss, loss + _shadow(rng, loss.shape)]
    kept = np.clip(np.stack(worlds), *RANGE_DB)
    kept[:, :, buildings == 1] = RANGE_DB[0]
    heard = (kept[1:] >= NOISE_FLOOR_DB).all(axis=0)
    best = np.stack([rng.choice(transmitters, 5, replace=False) for _ in range(deployments)])
    served = np.all([heard[d].any(axis=0) for d in best], axis=0)
    standing = middle[served[middle[:, 0], middle[:, 1]]]
    people = standing[rng.choice(len(standing), users)]
    toa = np.where(np.isfinite(walked), walked, -1.0)
    return CityMap(
        number, buildings, _xy(tx, pitch_m), kept.astype(np.float16), toa.astype(np.float32), los,
        _xy(people, pitch_m), best.astype(np.int32),
    )  # fmt: skip


def walks(buildings, starts, pitch_m):
    """Shortest walks (T, H, W), metres, over the eight neighbours of every free pixel."""
    h, w = buildings.shape
    index = np.arange(h * w).reshape(h, w)
    free = buildings == 0
    rows, columns, lengths = [], [], []
    for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
        a = (slice(0, h - dr), slice(max(0, -dc), w - max(0, dc)))
        b = (slice(dr, h), slice(max(0, dc), w - max(0, -dc)))
        both = free[a] & free[b]
        rows.append(index[a][both])
        columns.append(index[b][both])
        lengths.append(np.full(both.sum(), np.hypot(dr, dc) * pitch_m))
    edges = [np.concatenate(part) for part in (lengths, rows, columns)]
    graph = coo_matrix((edges[0], (edges[1], edges[2])), shape=(h * w, h * w)).tocsr()
    found = dijkstra(graph, directed=False, indices=index[starts[:, 0], starts[:, 1]])
    return found.reshape(len(starts), h, w)


def _shadow(rng, shape):
    field = gaussian_filter(rng.normal(size=shape), (0, 1.5, 1.5))
    return 4.8 * field / field.std()


def _xy(pixels, pitch_m):
    return ((pixels[:, ::-1] + 0.5) * pitch_m).astype(np.float32)
