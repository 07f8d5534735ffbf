"""Hapi on real buildings with located access points, beside baselines and one that was surveyed.

No scan of a building is used to train for it. The ranks of preset ``paper`` are fitted on the other
building of SODIndoorLoc, on both for the further sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from evaluation.baselines import by_strongest
from evaluation.baselines.sets import SOURCES, Queries
from evaluation.calibration_free import FLOOR_RULES, METHODS
from evaluation.evaluate import evaluate_knn
from evaluation.hapi_rows import Row, floor_row, row
from evaluation.hapi_system import Answers, System
from evaluation.hapi_walks import METHODS as WALKS
from evaluation.hapi_walks import along
from sdk.errors import RssfixError
from training.hapi_site import Site, site_of
from training.readers import sodindoorloc
from training.survey import Survey

SETS = ("CETC331", "HCXY", "rooms", "ble_tetam", "uji_library")
PRESET = {"ble_tetam": "best-ble"}
KNN = "weighted kNN of the surveyed building (needs a survey)"
_AP_AVERAGES = {"HCXY": "AP_Avg"}


def study(name: str, data: Path, seed: int = 0) -> dict[str, object]:
    """A set's tables: title, note and rows of each kind of scan. Raises RssfixError: not there."""
    references = [
        sodindoorloc.read(data / "sodindoorloc", other, *_AP_AVERAGES.get(other, "").split())
        for other in ("CETC331", "HCXY")
        if other != name
    ]
    tables, trained = [], {}
    for queries in SOURCES[name](data):
        site = site_of(queries.survey)
        # One building's scans come as several queries: it is trained for once.
        key = site.sha256
        if key not in trained:
            trained[key] = _systems(site, PRESET.get(name, "best"), references, seed)
        tables.append({
            "title": queries.title, "note": queries.note, "scans": len(queries.floor),
            "floors": len(site.floors), "groups": int(queries.group.max()) + 1,
            "grouped_by": queries.grouped_by,
            "rows": list(_rows(queries, trained[key])),
            "floor_rules": list(_floors(queries, trained[key])),
        })  # fmt: skip
    return {"set": name, "tables": tables}


def _systems(site: Site, best: str, references: list[Survey], seed: int) -> dict[str, System]:
    return {
        best: System.trained(site, best, seed),
        "paper": System.trained(site, "paper", seed, references=references),
    }


def _rows(queries: Queries, ready: dict[str, System]) -> Iterator[Row]:
    for method, baseline in METHODS.items():
        found = baseline(queries)
        yield _row(method, found.xy_m, found.floor, queries)
    if (knn := surveyed(queries)) is not None:
        yield knn
    for preset, system in ready.items():
        found = system.locate(queries.rssi_dbm)
        yield _answers(f"preset {preset}", found, queries)
        for title, offset in (("FAF", "no"), ("FAF and offset", "yes")):
            way = system.updated(queries.survey.take(queries.rows), offset)
            about = {"offset_db": way.rules.offset_db, "faf_db": way.rules.floor_attenuation_db}
            found_again = way.locate(queries.rssi_dbm)
            name = f"preset {preset}, {title} from these scans"
            yield {**_answers(name, found_again, queries), **about}
        if queries.grouped_by == "walks":
            yield from _walks(preset, found, queries)


def _walks(preset: str, found: Answers, queries: Queries) -> Iterator[Row]:
    time = queries.survey.timestamp_ms[queries.rows]
    session = queries.survey.session[queries.rows]
    for method in WALKS:
        xy = along(method, found, time, session)
        yield _row(f"preset {preset}, {method}", xy, found.floor, queries)


def _floors(queries: Queries, ready: dict[str, System]) -> Iterator[Row]:
    if len(queries.layout.floors) < 2:
        return
    rules: dict[str, Callable] = {
        "floor of the strongest AP": by_strongest, **FLOOR_RULES,
    }  # fmt: skip
    for method, rule in rules.items():
        floor = rule(queries.layout, queries.rssi_dbm)
        yield floor_row(method, floor, queries.floor, queries.group)
    for preset, system in ready.items():
        floor = system.best_floor(queries.rssi_dbm)
        yield floor_row(f"network of preset {preset}", floor, queries.floor, queries.group)


def surveyed(queries: Queries) -> Row | None:
    """Tuned kNN of the building's own survey; None where the scans are the survey or windows."""
    part = queries.survey.take(queries.rows)
    alone = np.array_equal(queries.layout.levels(part), queries.rssi_dbm, equal_nan=True)
    if not alone or (part.split == "train").any() or not queries.survey.rows("train").any():
        return None
    try:
        found, _ = evaluate_knn(queries.survey, part)
    except RssfixError:
        return None
    return _answers(KNN, Answers(found.xy_m, found.floor, found.accuracy_m), queries)


def _answers(method: str, found: Answers, queries: Queries) -> Row:
    return row(
        method, found.xy_m, found.floor, queries.xy_m, queries.floor, queries.group, found.radius_m
    )


def _row(method: str, xy_m: np.ndarray, floor: np.ndarray, queries: Queries) -> Row:
    return row(method, xy_m, floor, queries.xy_m, queries.floor, queries.group)
