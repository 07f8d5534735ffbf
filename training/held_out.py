"""What held-out scans say of a network over places, and of a plain kNN beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.calibration import fit_temperature
from training.cells import Cells
from training.decode import decode, softmax
from training.fusion import Fusion, fit_fusion
from training.knn import PLAIN, Database, Rule, apply, tune
from training.record import Held, judge
from training.survey import Survey


def temperature_of(
    logits: NDArray[np.float32], cells: Cells, truth: Survey, soften_m: float
) -> float:
    """The temperature that suits logits (V, G) of held-out scans; 1 where none can be fitted."""
    # Where the held-out spot has no place there is no right class to be calibrated for.
    square = cells.squared_distance(truth.xy_m, truth.floor).min(axis=1)
    known = square <= cells.pitch_m**2 / 2.0
    targets = cells.soft_targets(truth.xy_m, truth.floor, soften_m)
    return fit_temperature(logits[known], targets[known]) if known.any() else 1.0


def judged(
    logits: NDArray[np.float32],
    rssi_dbm: NDArray[np.float32],
    cells: Cells,
    truth: Survey,
    weight: NDArray[np.float64],
    soften_m: float,
    estimate: str,
) -> Held:
    """Temperature, accuracy table and figures from logits (V, G) of held-out scans (V, N).

    Raises SurveyError as ``record.judge``.
    """
    temperature = temperature_of(logits, cells, truth, soften_m)
    found = decode(softmax(logits, temperature), cells.xy_m, cells.floor, estimate)
    return judge(found, rssi_dbm, truth, weight, temperature)


def judged_fused(
    logits: NDArray[np.float32],
    rssi_dbm: NDArray[np.float32],
    database: Database,
    cells: Cells,
    truth: Survey,
    weight: NDArray[np.float64],
    soften_m: float,
    estimate: str,
    progress: bool = False,
    rule: Rule | None = None,
) -> tuple[Held, Fusion]:
    """The same times the votes of neighbours from ``database``, by ``rule`` or tuned on the same
    scans: what the network's temperature becomes stands in ``Held``."""
    alone = temperature_of(logits, cells, truth, soften_m)
    if rule is None:
        rule, _ = tune(database, rssi_dbm, truth, weight, progress)
    fusion, temperature = fit_fusion(
        rule, database, logits, alone, rssi_dbm, truth, weight, estimate
    )
    probability = fusion.combine(softmax(logits, temperature), database, rssi_dbm)
    found = decode(probability, cells.xy_m, cells.floor, estimate)
    return judge(found, rssi_dbm, truth, weight, temperature), fusion


def plain_knn(
    learned_dbm: NDArray[np.float32],
    learned: Survey,
    rssi_dbm: NDArray[np.float32],
    truth: Survey,
    weight: NDArray[np.float64],
) -> dict[str, object]:
    """Figures of one untuned kNN on the same rows and access points, to stand beside: rows learned
    (M, N) with their survey, held-out rows (V, N) with their truth and weights (V,)."""
    found = apply(Database.of(learned_dbm, learned), Rule(*PLAIN), rssi_dbm)
    return judge(found, rssi_dbm, truth, weight).figures
