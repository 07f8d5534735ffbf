"""One network on one place: trained, judged in the paper's cells, explained, and the explainers
judged. ``study`` gives a record of plain types; the pictures that need every score are drawn here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation import explanation_plots as plots
from evaluation.cell_grid import Grid
from evaluation.deletion import Deletion, deletion, mean_of
from evaluation.exloc_places import Place
from evaluation.explainers import EXPLAINERS, Subject, logit_occlusion
from evaluation.influential import distances_m, most_influential, nearness
from evaluation.score_groups import agreement, group_of, judge, top_mean
from training import exloc
from training.decode import decode
from training.fingerprints import Vectors
from training.fitting import device_of
from training.run import Run
from training.survey import Survey

Say = Callable[[str], None]
_RANDOM_ORDERS = 5
# One grid for all variants: the paper's, tiling the area, with its centroids.
_GRID = {"pitch": "tile", "position": "centroid"}
# Networks whose scores are drawn scan by scan.
_PICTURED = ("faithful", "additive", "paper")


@dataclass(frozen=True)
class Variant:
    """A preset, what is changed of it, and in words what it stands for."""

    preset: str
    changes: dict[str, object]
    what: str
    on_request: bool = False


VARIANTS: dict[str, Variant] = {
    "faithful": Variant(
        "paper", {"width": 32, "cap": 12, "batch": 32, "epochs": 20},
        "the paper's network at a CPU's size: six 3 x 3 layers of 32 channels (paper: 512), zero "
        "padding, GAP, 12 access points",
    ),
    "embedding": Variant(
        "small", {"head": "gap_embedding", "depth": 3},
        "circular padding, GAP over features that know their access point, 1-D form",
    ),
    "small": Variant("small", {}, "preset small: circular padding, a weight per access point"),
    "additive": Variant("additive", {}, "preset additive: kernel 1, each access point alone"),
    "paper": Variant(
        "paper", {}, "preset paper: 512 channels, N up to 27; needs an accelerator", True
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Effort:
    """``scans``: how many test scans are explained; ``epochs`` overrides the variant's;
    ``device``: cpu, cuda or auto, for training and explaining alike."""

    scans: int = 300
    epochs: int | None = None
    device: str = "cpu"
    progress: bool = False


def study(
    place: Place, survey: Survey, name: str, seed: int, effort: Effort, pictures: Path, say: Say
) -> dict[str, object]:
    """Train variant ``name`` and judge it and its explainers; seed 0 may be drawn."""
    variant, device = VARIANTS[name], device_of(effort.device)
    run = exloc.train(
        survey, variant.preset, seed=seed, epochs=effort.epochs, progress=effort.progress,
        changes=_GRID | variant.changes, threads=1 if device == "cpu" else None,
        device=device,
    )  # fmt: skip
    vectors = Vectors(run.merge_virtual_aps, run.limits["max_age_ms"])
    train = survey.take(survey.rows("train"))
    subject = Subject.of(run, vectors.of(train, run.bssids), device)
    grid = Grid.tiling(train.xy_m)
    test = survey.take(survey.rows("test"))
    localization = _localize(run, subject, grid, test, vectors.of(test, run.bssids))
    say(f"    accuracy {localization['accuracy']:.1%}, loose {localization['loose_accuracy']:.1%}, "
        f"{localization['distance_m']:.2f} m; explaining")  # fmt: skip

    chosen = np.zeros(len(test), dtype=bool)
    chosen[np.random.default_rng(seed).permutation(len(test))[: effort.scans]] = True
    few = test.take(chosen)
    rssi = vectors.of(few, run.bssids)
    case = _Case(run, subject, grid, few, rssi, seed)
    scores = {}
    for explainer, explain in EXPLAINERS.items():
        say(f"    {explainer}")
        scores[explainer] = explain(subject, case.rows, case.heard, case.classes, seed)
    if seed == 0 and name in _PICTURED:
        _draw(place, name, case, scores, pictures)
    return {
        "place": place.name, "title": place.title, "leaks": place.leaks, "variant": name,
        "what": variant.what, "seed": seed,
        "training": {
            "rows": len(train), "access_points": len(run.bssids),
            "cells": len(run.arrays["places_floor"]), "epochs": run.provenance["epochs"],
            "parameters": run.provenance["parameters"], "device": device,
        },
        "localization": localization,
        "explained": {
            "scans": len(few),
            "heard": float(case.heard.sum(axis=1).mean()),
            "group_sizes": np.bincount(group_of(case.error_m), minlength=4).tolist(),
            "scores": case.judged(scores),
            "agreement": case.agreements(scores),
            "deletion": case.deletions(scores),
            "nearness": nearness(
                scores["CAM"], rssi, distances_m(run.bssids, survey.access_points, few.xy_m)
            ),
        },
    }  # fmt: skip


def _localize(
    run: Run, subject: Subject, grid: Grid, test: Survey, rssi: NDArray[np.float32]
) -> dict[str, float | int]:
    """The paper's figures (most probable cell) and the mean error of the expectation."""
    p = subject.probability(run.input_recipe.normalised(rssi))
    places, floor = run.arrays["places_xy_m"], run.arrays["places_floor"]
    mean = decode(p, places, floor, "mean").xy_m
    return {
        "scans": len(test),
        **grid.figures(places[p.argmax(axis=1)], test.xy_m),
        "expectation_m": float(np.linalg.norm(mean - test.xy_m, axis=1).mean()),
    }


