"""What a trained iToLoc run says of scans: the three modules' mean, times the neighbours' votes
where the run is fused, with masked access points left out of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdk.images import InputRecipe
from training.decode import Decoded, decode, softmax
from training.fusion import Fusion, database_of_run
from training.itoloc_fitting import scores
from training.itoloc_honesty import Answer
from training.knn import Database
from training.networks.itoloc import ItolocNet
from training.run import Run


def probability(
    run: Run, network: ItolocNet, rssi_dbm: NDArray[np.float32], unknown: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(B, G) posteriors over the run's places of scans (B, N), NaN = not heard.

    ``network`` is the run's own or what an update has made of it; ``unknown`` (N,) marks masked
    access points.
    """
    fusion = None if run.neighbours is None else Fusion.from_json(run.neighbours)
    return fused(
        network, run.input_recipe, run.temperature, fusion, database_of_run(run), rssi_dbm, unknown
    )


def fused(
    network: ItolocNet,
    recipe: InputRecipe,
    temperature: float,
    fusion: Fusion | None,
    database: Database | None,
    rssi_dbm: NDArray[np.float32],
    unknown: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """The same of a network's parts; without ``fusion`` there are no neighbours."""
    found = softmax(scores(network, recipe, rssi_dbm, unknown), temperature)
    if fusion is None or database is None:
        return found
    return fusion.combine(
        found, known_part(database, ~unknown), np.ascontiguousarray(rssi_dbm[:, ~unknown])
    )


def answer_of(
    network: ItolocNet, recipe: InputRecipe, temperature: float, fusion: Fusion | None,
    database: Database | None, places: tuple[NDArray[np.float64], NDArray[np.int32]],
    estimate: str,
) -> Answer:  # fmt: skip
    """What `itoloc_honesty.calibrated` asks: fixes and the modules' agreement."""

    def answer(rssi_dbm: NDArray, unknown: NDArray) -> tuple[Decoded, NDArray[np.float64]]:
        said = fused(network, recipe, temperature, fusion, database, rssi_dbm, unknown)
        alike = scores(network, recipe, rssi_dbm, unknown, "agreement")[:, 0]
        return decode(said, *places, estimate), alike.astype(np.float64)

    return answer


def known_part(database: Database, known: NDArray[np.bool_]) -> Database:
    """The database over some of its access points (N,): neighbours are then what they are on a
    device that compares unknown levels with nothing."""
    return replace(database, rssi_dbm=np.ascontiguousarray(database.rssi_dbm[:, known]))
