"""Tables of ``rssfix reproduce lbn``, from whatever records are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.lbn_drift_report import drift_parts
from evaluation.lbn_paper import CONTRADICTIONS, PAPER, paper_table
from evaluation.lbn_places import DEVELOPMENT_MONTH, PLACES
from evaluation.lbn_plots import draw
from evaluation.lbn_statistics import Comparison, Record, compare, later, pooled
from evaluation.lbn_tables import compared, comparison_table, title_of
from evaluation.lbn_variants import GROUPS, NEIGHBOURS, VARIANTS
from evaluation.markdown import spread, table
from sdk.atomic import write_file

MAIN = "uji"
# Groups compared in the first test, in the later ones, and in all together.
_BY_SPAN = ("layer 1", "statistics")
_PAIRS = (("lbn", "none"), ("lbn", "bn"), ("lbn", "ln"), ("bn", "none"), ("ln", "none"))
# What the variants of a group are compared with, beside LBN on layer 1.
_AGAINST = {
    "lbn-layer2": ("none", "bn-layer2", "ln-layer2"), "bn-layer2": ("none",),
    "lbn-layer3": ("none", "bn-layer3", "ln-layer3"), "bn-layer3": ("none",),
    "lbn-block2": ("lbn",), "lbn-block8": ("lbn",), "lbn-pooled": ("lbn", "bn"),
    "lbn-sample": ("none", "bn", "ln", "lbn", "lbn-sample16"), "lbn-sample16": ("bn", "ln"),
    "bn-eps1e-3": ("bn",), "ln-eps1e-3": ("ln",), "lbn-eps1e-3": ("lbn", "bn-eps1e-3"),
    "lbn-slow": ("none-slow", "bn-slow"), "bn-slow": ("none-slow",),
    "lbn-long": ("none-long", "bn-long"), "bn-long": ("none-long",),
}  # fmt: skip


def report(out: Path) -> str:
    """Write tables.md, tables.json and the plots of all records in ``out``; says what there is."""
    files = sorted((out / "runs").glob("*.json"))
    records = [json.loads(f.read_text(encoding="utf-8")) for f in files]
    if not records:
        return "no results, no tables"
    made_by = sorted({f"`{r['command']}`, commit {r['commit']}, {r['date']}" for r in records})
    parts = ["# LBN-CNN: tables", "\n".join(f"- {one}" for one in made_by)]
    for name, place in PLACES.items():
        here = [r for r in records if r["place"] == name]
        if here:
            parts += _place(place.title + (" (leaks)" if place.leaks else ""), here)
    parts += ["## The paper's tables", paper_table(), CONTRADICTIONS]
    write_file(out / "tables.md", "\n\n".join(parts) + "\n")
    plain = {"made_by": made_by, "paper": PAPER, "comparisons": _all_pairs(records),
             "networks": [_short(r) for r in records]}  # fmt: skip
    write_file(out / "tables.json", json.dumps(plain, indent=1) + "\n")
    draw([r for r in records if r["place"] == MAIN], out)
    return f"{len(records)} records -> {out / 'tables.md'}"


def _place(title: str, records: Sequence[Record]) -> list[str]:
    of = _by_variant(records)
    tests = later(records[0])
    parts = [f"## {title}"]
    for group in GROUPS:
        names = [n for n in of if n in VARIANTS and VARIANTS[n].group == group]
        if group == GROUPS[0] and NEIGHBOURS in of:
            names.append(NEIGHBOURS)
        if not names:
            continue
        parts += [f"### {group.capitalize()}: {', '.join(tests)} together", _figures(of, names)]
        if len(records[0]["tests"]) > 1:
            parts.append(_by_test(of, names, list(records[0]["tests"])))
        spans = {", ".join(tests): tests}
        if group in _BY_SPAN and len(tests) > 1:
            spans = {"together": tests, tests[0]: tests[:1], f"{tests[1]} on": tests[1:]}
        parts.append(_comparisons(of, _pairs(names), spans))
    return [p for p in parts + drift_parts(of) if p]


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    own = [(a, b) for a in names for b in _AGAINST.get(a, ())]
    return [p for p in _PAIRS if p[0] in names and p[1] in names] + own


def _figures(of: dict[str, list[Record]], names: Sequence[str]) -> str:
    columns: dict[str, Callable[[Record], float]] = {
        "exact": lambda r: pooled(r)["margins"][0],
        "±1 index": lambda r: pooled(r)["margins"][1],
        "±2 index": lambda r: pooled(r)["margins"][2],
        "within 2 m": lambda r: pooled(r)["within"][0],
        "within 4 m": lambda r: pooled(r)["within"][1],
        "mean m": lambda r: pooled(r)["mean_m"],
        "variance m²": lambda r: pooled(r)["variance_m2"],
        "std m": lambda r: pooled(r)["std_m"],
        "expected position m": lambda r: pooled(r)["expected_m"],
        "training rows right": lambda r: r.get("train_accuracy", np.nan),
        "training loss": lambda r: r.get("train_loss", np.nan),
    }
    rows = []
    for n in names:
        cells = [spread([value(r) for r in of[n]], 3) for value in columns.values()]
        rows.append([title_of(n), str(len(of[n])), *cells])
    return table(["", "seeds", *columns], rows)


def _by_test(of: dict[str, list[Record]], names: Sequence[str], tests: Sequence[str]) -> str:
    rows = []
    for n in names:
        cells = [spread([r["tests"][t]["mean_m"] for r in of[n]], 2) for t in tests]
        rows.append([title_of(n), *cells])
    said = f"month {DEVELOPMENT_MONTH}"
    heads = [f"{t} (development)" if t == said else t for t in tests]
    return table(["mean error m", *heads], rows)


def _comparisons(
    of: dict[str, list[Record]],
    pairs: Sequence[tuple[str, str]],
    spans: dict[str, list[str]],
) -> str:
    """Of every pair, over the tests of every span."""
    rows = []
    for span, tests in spans.items():
        for a, b in pairs:
            found = compare(of.get(a, []), of.get(b, []), tests)
            if found is not None:
                rows.append(compared(found, title_of(a), title_of(b), span))
    return comparison_table(rows, several=len(spans) > 1)


def _all_pairs(records: Sequence[Record]) -> list[dict[str, Any]]:
    made = []
    for name in PLACES:
        of = _by_variant([r for r in records if r["place"] == name])
        for a, b in _pairs(list(of)):
            found: Comparison | None = compare(of[a], of.get(b, []))
            if found is not None:
                values = {k: None if v != v else v for k, v in asdict(found).items()}
                made.append({"place": name, "first": a, "second": b, **values})
    return made


def _by_variant(records: Sequence[Record]) -> dict[str, list[Record]]:
    """In the order of the plan."""
    names = [*VARIANTS, NEIGHBOURS]
    found = {n: sorted((r for r in records if r["variant"] == n), key=lambda r: r["seed"])
             for n in names}  # fmt: skip
    return {n: rs for n, rs in found.items() if rs}


def _short(record: Record) -> Record:
    """Without what the plots alone need."""

    def plain(found: Record) -> Record:
        return {k: v for k, v in found.items() if k not in ("ecdf", "by_point")}

    kept = {k: v for k, v in record.items() if k not in ("pca", "settings")}
    kept["tests"] = {name: plain(found) for name, found in record["tests"].items()}
    if "drift" in record:
        kept["drift"] = {
            name: {mode: plain(found) for mode, found in modes.items()}
            for name, modes in record["drift"].items()
        }
    return kept
