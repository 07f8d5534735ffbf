"""The radius of an updated iToLoc run, from the guard: what was calibrated before does not hold for
another network, another mask and another month.

Three cases. Labelled scans of the new time, enough of them: temperature, accuracy table and what
stands in ``itoloc_honesty`` are fitted anew. Too few of them: the table is scaled by one factor.
The run's own validation rows, where the network has learned from them (``Run.refitted``): they look
too good, so the table may only become wider. The guard has also decided about the update, on the
same scans; a radius from it is a little too small for that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.fix import AccuracyTable
from training.calibration import PERCENTILE, fit_accuracy, weighted_quantile
from training.cells import Cells
from training.fusion import Fusion, database_of_run
from training.held_out import temperature_of
from training.itoloc_answer import answer_of
from training.itoloc_fitting import scores
from training.itoloc_guard import Guard
from training.itoloc_honesty import Answer, Truth, calibrated
from training.itoloc_presets import ItolocPreset
from training.networks.itoloc import ItolocNet
from training.record import LEAST_RADIUS_M
from training.run import Run
from training.split import SPOT_M, spots_of

# Of fewer scans a table would be of a single knot.
LEAST_ROWS = 80
# What one factor may do to a table.
_FACTORS = (0.5, 3.0)


def recalibrated(
    run: Run,
    network: ItolocNet,
    unknown: NDArray[np.bool_],
    guard: Guard,
    preset: ItolocPreset,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of the run that change (``temperature``, ``accuracy``, ``limits``), and a report.

    The report's coverages are those of the old radius and of the new one on the guard itself.
    """
    least = run.limits["min_matched_aps"]
    matched = (np.isfinite(guard.rssi_dbm) & ~unknown).sum(axis=1)
    rows = (matched >= least) & (guard.weight > 0)
    unseen = not guard.own or not run.refitted
    report: dict[str, Any] = {"scans": int(rows.sum()), "unseen": unseen}
    if not rows.any():
        return {}, {**report, "how": "as before: no scan of the guard has a position"}
    fusion = None if run.neighbours is None else Fusion.from_json(run.neighbours)
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]

    def answer_at(temperature: float) -> Answer:
        return answer_of(
            network, run.input_recipe, temperature, fusion, database_of_run(run), places,
            run.estimate,
        )  # fmt: skip

    truth = Truth(guard.rssi_dbm, guard.xy_m, guard.weight, spots_of(guard.xy_m, guard.floor)).take(
        rows
    )
    temperature, limits = run.temperature, run.limits
    before = _ratio(answer_at(temperature), truth, unknown, run.accuracy)
    if unseen and rows.sum() >= LEAST_ROWS:
        if fusion is None:
            logits = scores(network, run.input_recipe, guard.rssi_dbm[rows], unknown)
            cells = Cells(*places, run.pitch_m or SPOT_M)
            temperature = temperature_of(logits, cells, guard.take(rows), preset.soften_m)
        answer = answer_at(temperature)
        found, _ = answer(truth.rssi_dbm, unknown)
        error = np.linalg.norm(found.xy_m - truth.xy_m, axis=1)
        knots = fit_accuracy(found.spread_m, error, truth.weight, least_m=LEAST_RADIUS_M)
        accuracy: dict[str, Any] = {
            "percentile": PERCENTILE, "spread_m": knots[0], "radius_m": knots[1],
            "n": int(rows.sum()), "split": "validation" if guard.own else "guard",
        }  # fmt: skip
        accuracy, agreed = calibrated(answer, truth, unknown, accuracy, seed)
        limits = {**limits, "least_agreement": agreed}
        report["how"] = "fitted anew"
    else:
        factor = weighted_quantile(before, PERCENTILE / 100.0, truth.weight)
        factor = float(np.clip(factor, _FACTORS[0] if unseen else 1.0, _FACTORS[1]))
        radius = [max(LEAST_RADIUS_M, r * factor) for r in run.accuracy["radius_m"]]
        accuracy = {**run.accuracy, "radius_m": radius}
        report |= {"how": "scaled" if unseen else "widened at most", "factor": round(factor, 3)}
    after = _ratio(answer_at(temperature), truth, unknown, accuracy)
    report |= {
        "temperature": [round(run.temperature, 4), round(temperature, 4)],
        "coverage_68": [
            round(float(np.average(one <= 1.0, weights=truth.weight)), 4)
            for one in (before, after)
        ],
    }  # fmt: skip
    return {"temperature": temperature, "accuracy": accuracy, "limits": limits}, report


def _ratio(
    answer: Answer, truth: Truth, unknown: NDArray[np.bool_], accuracy: dict[str, Any]
) -> NDArray[np.float64]:
    """(V,) error over the radius that a device states."""
    wider = accuracy.get("matched", {"aps": [], "factor": []})
    table = AccuracyTable(
        accuracy["spread_m"], accuracy["radius_m"], wider["aps"], wider["factor"],
        accuracy.get("disagreement_m", 0.0),
    )  # fmt: skip
    found, agreement = answer(truth.rssi_dbm, unknown)
    matched = (np.isfinite(truth.rssi_dbm) & ~unknown).sum(axis=1)
    radius = [
        table(spread, count, alike)
        for spread, count, alike in zip(
            found.spread_m.tolist(), matched.tolist(), agreement.tolist(), strict=True
        )
    ]
    return np.linalg.norm(found.xy_m - truth.xy_m, axis=1) / np.array(radius)
