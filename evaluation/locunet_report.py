"""Tables of ``rssfix reproduce locunet``, from whatever records are there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.locunet_noise import SCENARIO
from evaluation.locunet_paper import TABLE_III, TABLE_IV
from evaluation.locunet_plots import draw_targets
from evaluation.locunet_side_tables import (
    VARIED,
    Record,
    ablation,
    by_method,
    edge_table,
    noise_table,
    paper_table,
    ranging_table,
    size_of,
)
from evaluation.locunet_study import ALL_METHODS, COUNTS, ratio
from evaluation.markdown import spread, table
from sdk.atomic import write_file

_KNN, _POSTERIOR = "kNN", "posterior mean"
_PAPER_OF = {"LocUNet quarter width": "LocUNet"}


def report(out: Path) -> str:
    """Write tables.md and tables.json of all records in ``out``; says what there is."""
    files = sorted((out / "runs").glob("*.json"))
    records = [json.loads(f.read_text(encoding="utf-8")) for f in files]
    if not records:
        return "no results, no tables"
    order = {name: i for i, name in enumerate(ALL_METHODS)}
    records.sort(key=lambda r: (r["scenario"], order.get(r["method"], len(order)), r["seed"]))
    made_by = sorted({f"`{r['command']}`, commit {r['commit']}, {r['date']}" for r in records})
    noisy = [r for r in records if "noise" in r]
    rss = [r for r in records if "tests" in r and "noise" not in r]
    ranging = [r for r in records if "ranging" in r]
    parts = ["# LocUNet: tables", "\n".join(f"- {one}" for one in made_by)]
    for scenario in dict.fromkeys(r["scenario"] for r in rss):
        here = [r for r in rss if r["scenario"] == scenario]
        parts += [f"## Learned and measured in `{scenario}` ({size_of(here[0])})", _accuracy(here)]
        parts += ["By the number of transmitters received, of 5, mean error m:", _by_heard(here)]
    if rss:
        parts += ["## Out of distribution: mean error m with 5 transmitters", _elsewhere(rss)]
    varied = [r for r in rss if r["scenario"] == SCENARIO and r["method"] in VARIED]
    if len(varied) > 1:
        parts += [
            "## Heatmap regression, activations, losses and inputs (tables IX and X)",
            ablation(varied),
        ]
    if noisy:
        parts += [
            "## Noise (tables VI and VII): mean error m with 5 transmitters",
            noise_table(noisy, rss),
        ]
    for record in records:
        if "edge" in record:
            parts += ["## int8 networks on a device", edge_table(record)]
    if ranging:
        parts += ["## Ranging by time of arrival", ranging_table(ranging)]
    parts += ["## The paper's figures (256 x 256 pixels of 1 m, its own data)", paper_table()]
    draw_targets(rss, out)
    write_file(out / "tables.md", "\n\n".join(parts) + "\n")
    plain = {"made_by": made_by, "records": [_short(r) for r in records]}
    write_file(out / "tables.json", json.dumps(plain, indent=1) + "\n")
    return f"{len(records)} records -> {out / 'tables.md'}"


def _accuracy(records: Sequence[Record]) -> str:
    of = by_method(records)
    scenario = records[0]["scenario"]
    heads = ["", "seeds"]
    for count in COUNTS:
        heads += [f"{count} Tx: mean m", "median", "p75", "p95", "in 68 % radius",
                  "ratio to kNN (95 %)", "to the posterior mean", "paper m"]  # fmt: skip
    rows = []
    for name, found in of.items():
        cells = [name, str(len(found))]
        for i, count in enumerate(COUNTS):
            tests = [r["tests"][scenario][str(count)] for r in found]
            cells += [
                spread(t[key] for t in tests) for key in ("mean_m", "median_m", "p75_m", "p95_m")
            ]
            inside = [t["coverage_68"] for t in tests if t["coverage_68"] is not None]
            cells.append(f"{np.mean(inside):.0%}" if inside else "")
            cells += [_ratio(found, of.get(other, []), scenario, count)
                      for other in (_KNN, _POSTERIOR)]  # fmt: skip
            paper = TABLE_III.get(scenario, {}).get(_PAPER_OF.get(name, name))
            cells.append("" if paper is None else f"{paper[i]:g}")
        rows.append(cells)
    return table(heads, rows)


def _ratio(ours: list[Record], theirs: list[Record], scenario: str, count: int) -> str:
    seeds = {r["seed"] for r in ours} & {r["seed"] for r in theirs}
    if not seeds or ours is theirs:
        return ""
    both = [
        [r["tests"][scenario][str(count)]["per_map_m"] for r in part if r["seed"] in seeds]
        for part in (ours, theirs)
    ]
    found, low, high = ratio(*both)
    return f"{found:.3f} ({low:.3f}–{high:.3f})"


def _by_heard(records: Sequence[Record]) -> str:
    scenario = records[0]["scenario"]
    numbers = sorted({n for r in records for n in r["tests"][scenario]["5"]["heard"]}, key=int)
    rows = []
    for name, found in by_method(records).items():
        cells = [name]
        for n in numbers:
            here = [r["tests"][scenario]["5"]["heard"].get(n) for r in found]
            cells.append(spread(one["mean_m"] for one in here if one))
        rows.append(cells)
    first = records[0]["tests"][scenario]["5"]["heard"]
    users = np.array([first.get(n, {"n": 0})["n"] for n in numbers])
    shares = [f"{100 * n / users.sum():.1f} %" for n in users]
    rows += [["users, one seed", *map(str, users)], ["their share", *shares]]
    paper = [f"{TABLE_IV['share of users'][int(n) - 1]:g} %" for n in numbers]
    return table(["received", *numbers], [*rows, ["share, paper (robust)", *paper]])


def _elsewhere(records: Sequence[Record]) -> str:
    scenarios = list(dict.fromkeys(s for r in records for s in r["tests"]))
    rows = []
    for scenario in dict.fromkeys(r["scenario"] for r in records):
        for name, found in by_method([r for r in records if r["scenario"] == scenario]).items():
            cells = [
                spread(r["tests"][s]["5"]["mean_m"] for r in found if s in r["tests"])
                for s in scenarios
            ]
            rows.append([f"{name}, learned in {scenario}", *cells])
    return table(["measured in", *scenarios], rows)


def _short(record: Record) -> Record:
    """Without the errors per map."""
    if "tests" not in record:
        return record
    tests = {
        s: {c: {k: v for k, v in one.items() if k != "per_map_m"} for c, one in t.items()}
        for s, t in record["tests"].items()
    }
    return {**record, "tests": tests}
