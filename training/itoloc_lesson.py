"""One co-training of an update: from a run with its mask to what the guard says of the network."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from training.cells import Cells
from training.fitting import arithmetic
from training.itoloc import load_network
from training.itoloc_cotraining import Cotraining, Rules
from training.itoloc_guard import Guard, judged, levels_of, mask_of
from training.itoloc_images import Images
from training.itoloc_newcomers import LEAST_GAIN, folded, unsurveyed
from training.itoloc_presets import ItolocPreset
from training.itoloc_rounds import play
from training.networks.itoloc import ItolocNet
from training.run import Run
from training.survey import Survey

# Of soft labels no probability reaches the paper's threshold: this share of the labelled rows does.
_SOFT_QUANTILE = 0.5


@dataclass(frozen=True)
class Plan:
    """How to co-train. ``rules`` None: the paper's, with thresholds set from the labelled rows
    where the labels are soft; ``rounds``: their number instead; ``threads`` of torch."""

    rules: Rules | None
    rounds: int | None
    seed: int
    progress: bool
    threads: int | None


@dataclass(frozen=True)
class Taught:
    """The run with its mask and recipe, its new network, how it went, and mean error (metres) and
    share of successes on the guard."""

    run: Run
    network: ItolocNet
    game: Cotraining
    mean_m: float
    success: float


def heard_rows(scans: Survey, run: Run) -> NDArray[np.float32]:
    """(U, N) levels of the scans that hear enough of the run's access points to have a position."""
    rows = levels_of(scans, run)
    return rows[np.isfinite(rows).sum(axis=1) >= run.limits["min_matched_aps"]]


def hidden(run: Run, guard: Guard) -> NDArray[np.bool_]:
    """(N,) access points of which the guard's scans can say nothing: the masked ones and, to the
    run's own rows, newcomers."""
    masked = mask_of(run, run.unknown)
    return masked | unsurveyed(run) if guard.own else masked


def guarded(run: Run, network: ItolocNet, guard: Guard) -> tuple[float, float]:
    """Mean error (metres) and share of successes of a network with the run's mask and recipe.

    The run's own validation rows stand in its database: as neighbours they would find themselves.
    """
    asked = replace(run, neighbours=None) if guard.own else run
    return judged(asked, network, guard, hidden(run, guard))


def taught(
    run: Run,
    scans: Survey,
    guard: Guard,
    preset: ItolocPreset,
    plan: Plan,
    state_file: Path | None = None,
    new: NDArray[np.bool_] | None = None,
) -> Taught:
    """The run's network, co-trained on ``scans``; ``new`` (N,) marks newcomers, whose gain is
    learned. A ``state_file`` is gone on from where it is of the very same co-training."""
    network, rows = load_network(run), heard_rows(scans, run)

    def success(one: ItolocNet, gain: Tensor) -> float:
        return guarded(_gained(run, gain, new), one, guard)[1]

    places = Cells(run.arrays["places_xy_m"], run.arrays["places_floor"], 1.0)
    targets = places.soft_targets(places.xy_m, places.floor, preset.soften_m)
    labelled = run.arrays["database"].astype(np.float32)
    with arithmetic(plan.threads):
        game = Cotraining(
            network, Images(run.input_recipe), labelled, run.arrays["place_of_row"], targets, rows,
            mask_of(run, run.unknown), plan.rules or Rules(), plan.seed, success,
            len(guard.floor), unsurveyed(run), new,
        )  # fmt: skip
        if plan.rules is None and preset.soften_m:
            sure = float(np.quantile(game.confidence(labelled), _SOFT_QUANTILE))
            paper = game.rules
            game.rules = replace(
                paper, sigma=sure, smeared_sigma=paper.smeared_sigma * sure / paper.sigma
            )
        if plan.rounds is not None:
            game.rules = replace(game.rules, rounds=plan.rounds)
        play(game, state_file, plan.progress, _key(run, rows, guard, game.rules, plan.seed))
    made = _gained(run, game.gain, new)
    return Taught(made, network, game, *guarded(made, network, guard))


def _gained(run: Run, gain: Tensor, new: NDArray[np.bool_] | None) -> Run:
    """The run with the newcomers' gain in its recipe; those with next to none are masked."""
    if new is None:
        return run
    factor = gain.double().numpy()
    faint = (name for name, one in zip(run.bssids, factor, strict=True) if one < LEAST_GAIN)
    return replace(
        run, input=folded(run.input_recipe, factor).to_json(), unknown=(*run.unknown, *faint)
    )


def _key(run: Run, rows: NDArray[np.float32], guard: Guard, rules: Rules, seed: int) -> str:
    """What a state belongs to."""
    digest = hashlib.sha256(json.dumps([asdict(rules), seed, run.unknown, guard.own]).encode())
    assert run.state is not None
    for name in sorted(run.state):
        digest.update(run.state[name].numpy().tobytes())
    for array in (rows, guard.rssi_dbm, guard.xy_m, run.arrays["database"]):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
