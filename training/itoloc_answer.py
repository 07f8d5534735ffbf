"""What a trained iToLoc run says of scans: the three modules' mean, times the neighbours' votes
where the run is fused, with masked access points left out of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.decode import softmax
from training.fusion import Fusion
from training.itoloc_fitting import scores
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
    found = softmax(scores(network, run.input_recipe, rssi_dbm, unknown), run.temperature)
    if run.neighbours is None:
        return found
    arrays = run.arrays
    database = Database(
        arrays["database"], arrays["places_xy_m"], arrays["places_floor"], arrays["place_of_row"]
    )
    return Fusion.from_json(run.neighbours).combine(
        found, known_part(database, ~unknown), np.ascontiguousarray(rssi_dbm[:, ~unknown])
    )


def known_part(database: Database, known: NDArray[np.bool_]) -> Database:
    """The database over some of its access points (N,): neighbours are then what they are on a
    device that compares unknown levels with nothing."""
    return replace(database, rssi_dbm=np.ascontiguousarray(database.rssi_dbm[:, known]))
