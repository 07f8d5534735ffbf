"""Trains iToLoc (SPEC 2): access points, ratio images, places, domains, the adversarial network.

As for eXLoc, a survey with a validation split is fitted once. For one without, a first fit that
leaves out the split drawn by ``split.py``, or one for each group of sessions left out whole
(``turns.py``), settles the epochs and learning rates, the temperature, the accuracy table and the
figures to report; a last fit with these then learns from all training rows. The run carries its
labelled scans: an update learns from them beside the unlabelled ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdk.positioners.fused import floor_members
from training.ap_choice import most_informative
from training.cells import Cells, places_of
from training.epochs import Watched
from training.fitting import arithmetic, device_of
from training.fusion import Asked, Fusion, database_of
from training.held_out import judged, plain_knn
from training.itoloc_answer import answer_of
from training.itoloc_domains import domains_of
from training.itoloc_fitting import Fitting, fit, scores
from training.itoloc_game import Material
from training.itoloc_honesty import Truth, calibrated, lowest_agreement
from training.itoloc_images import recipe_of
from training.itoloc_losses import spatial_weights
from training.itoloc_presets import DEFAULT_PRESET as DEFAULT_PRESET
from training.itoloc_presets import PRESETS, ItolocPreset
from training.knn import Database, tune
from training.networks.itoloc import ItolocNet
from training.order import order_aps
from training.presets import preset_of
from training.record import Held, make_run
from training.run import Run
from training.split import Validation, spots, validation_of
from training.survey import Survey, SurveyError
from training.turns import left_out_in_groups, pooled, tune_in_turns, turns_of


@dataclass(frozen=True)
class Model:
    """A fitted network with what is needed to use it. ``part``: the rows it learned from."""

    bssids: tuple[str, ...]
    cells: Cells
    material: Material
    domains: tuple[str, ...]
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
    unlabelled: Survey | None = None,
) -> Run:
    """Train iToLoc on the survey's training rows.

    ``epochs`` and ``changes`` ({field: value} of ``ItolocPreset``) override the preset; ``rule``
    is the validation rule of ``split.py``; ``threads`` is torch's own choice unless given;
    ``device`` is "cpu", "cuda" or "auto" (cuda where there is one). Scans of ``unlabelled`` join
    the domain loss, and nothing else. The run's weights lie on the CPU. Raises SurveyError for a
    survey that cannot be trained on, ValueError for an unknown preset or setting or a device that
    is not there.
    """
    wanted = dict(changes or {}) | ({} if epochs is None else {"epochs": epochs})
    chosen, where = preset_of(PRESETS, preset, wanted), device_of(device)
    held_out = validation_of(survey, seed, rule)
    rows = survey.rows("train")
    parts = [(held_out, rows & ~held_out.rows)]
    if chosen.in_turns:
        parts = left_out_in_groups(survey, held_out, seed, rule)
    with arithmetic(threads):
        fits = [
            fit_rows(
                survey, rest, one, chosen, seed, _title("fit", i, len(parts)), progress, where,
                unlabelled=unlabelled,
            )
            for i, (one, rest) in enumerate(parts)
        ]  # fmt: skip
        first = final = fits[0]
        found = sorted((fit.fitting for fit in fits), key=lambda one: one.epochs)[len(fits) // 2]
        if held_out.drawn:
            final = fit_rows(
                survey, rows, None, chosen, seed, "fit on all rows", progress, where,
                found.rates[: found.epochs], unlabelled,
            )  # fmt: skip
    held_out = pooled([one for one, _ in parts])
    asked = [_asked(fit, survey, one, chosen) for fit, (one, _) in zip(fits, parts, strict=True)]
    best = None
    if chosen.in_turns and chosen.fused:
        turns = turns_of(survey, held_out, seed, rule)
        every = chosen.vectors.of(survey, first.bssids)
        best, _ = tune_in_turns(every, survey, turns, progress, chosen.shifts_db)
    elif chosen.fused:
        one = asked[0]
        best, _ = tune(one.learned, one.rssi_dbm, one.truth, one.weight, progress)
    held, fusion = judged(asked, chosen.soften_m, chosen.estimate, best)
    held, least_agreement = _honest(held, fusion, first, asked, chosen.estimate, seed)
    knn = plain_knn([Database.of(fit.material.rssi_dbm, fit.part) for fit in fits], asked)
    other, weight = survey.take(held_out.rows), held_out.weight[held_out.rows]
    fused = {} if fusion is None else {"neighbours": fusion.to_json()}
    network, material = final.fitting.network.cpu(), final.material
    place = final.cells.squared_distance(final.part.xy_m, final.part.floor).argmin(axis=1)
    run = make_run(
        survey, "itoloc", preset, seed, final.bssids, held_out, held, chosen.vectors,
        order={"method": chosen.order},
        input=material.recipe.to_json(),
        network=network.config,
        state={k: v.clone() for k, v in network.state_dict().items()},
        estimate=chosen.estimate,
        pitch_m=final.cells.pitch_m if chosen.places == "cells" else None,
        places_xy_m=final.cells.xy_m,
        places_floor=final.cells.floor,
        arrays={"database": material.rssi_dbm, "place_of_row": place.astype(np.int32)},
        metrics={**held.figures, "wknn": knn},
        provenance={
            "settings": asdict(chosen),
            "epochs": final.fitting.epochs,
            "device": where,
            "parameters": sum(p.numel() for p in network.parameters()),
            "validation_error_m": found.history,
            "domains": list(final.domains),
            "unlabelled_rows": len(material.target_dbm),
        },
        **fused,
    )  # fmt: skip
    # The refitted network may agree less; it has seen these scans, and would not agree too little.
    alike = scores(
        network, material.recipe, chosen.vectors.of(other, final.bssids), what="agreement"
    )[:, 0].astype(np.float64)
    least_agreement = min(least_agreement, lowest_agreement(alike, weight))
    return replace(run, limits={**run.limits, "least_agreement": least_agreement})


def _honest(
    held: Held, fusion: Fusion | None, fit: Model, asked: Sequence[Asked], estimate: str, seed: int
) -> tuple[Held, float]:
    """``held`` with what the first fit says of missing access points and, where it is the only
    one, of disagreement; and the least agreement."""
    one = asked[0]
    answer = answer_of(
        fit.fitting.network, fit.material.recipe, held.temperature, fusion, one.learned,
        (fit.cells.xy_m, fit.cells.floor), estimate,
    )  # fmt: skip
    truth = Truth(one.rssi_dbm, one.truth.xy_m, one.weight, spots(one.truth))
    known = np.zeros(len(fit.bssids), dtype=bool)
    accuracy, least_agreement = calibrated(
        answer, truth, known, held.accuracy, seed, sharpen=len(asked) == 1
    )
    return replace(held, accuracy=accuracy), least_agreement


def _title(what: str, i: int, count: int) -> str:
    return what if count == 1 else f"{what} {i + 1} of {count}"


def _asked(fit: Model, survey: Survey, held_out: Validation, preset: ItolocPreset) -> Asked:
    part = survey.take(held_out.rows)
    rssi_dbm = preset.vectors.of(part, fit.bssids)
    return Asked(
        fit.fitting.logits(rssi_dbm), rssi_dbm, fit.cells, part, held_out.weight[held_out.rows],
        database_of(fit.material.rssi_dbm, fit.part, fit.cells),
    )  # fmt: skip


def load_network(run: Run) -> ItolocNet:
    """The trained network of a run, in eval mode. Raises SurveyError for another system's run."""
    if run.system != "itoloc" or run.network is None or run.state is None:
        raise SurveyError(f"a {run.system} run holds no iToLoc network")
    network = ItolocNet(**run.network)
    network.load_state_dict(run.state)
    return network.eval()


