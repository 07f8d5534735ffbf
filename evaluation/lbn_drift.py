"""When the image drifts after the survey: can statistics of patches take it away?

A trained norm is a fixed scale and shift per channel (BN) or per patch and channel (LBN): its
moving averages stem from the survey, and nothing it does at inference answers to the scans. What
could answer is statistics of the scans themselves. Every network is therefore also judged with
*own* statistics: those of all scans of the test at hand, without their labels, in place of the
moving averages (scans that come later included, so no figure for a single fix).

The drift is simulated on the rows of one later test: levels of heard access points become
``floor + gain (level - floor) + offset_db``, and what falls to the floor is not heard. Gains and
offsets are drawn per group of columns: all of them, those of one patch of LBN's default block, or
each alone. Real drift, months 7 to 25, is judged with own statistics beside it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.lbn_figures import figures
from evaluation.lbn_places import Material
from sdk.images import InputRecipe
from training.decode import softmax
from training.networks.lbn import LbnNet

BASE_TEST = "month 7"
# Each third of a point's scans sees another drift.
DRAWS = 3
_BLOCK = 4
RUNNING, OWN = "running", "own"
# Levels (n, N) in dBm to posteriors (n, G).
Judge = Callable[[NDArray[np.float32]], NDArray[np.float64]]


@dataclass(frozen=True)
class Kind:
    """``group``: "all", "patch" or "each" column; offsets are normal with ``offset_db``, gains
    between 1 / ``gain`` and ``gain``, evenly in their logarithm."""

    title: str
    group: str
    offset_db: float = 0.0
    gain: float = 1.0


KINDS = (
    Kind("one offset, 6 dB", "all", 6.0),
    Kind("patches, 6 dB", "patch", 6.0),
    Kind("patches, gain up to 2", "patch", gain=2.0),
    Kind("each AP, 6 dB", "each", 6.0),
)


def groups(kind: Kind, recipe: InputRecipe, columns: int) -> NDArray[np.int64]:
    """Group (N,) of every column of the rows that ``recipe`` makes square images of."""
    column = np.arange(columns)
    if kind.group != "patch":
        return column if kind.group == "each" else np.zeros_like(column)
    side = recipe.shape(columns)[-1]
    patches = -(-side // _BLOCK)
    return column // side // _BLOCK * patches + column % side // _BLOCK


def drifted(
    rssi_dbm: NDArray[np.float32], kind: Kind, recipe: InputRecipe, draw: int
) -> NDArray[np.float32]:
    """Rows (n, N) under one drift; NaN stays NaN. The same for every network."""
    rng = np.random.default_rng([KINDS.index(kind), draw])
    group = groups(kind, recipe, rssi_dbm.shape[1])
    size = int(group.max()) + 1
    offset = rng.normal(0.0, kind.offset_db, size)[group]
    gain = np.exp(rng.uniform(-1.0, 1.0, size) * np.log(kind.gain))[group]
    floor = recipe.not_heard_dbm
    made = floor + gain * (rssi_dbm - floor) + offset
    return np.where(made > floor, made, np.nan).astype(np.float32)


def scenes(
    material: Material, recipe: InputRecipe
) -> list[tuple[str, NDArray[np.bool_], list[tuple[NDArray[np.int64], NDArray[np.float32]]]]]:
    """(name, rows (M,), [(indices among M, their levels)]): real tests and drifts of BASE_TEST.
    Each part of the list is what own statistics are taken of."""
    found = []
    for name, rows in material.tests.items():
        index = np.flatnonzero(rows)
        found.append((name, rows, [(index, material.rssi_dbm[index])]))
    base = material.tests.get(BASE_TEST)
    if base is None:
        return found
    index = np.flatnonzero(base)
    third = nth_of(material.point[index]) % DRAWS
    for kind in KINDS:
        parts = [index[third == draw] for draw in range(DRAWS)]
        found.append((kind.title, base, [
            (part, drifted(material.rssi_dbm[part], kind, recipe, draw))
            for draw, part in enumerate(parts) if len(part)
        ]))  # fmt: skip
    return found


def nth_of(point: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many earlier rows (n,) have the same point."""
    order = np.argsort(point, kind="stable")
    ranked = point[order]
    first = np.searchsorted(ranked, ranked)
    made = np.empty(len(point), dtype=np.int64)
    made[order] = np.arange(len(point)) - first
    return made


def own_logits(network: LbnNet, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 1, S, S) -> (n, G): statistics of these images instead of the moving averages, which
    stay as they are."""
    other = copy.deepcopy(network).eval()
    other.normed.norm.train()
    with torch.inference_mode():
        return other.scores(torch.from_numpy(images)).numpy()


def drift_of(
    material: Material, recipe: InputRecipe, running: Judge, own: Judge | None
) -> dict[str, dict[str, Any]]:
    """Figures of every scene with moving averages and, where there are any, own statistics.

    ``running`` and ``own`` answer levels (n, N) with posteriors (n, G). Real tests with moving
    averages are the record's ``tests`` and not repeated.
    """
    made: dict[str, dict[str, Any]] = {}
    for name, rows, parts in scenes(material, recipe):
        for mode, judge in ((RUNNING, running), (OWN, own)):
            if judge is None or (mode == RUNNING and name in material.tests):
                continue
            probability = np.zeros((len(rows), len(material.xy_m)))
            for index, levels in parts:
                probability[index] = judge(levels)
            made.setdefault(name, {})[mode] = figures(
                probability[rows], material.point[rows], material.xy_m
            )
    return made


def of_network(material: Material, recipe: InputRecipe, network: LbnNet) -> dict[str, Any]:
    """``drift_of`` for a trained network; own statistics where its norm keeps moving ones."""

    def running(levels: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.inference_mode():
            parts = torch.from_numpy(recipe.images(levels)).split(256)
            return softmax(torch.cat([network.scores(p) for p in parts]).numpy(), 1.0)

    def own(levels: NDArray[np.float32]) -> NDArray[np.float64]:
        return softmax(own_logits(network, recipe.images(levels)), 1.0)

    network.eval()
    kept = any(True for _ in network.normed.norm.buffers())
    return drift_of(material, recipe, running, own if kept else None)
