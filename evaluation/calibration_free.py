"""Baselines on every set with located access points: the table that Hapi has to beat.

``python -m evaluation.calibration_free DATA --out evaluation/results/hapi`` writes
``baselines.json`` and ``baselines.md``. No scan of a target building is used to fit anything: the
constants are textbook ones, the same everywhere but for the level at 1 m of BLE.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from evaluation.baselines import (
    Found,
    by_count,
    by_mean,
    hard_voronoi,
    locus,
    log_distance_fit,
    soft_voronoi,
    weighted_centroid,
)
from evaluation.baselines.bootstrap import Score, score
from evaluation.baselines.sets import Queries, all_sets
from evaluation.provenance import commit, today
from sdk.atomic import write_file

STRONGEST_3 = "centroid of 3, same floor"
STRONGEST_3_FAF_15 = "centroid of 3, all floors, FAF 15"
STRONGEST_3_FAF_20 = "centroid of 3, all floors, FAF 20"
POWER_4 = "centroid of 4, power weights, FAF 20"
POWER_5 = "centroid of 5, power weights, FAF 20"
METHODS: dict[str, Callable[[Queries], Found]] = {
    "nearest AP": lambda q: weighted_centroid(q.layout, q.rssi_dbm, 1),
    STRONGEST_3: lambda q: weighted_centroid(q.layout, q.rssi_dbm, 3),
    STRONGEST_3_FAF_15: lambda q: weighted_centroid(q.layout, q.rssi_dbm, 3, 20.0, 15.0),
    STRONGEST_3_FAF_20: lambda q: weighted_centroid(q.layout, q.rssi_dbm, 3, 20.0, 20.0),
    POWER_4: lambda q: weighted_centroid(q.layout, q.rssi_dbm, 4, 10.0, 20.0),
    POWER_5: lambda q: weighted_centroid(q.layout, q.rssi_dbm, 5, 10.0, 20.0),
    "centroid of all, FAF 20": lambda q: weighted_centroid(q.layout, q.rssi_dbm, None, 20.0, 20.0),
    "Locus (in spirit)": lambda q: locus(q.layout, q.rssi_dbm),
    "IncVoronoi hard (in spirit)": lambda q: hard_voronoi(q.layout, q.rssi_dbm),
    "IncVoronoi soft (in spirit)": lambda q: soft_voronoi(q.layout, q.rssi_dbm),
    "path loss fit, 5 strongest, FAF 20": lambda q: log_distance_fit(
        q.layout, q.rssi_dbm, 5, q.p0_dbm
    ),
    "path loss fit, offset free": lambda q: log_distance_fit(
        q.layout, q.rssi_dbm, 5, q.p0_dbm, free_offset=True
    ),
}
FLOOR_RULES = {"floor by count": by_count, "floor by mean": by_mean}
# SPEC 5.11, mean and median in metres.
EXPECTED = {
    ("CETC331 test", STRONGEST_3): (5.21, 4.05),
    ("CETC331 test", STRONGEST_3_FAF_15): (4.74, 3.62),
    ("CETC331 test", STRONGEST_3_FAF_20): (4.31, 3.15),
    ("CETC331 test", POWER_4): (4.42, 3.27),
    ("CETC331 train rows", STRONGEST_3): (4.05, 3.15),
    ("CETC331 train rows", STRONGEST_3_FAF_15): (3.57, 2.84),
    ("CETC331 train rows", STRONGEST_3_FAF_20): (3.22, 2.67),
    ("CETC331 train rows", POWER_4): (3.11, 2.46),
    ("HCXY test", STRONGEST_3): (3.42, 3.10),
    ("HCXY test", POWER_4): (3.22, 2.80),
    ("ble_tetam", STRONGEST_3): (2.98, 2.69),
    ("ble_tetam", POWER_5): (2.74, 2.37),
}
# Two rounded figures.
ROUNDING_M = 0.01
_ORDERS = 20
_RESTS_ON = (
    "evaluation/baselines", "evaluation/calibration_free.py", "training/ap_centroid.py",
    "training/ap_floors.py", "training/ap_layout.py", "training/readers", "training/simulator",
    "training/survey.py", "sdk/bssid.py", "sdk/venue.py",
)  # fmt: skip


def measure(queries: Queries) -> dict[str, Score]:
    """Every method's score on a set; the floor rules have a floor hit only."""
    got = {}
    for name, method in METHODS.items():
        found = method(queries)
        error = np.linalg.norm(found.xy_m - queries.xy_m, axis=1)
        got[name] = score(error, found.floor == queries.floor, queries.group)
    if len(queries.layout.floors) > 1:
        for name, rule in FLOOR_RULES.items():
            floor = rule(queries.layout, queries.rssi_dbm)
            heard = np.isfinite(queries.rssi_dbm).any(axis=1)
            nowhere = np.where(heard, 0.0, np.nan)
            got[name] = score(nowhere, floor == queries.floor, queries.group)
    return got


