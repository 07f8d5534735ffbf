"""Systems of the iToLoc study over the months of one floor: figures of each month, as records."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines.acmu import acmu
from evaluation.baselines.aged_knn import masked, silent, static
from evaluation.baselines.chameleon import chameleon
from evaluation.baselines.cnnloc import fit as fit_cnnloc
from evaluation.itoloc_places import FOLDS, Months
from training import itoloc
from training.calibration import radius_at
from training.decode import Decoded, decode, softmax
from training.itoloc_answer import probability
from training.itoloc_cotraining import Rules
from training.itoloc_fitting import scores
from training.itoloc_presets import PRESETS
from training.itoloc_update import mask_of, update
from training.knn import Database, Rule
from training.metrics import figures as plain_figures
from training.presets import preset_of
from training.run import Run
from training.survey import Survey

# By which access points baselines go: those heard in so large a share of month 1's scans.
LEAST_SHARE = 0.01
# Of the co-training's 30: the pool is full after four, and labels have been smeared once.
UPDATE_ROUNDS = 8
# No two modules are as sure as that: the rounds without a pseudo-label.
CONTROL = Rules(sigma=2.0, quiet=UPDATE_ROUNDS)
# The kNN to beat on UJIIndoorLoc (Torres-Sospedra et al. 2015).
SORENSEN = Rule(
    "sorensen", 11, 1.0, {"kind": "powed", "not_heard_dbm": -105.0, "exponent": float(np.e)}
)


class Said(NamedTuple):
    """Answers to B scans: ``xy_m`` (B, 2), and the radius they state (B,), NaN where none."""

    xy_m: NDArray[np.float64]
    radius_m: NDArray[np.float64]

    @classmethod
    def of(cls, found: Decoded) -> Said:
        """Without a radius."""
        return cls(found.xy_m, np.full(len(found.xy_m), np.nan))


# Of scans (B, N) that lack the access points (N,) marked: answers, one per way of answering.
Answers = Callable[[NDArray[np.float32], NDArray[np.bool_]], Mapping[str, Said]]


def over_months(months: Months, bssids: tuple[str, ...], answers: Answers) -> dict[str, Any]:
    """{way: {test: figures}} of every test of ``months``.

    Ways are those of ``answers``, as they stand ("static") and with silent access points masked
    ("masked", told campaign by campaign from the others); ``unknown`` is how many those are.
    """
    rssi = months.survey.fingerprints(bssids)
    out: dict[str, Any] = {}
    nothing = np.zeros(len(bssids), dtype=bool)
    for name, month, device in months.tests:
        rows = months.tested(month, device)
        truth, query = months.survey.take(rows), rssi[rows]
        every = np.ones(len(query), dtype=bool)
        parts = {f"static {k}".strip(): [(every, v)] for k, v in answers(query, nothing).items()}
        hidden = []
        for campaign in np.unique(months.campaign[rows]):
            unknown = silent(rssi[months.others(month, campaign)])
            hidden.append(int(unknown.sum()))
            here = months.campaign[rows] == campaign
            for k, v in answers(query[here], unknown).items():
                parts.setdefault(f"masked {k}".strip(), []).append((here, v))
        for way, one in parts.items():
            got = figures(months, gathered(len(truth), one), truth)
            out.setdefault(way, {})[name] = got | {"unknown": float(np.mean(hidden))}
    return out


def gathered(count: int, parts: list[tuple[NDArray[np.bool_], Said]]) -> Said:
    """Answers to parts of ``count`` scans, in the scans' order."""
    whole = Said(np.full((count, 2), np.nan), np.full(count, np.nan))
    for rows, one in parts:
        for column, values in zip(whole, one, strict=True):
            column[rows] = values
    return whole


def figures(months: Months, said: Said, truth: Survey) -> dict[str, Any]:
    """Errors of n scans, the share whose estimate lies in the true 4 x 4 m region, and the share
    within the stated radius. The floor is given here, and no figure."""
    error = np.linalg.norm(said.xy_m - truth.xy_m, axis=1)
    same = (months.regions(said.xy_m) == months.regions(truth.xy_m)).all(axis=1)
    out: dict[str, Any] = {
        "n": len(error), "mean_m": float(error.mean()), "median_m": float(np.median(error)),
        "p75_m": float(np.quantile(error, 0.75)), "p95_m": float(np.quantile(error, 0.95)),
        "region": float(same.mean()),
    }  # fmt: skip
    if np.isfinite(said.radius_m).all():
        out["coverage_68"] = float((error <= said.radius_m).mean())
    return {k: round(v, 4) for k, v in out.items()}


