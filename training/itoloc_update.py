"""``rssfix update`` of an iToLoc run: a mask for access points that fell silent, then co-training
on unlabelled scans with a guard (SPEC 2.6, 2.6b).

The guard is a labelled set: scans given for it, or the run's validation rows. A round that costs it
more than a point of success, and more than its standard error, is rolled back. Scans given for it
also decide in the end: the mask stays only where it is no worse than none, the co-trained network
only where it is better than the masked one. The radius is calibrated anew on the same scans
(``itoloc_recalibration``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.silence import silent
from training.cells import Cells
from training.fitting import arithmetic
from training.itoloc import load_network
from training.itoloc_cotraining import MODULES, Cotraining, Rules
from training.itoloc_guard import SUCCESS_M, Guard, guard_of, judged, levels_of, mask_of
from training.itoloc_images import Images
from training.itoloc_presets import ItolocPreset
from training.itoloc_recalibration import recalibrated
from training.itoloc_rounds import play
from training.networks.itoloc import ItolocNet
from training.run import Run, RunError
from training.survey import Survey, SurveyError

# Of soft labels no probability reaches the paper's threshold: this share of the labelled rows does.
_SOFT_QUANTILE = 0.5


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
    least = run.limits["min_matched_aps"]
    rows = levels_of(unlabelled, run)
    rows = rows[np.isfinite(rows).sum(axis=1) >= least]
    if not len(rows):
        raise SurveyError(
            f"{unlabelled.header.name}: none of {len(unlabelled)} scans hears {least} of the run's "
            "access points"
        )
    watched = guard_of(run, guard)
    before, masked = run.unknown, unheard(run, rows)
    # The run's own validation rows stand in its database: as neighbours they would find themselves.
    asked = replace(run, neighbours=None) if watched.own else run

    def error_m(one: ItolocNet, unknown: tuple[str, ...]) -> tuple[float, float]:
        return judged(asked, one, watched, mask_of(run, unknown))

    static = error_m(network, before)
    with_mask = error_m(network, masked)
    mask_kept = watched.own or with_mask[0] <= static[0]
    unknown = masked if mask_kept else before
    base = with_mask if mask_kept else static
    with arithmetic(threads):
        game = _cotraining(run, network, preset, rows, unknown, rules, seed,
                           lambda one: error_m(one, unknown)[1], len(watched.floor))  # fmt: skip
        if rounds is not None:
            game.rules = replace(game.rules, rounds=rounds)
        play(game, state_file, progress, _key(run, rows, unknown, watched, game.rules, seed))
    last = error_m(network, unknown)
    # Seen scans of the old time cannot show a gain: there the rounds' own guard has to do.
    kept = last[1] >= base[1] - game.most_drop if watched.own else last[0] < base[0]
    report = {
        "scans": len(unlabelled), "scans_used": len(rows),
        "guard": {"scans": len(watched.floor), "own": watched.own, "success_m": SUCCESS_M},
        "unknown": list(unknown), "mask_kept": mask_kept,
        "static": _figures(static), "masked": _figures(with_mask), "co_trained": _figures(last),
        "kept": kept, "rules": asdict(game.rules), "rounds": game.state.log,
    }  # fmt: skip
    chosen = network if kept else load_network(run)
    with arithmetic(threads):
        fields, report["accuracy"] = recalibrated(
            run, chosen, mask_of(run, unknown), watched, preset, seed
        )
    state = chosen.state_dict()
    record = {**report, "survey": unlabelled.header.name, "sha256": unlabelled.sha256}
    provenance = {**run.provenance, "updates": [*run.provenance.get("updates", []), record]}
    updated = replace(
        run, state={k: v.clone() for k, v in state.items()}, unknown=unknown,
        provenance=provenance, **fields,
    )  # fmt: skip
    if state_file is not None:
        Path(state_file).unlink(missing_ok=True)
    return updated, report


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


def _cotraining(
    run: Run, network: ItolocNet, preset: ItolocPreset, rows: NDArray[np.float32],
    unknown: tuple[str, ...], rules: Rules | None, seed: int, success: Callable[..., float],
    guards: int,
) -> Cotraining:  # fmt: skip
    places = Cells(run.arrays["places_xy_m"], run.arrays["places_floor"], 1.0)
    targets = places.soft_targets(places.xy_m, places.floor, preset.soften_m)
    labelled = run.arrays["database"].astype(np.float32)
    game = Cotraining(
        network, Images(run.input_recipe), labelled, run.arrays["place_of_row"], targets, rows,
        mask_of(run, unknown), rules or Rules(), seed, success,
        guards,
    )  # fmt: skip
    if rules is None and preset.soften_m:
        sure = float(np.quantile(game.confidence(labelled), _SOFT_QUANTILE))
        paper = game.rules
        game.rules = replace(
            paper, sigma=sure, smeared_sigma=paper.smeared_sigma * sure / paper.sigma
        )
    return game


def _key(
    run: Run, rows: NDArray[np.float32], unknown: tuple[str, ...], guard: Guard, rules: Rules,
    seed: int,
) -> str:  # fmt: skip
    """What a state belongs to."""
    digest = hashlib.sha256(json.dumps([asdict(rules), seed, unknown, guard.own]).encode())
    assert run.state is not None
    for name in sorted(run.state):
        digest.update(run.state[name].numpy().tobytes())
    for array in (rows, guard.rssi_dbm, guard.xy_m, run.arrays["database"]):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _figures(one: tuple[float, float]) -> dict[str, float]:
    return {"mean_m": round(one[0], 4), "success": round(one[1], 4)}
