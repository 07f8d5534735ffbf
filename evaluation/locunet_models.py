"""The models of LocUNet's study: which preset, and what is changed of it. What was learned is kept
for whatever asks the same model again: other estimates, noise, pictures."""

from __future__ import annotations

import hashlib
import io
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from sdk.atomic import write_file
from training.heatmap_model import HeatmapModel
from training.locunet import Machine, fitted
from training.locunet_presets import PRESETS
from training.presets import preset_of
from training.propagation.dataset import City
from training.radio_worlds import Worlds, worlds_of

# The paper's ablations, each for a quarter as long.
_SHORT: dict[str, Any] = {"epochs": 25}
# Deviations of heatmap regression's targets, in pixels.
TARGETS_PX = (1, 2, 4, 8)
# Preset and what is changed of it.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    # The calibrated Gaussian posterior mean of SPEC 3.13.
    "posterior mean": ("posterior", {"estimate": "mean", "tailed": False, "classes": 1}),
    "posterior": ("posterior", {}),
    "residual": ("residual", {}),
    "LocUNet quarter width": ("paper", {}),
}
# Asked for by name: a likelihood without classes of roughness, a narrow
# correction, heatmap regression (SPEC 3.10), the paper's table IX.
MORE_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "posterior of one class": ("posterior", {"classes": 1}),
    "edge": ("edge", {}),
    "LocUNet 5000 steps": ("paper", _SHORT),
    "LocUNet softmax": ("paper", {**_SHORT, "activation": "softmax"}),
    "LocUNet sigmoid": ("paper", {**_SHORT, "activation": "sigmoid"}),
    "LocUNet ReLU": ("paper", {**_SHORT, "activation": "relu"}),
    "LocUNet MSE": ("paper", {**_SHORT, "loss": "mse"}),
    "LocUNet without buildings": ("paper", {**_SHORT, "inputs": "no buildings"}),
    "LocUNet without transmitters": ("paper", {**_SHORT, "inputs": "no transmitters"}),
    "LocUNet of radio maps alone": ("paper", {**_SHORT, "inputs": "radio maps"}),
}
for _px in TARGETS_PX:
    _target = {**_SHORT, "loss": "gaussian", "target_px": float(_px)}
    MORE_MODELS |= {
        f"heatmap regression {_px} px CoM": ("paper", _target),
        f"heatmap regression {_px} px arg max": ("paper", {**_target, "estimate": "mode"}),
    }
ALL_MODELS = {**MODELS, **MORE_MODELS}


@dataclass
class Asked:
    """A study's data: a city, users per test map, the machine and its threads; ``kept``: a folder
    for learned models, or None."""

    city: City
    per_map: int
    threads: int
    machine: Machine
    kept: Path | None = None
    read: dict[tuple[str, str], Worlds] = field(default_factory=dict)

    def worlds(self, split: str, scenario: str) -> Worlds:
        """The maps of a split as measured in a scenario, read once."""
        key = split, scenario
        if key not in self.read:
            self.read[key] = worlds_of(self.city, split, scenario)
        return self.read[key]


def learned_model(
    asked: Asked, method: str, scenario: str, seed: int
) -> tuple[HeatmapModel, dict[str, Any]]:
    """The model of a method and what there is to say about it; read where it was kept."""
    name, changes = ALL_MODELS[method]
    preset = preset_of(PRESETS, name, {**changes, "scenario": scenario})
    # The estimate is how a model is asked, not what it learns.
    made = {**asdict(preset), "estimate": "", "seed": seed, "city": dict(asked.city.header)}
    key = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:12]
    file = None if asked.kept is None else asked.kept / f"{name}-{scenario}-{seed}-{key}.pt"
    if file is not None and file.is_file():
        # Only what this function wrote lies there.
        model, learned = torch.load(file, weights_only=False)
        return replace(model, estimate=preset.estimate), learned
    worlds, others = (asked.worlds(split, scenario) for split in ("train", "validation"))
    begin, work = time.perf_counter(), time.process_time()
    model, learned = fitted(worlds, others, preset, seed, asked.machine)
    learned |= {
        "train_s": round(time.perf_counter() - begin, 1),
        "train_cpu_s": round(time.process_time() - work, 1),
    }
    if file is not None:
        buffer = io.BytesIO()
        torch.save((model, learned), buffer)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file, buffer.getvalue())
    return model, learned
