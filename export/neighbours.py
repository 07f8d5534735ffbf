"""The parts of a weighted-kNN bundle: no model file, only the database in its value form."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from export.bundle import npy_bytes
from export.parts import Attempt, Parts, places
from training.knn import Database, Rule, in_form, probability
from training.run import Run


def attempts(run: Run, formats: Sequence[str], precision: str) -> Iterator[Attempt]:
    """The one way: the database is float32 whatever format or precision is asked for."""
    del formats, precision
    yield partial(_parts, run)


def checkpoint_probability(run: Run, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
    """Place probabilities (B, G) of the tuned rule over the run's own database."""
    arrays = run.arrays
    database = Database(
        arrays["database"], arrays["places_xy_m"], arrays["places_floor"], arrays["place_of_row"]
    )
    return probability(database, Rule(**run.neighbours), rssi_dbm)


def _parts(run: Run) -> Parts:
    rule = Rule(**run.neighbours)
    place_members, place_names = places(run)
    values = in_form(run.arrays["database"], rule.value_form)
    members = {
        "database.npy": npy_bytes(values.astype(np.float32)),
        "place_of_row.npy": npy_bytes(run.arrays["place_of_row"].astype(np.int32)),
        **place_members,
    }
    output = {
        "positioner": "neighbours",
        "estimate": run.estimate,
        "places": place_names,
        "database": "database.npy",
        "place_of_row": "place_of_row.npy",
        "metric": rule.metric,
        "k": rule.k,
        "weight_power": rule.weight_power,
        "value_form": rule.value_form,
    }
    return Parts(members, None, output, "fp32", f"{len(values)} rows, no model file")
