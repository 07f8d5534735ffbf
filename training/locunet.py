"""Trains LocUNet and its relatives (SPEC 3): positions from computed radio maps.

What is learned belongs to no map: how measurements scatter about computed maps, where users stand,
and, but for preset ``posterior``, a network. The run holds one held-out map as its site, with which
it exports; ``radio_site.at_site`` puts another in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdk.heatmap_rules import Likelihood
from training.calibration import PERCENTILE, fit_accuracy, radius_at
from training.fitting import arithmetic, device_of
from training.heatmap_model import Answers, HeatmapModel, network_of
from training.locunet_presets import DEFAULT_PRESET, PRESETS, LocUNetPreset
from training.metrics import figures
from training.networks.correction import CorrectionNet
from training.networks.locunet import LocUNet
from training.presets import preset_of
from training.propagation.dataset import City, CityError
from training.radio_knn import plain_knn
from training.radio_likelihood import POWERS, fit_likelihood
from training.radio_site import at_site, site_of
from training.radio_worlds import TRANSMITTERS, Samples, Worlds, drawn, worlds_of
from training.record import versions
from training.run import Run

__all__ = ["DEFAULT_PRESET", "train"]

FEW = 3
WATCHED_PER_MAP, JUDGED_PER_MAP = 8, 100
# Few are enough: the error is flat about the best power.
_POWER_PER_MAP = 8
LOW_CONFIDENCE_M = 30.0
MIN_MATCHED_APS, MAX_AGE_MS = 1, 10_000
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")


@dataclass(frozen=True)
class Machine:
    """Where to train: "cpu", "cuda" or "auto", how many processes, precision of the arithmetic."""

    device: str = "cpu"
    devices: int = 1
    precision: str = "32-true"


def train(
    city: City,
    preset: str = DEFAULT_PRESET,
    seed: int = 0,
    epochs: int | None = None,
    progress: bool = False,
    changes: Mapping[str, object] | None = None,
    threads: int | None = None,
    device: str = "cpu",
    devices: int = 1,
    precision: str = "32-true",
    site: int | None = None,
    kept: Path | None = None,
) -> Run:
    """Train on a city's training maps; its validation maps choose and calibrate.

    ``epochs`` and ``changes`` ({field: value} of ``LocUNetPreset``) override the preset, ``site``
    is the map that the run is for, the first test map by default, and ``kept`` a file to go on from
    after an interruption. Raises CityError for a data set that cannot be trained on, ValueError for
    an unknown preset, setting or machine.
    """
    wanted = dict(changes or {}) | ({} if epochs is None else {"epochs": epochs})
    chosen = preset_of(PRESETS, preset, wanted)
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r}, expected one of {', '.join(PRECISIONS)}")
    machine = Machine(device_of(device), devices, precision)
    with arithmetic(threads):
        worlds = worlds_of(city, "train", chosen.scenario, progress)
        others = worlds_of(city, "validation", chosen.scenario, progress)
        model, learned = fitted(worlds, others, chosen, seed, machine, progress, kept)
        samples = drawn(others, JUDGED_PER_MAP, seed)
        held = {count: judged(model, others, samples.few(count)) for count in (TRANSMITTERS, FEW)}
    accuracy = _accuracy(list(held.values()))
    knn = plain_knn(worlds, others, samples, seed)
    metrics = {
        "split": "validation", "scenario": chosen.scenario, **held[TRANSMITTERS].figures,
        "three": held[FEW].figures, "wknn": knn[TRANSMITTERS], "three_wknn": knn[FEW],
    }  # fmt: skip
    network = model.network
    trained = {
        "shape": [worlds.side] * 2, "pitch_m": worlds.pitch_m,
        "low_db": worlds.gray.low_db, "high_db": worlds.gray.high_db,
    }  # fmt: skip
    run = Run(
        system="locunet", preset=preset, seed=seed,
        survey={"name": city.folder.name, "licence": "simulated", "sha256": ""},
        bssids=(), order={"method": "name"}, merge_virtual_aps="none", input=None,
        network=None if network is None else {"kind": model.kind, **network.config},
        state=None if network is None else {k: v.clone() for k, v in network.state_dict().items()},
        temperature=1.0, estimate=chosen.estimate, venue={}, refitted=False,
        limits={
            "min_matched_aps": MIN_MATCHED_APS, "max_age_ms": MAX_AGE_MS,
            "low_confidence_m": LOW_CONFIDENCE_M,
        },
        accuracy=accuracy, metrics=metrics,
        heatmap={
            "likelihood": model.likelihood.to_json(), "temperature": 1.0,
            "network": None if network is None else {"kind": model.kind, "trained_for": trained},
        },
        provenance={
            "settings": asdict(chosen), "machine": asdict(machine), "city": dict(city.header),
            "train_rows": len(worlds) * worlds.user.shape[1], "maps": len(worlds),
            "trained_for": trained, "box_px": list(model.box), "versions": versions(), **learned,
        },
    )  # fmt: skip
    number = city.split("test")[0] if site is None else site
    return at_site(run, site_of(city, number, chosen.scenario))


def fitted(
    worlds: Worlds,
    others: Worlds,
    preset: LocUNetPreset,
    seed: int,
    machine: Machine,
    progress: bool = False,
    kept: Path | None = None,
) -> tuple[HeatmapModel, dict[str, Any]]:
    """A model learned from ``worlds``, its power and its epoch chosen on ``others``; and what there
    is to say about it."""
    likelihood = fit_likelihood(worlds, seed, preset.tailed, preset.classes)
    model = HeatmapModel("posterior", likelihood, worlds.box, preset.estimate)
    likelihood = _tempered(model, others, drawn(others, _POWER_PER_MAP, seed))
    model = replace(model, likelihood=likelihood, kind=preset.kind)
    torch.manual_seed(seed)
    network = network_of(preset.kind, worlds.side, preset.width, preset.activation, preset.inputs)
    if network is None:
        return model, {}
    from lightning_fabric import Fabric

    from training.locunet_fitting import fit

    fabric = Fabric(
        accelerator=machine.device, devices=machine.devices, precision=machine.precision,
        strategy="ddp" if machine.devices > 1 else "auto",
    )  # fmt: skip
    fabric.launch()
    watched = others, drawn(others, WATCHED_PER_MAP, seed)
    result = fit(
        worlds, watched, replace(model, network=network), preset, fabric, seed, progress, kept
    )
    parameters = sum(p.numel() for p in network.parameters())
    return result.model, {
        "epochs": result.epochs, "validation_error_m": result.history, "parameters": parameters,
    }  # fmt: skip


def is_first_process() -> bool:
    """False in the further processes of a training by several: they write nothing."""
    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0


def _tempered(model: HeatmapModel, worlds: Worlds, samples: Samples) -> Likelihood:
    """The likelihood with the power of the least mean error, over 5 and 3 transmitters."""
    error = {}
    for power in POWERS:
        tried = replace(model, likelihood=replace(model.likelihood, power=power))
        error[power] = sum(
            float(judged(tried, worlds, samples.few(count)).error_m.mean())
            for count in (TRANSMITTERS, FEW)
        )
    return replace(model.likelihood, power=min(error, key=error.__getitem__))


@dataclass(frozen=True)
class Judged:
    """What a model answered: errors (B,), spreads (B,), maps (B,) of the samples, and figures."""

    answers: Answers
    error_m: NDArray[np.float64]
    spread_m: NDArray[np.float64]
    map: NDArray[np.int64]

    @property
    def figures(self) -> dict[str, Any]:
        """As of every system; the radius is cross-fitted over maps."""
        radius = np.empty(len(self.error_m))
        for fold in range(5):
            here = self.map % 5 == fold
            if here.any() and not here.all():
                knots = fit_accuracy(self.spread_m[~here], self.error_m[~here])
                radius[here] = radius_at(knots, self.spread_m[here])
            elif here.any():
                radius[here] = radius_at(
                    fit_accuracy(self.spread_m, self.error_m), self.spread_m[here]
                )
        return figures(self.error_m, np.ones(len(radius), dtype=np.bool_), radius)


def judged(model: HeatmapModel, worlds: Worlds, samples: Samples) -> Judged:
    """The model's answers beside the truth."""
    found = model.answers(worlds, samples)
    truth = (worlds.user[samples.map, samples.user].cpu() + 0.5) * worlds.pitch_m
    error = (found.xy_m - truth).norm(dim=1)
    return Judged(
        found, error.double().numpy(), found.spread_m.double().numpy(), samples.map.cpu().numpy()
    )


def _accuracy(held: list[Judged]) -> dict[str, Any]:
    spread = np.concatenate([one.spread_m for one in held])
    error = np.concatenate([one.error_m for one in held])
    knots = fit_accuracy(spread, error)
    return {
        "percentile": PERCENTILE, "spread_m": knots[0], "radius_m": knots[1], "n": len(error),
        "split": "validation",
    }  # fmt: skip


def load_model(run: Run) -> HeatmapModel:
    """The model of a run, its network in eval mode. Raises CityError for another system's run."""
    if run.system != "locunet" or run.heatmap is None:
        raise CityError(f"a {run.system} run holds no radio maps")
    from sdk.heatmap_rules import HeatmapRules

    rules = HeatmapRules.from_json(run.heatmap, "run.heatmap")
    network, kind = None, "posterior"
    if run.network is not None:
        settings = dict(run.network)
        kind = str(settings.pop("kind"))
        made = LocUNet(**settings) if kind == "locunet" else CorrectionNet(**settings)
        made.load_state_dict(run.state)
        network = made.eval()
    first, last = run.provenance["box_px"]
    return HeatmapModel(kind, rules.likelihood, (first, last), run.estimate, network)