def neighbours(months: Months) -> dict[str, Any]:
    """Weighted kNN static and masked, and retrained on the month's own trn campaign."""
    names, base, _ = survey_of(months)

    def answers(query: NDArray, unknown: NDArray) -> dict[str, Said]:
        found = masked(base, query, unknown) if unknown.any() else static(base, query)
        return {"": Said.of(found)}

    return {"access_points": len(names), "ways": over_months(months, names, answers)}


def retrained(months: Months) -> dict[str, Any]:
    """Weighted kNN on labelled rows of each month's trn campaign: 24 of the 106 points."""

    def one(month: int, query: NDArray, rssi: NDArray) -> Decoded:
        rows = (months.month == month) & (months.campaign == "trn01")
        return static(Database.of(rssi[rows], months.survey.take(rows)), query)

    every = tuple(sorted(months.survey.bssids))
    return {"access_points": len(every), "ways": {"labelled": by_month(months, every, one)}}


def acmu_like(months: Months) -> dict[str, Any]:
    """Levels carried on by labelled scans of each month's trn campaign."""
    names, base, visit = survey_of(months)

    def one(month: int, query: NDArray, rssi: NDArray) -> Decoded:
        rows = (months.month == month) & (months.campaign == "trn01")
        return acmu(base, visit, rssi[rows], months.survey.take(rows).xy_m, query)

    return {"access_points": len(names), "ways": {"labelled": by_month(months, names, one)}}


def chameleon_like(months: Months) -> dict[str, Any]:
    """Altered access points found and estimated anew: each half of a month's campaigns teaches what
    the other half judges."""
    names, base, _ = survey_of(months)
    rssi = months.survey.fingerprints(names)
    out = {}
    for name, month, device in months.tests:
        rows = months.tested(month, device)
        parts = []
        for fold in FOLDS:
            own = (months.month == month) & np.isin(months.campaign, fold)
            here = ~np.isin(months.campaign[rows], fold)
            found = chameleon(base, rssi[own], rssi[rows][here])
            parts.append((here, Said.of(found)))
        out[name] = figures(months, gathered(int(rows.sum()), parts), months.survey.take(rows))
    return {"access_points": len(names), "ways": {"updated": out}}


def cnnloc(months: Months, seed: int) -> dict[str, Any]:
    """CNNLoc on month 1; masked access points count as not heard, the only way it has."""
    names, base, _ = survey_of(months)
    began = time.process_time()
    fitted = fit_cnnloc(base.rssi_dbm, months.first(), seed)
    took = time.process_time() - began

    def answers(query: NDArray, unknown: NDArray) -> dict[str, Said]:
        del unknown
        xy_m, _ = fitted.locate(query)
        return {"": Said(xy_m, np.full(len(xy_m), np.nan))}

    ways = over_months(months, names, answers)
    return {"access_points": len(names), "cpu_s": round(took, 1),
            "ways": {"static": ways["static"]}}  # fmt: skip


