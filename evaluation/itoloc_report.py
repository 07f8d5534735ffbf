"""Tables of ``rssfix reproduce itoloc``, from whatever records are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from evaluation.itoloc_figures import Record, mean_of, months_with, values
from evaluation.itoloc_parts import ABLATIONS, MAIN
from evaluation.itoloc_places import LAST, MONTHS, SHOWN
from evaluation.itoloc_plots import draw
from evaluation.markdown import spread, table
from sdk.atomic import write_file
from training.itoloc_newcomers import LEAST_GAIN

# (records' system, way of answering) with what it is called, in the tables' order.
ROWS = {
    ("knn", "static"): "kNN, static",
    ("cnnloc", "static"): "CNNLoc, static",
    ("wideep", "static"): "WiDeep-like, static",
    ("chameleon", "updated"): "Chameleon-like (that month's scans, no labels)",
    ("acmu", "labelled"): "AcMu-like (**labelled** scans at 24 points of that month)",
    ("retrained", "labelled"): "kNN, retrained on **labelled** scans at 24 points of that month",
    ("knn", "masked"): "kNN, masked",
    (MAIN, "static network"): "three modules alone, static",
    (MAIN, "masked network"): "three modules alone, masked",
    (MAIN, "static"): "`best`, static",
    (MAIN, "masked"): "`best`, masked",
    ("update", "updated"): "`best`, masked and updated",
    ("control", "updated"): "the same rounds without a pseudo-label",
    ("guarded", "updated"): "updated under a guard of **labelled** scans at 24 points",
}
# Months of SHOWN before and after the change.
BEFORE, AFTER = (2, 6), (12, 18, LAST)
OTHER = f"{LAST} other phone"
_FIGURES = ("mean_m", "median_m", "p75_m", "p95_m", "region")


def report(out: Path) -> str:
    """Write tables.md, tables.json and the plots of all records in ``out``; says what there is."""
    files = sorted((out / "runs").glob("*.json"))
    records = [json.loads(f.read_text(encoding="utf-8")) for f in files]
    if not records:
        return "no results, no tables"
    made_by = sorted({f"`{r['command']}`, commit {r['commit']}, {r['date']}" for r in records})
    parts = ["# iToLoc over 25 months: tables", "\n".join(f"- {one}" for one in made_by)]
    sections = {
        "To reach": targets, "Mean error (m), both floors": by_month,
        "Month 25, both floors": last_month, "Month 25, another phone": other_phone,
        "Every month": every_month, "Updates": updates, "What comes from what": ablations,
        "Features": features, "UJIIndoorLoc, official split": official,
    }  # fmt: skip
    for title, made in sections.items():
        text = made(records)
        parts += [f"## {title}", text] if text else []
    write_file(out / "tables.md", "\n\n".join(parts) + "\n")
    plain = {"made_by": made_by, "runs": [_short(r) for r in records]}
    write_file(out / "tables.json", json.dumps(plain, indent=1) + "\n")
    draw(records, out)
    return f"{len(records)} records -> {out / 'tables.md'}"


def targets(records: Sequence[Record]) -> str:
    """What the issue asks for, and what was found."""
    last = str(LAST)
    rows: list[list[str]] = []

    def line(what: str, wanted: str, value: float, holds: bool, text: str) -> None:
        rows.append([what, wanted, text, "" if np.isnan(value) else "yes" if holds else "**no**"])

    for way, system, most, title in (
        ("masked", MAIN, 2.0, "mask alone"), ("updated", "update", 1.9, "with updates"),
    ):  # fmt: skip
        found = mean_of(records, system, way, last)
        line(f"month 25, {title}: mean error", f"≤ {most} m", found, found <= most, f"{found:.2f}")
    for way, system in (("masked", MAIN), ("updated", "update")):
        months = months_with(records, system, way)
        gaps = {m: mean_of(records, system, way, str(m))
                - mean_of(records, "knn", "masked", str(m)) for m in months}  # fmt: skip
        worst = max(gaps, key=lambda m: gaps[m]) if gaps else 0
        gap = gaps.get(worst, float("nan"))
        line(f"{way}: worst month against masked kNN ({len(months)} months)", "≤ +0.1 m", gap,
             gap <= 0.1, f"{gap:+.2f} (month {worst})")  # fmt: skip
    for system, way, title in (
        (MAIN, "masked", "masked"), ("update", "updated", "updated"), ("knn", "masked", None),
        ("knn", "static", None),
    ):  # fmt: skip
        # Nothing can be updated before its first month.
        before = (MAIN, "masked") if system == "update" else (system, way)
        first = 100 * mean_of(records, *before, "2", "region")
        now = 100 * mean_of(records, system, way, last, "region")
        text = f"{first - now:.1f} ({first:.1f} % to {now:.1f} %)"
        if title:
            line(f"success over 4 x 4 m regions, month 2 to 25, {title}", "drop ≤ 6 points",
                 first - now, first - now <= 6.0, text)  # fmt: skip
        else:
            rows.append([f"the same, {way} kNN", "", text, ""])
    loss = phone_loss(records, MAIN, "masked")
    line("S3 survey, A5 phone in month 25: loss of mean error, masked", "≤ 5 %", loss,
         loss <= 0.05, f"{100 * loss:+.1f} %")  # fmt: skip
    return table(["", "to reach", "found", ""], rows)


def phone_loss(records: Sequence[Record], system: str, way: str) -> float:
    """Share by which the mean error with the other phone is larger."""
    same = mean_of(records, system, way, str(LAST))
    return mean_of(records, system, way, OTHER) / same - 1.0


def by_month(records: Sequence[Record]) -> str:
    """The months that the issue names, and all of them."""
    rows = []
    for (system, way), title in ROWS.items():
        months = months_with(records, system, way)
        if not months:
            continue
        cells = [spread(values(records, system, way, str(m))) for m in SHOWN]
        every = [mean_of(records, system, way, str(m)) for m in months]
        whole = len(months) == len(MONTHS)
        cells += [f"{np.mean(every):.2f}", f"{max(every):.2f}"] if whole else ["", ""]
        rows.append([title, str(len(values(records, system, way, str(months[0])))), *cells])
    heads = ["", "seeds", *(f"month {m}" for m in SHOWN), "months 2-25", "worst"]
    return table(heads, rows)


def every_month(records: Sequence[Record]) -> str:
    """Of the rows that matter most, and where the two kinds of mask stand."""
    chosen = [("knn", "static"), ("knn", "masked"), ("retrained", "labelled"), (MAIN, "static"),
              (MAIN, "masked"), ("update", "updated")]  # fmt: skip
    chosen = [c for c in chosen if months_with(records, *c)]
    rows = [[str(m), *(spread(values(records, *c, str(m))) for c in chosen)] for m in MONTHS]
    return table(["month", *(ROWS[c].partition(" on **")[0] for c in chosen)], rows)


def last_month(records: Sequence[Record]) -> str:
    """Errors, success over regions and coverage."""
    return _detail(records, str(LAST))


def other_phone(records: Sequence[Record]) -> str:
    """The same with the other phone, and the loss."""
    return _detail(
        records, OTHER, lambda system, way: f"{100 * phone_loss(records, system, way):+.0f} %"
    )


def _detail(
    records: Sequence[Record], test: str, more: Callable[[str, str], str] | None = None
) -> str:
    rows = []
    for (system, way), title in ROWS.items():
        if values(records, system, way, test):
            cells = [f"{mean_of(records, system, way, test, k):.2f}" for k in _FIGURES[:-1]]
            cells.append(f"{100 * mean_of(records, system, way, test, 'region'):.0f} %")
            covered = values(records, system, way, test, "coverage_68")
            cells.append(f"{100 * np.mean(covered):.0f} %" if covered else "")
            rows.append([title, *cells, *([more(system, way)] if more else [])])
    heads = ["", "mean m", "median", "p75", "p95", "right region", "in 68 % radius"]
    return table([*heads, *(["loss of the mean"] if more else [])], rows) if rows else ""


def updates(records: Sequence[Record]) -> str:
    """Each month's two updates together, on the same scans: static, masked, updated."""
    rows = []
    for r in records:
        if r["kind"] != "update":
            continue
        month = str(r["month"])
        cells = [
            f"{r['ways'][way][month]['mean_m']:.2f}" for way in ("static", "masked", "updated")
        ]
        regions = [
            f"{100 * r['ways'][way][month]['region']:.0f} %" for way in ("masked", "updated")
        ]
        both = r["updates"]
        seed = str(r["seed"]) + (f", {r['system']}" if r["system"] != "update" else "")
        # Of those with next to no gain the network sees nothing.
        new = [sum(gain >= LEAST_GAIN for gain in u["newcomers"].get("gain", ()))
               if u["newcomers"]["kept"] else 0
               for u in both if "newcomers" in u]  # fmt: skip
        rows.append([
            month, str(r["floor"]), seed, *cells, *regions,
            *(", ".join(str(u[k]) for u in both) for k in ("unknown", "rounds", "rolled_back")),
            ", ".join(str(max(u["last_added"])) for u in both),
            ", ".join("yes" if u["kept"] else "no" for u in both),
            ", ".join(map(str, new)),
        ])  # fmt: skip
    rows.sort(key=lambda row: (int(row[0]), row[1], row[2]))
    heads = ["month", "floor", "seed", "static m", "masked m", "updated m", "masked region",
             "updated region", "masked APs", "rounds", "rolled back", "labels", "kept",
             "new APs"]  # fmt: skip
    return table(heads, rows) if rows else ""


