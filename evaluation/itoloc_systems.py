"""iToLoc itself in its study: a preset, networks that differ in one thing, updates; as records."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines.aged_knn import static
from evaluation.itoloc_places import FOLDS, GUARD, Months
from evaluation.itoloc_study import Said, figures, gathered, over_months
from training import itoloc
from training.calibration import radius_at
from training.decode import Decoded, decode, softmax
from training.fusion import Fusion, database_of_run
from training.itoloc_answer import probability
from training.itoloc_cotraining import Rules
from training.itoloc_fitting import scores
from training.itoloc_guard import levels_of, mask_of
from training.itoloc_presets import PRESETS
from training.itoloc_update import update
from training.knn import Database, Rule, apply
from training.metrics import figures as plain_figures
from training.presets import preset_of
from training.run import Run
from training.survey import Survey

# Of the co-training's 30: the pool is full after four, and labels have been smeared once.
UPDATE_ROUNDS = 8
# No two modules are as sure as that: the rounds without a pseudo-label.
CONTROL = Rules(sigma=2.0, quiet=UPDATE_ROUNDS)
# The kNN to beat on UJIIndoorLoc (Torres-Sospedra et al. 2015).
SORENSEN = Rule(
    "sorensen", 11, 1.0, {"kind": "powed", "not_heard_dbm": -105.0, "exponent": float(np.e)}
)


def judged(months: Months, run: Run) -> dict[str, Any]:
    """Record of a run, as it answers on a device and by its network alone (at temperature 1)."""
    network, places = itoloc.load_network(run), places_of_run(run)
    stated = not run.accuracy.get("disagreement_m")

    def answers(query: NDArray, unknown: NDArray) -> dict[str, Said]:
        found = decode(probability(run, network, query, unknown), *places, run.estimate)
        radius = stated_radius(run, found, (np.isfinite(query) & ~unknown).sum(axis=1))
        said = {"": Said(found.xy_m, radius) if stated else Said.of(found)}
        if run.neighbours is not None:
            alone = softmax(scores(network, run.input_recipe, query, unknown), 1.0)
            said["network"] = Said.of(decode(alone, *places, run.estimate))
        return said

    ways = over_months(months, run.bssids, answers)
    return {
        "access_points": len(run.bssids),
        "epochs": run.provenance["epochs"], "settings": run.provenance["settings"],
        "held_out_mean_m": run.metrics["mean_m"], "temperature": run.temperature,
        "fusion": run.neighbours, "ways": ways,
    }  # fmt: skip


def ablated(
    months: Months, preset: str, changes: Mapping[str, Any], seed: int, later: Sequence[int] = ()
) -> tuple[itoloc.Model, dict[str, Any]]:
    """The network of a changed preset, fitted once to all of month 1 for all its epochs, alone and
    at temperature 1: ablations differ in nothing else. Scans of the GUARD campaigns of ``later``
    months join the domain loss, without their places."""
    chosen = preset_of(PRESETS, preset, {**changes, "fused": False})
    first = months.first()
    others = None
    if later:
        others = months.survey.take(np.isin(months.month, later) & (months.campaign == GUARD))
    began = time.process_time()
    model = itoloc.fit_rows(first, first.rows("train"), None, chosen, seed, "", unlabelled=others)
    took = time.process_time() - began
    network, recipe, cells = model.fitting.network, model.fitting.recipe, model.cells

    def answers(query: NDArray, unknown: NDArray) -> dict[str, Said]:
        said = softmax(scores(network, recipe, query, unknown), 1.0)
        return {"": Said.of(decode(said, cells.xy_m, cells.floor, chosen.estimate))}

    return model, {
        "access_points": len(model.bssids), "cpu_s": round(took, 1), "changes": dict(changes),
        "parameters": sum(p.numel() for p in network.parameters()),
        "domains": list(model.domains), "ways": over_months(months, model.bssids, answers),
    }  # fmt: skip


def updated(
    months: Months,
    run: Run,
    month: int,
    seed: int,
    rules: Rules | None = None,
    rounds: int | None = UPDATE_ROUNDS,
    guarded: bool = False,
) -> dict[str, Any]:
    """A month's two updates of month 1's run, each judged on the half it did not see, beside the
    run as it is and masked on the same scans. ``guarded``: by the labelled scans of the month's
    GUARD campaign, at 24 of the 106 points."""
    places = places_of_run(run)
    began = time.process_time()
    parts: dict[str, list[tuple[NDArray, Said]]] = {}
    rows = months.tested(month)
    reports = []
    for fold in FOLDS:
        own = (months.month == month) & np.isin(months.campaign, fold)
        here = ~np.isin(months.campaign[rows], fold)
        guard = months.survey.take((months.month == month) & (months.campaign == GUARD))
        newer, report = update(
            run, months.survey.take(own), guard if guarded else None, seed, rules, threads=1,
            rounds=rounds,
        )  # fmt: skip
        told = ("scans", "kept", "mask_kept", "masked", "co_trained", "newcomers")
        kept = {k: report[k] for k in told if k in report}
        kept["rounds"] = len(report["rounds"])
        kept["rolled_back"] = sum(one["rolled_back"] for one in report["rounds"])
        kept["last_added"] = [one["added"] for one in report["rounds"] if "added" in one][-1]
        reports.append(kept | {"unknown": len(newer.unknown)})
        unknown, nothing = mask_of(newer, newer.unknown), np.zeros(len(run.bssids), bool)
        silent = mask_of(run, report["silent"])
        for way, one, hidden in (
            ("static", run, nothing), ("masked", run, silent), ("updated", newer, unknown)
        ):  # fmt: skip
            query = levels_of(months.survey.take(rows), one)[here]
            said = probability(one, itoloc.load_network(one), query, hidden)
            found = decode(said, *places, one.estimate)
            parts.setdefault(way, []).append((here, Said.of(found)))
    truth = months.survey.take(rows)
    ways = {way: {str(month): figures(months, gathered(len(truth), one), truth)}
            for way, one in parts.items()}  # fmt: skip
    return {"cpu_s": round(time.process_time() - began, 1), "updates": reports, "ways": ways}


def official(
    survey: Survey, title: str, preset: str, changes: Mapping[str, Any], seed: int,
    folder: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A survey's own split: a changed preset called ``title``, its network and its neighbours
    alone, and the kNN to beat (Sorensen over powed levels), with the floor to be found. Nothing of
    the test is used. The run is kept in ``folder``, where given."""
    began = time.process_time()
    run = itoloc.train(survey, preset, seed=seed, threads=1, changes=changes)
    took = time.process_time() - began
    if folder is not None:
        run.save(folder)
    learned, truth = (survey.take(survey.rows(name)) for name in ("train", "test"))
    query, nothing = truth.fingerprints(run.bssids), np.zeros(len(run.bssids), dtype=bool)
    places, network = places_of_run(run), itoloc.load_network(run)
    names = tuple(sorted(learned.bssids))
    base = Database.of(learned.fingerprints(names), learned)
    product = decode(probability(run, network, query, nothing), *places, run.estimate)
    alone = softmax(scores(network, run.input_recipe, query, nothing), 1.0)
    found = {
        title: product,
        f"{title}, network alone": decode(alone, *places, run.estimate),
        "knn": static(base, truth.fingerprints(names), SORENSEN),
    }
    if run.neighbours is not None:
        rule = Fusion.from_json(run.neighbours).rule
        found[f"{title}, neighbours alone"] = apply(database_of_run(run), rule, query)
    ways = {}
    for name, one in found.items():
        error = np.linalg.norm(one.xy_m - truth.xy_m, axis=1)
        stated = one is product and not run.accuracy.get("disagreement_m")
        radius = np.full(len(error), np.nan)
        if stated:
            radius = stated_radius(run, one, np.isfinite(query).sum(axis=1))
        got = plain_figures(error, one.floor == truth.floor, radius)
        unsaid = () if stated else ("coverage_68", "median_accuracy_m")
        ways[name] = {k: v for k, v in got.items() if k not in unsaid}
    return {"access_points": len(run.bssids), "cpu_s": round(took, 1), "changes": dict(changes),
            "fusion": run.neighbours, "temperature": run.temperature,
            "settings": run.provenance["settings"], "official": ways, "ways": {}}  # fmt: skip


def stated_radius(run: Run, found: Decoded, matched: NDArray[np.int64]) -> NDArray[np.float64]:
    """The radius (B,) that a device states, as far as spread and matched access points tell."""
    table = run.accuracy
    # With few access points the radius is wider; runs of before know nothing of that.
    wider = table.get("matched", {"aps": [0.0], "factor": [1.0]})
    radius = radius_at((table["spread_m"], table["radius_m"]), found.spread_m)
    return radius * np.interp(matched, wider["aps"], wider["factor"])


def places_of_run(run: Run) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    return run.arrays["places_xy_m"], run.arrays["places_floor"]
