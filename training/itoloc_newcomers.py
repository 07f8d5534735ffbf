"""Access points outside the model's table, in the places of those that fell silent (SPEC 2.6b).

Most came since the survey; what the survey heard too seldom may be among them. A silent one is
masked, so its place in the input can be had. A newcomer enters there with a gain of 0, which is
what the network sees of a masked one: nothing changes until co-training moves the gain. The model's
surveyed scans know nothing of it: for them, and for the neighbours, it stays unknown. A newcomer
that gains next to nothing gives its place back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdk.fingerprint import ApTable
from sdk.images import InputRecipe
from training.ap_presence import appeared
from training.run import LEVELS, Run
from training.survey import Survey

# The network hardly sees what has less.
LEAST_GAIN = 0.01


def newcomers(run: Run, scans: Survey, unknown: Sequence[str]) -> tuple[str, ...]:
    """Who takes the places of ``unknown``, masked access points of the run: those that most
    ``scans`` heard, as many as there are places. None where the network sees ratios: there a
    newcomer would change the level of every scan at once."""
    if run.input_recipe.image != "vector":
        return ()
    table = ApTable(run.bssids, run.merge_virtual_aps)  # type: ignore[arg-type]
    return tuple(name for name, _ in appeared(scans, table)[: len(unknown)])


def places_for(run: Run, names: Sequence[str]) -> dict[str, str]:
    """{who leaves: who comes}: ``names`` for the first masked access points of the run."""
    leaving = [name for name in run.bssids if name in set(run.unknown)]
    return dict(zip(leaving, names, strict=False))


def seated(run: Run, place: Mapping[str, str]) -> Run:
    """The run with access points in the places of masked ones, {who leaves: who comes}. Levels and
    gains of those who leave are dropped; the others stay masked."""
    gone = np.array([name in place for name in run.bssids])
    arrays = dict(run.arrays)
    for name in LEVELS:
        arrays[name] = arrays[name].copy()
        arrays[name][:, gone] = np.nan
    recipe = run.input_recipe
    if isinstance(recipe.std_db, tuple):
        # One that was surveyed has the gain 1.
        surveyed = recipe.std_db[int(np.flatnonzero(~unsurveyed(run))[0])]
        std = np.where(gone, surveyed, recipe.std_db)
        recipe = replace(recipe, std_db=tuple(std.tolist()))
    return replace(
        run,
        bssids=tuple(place.get(name, name) for name in run.bssids),
        unknown=tuple(name for name in run.unknown if name not in place),
        arrays=arrays,
        input=recipe.to_json(),
    )


def unsurveyed(run: Run) -> NDArray[np.bool_]:
    """(N,) access points that no labelled scan of the run heard."""
    nobody: NDArray[np.bool_] = ~np.isfinite(run.arrays["database"]).any(axis=0)
    return nobody


def folded(recipe: InputRecipe, gain: NDArray[np.float64]) -> InputRecipe:
    """The recipe of a network whose normalised input is multiplied by ``gain`` (N,), each over
    LEAST_GAIN or of an access point that is masked."""
    std = np.broadcast_to(np.asarray(recipe.std_db, dtype=np.float64), gain.shape)
    return replace(recipe, std_db=tuple((std / np.maximum(gain, LEAST_GAIN)).tolist()))