def judged(months: Months, run: Run) -> dict[str, Any]:
    """Record of a run, as it answers on a device and by its network alone (at temperature 1)."""
    network, places = itoloc.load_network(run), places_of_run(run)
    table = run.accuracy
    # With few access points the radius is wider; runs of before know nothing of that.
    wider = table.get("matched", {"aps": [0.0], "factor": [1.0]})
    stated = not table.get("disagreement_m")

    def answers(query: NDArray, unknown: NDArray) -> dict[str, Said]:
        found = decode(probability(run, network, query, unknown), *places, run.estimate)
        matched = (np.isfinite(query) & ~unknown).sum(axis=1)
        radius = radius_at((table["spread_m"], table["radius_m"]), found.spread_m)
        radius = radius * np.interp(matched, wider["aps"], wider["factor"])
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
    months: Months, preset: str, changes: Mapping[str, Any], seed: int
) -> tuple[itoloc.Model, dict[str, Any]]:
    """The network of a changed preset, fitted once to all of month 1 for all its epochs, alone and
    at temperature 1: ablations differ in nothing else."""
    chosen = preset_of(PRESETS, preset, {**changes, "fused": False})
    first = months.first()
    began = time.process_time()
    model = itoloc.fit_rows(first, first.rows("train"), None, chosen, seed, "")
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
) -> dict[str, Any]:
    """A month's two updates of month 1's run, each judged on the half it did not see, beside the
    run as it is and masked on the same scans."""
    rssi, places = months.survey.fingerprints(run.bssids), places_of_run(run)
    began = time.process_time()
    parts: dict[str, list[tuple[NDArray, Said]]] = {}
    rows = months.tested(month)
    reports = []
    for fold in FOLDS:
        own = (months.month == month) & np.isin(months.campaign, fold)
        here = ~np.isin(months.campaign[rows], fold)
        newer, report = update(
            run, months.survey.take(own), None, seed, rules, threads=1, rounds=rounds
        )
        kept = {k: report[k] for k in ("scans", "kept", "mask_kept", "masked", "co_trained")}
        kept["rounds"] = len(report["rounds"])
        kept["rolled_back"] = sum(one["rolled_back"] for one in report["rounds"])
        kept["last_added"] = [one["added"] for one in report["rounds"] if "added" in one][-1]
        reports.append(kept | {"unknown": len(newer.unknown)})
        unknown, nothing = mask_of(newer, newer.unknown), np.zeros(len(run.bssids), bool)
        for way, one, hidden in (
            ("static", run, nothing), ("masked", run, unknown), ("updated", newer, unknown)
        ):  # fmt: skip
            said = probability(one, itoloc.load_network(one), rssi[rows][here], hidden)
            found = decode(said, *places, one.estimate)
            parts.setdefault(way, []).append((here, Said.of(found)))
    truth = months.survey.take(rows)
    ways = {way: {str(month): figures(months, gathered(len(truth), one), truth)}
            for way, one in parts.items()}  # fmt: skip
    return {"cpu_s": round(time.process_time() - began, 1), "updates": reports, "ways": ways}


def official(survey: Survey, preset: str, changes: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """A survey's own split: a preset and the kNN to beat (Sorensen over powed levels), with the
    floor to be found. Nothing of the test is used."""
    began = time.process_time()
    run = itoloc.train(survey, preset, seed=seed, threads=1, changes=changes)
    took = time.process_time() - began
    learned, truth = (survey.take(survey.rows(name)) for name in ("train", "test"))
    query, nothing = truth.fingerprints(run.bssids), np.zeros(len(run.bssids), dtype=bool)
    places = places_of_run(run)
    said = probability(run, itoloc.load_network(run), query, nothing)
    names = tuple(sorted(learned.bssids))
    base = Database.of(learned.fingerprints(names), learned)
    found = {
        "best": decode(said, *places, run.estimate),
        "knn": static(base, truth.fingerprints(names), SORENSEN),
    }
    ways = {}
    for name, one in found.items():
        error = np.linalg.norm(one.xy_m - truth.xy_m, axis=1)
        ways[name] = plain_figures(error, one.floor == truth.floor, np.full(len(error), np.nan))
    return {"access_points": len(run.bssids), "cpu_s": round(took, 1), "changes": dict(changes),
            "settings": run.provenance["settings"], "official": ways, "ways": {}}  # fmt: skip


def survey_of(months: Months) -> tuple[tuple[str, ...], Database, NDArray[np.int64]]:
    """What the baselines go by: access points, month 1's rows, and the campaign of each row."""
    first = months.first()
    names = tuple(sorted(first.bssids))
    rssi = first.fingerprints(names)
    kept = np.isfinite(rssi).mean(axis=0) >= LEAST_SHARE
    visit = np.unique(first.session.astype(str), return_inverse=True)[1]
    chosen = tuple(name for name, one in zip(names, kept, strict=True) if one)
    return chosen, Database.of(np.ascontiguousarray(rssi[:, kept]), first), visit


def by_month(
    months: Months,
    names: tuple[str, ...],
    one: Callable[[int, NDArray, NDArray], Decoded],
) -> dict[str, Any]:
    """{month: figures} of a system made anew for every month."""
    rssi = months.survey.fingerprints(names)
    out = {}
    for name, month, device in months.tests:
        rows = months.tested(month, device)
        said = Said.of(one(month, rssi[rows], rssi))
        out[name] = figures(months, said, months.survey.take(rows))
    return out


def places_of_run(run: Run) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    return run.arrays["places_xy_m"], run.arrays["places_floor"]
