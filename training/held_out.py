"""What held-out scans say of networks over places, and of a plain kNN beside them.

A fit may be asked alone, or several, each of which left out other scans: what they say is pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.calibration import fit_temperature
from training.cells import Cells
from training.decode import Decoded, decode, softmax
from training.fusion import Asked, Fusion, fit_fusion
from training.knn import PLAIN, Database, Rule, apply
from training.record import Held, Stood, heard, judge


class Places(NamedTuple):
    """Where scans were taken: ``xy_m`` (V, 2) and ``floor`` (V,)."""

    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]


def temperature_of(
    logits: NDArray[np.floating], cells: Cells, truth: Stood, soften_m: float
) -> float:
    """The temperature that suits logits (V, G) of held-out scans; 1 where none can be fitted."""
    # Where the held-out spot has no place there is no right class to be calibrated for.
    square = cells.squared_distance(truth.xy_m, truth.floor).min(axis=1)
    known = square <= cells.pitch_m**2 / 2.0
    targets = cells.soft_targets(truth.xy_m, truth.floor, soften_m)
    return fit_temperature(logits[known], targets[known]) if known.any() else 1.0


def judged(
    asked: Sequence[Asked], soften_m: float, estimate: str, rule: Rule | None = None
) -> tuple[Held, Fusion | None]:
    """Temperature, accuracy table and figures of one fit or several.

    With a ``rule`` of the networks times its neighbours' votes: what the temperature becomes then
    stands in ``Held``. Raises SurveyError as ``record.judge``.
    """
    own = [temperature_of(one.logits, one.cells, one.truth, soften_m) for one in asked]
    temperature, fusion = float(np.exp(np.mean(np.log(own)))), None
    if rule is not None:
        fusion, temperature = fit_fusion(rule, asked, temperature, estimate)
    found = []
    for one in asked:
        probability = softmax(one.logits, temperature)
        if fusion is not None:
            probability = fusion.combine(probability, one.learned, one.rssi_dbm)
        found.append(decode(probability, one.cells.xy_m, one.cells.floor, estimate))
    return _judged(found, asked, temperature), fusion


def plain_knn(learned: Sequence[Database], asked: Sequence[Asked]) -> dict[str, object]:
    """Figures of one untuned kNN on the same scans and access points, to stand beside: of what
    each fit ``learned``, at the very positions."""
    found = [
        apply(base, Rule(*PLAIN), one.rssi_dbm) for base, one in zip(learned, asked, strict=True)
    ]
    return _judged(found, asked).figures


def _judged(found: Sequence[Decoded], asked: Sequence[Asked], temperature: float = 1.0) -> Held:
    pooled = Decoded(*(np.concatenate(column) for column in zip(*found, strict=True)))
    truth = Places(*(
        np.concatenate([getattr(one.truth, name) for one in asked]) for name in Places._fields
    ))  # fmt: skip
    matched = np.concatenate([heard(one.rssi_dbm) for one in asked])
    weight = np.concatenate([one.weight for one in asked])
    return judge(pooled, matched, truth, weight, temperature)