def ablations(records: Sequence[Record]) -> str:
    """Both floors, the network alone, static and masked, in months before and after the change."""
    rows = []
    for name in ABLATIONS:
        mine = [r for r in records if r["kind"] == "ablation" and r["system"] == name]
        if not mine:
            continue
        cells, seeds = [], 0
        for way, months in (("static", BEFORE), ("static", AFTER), ("masked", AFTER),
                            ("masked", (LAST,))):  # fmt: skip
            found = [values(mine, name, way, str(m)) for m in months]
            each = np.mean([one for one in found if one], axis=0) if any(found) else []
            cells.append(spread(list(each)))
            seeds = len(each)
        cpu = f"{np.mean([r['cpu_s'] for r in mine]):.0f}"
        changed = ", ".join(f"{k} {v}" for k, v in ABLATIONS[name].items())
        rows.append([name, changed, str(seeds), *cells, cpu, f"{mine[0]['parameters']:,}"])
    heads = ["", "differs in", "seeds", "static, 2, 6", "static, 12, 18, 25", "masked, 12, 18, 25",
             "masked, month 25", "CPU s", "parameters"]  # fmt: skip
    return table(heads, rows) if rows else ""


def features(records: Sequence[Record]) -> str:
    """How well neighbours among M_E's features tell the domain, and the place."""
    rows = []
    for r in records:
        if "features" in r:
            f = r["features"]
            rows.append([r["system"], f"{100 * f['domain_accuracy']:.0f} %",
                         f"{100 * f['region_accuracy']:.0f} %"])  # fmt: skip
    heads = ["network", "domain told (chance 33 %)", "region told"]
    return table(heads, rows) if rows else ""


