"""Tables of ``rssfix reproduce locunet``, from whatever records are there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.locunet_paper import TABLE_III, TABLE_IV, TABLE_V, TABLE_VIII
from evaluation.locunet_study import COUNTS, METHODS, ratio
from sdk.atomic import write_file

Record = dict[str, Any]
_KNN, _POSTERIOR = "kNN", "posterior mean"
_PAPER_OF = {"LocUNet quarter width": "LocUNet"}


def report(out: Path) -> str:
    """Write tables.md and tables.json of all records in ``out``; says what there is."""
    files = sorted((out / "runs").glob("*.json"))
    records = [json.loads(f.read_text(encoding="utf-8")) for f in files]
    if not records:
        return "no results, no tables"
    order = {name: i for i, name in enumerate(METHODS)}
    records.sort(key=lambda r: (r["scenario"], order.get(r["method"], len(order)), r["seed"]))
    made_by = sorted({f"`{r['command']}`, commit {r['commit']}, {r['date']}" for r in records})
    rss = [r for r in records if "tests" in r]
    ranging = [r for r in records if "ranging" in r]
    parts = ["# LocUNet: tables", "\n".join(f"- {one}" for one in made_by)]
    for scenario in dict.fromkeys(r["scenario"] for r in rss):
        here = [r for r in rss if r["scenario"] == scenario]
        parts += [f"## Learned and measured in `{scenario}` ({_size(here[0])})", _accuracy(here)]
        parts += ["By the number of transmitters received, of 5, mean error m:", _by_heard(here)]
    if rss:
        parts += ["## Out of distribution: mean error m with 5 transmitters", _elsewhere(rss)]
    if ranging:
        parts += ["## Ranging by time of arrival", _ranging(ranging)]
    parts += ["## The paper's figures (256 x 256 pixels of 1 m, its own data)", _paper()]
    write_file(out / "tables.md", "\n\n".join(parts) + "\n")
    plain = {"made_by": made_by, "records": [_short(r) for r in records]}
    write_file(out / "tables.json", json.dumps(plain, indent=1) + "\n")
    return f"{len(records)} records -> {out / 'tables.md'}"


def _size(record: Record) -> str:
    city = record["city"]
    return (
        f"{city['size_px']} x {city['size_px']} pixels of {city['pitch_m']:g} m, "
        f"{city['n_maps']} maps, {record['test_maps']} of them test, "
        f"{record['per_map']} users each"
    )


def _of(records: Sequence[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record["method"], []).append(record)
    return found


def _accuracy(records: Sequence[Record]) -> str:
    of = _of(records)
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
                _mean(t[key] for t in tests) for key in ("mean_m", "median_m", "p75_m", "p95_m")
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
    for name, found in _of(records).items():
        cells = [name]
        for n in numbers:
            here = [r["tests"][scenario]["5"]["heard"].get(n) for r in found]
            cells.append(_mean(one["mean_m"] for one in here if one))
        rows.append(cells)
    users = [
        str(sum(r["tests"][scenario]["5"]["heard"].get(n, {"n": 0})["n"] for r in records[:1]))
        for n in numbers
    ]
    return table(["received", *numbers], [*rows, ["users, one seed", *users]])


def _elsewhere(records: Sequence[Record]) -> str:
    scenarios = list(dict.fromkeys(s for r in records for s in r["tests"]))
    rows = []
    for scenario in dict.fromkeys(r["scenario"] for r in records):
        for name, found in _of([r for r in records if r["scenario"] == scenario]).items():
            cells = [
                _mean(r["tests"][s]["5"]["mean_m"] for r in found if s in r["tests"])
                for s in scenarios
            ]
            rows.append([f"{name}, learned in {scenario}", *cells])
    return table(["measured in", *scenarios], rows)


def _ranging(records: Sequence[Record]) -> str:
    noises = list(records[0]["ranging"])
    heads = [
        "",
        *(f"σ {n} m, {c} Tx" for n in noises for c in COUNTS),
        "ms",
        "infeasible",
        "paper, σ 0",
    ]
    rows = []
    for name, found in _of(records).items():
        cells = [name]
        for n in noises:
            cells += [_mean(r["ranging"][n][str(c)]["mean_m"] for r in found) for c in COUNTS]
        times = [r["ranging"][n][str(c)]["ms"] for r in found for n in noises for c in COUNTS]
        none = [
            r["ranging"][n][str(c)]["infeasible"] for r in found for n in noises for c in COUNTS
        ]
        paper = TABLE_VIII.get(name)
        cells += [f"{np.mean(times):.1f}", f"{np.mean(none):.1%}",
                  "" if paper is None else f"{paper[0]:g} / {paper[1]:g}"]  # fmt: skip
        rows.append(cells)
    city = records[0]["city"]
    where = f"{city['size_px']} x {city['size_px']} pixels of {city['pitch_m']:g} m"
    users = f"{records[0]['samples']} users of {records[0]['test_maps']} test maps"
    return f"{users}, {where}.\n\n" + table(heads, rows)


def _paper() -> str:
    rows = [[f"table III, {world}: {name}, 5 and 3 Tx", *map(str, values)]
            for world, of in TABLE_III.items() for name, values in of.items()]  # fmt: skip
    rows += [[f"table IV, 1 to 5 received: {name}", *map(str, v)] for name, v in TABLE_IV.items()]
    rows += [[f"table V, DPM, DPM cars, IRT, IRT cars: {n}", *map(str, v)]
             for n, v in TABLE_V.items()]  # fmt: skip
    width = max(map(len, rows))
    return table(["", *[" "] * (width - 1)], [r + [""] * (width - len(r)) for r in rows])


def _short(record: Record) -> Record:
    """Without the errors per map."""
    if "tests" not in record:
        return record
    tests = {
        s: {c: {k: v for k, v in one.items() if k != "per_map_m"} for c, one in t.items()}
        for s, t in record["tests"].items()
    }
    return {**record, "tests": tests}


def _mean(values: Iterable[float], digits: int = 2) -> str:
    found = list(values)
    if not found:
        return ""
    spread = f" ± {np.std(found, ddof=1):.{digits}f}" if len(found) > 1 else ""
    return f"{np.mean(found):.{digits}f}{spread}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
