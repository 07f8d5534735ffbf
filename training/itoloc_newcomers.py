"""Access points that came since the survey, in the places of those that fell silent (SPEC 2.6b).

A silent one is masked for good, so its place in the input is free. A newcomer enters there with a
gain of 0, which is what the network sees of a masked one: nothing changes until co-training moves
the gain. No surveyed scan could hear it, so for them, and for the neighbours, it stays unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdk.fingerprint import ApTable
from sdk.images import InputRecipe
from training.ap_presence import appeared
from training.run import Run
from training.survey import Survey

# The network hardly sees what has less; it is masked instead.
LEAST_GAIN = 0.01
# Arrays with a column for every access point: levels of the survey, which heard no newcomer.
_LEVELS = ("database", "calibration_rssi_dbm", "validation_rssi_dbm")


def newcomers(run: Run, scans: Survey, unknown: Sequence[str]) -> tuple[str, ...]:
    """Who takes the places of ``unknown``, masked access points of the run: those that most
    ``scans`` heard, as many as there are places. None where the network sees ratios: there a
    newcomer would change the level of every scan at once."""
    if run.input_recipe.image != "vector":
        return ()
    table = ApTable(run.bssids, run.merge_virtual_aps)  # type: ignore[arg-type]
    return tuple(name for name, _ in appeared(scans, table)[: len(unknown)])


def seated(run: Run, unknown: Sequence[str], names: Sequence[str]) -> Run:
    """The run with ``names`` in the places of the first of ``unknown``, whose levels are dropped;
    the others stay masked. Its recipe is left as it was: see ``folded``."""
    leaving = [name for name in run.bssids if name in set(unknown)][: len(names)]
    place = dict(zip(leaving, names, strict=True))
    bssids = tuple(place.get(name, name) for name in run.bssids)
    gone = np.array([name in place for name in run.bssids])
    arrays = dict(run.arrays)
    for name in _LEVELS:
        arrays[name] = arrays[name].copy()
        arrays[name][:, gone] = np.nan
    left = tuple(name for name in unknown if name not in place)
    return replace(run, bssids=bssids, unknown=left, arrays=arrays)


def unsurveyed(run: Run) -> NDArray[np.bool_]:
    """(N,) access points that no labelled scan of the run heard."""
    nobody: NDArray[np.bool_] = ~np.isfinite(run.arrays["database"]).any(axis=0)
    return nobody


def folded(recipe: InputRecipe, gain: NDArray[np.float64]) -> InputRecipe:
    """The recipe of a network whose normalised input is multiplied by ``gain`` (N,), each over
    LEAST_GAIN or of an access point that is masked."""
    std = np.broadcast_to(np.asarray(recipe.std_db, dtype=np.float64), gain.shape)
    return replace(recipe, std_db=tuple((std / np.maximum(gain, LEAST_GAIN)).tolist()))
