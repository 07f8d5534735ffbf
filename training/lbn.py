"""Trains the LBN-CNN (SPEC 4): access points, image, reference points, augmentation, network.

As for eXLoc, a survey with a validation split is fitted once. For one without, a first fit leaves
out the split drawn by ``split.py`` and settles the number of epochs, the temperature, the accuracy
table and the figures to report; a second fit with these settings then learns from all training
rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from sdk.images import InputRecipe
from training.ap_choice import most_informative
from training.cells import Cells, places_of
from training.epochs import Watched
from training.fitting import arithmetic, device_of
from training.fusion import Asked
from training.held_out import judged, plain_knn
from training.knn import Database
from training.lbn_fitting import Fitting, Material, fit
from training.lbn_presets import DEFAULT_PRESET, PRESETS, LbnPreset
from training.networks.lbn import LbnNet
from training.order import order_aps
from training.presets import preset_of
from training.record import make_run
from training.run import Run
from training.split import Validation, validation_of
from training.survey import Survey, SurveyError


@dataclass(frozen=True)
class Model:
    """A fitted network with what is needed to use it. ``part``: the rows it learned from."""

    bssids: tuple[str, ...]
    cells: Cells
    material: Material
    fitting: Fitting
    part: Survey


def train(
    survey: Survey,
    preset: str = DEFAULT_PRESET,
    seed: int = 0,
    epochs: int | None = None,
    progress: bool = False,
    rule: str = "auto",
    changes: Mapping[str, object] | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> Run:
    """Train the LBN-CNN on the survey's training rows.

    ``epochs`` and ``changes`` ({field: value} of ``LbnPreset``) override the preset; ``rule`` is
    the validation rule of ``split.py``; ``threads`` is torch's own choice unless given; ``device``
    is "cpu", "cuda" or "auto" (cuda where there is one). The run's weights lie on the CPU. Raises
    SurveyError for a survey that cannot be trained on, ValueError for an unknown preset or setting
    or a device that is not there.
    """
    wanted = dict(changes or {}) | ({} if epochs is None else {"epochs": epochs})
    chosen, where = preset_of(PRESETS, preset, wanted), device_of(device)
    held_out = validation_of(survey, seed, rule)
    rows = survey.rows("train")
    with arithmetic(threads):
        first = final = fit_rows(
            survey, rows & ~held_out.rows, held_out, chosen, seed, "fit", progress, where
        )
        if held_out.drawn:
            final = fit_rows(
                survey, rows, None, chosen, seed, "fit on all rows", progress, where,
                stop_after=first.fitting.epochs,
            )  # fmt: skip
    other, weight = survey.take(held_out.rows), held_out.weight[held_out.rows]
    other_dbm = chosen.vectors.of(other, first.bssids)
    logits = first.fitting.logits(first.material.recipe.images(other_dbm))
    base = Database.of(first.material.rssi_dbm, first.part)
    asked = [Asked(logits, other_dbm, first.cells, other, weight, base)]
    held, _ = judged(asked, chosen.soften_m, chosen.estimate)
    knn = plain_knn([base], asked)
    network = final.fitting.network.cpu()
    return make_run(
        survey, "lbn", preset, seed, final.bssids, held_out, held, chosen.vectors,
        order={"method": chosen.order},
        input=final.material.recipe.to_json(),
        network=network.config,
        state={k: v.clone() for k, v in network.state_dict().items()},
        estimate=chosen.estimate,
        pitch_m=final.cells.pitch_m if chosen.places == "cells" else None,
        places_xy_m=final.cells.xy_m,
        places_floor=final.cells.floor,
        metrics={**held.figures, "wknn": knn},
        provenance={
            "settings": asdict(chosen),
            "epochs": final.fitting.epochs,
            "device": where,
            "parameters": sum(p.numel() for p in network.parameters()),
            "validation_error_m": first.fitting.history,
        },
    )  # fmt: skip


def load_network(run: Run) -> LbnNet:
    """The trained network of a run, in eval mode. Raises SurveyError for another system's run."""
    if run.system != "lbn" or run.network is None or run.state is None:
        raise SurveyError(f"a {run.system} run holds no LBN-CNN")
    network = LbnNet(**run.network)
    network.load_state_dict(run.state)
    return network.eval()


def fit_rows(
    survey: Survey,
    rows: NDArray[np.bool_],
    held_out: Validation | None,
    preset: LbnPreset,
    seed: int,
    title: str,
    progress: bool = False,
    device: str = "cpu",
    stop_after: int | None = None,
) -> Model:
    """Everything learned from the rows of a mask (M,), and from no others: which access points,
    their order, the places, the synthetic scans and the network. ``held_out`` is only watched."""
    part = survey.take(rows)
    cells = places_of(part, preset.places)
    # Scans share spots: tables per spot, not per scan, keep a large survey small.
    spot, spot_of = part.spots()
    where = part.xy_m[spot], part.floor[spot]
    place = cells.squared_distance(*where).argmin(axis=1)[spot_of]
    names = preset.vectors.choose(part, preset.min_share, None)
    rssi = preset.vectors.of(part, names)
    kept = most_informative(rssi, place, preset.side**2)
    names, rssi = tuple(names[i] for i in kept), rssi[:, kept]
    order = order_aps(rssi, part.xy_m, preset.order, None, 1, preset.not_heard_dbm)
    names, rssi = tuple(names[i] for i in order), np.ascontiguousarray(rssi[:, order])
    silent = preset.not_heard_dbm
    recipe = InputRecipe("square", silent, silent, silent, -silent, preset.side)
    material = Material(
        rssi, place, part.session, spot_of, cells.soft_targets(*where, preset.soften_m), recipe,
    )  # fmt: skip
    watch = None
    if held_out is not None:
        other = survey.take(held_out.rows)
        images = recipe.images(preset.vectors.of(other, names))
        watch = Watched(images, other, held_out.weight[held_out.rows])
    fitting = fit(material, cells, watch, preset, seed, title, progress, device, stop_after)
    return Model(names, cells, material, fitting, part)
