"""Tables of ``rssfix reproduce hapi``, from whatever parts are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evaluation import hapi_effect_tables, hapi_real_tables
from evaluation.hapi_plots import draw
from evaluation.hapi_rows import Row, pooled
from evaluation.hapi_testbeds import BEST, PAPER, PAPERS
from evaluation.hapi_walks import TRACK
from sdk.atomic import write_file
from training.simulator import REPLICAS

Record = dict[str, Any]
_FLOORS = {
    "network, paper": f"network, {PAPERS}",
    "network, best, others' scans": "network, best, other buildings' scans",
    "network, best, no scan": f"network, {BEST}",
    "TrueStory": "TrueStory (16 inputs)",
    "strongest AP": "floor of the strongest AP",
    "most APs": "floor with most APs",
    "best mean": "floor with the best mean",
    "Locus' vote": "vote of the three (Locus)",
}
PLACES = {
    "preset paper": (PAPERS, "one scan"),
    "paper, track": (PAPERS, TRACK),
    "preset best": (BEST, "one scan"),
    "best, track": (BEST, TRACK),
    "Locus": ("Locus (in spirit)", "one scan"),
    "IncVoronoi hard": ("IncVoronoi hard (in spirit)", "one scan"),
    "IncVoronoi soft": ("IncVoronoi soft (in spirit)", "one scan"),
    "centroid, FAF 20": ("centroid of 4, power weights, FAF 20", "one scan"),
}


def report(out: Path) -> str:
    """Write tables.md, tables.json and the plots of all parts in ``out``; says what there is."""
    files = sorted((out / "runs").glob("*.json"))
    records = [json.loads(f.read_text(encoding="utf-8")) for f in files]
    if not records:
        return "no results, no tables"
    made_by = sorted({f"`{r['command']}`, commit {r['commit']}, {r['date']}" for r in records})
    kinds = {k: [r for r in records if r["kind"] == k] for k in ("testbed", "thin", "real")}
    parts = ["# Hapi: tables", "\n".join(f"- {one}" for one in made_by)]
    if kinds["testbed"]:
        parts += [table_2(kinds["testbed"])]
    if kinds["thin"]:
        parts += [thinned(kinds["thin"])]
    parts += [hapi_effect_tables.effects(kinds["testbed"]), hapi_real_tables.real(kinds["real"])]
    write_file(out / "tables.md", "\n\n".join(p.strip() for p in parts if p) + "\n")
    plain = {"made_by": made_by, "paper": PAPER, "parts": [_without_errors(r) for r in records]}
    write_file(out / "tables.json", json.dumps(plain, indent=1) + "\n")
    draw(kinds, out)
    return f"{len(records)} parts -> {out / 'tables.md'}"


def table_2(records: Sequence[Record]) -> str:
    """Floors and medians of the testbeds, beside the paper's, and the features alone."""
    seeds = sorted({r["seed"] for r in records})
    text = [
        "## Table 2: five simulated testbeds, leave one building out",
        "Replicas of our simulator, each with a building, radio and walks of its own. Seeds: "
        f"{', '.join(str(s) for s in seeds)}; their mean, \"all\": every scan alike. The networks' "
        "teachers: other buildings' scans, or virtual users of the building alone (\"no scan\"). "
        "The paper's columns are its own buildings and its own runs of Locus and IncVoronoi.",
        "### Floor hit",
    ]  # fmt: skip
    paper = {
        "paper: Hapi": lambda n: f"{PAPER[n]['floor'][0]:.3f}",
        "paper: Locus": lambda n: f"{PAPER[n]['floor'][1]:.3f}",
    }
    text.append(_buildings(records, _FLOORS, _floor_of, _floor_of_all, paper))
    text.append("### 2-D error, median m")
    names = ("paper: Hapi", "paper: IncVoronoi", "paper: Locus")
    paper = {
        title: lambda n, i=i: f"{PAPER[n]['median_m'][i]:.1f}" for i, title in enumerate(names)
    }
    text.append(_buildings(records, PLACES, _median_of, _median_of_all, paper))
    text.append("### Floor hit of single features (the paper: about 0.60 each)")
    features = {
        r["method"].removeprefix("feature ").removesuffix(" alone"): r["method"]
        for r in records[0]["floors"]
        if r["method"].startswith("feature ")
    }
    text.append(_buildings(records, features, _floor_of, _floor_of_all, {}))
    text.append(_intervals(records))
    return "\n\n".join(text)


