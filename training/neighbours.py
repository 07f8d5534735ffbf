"""The system ``neighbours``: weighted kNN tuned on the survey in turns, the figure to beat.

Through the same steps as a network: access points chosen and errors measured with the validation
scans left out, then a database of every training row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from training.knn import Database, apply
from training.presets import NEIGHBOUR_PRESETS, preset_of
from training.record import heard, judge, make_run
from training.run import Run
from training.split import validation_of
from training.survey import Survey
from training.turns import tune_in_turns, turns_of

DEFAULT_PRESET = "tuned"


def train(
    survey: Survey,
    preset: str = DEFAULT_PRESET,
    seed: int = 0,
    epochs: int | None = None,
    progress: bool = False,
    rule: str = "auto",
    changes: Mapping[str, object] | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> Run:
    """Tune weighted kNN on the survey: one thread of the processor, whatever ``threads`` and
    ``device`` say. ``epochs`` has no meaning here and is refused.

    Raises SurveyError for a survey without usable rows, ValueError for an unknown preset.
    """
    del threads, device
    if epochs is not None:
        raise ValueError("neighbours has no epochs")
    chosen = preset_of(NEIGHBOUR_PRESETS, preset, changes or {})
    held_out = validation_of(survey, seed, rule)
    train_rows = survey.rows("train")
    part, other = survey.take(train_rows & ~held_out.rows), survey.take(held_out.rows)
    vectors = chosen.vectors

    names = vectors.choose(part, chosen.min_share, chosen.cap)
    database = Database.of(vectors.of(part, names), part)
    query = vectors.of(other, names)
    weight = held_out.weight[held_out.rows]
    best, score = tune_in_turns(
        vectors.of(survey, names), survey, turns_of(survey, held_out, seed, rule), progress
    )
    held = judge(apply(database, best, query), heard(query), other, weight)

    if held_out.drawn:
        part = survey.take(train_rows)
        names = vectors.choose(part, chosen.min_share, chosen.cap)
        database = Database.of(vectors.of(part, names), part)
    return make_run(
        survey, "neighbours", preset, seed, names, held_out, held, vectors,
        places_xy_m=database.places_xy_m,
        places_floor=database.places_floor,
        metrics=held.figures,
        neighbours=asdict(best),
        provenance={"settings": asdict(chosen), "tuned_m": score},
        arrays={"database": database.rssi_dbm, "place_of_row": database.place_of_row},
    )  # fmt: skip
