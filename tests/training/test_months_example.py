"""The example of a deployment, on a hall of three months: every step of the loop runs."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from drifting_hall import CHANGES, rows_of, survey_of

from sdk.store import Store
from training.fitting import arithmetic
from training.itoloc_cotraining import Rules
from training.run import Run

SCRIPT = Path(__file__).parents[2] / "examples" / "months.py"
MONTH_MS = 31 * 86_400_000


@pytest.fixture(scope="module")
def months():
    spec = importlib.util.spec_from_file_location("months", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def survey():
    """In the second month two boxes fall silent, in the third one of them is back."""
    rows = []
    for number, dead in enumerate([(), (2, 5), (5,)]):
        for row in rows_of(number and 0.3, 16 if number else 20, number, dead):
            at = row["timestamp_ms"] % 10**7 + number * MONTH_MS
            session = f"{number}-{row['session'][-1]}"
            rows.append({**row, "timestamp_ms": at, "session": session})
    return survey_of(rows)


def test_the_loop_runs_and_keeps_up(months, survey, tmp_path):
    rules = Rules(sigma=0.7, rounds=3, base=30, most_drop=0.05)
    changes = {**CHANGES, "ap_unknown": 0.3, "epochs": 14, "estimate": "mean"}
    with arithmetic(1):
        rows = list(months.play(survey, tmp_path, changes=changes, rules=rules, precision="fp32"))
    for row in rows:
        print(months.text_of(row))
        assert all(np.isfinite(value) for value in row.values())
        assert row["judged"] == 128
    assert [row["month"] for row in rows] == [2, 3]
    assert [row["silent"] for row in rows] == [2, 1]
    assert rows[0]["masked"] < 0.5 * rows[0]["static"]
    assert rows[0]["updated"] < 0.5 * rows[0]["static"]
    run = Run.load(tmp_path / "run2")
    assert run.unknown == ("02:00:00:00:00:05",), "that which is back is used again"
    with Store(tmp_path / "month02.db", read_only=True) as store:
        assert len(store) == 128
        assert all(one.place is None for one in store.rows()), "unlabelled"