class _Case:
    """The explained scans: rows, what they heard, their predicted class and its error."""

    def __init__(
        self, run: Run, subject: Subject, grid: Grid, few: Survey, rssi: NDArray, seed: int
    ) -> None:
        self.run, self.subject, self.grid, self.few, self.seed = run, subject, grid, few, seed
        self.rows = run.input_recipe.normalised(rssi)
        self.heard = np.isfinite(rssi)
        self.probability = subject.probability(self.rows)
        self.classes = self.probability.argmax(axis=1)
        self.error_m = self.error_of(self.classes)

    def error_of(self, classes: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.grid.distance_m(self.run.arrays["places_xy_m"][classes], self.few.xy_m)

    def judged(self, scores: dict[str, NDArray]) -> dict[str, object]:
        """Top-3 mean of each explainer, and the posterior's own maximum, as confidence."""
        found = {name: judge(top_mean(s), self.error_m) for name, s in scores.items()}
        found["probability"] = judge(self.probability.max(axis=1), self.error_m)
        return found

    def agreements(self, scores: dict[str, NDArray]) -> dict[str, float | None]:
        """Rank correlation with the logit drop and with the device's occlusion."""
        logit = logit_occlusion(self.subject, self.rows, self.heard, self.classes)
        pairs = {}
        for name in ("CAM", "CAM beyond silence", "LIME"):
            pairs[f"{name}, logit drop"] = agreement(scores[name], logit, self.heard)
            pairs[f"{name}, occlusion"] = agreement(scores[name], scores["occlusion"], self.heard)
        return pairs

    def deletions(self, scores: dict[str, NDArray]) -> dict[str, object]:
        """Curves, and the area between each and random orders."""

        def curve(s: NDArray) -> Deletion:
            return deletion(
                self.subject.probability, self.rows, self.heard, s, self.subject.silent,
                self.error_of,
            )  # fmt: skip

        more = [EXPLAINERS["random"](self.subject, self.rows, self.heard, self.classes, seed)
                for seed in range(1000 * self.seed, 1000 * self.seed + _RANDOM_ORDERS)]  # fmt: skip
        chance = mean_of([curve(s) for s in more])
        curves = {name: curve(s) for name, s in scores.items() if name != "random"}
        return {
            "curves": {**{n: c.to_json() for n, c in curves.items()}, "random": chance.to_json()},
            "beyond_random": {name: c.less(chance) for name, c in curves.items()},
        }


def _draw(place: Place, name: str, case: _Case, scores: dict[str, NDArray], pictures: Path) -> None:
    stem = f"{place.name}-{name}"
    shown = {k: scores[k] for k in ("CAM", "LIME")}
    plots.heatmaps(shown, case.error_m, pictures / f"{stem}-heatmap.png", f"{place.title}: {name}")
    aps = case.run.bssids
    if any(ap.bssid in aps for ap in case.few.access_points):
        spots, top = most_influential(scores["CAM"], case.heard, case.few.xy_m)
        plots.influential(
            spots, [aps[i] for i in top], case.few.access_points,
            pictures / f"{stem}-influential.png", f"{place.title}: {name}",
        )  # fmt: skip