def fit_rows(
    survey: Survey,
    rows: NDArray[np.bool_],
    held_out: Validation | None,
    preset: ItolocPreset,
    seed: int,
    title: str,
    progress: bool = False,
    device: str = "cpu",
    rates: list[float] | None = None,
    unlabelled: Survey | None = None,
) -> Model:
    """Everything learned from the rows of a mask (M,), and from no others but the unlabelled
    scans. ``held_out`` is only watched."""
    part = survey.take(rows)
    cells = places_of(part, preset.places)
    spot, spot_of = part.spots()
    where = part.xy_m[spot], part.floor[spot]
    place = cells.squared_distance(*where).argmin(axis=1)[spot_of]
    names = preset.vectors.choose(part, preset.min_share, None)
    rssi = preset.vectors.of(part, names)
    kept = most_informative(rssi, place, preset.cap)
    names, rssi = tuple(names[i] for i in kept), rssi[:, kept]
    order = order_aps(rssi, part.xy_m, preset.order, None, 1, preset.not_heard_dbm)
    names, rssi = tuple(names[i] for i in order), np.ascontiguousarray(rssi[:, order])
    recipe = recipe_of(preset.input, rssi, preset.not_heard_dbm, preset.level, preset.exponent)
    others = part.take(np.zeros(len(part), dtype=bool)) if unlabelled is None else unlabelled
    (domain, other_domain), words = domains_of([part, others], preset.period_days)
    material = Material(
        rssi, spot_of, domain, cells.soft_targets(*where, preset.soften_m),
        spatial_weights(cells, *where), floor_members(cells.floor), recipe, len(words),
        preset.vectors.of(others, names), other_domain,
    )  # fmt: skip
    watch = None
    if held_out is not None:
        other = survey.take(held_out.rows)
        watch = Watched(preset.vectors.of(other, names), other, held_out.weight[held_out.rows])
    fitting = fit(material, cells, watch, preset, seed, title, progress, device, rates)
    return Model(names, cells, material, words, fitting, part)
