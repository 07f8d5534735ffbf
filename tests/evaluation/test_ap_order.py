"""The study of orders: what it trains on and what it concludes."""

from pathlib import Path

import numpy as np
import pytest

from evaluation import ap_order
from training.survey_file import read_survey

SURVEY = Path(__file__).parents[2] / "examples" / "data" / "uji_library_floor3"


def rows_of(**groups):
    return [
        {"survey": "s", "head": "gap", "varied": name, "mean_m": errors, "n_aps": 9}
        for name, errors in groups.items()
    ]


def test_thinning_keeps_every_test_scan_and_holds_some_out():
    survey = read_survey(SURVEY)
    made = ap_order.thinned(survey, 3)
    assert made.rows("test").sum() == survey.rows("test").sum()
    assert made.rows("validation").any()
    kept = made.rows("train").sum() + made.rows("validation").sum()
    assert kept == pytest.approx(survey.rows("train").sum() / 3, abs=1)


@pytest.mark.parametrize(
    ("random", "said"),
    [([1.9, 2.1, 2.4], "no clear difference"), ([2.9, 3.0, 3.1], "pseudo_positions is better"),
     ([1.0, 1.1, 1.2], "random is better")],
)  # fmt: skip
def test_the_reading_compares_seed_by_seed(random, said):
    rows = rows_of(pseudo_positions=[2.0, 2.1, 2.3])
    rows += [{**row, "varied": "random:1"} for row in rows_of(x=random)]
    assert ap_order.reading(rows, "gap", padding=False).endswith(
        (f"{said}.", f"{said} with every seed.")
    )


def test_every_order_of_one_network_is_judged_on_the_same_scans(monkeypatch):
    survey = read_survey(SURVEY)
    part = survey.take(np.arange(len(survey)) % 12 == 0)
    monkeypatch.setattr(ap_order, "ORDERS", ("pseudo_positions", "random:1"))
    monkeypatch.setattr(ap_order, "HEADS", ("per_ap",))
    monkeypatch.setattr(ap_order, "KEEP_EVERY", 1)
    small = {"width": 4, "depth": 1, "kernel": 1, "cap": 8, "epochs": 2}
    monkeypatch.setattr(ap_order, "SMALL", small)
    rows = ap_order.study(part, seeds=2, padding=False, shown=False)
    assert [row["varied"] for row in rows] == ["pseudo_positions", "random:1"]
    assert all(len(row["mean_m"]) == 2 and row["n_aps"] == 8 for row in rows)
    assert "| random:1 | " in ap_order.table(rows, padding=False)