def official(records: Sequence[Record]) -> str:
    """Presets, their parts and the kNN to beat; the floor hit counts building and floor together.
    Seeds that say the same to the last bit, as kNN's, count once."""
    found: dict[str, list[Record]] = {}
    for r in records:
        for name, one in r.get("official", {}).items():
            if one not in found.setdefault(name, []):
                found[name].append(one)
    rows = []
    for name, each in found.items():
        cells = [spread([one[k] for one in each]) for k in ("mean_m", "median_m", "p75_m", "p95_m")]
        hit = spread([one["floor_hit"] for one in each], 3)
        held = [100 * one["coverage_68"] for one in each if "coverage_68" in one]
        covered = f"{spread(held, 0)} %" if held else ""
        mine = [r["cpu_s"] for r in records if name in r.get("official", {})]
        cpu = "" if name == "knn" else f"{np.mean(mine):.0f}"
        rows.append([name, str(len(each)), *cells, hit, covered, cpu])
    heads = ["", "seeds", "mean m", "median", "p75", "p95", "building and floor",
             "in 68 % radius", "CPU s of the training"]  # fmt: skip
    return table(heads, rows) if rows else ""


def _short(record: Record) -> Record:
    """Without what the plots alone need."""
    kept = {k: v for k, v in record.items() if k not in ("features", "settings")}
    if "features" in record:
        f = record["features"]
        kept["features"] = {k: f[k] for k in ("domain_accuracy", "region_accuracy")}
    return kept