def table(queries: Queries, scores: dict[str, Score]) -> str:
    """One set as Markdown."""
    first = next(iter(scores.values()))
    lines = [
        f"## {queries.title}",
        "",
        f"{queries.note}. {first.n} scans, {first.answered} answered; 95 % intervals over "
        f"{first.groups} {queries.grouped_by}.",
        "",
        "| method | mean m | median m | floor |",
        "|---|---|---|---|",
    ]
    for name, one in scores.items():
        place = ("", "") if name in FLOOR_RULES else (one.mean_m.text(), one.median_m.text())
        hit = one.floor_hit.text(3) if len(queries.layout.floors) > 1 else "one floor"
        lines.append(f"| {name} | {place[0]} | {place[1]} | {hit} |")
    return "\n".join(lines) + "\n"


def against_spec(queries: Queries) -> list[dict[str, object]]:
    """The figures of SPEC 5.11 for a set beside ours, and how far equal levels move ours.

    Levels are whole dBm, so several access points often share the k-th place. We count them all;
    who takes the first k of some order gets other figures. The range is over 20 such orders.
    """
    rows: list[dict[str, object]] = []
    rng = np.random.default_rng(0)
    aps = queries.rssi_dbm.shape[1]
    orders = [np.zeros(aps)] + [1e-6 * rng.permutation(aps) for _ in range(_ORDERS)]
    for (title, method), (mean, median) in EXPECTED.items():
        if title != queries.title:
            continue
        got = []
        for nudge in orders:
            found = METHODS[method](replace(queries, rssi_dbm=queries.rssi_dbm - nudge))
            error = np.linalg.norm(found.xy_m - queries.xy_m, axis=1)
            got.append((float(np.nanmean(error)), float(np.nanmedian(error))))
        low, high = np.min(got, axis=0), np.max(got, axis=0)
        spec = np.array([mean, median])
        hit = ((spec >= low - ROUNDING_M) & (spec <= high + ROUNDING_M)).all()
        rows.append({
            "set": title, "method": method, "spec": [mean, median], "ours": list(got[0]),
            "lowest": low.tolist(), "highest": high.tolist(), "reproduced": bool(hit),
        })  # fmt: skip
    return rows


def comparison(rows: list[dict[str, object]]) -> str:
    """The rows of ``against_spec`` as Markdown."""

    def pair(values: object) -> str:
        mean, median = values  # type: ignore[misc]
        return f"{mean:.2f} / {median:.2f}"

    lines = [
        "## Against the figures of SPEC 5.11 (mean / median m)",
        "",
        "Levels are whole dBm, so several access points often share the k-th place. Here they all "
        f"count; the range is what taking k of them in {_ORDERS} random orders gives. Reproduced: "
        "both figures lie in it, give or take the rounding.",
        "",
        "| set | method | SPEC | ours | range | reproduced |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['set']} | {row['method']} | {pair(row['spec'])} | {pair(row['ours'])} | "
            f"{pair(row['lowest'])} to {pair(row['highest'])} | "
            f"{'yes' if row['reproduced'] else 'no'} |"
        )
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", default=Path("evaluation/results/hapi"), show_default=True,
              type=click.Path(file_okay=False, path_type=Path))  # fmt: skip
@click.option("--only", help="Beginning of the titles of the sets to measure; default all.")
def main(data: Path, out: Path, only: str | None) -> None:
    """Measure the calibration-free baselines on the sets under DATA."""
    command = f"python -m evaluation.calibration_free DATA{f' --only {only!r}' if only else ''}"
    made = {"command": command, "commit": commit(*_RESTS_ON), "date": today()}
    skipped: dict[str, str] = {}

    def skip(name: str, reason: str) -> None:
        # The reason names the reader's folder, which is nobody's business in a results file.
        skipped[name] = reason.replace(str(data), "DATA")
        click.echo(f"{name} skipped: {reason}", err=True)

    tables: list[str] = []
    rows: list[dict[str, object]] = []
    sets: dict[str, object] = {}
    for queries in all_sets(data, skip):
        if only and not queries.title.startswith(only):
            continue
        scores = measure(queries)
        sets[queries.title] = {
            "note": queries.note, "grouped_by": queries.grouped_by,
            "methods": {name: one.plain() for name, one in scores.items()},
        }  # fmt: skip
        tables.append(table(queries, scores))
        click.echo(tables[-1])
        rows += against_spec(queries)
    if rows:
        tables.append(comparison(rows))
        click.echo(tables[-1])
    head = (
        "# Positioning from access point positions alone: baselines\n\n"
        f"`{made['command']}`, commit {made['commit']}, {made['date']}. Nothing is fitted to a "
        "scan of the building; errors are horizontal, over the answered scans. Floor rule of all "
        "methods but Locus: the strongest AP. Locus and IncVoronoi are rebuilt in spirit: their "
        "exact rules were not at hand. The floor is nearly trivial in CETC331 and uji_library; no "
        "measured set here has a tall building, and the simulated ones show our simulator.\n"
    )
    notes = "".join(f"\n{name} skipped: {reason}\n" for name, reason in skipped.items())
    report = {**made, "sets": sets, "spec": rows, "skipped": skipped}
    write(out, head + notes + "\n" + "\n".join(tables), report)


def write(out: Path, text: str, report: dict[str, object]) -> None:
    """Both files, beside whatever else is in the folder; each appears whole."""
    content = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_file(out / "baselines.json", content)
    write_file(out / "baselines.md", text)


if __name__ == "__main__":
    main()
