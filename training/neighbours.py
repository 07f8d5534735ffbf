"""The system ``neighbours``: weighted kNN tuned on held-out scans, the figure to beat.

Through the same steps as a network: access points chosen and rules tuned with the validation scans
left out, then a database of every training row.
"""

from __future__ import annotations

from dataclasses import asdict

from training.fingerprints import choose_aps, fingerprints
from training.knn import Database, apply, tune
from training.presets import NEIGHBOUR_PRESETS, NeighbourPreset
from training.record import judge, make_run
from training.run import Run
from training.split import validation_of
from training.survey import Survey


def train(
    survey: Survey,
    preset: str | NeighbourPreset = "tuned",
    seed: int = 0,
    epochs: int | None = None,
    progress: bool = False,
    rule: str = "auto",
) -> Run:
    """Tune weighted kNN on the survey. ``epochs`` has no meaning here and is refused.

    Raises SurveyError for a survey without usable rows, ValueError for an unknown preset.
    """
    if epochs is not None:
        raise ValueError("neighbours has no epochs")
    if isinstance(preset, str) and preset not in NEIGHBOUR_PRESETS:
        raise ValueError(f"preset {preset!r}, expected one of {', '.join(NEIGHBOUR_PRESETS)}")
    name = preset if isinstance(preset, str) else "custom"
    chosen = NEIGHBOUR_PRESETS[preset] if isinstance(preset, str) else preset
    held_out = validation_of(survey, seed, rule)
    train_rows = survey.rows("train")
    part, other = survey.take(train_rows & ~held_out.rows), survey.take(held_out.rows)
    age = chosen.max_age_ms

    names = choose_aps(part, chosen.min_share, chosen.cap, max_age_ms=age)
    database = Database.of(fingerprints(part, names, max_age_ms=age), part)
    query = fingerprints(other, names, max_age_ms=age)
    weight = held_out.weight[held_out.rows]
    best, _ = tune(database, query, other, weight, progress)
    held = judge(apply(database, best, query), query, other, weight)

    if held_out.drawn:
        part = survey.take(train_rows)
        names = choose_aps(part, chosen.min_share, chosen.cap, max_age_ms=age)
        database = Database.of(fingerprints(part, names, max_age_ms=age), part)
    return make_run(
        survey, "neighbours", name, seed, names, held_out, held, age,
        places_xy_m=database.places_xy_m,
        places_floor=database.places_floor,
        metrics=held.figures,
        neighbours=asdict(best),
        provenance={"settings": asdict(chosen)},
        arrays={"database": database.rssi_dbm, "place_of_row": database.place_of_row},
    )  # fmt: skip
