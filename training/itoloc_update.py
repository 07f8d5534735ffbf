"""``rssfix update`` of an iToLoc run: a mask for access points that fell silent, then co-training
on unlabelled scans with a guard (SPEC 2.6, 2.6b).

The guard is a labelled set: scans given for it, or the run's validation rows. A round that costs it
more than a point of success, and more than its standard error, is rolled back. Scans given for it
also decide in the end: the mask stays only where it is no worse than none, the co-trained network
only where it is better than the masked one, and newcomers (``itoloc_newcomers``) only where the
network that was co-trained with them is better still. The radius is calibrated anew on the same
scans (``itoloc_recalibration``).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.silence import silent
from training.fitting import arithmetic
from training.itoloc import load_network
from training.itoloc_cotraining import MODULES, Rules
from training.itoloc_guard import SUCCESS_M, guard_of, mask_of
from training.itoloc_lesson import Plan, Taught, guarded, heard_rows, hidden, taught
from training.itoloc_newcomers import LEAST_GAIN, folded, newcomers, places_for, seated
from training.itoloc_presets import ItolocPreset
from training.itoloc_recalibration import recalibrated
from training.run import Run, RunError
from training.survey import Survey, SurveyError


def update(
    run: Run,
    unlabelled: Survey,
    guard: Survey | None = None,
    seed: int = 0,
    rules: Rules | None = None,
    progress: bool = False,
    state_file: Path | None = None,
    threads: int | None = None,
    rounds: int | None = None,
) -> tuple[Run, dict[str, Any]]:
    """The run after an update, and the report on it.

    Places of ``unlabelled`` are not looked at. ``rules`` None: the paper's, with thresholds set
    from the labelled rows where the labels are soft; ``rounds``: their number instead.
    ``state_file`` keeps every round, so that a
    call with the same run, scans, rules and seed goes on where another was interrupted; it is
    removed at the end. One seed gives one result, interrupted or not.

    Raises:
        RunError: no itoloc run; SurveyError: too few access points heard.
    """
    if run.system != "itoloc":
        raise RunError(f"a {run.system} run has no three modules, expected one of itoloc")
    network, preset = load_network(run), settings_of(run)
    if len(network.predictors) != MODULES:
        raise RunError(f"the run has {len(network.predictors)} modules, expected {MODULES}")
    rows = heard_rows(unlabelled, run)
    if not len(rows):
        raise SurveyError(
            f"{unlabelled.header.name}: none of {len(unlabelled)} scans hears "
            f"{run.limits['min_matched_aps']} of the run's access points"
        )
    plan = Plan(rules, rounds, seed, progress, threads)
    watched = guard_of(run, guard)
    masked = replace(run, unknown=unheard(run, rows))
    static, with_mask = (guarded(one, network, watched) for one in (run, masked))
    mask_kept = watched.own or with_mask[0] <= static[0]
    base, before = (masked, with_mask) if mask_kept else (run, static)
    found = taught(base, unlabelled, watched, preset, plan, state_file)
    # Seen scans of the old time cannot show a gain: there the rounds' own guard has to do.
    least = before[1] - found.game.most_drop
    kept = found.success >= least if watched.own else found.mean_m < before[0]
    report = {
        "scans": len(unlabelled), "scans_used": len(rows),
        "guard": {"scans": len(watched.floor), "own": watched.own, "success_m": SUCCESS_M},
        "silent": list(masked.unknown), "unknown": list(base.unknown), "mask_kept": mask_kept,
        "static": _figures(*static), "masked": _figures(*with_mask),
        "co_trained": _figures(found.mean_m, found.success), "kept": kept,
        "rules": asdict(found.game.rules), "rounds": found.game.state.log,
    }  # fmt: skip
    made, chosen = base, found.network if kept else load_network(base)
    if guard is not None:
        entered, report["newcomers"] = _entered(base, unlabelled, guard, preset, plan)
        better = entered is not None and entered.mean_m < min(before[0], found.mean_m)
        if entered is not None and better and report["newcomers"]["names"]:
            made, chosen, watched = entered.run, entered.network, guard_of(entered.run, guard)
            report["newcomers"]["kept"], report["unknown"] = True, list(made.unknown)
    with arithmetic(threads):
        fields, report["accuracy"] = recalibrated(
            made, chosen, hidden(made, watched), watched, preset, seed
        )
    record = {**report, "survey": unlabelled.header.name, "sha256": unlabelled.sha256}
    provenance = {**run.provenance, "updates": [*run.provenance.get("updates", []), record]}
    updated = replace(
        made, state={k: v.clone() for k, v in chosen.state_dict().items()}, provenance=provenance,
        **fields,
    )  # fmt: skip
    if state_file is not None:
        Path(state_file).unlink(missing_ok=True)
    return updated, report


def _entered(
    run: Run, scans: Survey, guard: Survey, preset: ItolocPreset, plan: Plan
) -> tuple[Taught | None, dict[str, Any]]:
    """What a co-training makes of the newcomers, None where there are none; and a report."""
    names = newcomers(run, scans, run.unknown)
    if not names:
        return None, {"offered": [], "names": [], "kept": False}
    place = places_for(run, names)
    made = seated(run, place)
    found = taught(made, scans, guard_of(made, guard), preset, plan, new=mask_of(made, names))
    gain = dict(zip(made.bssids, found.game.gain.tolist(), strict=True))
    # Those with next to no gain are masked in what the guard judged: they may as well not enter.
    place = {old: new for old, new in place.items() if gain[new] >= LEAST_GAIN}
    made = seated(run, place)
    factor = np.array([gain.get(name, 1.0) for name in made.bssids])
    made = replace(made, input=folded(made.input_recipe, factor).to_json())
    return replace(found, run=made), {
        "offered": list(names), "names": list(place.values()), "kept": False,
        "gain": [round(gain[name], 4) for name in place.values()],
        **_figures(found.mean_m, found.success),
    }  # fmt: skip


def settings_of(run: Run) -> ItolocPreset:
    """The settings the run was trained with. Raises RunError where they are of another version."""
    try:
        return ItolocPreset(**run.provenance["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"the run's settings are not those of itoloc ({error})") from None


def unheard(run: Run, rssi_dbm: NDArray[np.float32]) -> tuple[str, ...]:
    """The run's access points to be masked by what scans (U, N) heard; those of before where
    there are too few scans to tell."""
    quiet = silent(np.isfinite(rssi_dbm).sum(axis=0), len(rssi_dbm))
    if quiet is None:
        return run.unknown
    return tuple(name for name, one in zip(run.bssids, quiet, strict=True) if one)


def _figures(mean_m: float, success: float) -> dict[str, float]:
    return {"mean_m": round(mean_m, 4), "success": round(success, 4)}
