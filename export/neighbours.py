"""The parts of a weighted-kNN bundle: no model file, only the stored readings."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.bundle import npy_bytes
from export.parts import Attempt, Parts, places
from sdk.readings import Readings
from training.fusion import database_of_run
from training.knn import Rule, probability
from training.run import Run


def attempts(run: Run, formats: Sequence[str], precision: str) -> Iterator[Attempt]:
    """The one way: the survey's readings, whatever format or precision is asked for."""
    del formats, precision
    yield partial(_parts, run)


def checkpoint_probability(run: Run, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
    """Place probabilities (B, G) of the tuned rule over the run's own database."""
    return probability(database_of_run(run), Rule(**run.neighbours), rssi_dbm)


def neighbour_members(run: Run) -> dict[str, bytes]:
    """The readings of the database, and the place of each row."""
    start, ap, dbm = Readings.of(run.arrays["database"])
    return {
        "database_start.npy": npy_bytes(start),
        "database_ap.npy": npy_bytes(ap),
        "database_dbm.npy": npy_bytes(dbm),
        "place_of_row.npy": npy_bytes(run.arrays["place_of_row"].astype(np.int32)),
    }


def neighbour_output(run: Run, rule: Rule) -> dict[str, Any]:
    """The part of the manifest's output that a rule over a run's database fills."""
    moved = {} if tuple(rule.shifts_db) == (0.0,) else {"shifts_db": list(rule.shifts_db)}
    return moved | {
        "database": {
            "start": "database_start.npy",
            "ap": "database_ap.npy",
            "dbm": "database_dbm.npy",
            "kind": Readings.of(run.arrays["database"]).kind,
        },
        "place_of_row": "place_of_row.npy",
        "metric": rule.metric,
        "k": rule.k,
        "weight_power": rule.weight_power,
        "value_form": rule.value_form,
    }


def _parts(run: Run) -> Parts:
    rule = Rule(**run.neighbours)
    place_members, place_names = places(run)
    members = neighbour_members(run) | place_members
    output = {
        "positioner": "neighbours",
        "estimate": run.estimate,
        "places": place_names,
        **neighbour_output(run, rule),
    }
    rows = len(run.arrays["database"])
    return Parts(members, None, output, "fp32", f"{rows} rows, no model file")
