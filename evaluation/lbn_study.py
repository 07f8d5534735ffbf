"""One network, or weighted kNN, on one place: a record of figures per test and reference point."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.lbn_drift import BASE_TEST, drift_of, of_network
from evaluation.lbn_figures import figures
from evaluation.lbn_places import Material, Place
from evaluation.lbn_variants import DRIFTING, LAYER_1, Variant
from sdk.images import InputRecipe
from training import knn
from training.cells import Cells
from training.decode import softmax
from training.fitting import arithmetic
from training.lbn_fitting import Fitting, fit
from training.lbn_fitting import Material as Rows
from training.lbn_presets import LbnPreset
from training.split import SPOT_M

# Rows shown in the PCA, of the training rows and of the latest test.
_SHOWN = 300
_COMPONENTS = 4


def network(
    place: Place, material: Material, variant: Variant, seed: int, epochs: int | None = None
) -> dict[str, Any]:
    """Train one network for the place's epochs (or ``epochs``); nothing is chosen on a test."""
    preset = variant.preset(epochs or place.epochs)
    rows, cells = training_rows(material, preset)
    started, began = time.process_time(), time.perf_counter()
    with arithmetic(1):
        fitting = fit(rows, cells, None, preset, seed, "", False)
        took = time.process_time() - started, time.perf_counter() - began
        images = rows.recipe.images(material.rssi_dbm)
        probability = softmax(fitting.logits(images), 1.0)
    count = len(rows.place)
    shown = count * preset.factor
    own = probability[material.train, rows.place]
    record = {
        "place": place.name,
        "variant": variant.name,
        "seed": seed,
        "settings": asdict(preset),
        "training_rows": count,
        "steps": preset.epochs * (shown // min(preset.batch, shown)),
        "cpu_s": round(took[0], 1),
        "wall_s": round(took[1], 1),
        "values": fitting.network.published_count(),
        "train_accuracy": round(float(
            (probability[material.train].argmax(axis=1) == rows.place).mean()), 4),
        "train_loss": round(float(-np.log(np.maximum(own, 1e-12)).mean()), 4),
        "tests": judged(material, probability),
    }  # fmt: skip
    if BASE_TEST in material.tests and variant.group in DRIFTING:
        record["drift"] = of_network(material, rows.recipe, fitting.network)
    if seed == 0 and variant.name in LAYER_1:
        record["pca"] = components(fitting, images, material)
    return record


def training_rows(material: Material, preset: LbnPreset) -> tuple[Rows, Cells]:
    """What ``training.lbn_fitting`` learns from: the place's own points and columns, no choice."""
    train, points = material.train, len(material.xy_m)
    floor = material.survey.floor[:1].astype(np.int32).repeat(points)
    cells = Cells(material.xy_m, floor, SPOT_M)
    point = material.point[train]
    targets = cells.soft_targets(material.xy_m, floor, preset.soften_m)
    session = material.survey.session[train]
    return Rows(material.rssi_dbm[train], point, session, point, targets, square(preset)), cells


def square(preset: LbnPreset) -> InputRecipe:
    """Images of the columns as they stand: 0 at the floor, 1 at 0 dBm."""
    silent = preset.not_heard_dbm
    return InputRecipe("square", silent, silent, silent, -silent, preset.side)


def neighbours(place: Place, material: Material) -> dict[str, Any]:
    """Weighted kNN on the same rows and columns, tuned on the development test where there is one,
    else the untuned rule."""
    train = material.train
    floor = material.survey.floor[:1].astype(np.int32).repeat(len(material.xy_m))
    database = knn.Database(
        material.rssi_dbm[train], material.xy_m, floor, material.point[train].astype(np.int32)
    )
    rule = knn.Rule(*knn.PLAIN)
    for name in material.development:
        held = material.tests[name]
        truth = material.survey.take(held)
        rule, _ = knn.tune(database, material.rssi_dbm[held], truth, np.ones(len(truth)))
    probability = np.zeros((len(train), len(material.xy_m)))
    tested = np.logical_or.reduce(list(material.tests.values()))
    probability[tested] = knn.probability(database, rule, material.rssi_dbm[tested])
    record = {
        "place": place.name, "variant": "knn", "seed": 0, "settings": asdict(rule),
        "training_rows": int(train.sum()), "tests": judged(material, probability),
    }  # fmt: skip
    if BASE_TEST in material.tests:
        recipe = square(LbnPreset())
        record["drift"] = drift_of(
            material, recipe, lambda levels: knn.probability(database, rule, levels), None
        )
    return record


def judged(material: Material, probability: NDArray[np.float64]) -> dict[str, Any]:
    """Figures of every test of the place from (M, R) posteriors of all its rows."""
    return {
        name: figures(probability[rows], material.point[rows], material.xy_m)
        for name, rows in material.tests.items()
    }


def components(fitting: Fitting, images: NDArray[np.float32], material: Material) -> dict[str, Any]:
    """The dense layer's values of training rows and of the last test, along the two main axes of
    their common PCA; shares of variance of four; and how far the test's mean lies from the training
    rows' mean, in units of the whole spread (the root of the total variance)."""
    rng = np.random.default_rng(0)
    latest = list(material.tests.values())[-1]
    chosen = [rng.permutation(np.flatnonzero(rows))[:_SHOWN] for rows in (material.train, latest)]
    net = fitting.network.eval()
    with torch.inference_mode():
        made = [torch.relu(net.dense(net.layers(torch.from_numpy(images[r])).flatten(1))).numpy()
                for r in chosen]  # fmt: skip
    values = np.concatenate(made).astype(np.float64)
    centred = values - values.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    shares = size**2 / (size**2).sum()
    spread = np.sqrt(centred.var(axis=0).sum())
    scores = (left * size)[:, :2] / spread
    shift = np.linalg.norm(made[0].mean(axis=0) - made[1].mean(axis=0)) / spread
    return {
        "test": list(material.tests)[-1],
        "shares": [round(float(s), 4) for s in shares[:_COMPONENTS]],
        "shift": round(float(shift), 4),
        "train": np.round(scores[: len(chosen[0])], 3).tolist(),
        "latest": np.round(scores[len(chosen[0]) :], 3).tolist(),
    }
