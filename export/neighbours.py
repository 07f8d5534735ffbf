"""The parts of a weighted-kNN bundle: no model file, only the database in its value form."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

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
    return probability(database_of_run(run), Rule(**run.neighbours), rssi_dbm)


def database_of_run(run: Run) -> Database:
    """The training scans that a run carries."""
    arrays = run.arrays
    return Database(
        arrays["database"], arrays["places_xy_m"], arrays["places_floor"], arrays["place_of_row"]
    )


def neighbour_members(run: Run, rule: Rule) -> dict[str, bytes]:
    """The database in the rule's value form, and the place of each row."""
    values = in_form(run.arrays["database"], rule.value_form)
    return {
        "database.npy": npy_bytes(values.astype(np.float32)),
        "place_of_row.npy": npy_bytes(run.arrays["place_of_row"].astype(np.int32)),
    }


def neighbour_output(rule: Rule) -> dict[str, Any]:
    """The part of the manifest's output that a rule fills."""
    return {
        "database": "database.npy",
        "place_of_row": "place_of_row.npy",
        "metric": rule.metric,
        "k": rule.k,
        "weight_power": rule.weight_power,
        "value_form": rule.value_form,
    }


def _parts(run: Run) -> Parts:
    rule = Rule(**run.neighbours)
    place_members, place_names = places(run)
    members = neighbour_members(run, rule) | place_members
    output = {
        "positioner": "neighbours",
        "estimate": run.estimate,
        "places": place_names,
        **neighbour_output(rule),
    }
    rows = len(run.arrays["database"])
    return Parts(members, None, output, "fp32", f"{rows} rows, no model file")