def _buildings(
    records: Sequence[Record],
    columns: dict[str, Any],
    one: Callable[[Record, Any], float],
    every: Callable[[Sequence[Record], Any], float],
    paper: dict[str, Callable[[str], str]],
) -> str:
    lines = ["| building | " + " | ".join([*columns, *paper]) + " |"]
    lines.append("|---|" + "--:|" * (len(columns) + len(paper)))
    for name in REPLICAS:
        mine = [r for r in records if r["building"] == name]
        if mine:
            cells = [_mean([one(r, key) for r in mine], key in _FLOORS.values() or not paper)
                     for key in columns.values()]  # fmt: skip
            lines.append(f"| {name} | " + " | ".join([*cells, *(p(name) for p in paper.values())])
                         + " |")  # fmt: skip
    of_seed = [[r for r in records if r["seed"] == s] for s in {r["seed"] for r in records}]
    whole = [rs for rs in of_seed if len(rs) == len(REPLICAS)]
    if whole:
        cells = []
        for key in columns.values():
            digits = 3 if key in _FLOORS.values() or not paper else 2
            values = [every(rs, key) for rs in whole]
            low, high = min(values), max(values)
            spread = f" ({low:.{digits}f}–{high:.{digits}f})" if len(values) > 1 else ""
            cells.append(f"**{sum(values) / len(values):.{digits}f}**{spread}")
        lines.append("| all | " + " | ".join([*cells, *(p("all") for p in paper.values())]) + " |")
    return "\n".join(lines)


def _mean(values: Sequence[float], floors: bool) -> str:
    return f"{sum(values) / len(values):.{3 if floors else 2}f}"


def find(rows: Sequence[Row], method: str, kind: str | None = None) -> Row:
    """The row of a method. Raises StopIteration where there is none."""
    return next(r for r in rows if r["method"] == method and kind in (None, r.get("input")))


def _floor_of(record: Record, method: str) -> float:
    return find(record["floors"], method)["floor_hit"]["value"]


def _floor_of_all(records: Sequence[Record], method: str) -> float:
    rows = [find(r["floors"], method) for r in records]
    return sum(r["n"] * r["floor_hit"]["value"] for r in rows) / sum(r["n"] for r in rows)


def _median_of(record: Record, key: tuple[str, str]) -> float:
    return find(record["places"], *key)["median_m"]["value"]


def _median_of_all(records: Sequence[Record], key: tuple[str, str]) -> float:
    return pooled([find(r["places"], *key) for r in records], 0.5)


def _intervals(records: Sequence[Record]) -> str:
    lines = [
        "### All methods, first seed, 95 % intervals over walks",
        "| building | method | input | mean m | median m | p75 | p95 | floor hit | in radius |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines[1:1] = [""]
    for record in records:
        if record["seed"] == min(r["seed"] for r in records):
            lines += [
                f"| {record['building']} | {r['method']} | {r['input']} | "
                + hapi_real_tables.cells(r) + " |"
                for r in record["places"]
            ]  # fmt: skip
    return "\n".join(lines)


def thinned(records: Sequence[Record]) -> str:
    """Networks against rules where access points are missing."""
    names = [*_FLOORS.values()]
    names.remove("network, best, other buildings' scans")
    titles = [k for k, v in _FLOORS.items() if v in names]
    lines = [
        "## Tall buildings with thinned access points: floor hit",
        "",
        "A share of the access points, drawn at random, is left; they may all be gone from a "
        "floor, and the strongest access point is then always on another one. One scan; mean over "
        "seeds, the networks' intervals over walks are in tables.json.",
        "",
        "| building | kept | seeds | APs | floors without | " + " | ".join(titles) + " |",
        "|---|---|---|---|---|" + "--:|" * len(names),
    ]
    keys = sorted({(r["building"], -r["keep"]) for r in records})
    for building, keep in keys:
        mine = [r for r in records if (r["building"], -r["keep"]) == (building, keep)]
        about = [", ".join(str(r[k]) for r in mine) for k in ("aps", "empty_floors")]
        cells = [_mean([_floor_of(r, name) for r in mine], True) for name in names]
        lines.append(f"| {building} | {-keep:g} | {len(mine)} | " + " | ".join([*about, *cells])
                     + " |")  # fmt: skip
    return "\n".join(lines)


def _without_errors(part: Any) -> Any:
    if isinstance(part, dict):
        return {k: _without_errors(v) for k, v in part.items() if k != "errors_m"}
    if isinstance(part, list):
        return [_without_errors(v) for v in part]
    return part
