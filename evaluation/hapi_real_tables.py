"""Tables of the real sets, and the issue's targets beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluation.hapi_rows import Row, text
from evaluation.hapi_walks import TRACK

FIGURES = ("mean_m", "median_m", "p75_m", "p95_m")
# Set, method, and what it is to reach: mean m, median m, floor hit.
TARGETS = (
    ("CETC331 test", "preset best", 4.0, 3.3, 1.0),
    ("CETC331 train rows", "preset best", 3.15, 2.65, 1.0),
    ("HCXY test", "preset best", 3.25, 2.95, None),
    ("HCXY test, 10 scans", "preset best", 2.95, 2.65, None),
    ("ble_tetam", "preset best-ble", 2.65, None, None),
    ("ble_tetam", f"preset best-ble, {TRACK}", 2.30, None, None),
    ("ble_tetam", "preset best-ble, track, 0.1 m/s²", 2.30, None, None),
)


def cells(one: Row) -> str:
    """Mean to p95, floor hit, share in the radius, as cells of a table."""
    found = [text(one[key]) for key in FIGURES]
    return " | ".join([*found, text(one["floor_hit"], 3), text(one["coverage_68"])])


def real(records: Sequence[dict[str, Any]]) -> str:
    """All real sets; nothing where there are none."""
    if not records:
        return ""
    parts = [
        "## Real buildings, uncalibrated",
        "No scan of a building is used to train for it. 95 % intervals, by drawing points or walks "
        "again. \"In radius\": share of the truths within the stated 68 % radius, which is "
        "calibrated on simulated users; \"radius\": its median.",
        targets(records),
    ]  # fmt: skip
    for record in records:
        for table in record["tables"]:
            parts.append(_table(table))
    return "\n\n".join(parts)


def targets(records: Sequence[dict[str, Any]]) -> str:
    """The issue's targets, and whether the figure (not its interval) reaches them."""
    tables = {t["title"]: t["rows"] for r in records for t in r["tables"]}
    lines = [
        "### Targets",
        "",
        "| set | method | mean m | to reach | median m | to reach | floor | to reach | reached |",
        "|---|---|---|--:|---|--:|---|--:|---|",
    ]
    for title, method, mean, median, floor in TARGETS:
        row = next((r for r in tables.get(title, []) if r["method"] == method), None)
        if row is None:
            continue
        got = [row[k]["value"] for k in ("mean_m", "median_m", "floor_hit")]
        reached = got[0] <= mean and (median is None or got[1] <= median)
        reached = reached and (floor is None or got[2] >= floor)
        wanted = [f"{mean:g}", "" if median is None else f"{median:g}",
                  "" if floor is None else f"{floor:.3f}"]  # fmt: skip
        shown = [text(row["mean_m"]), text(row["median_m"]), text(row["floor_hit"], 3)]
        middle = " | ".join(f"{s} | {w}" for s, w in zip(shown, wanted, strict=True))
        lines.append(f"| {title} | {method} | {middle} | {'yes' if reached else 'no'} |")
    return "\n".join(lines)


def _table(table: dict[str, Any]) -> str:
    lines = [
        f"### {table['title']}",
        "",
        f"{table['note']}. {table['scans']} scans, {table['groups']} {table['grouped_by']}.",
        "",
        "| method | mean m | median m | p75 | p95 | floor hit | in radius | radius m |",
        "|---|---|---|---|---|---|---|--:|",
    ]
    for one in table["rows"]:
        radius = one["median_radius_m"]
        name = one["method"]
        if "faf_db" in one:
            name += f" ({one['faf_db']:.1f} dB, offset {one['offset_db']:+.1f} dB)"
        lines.append(f"| {name} | {cells(one)} | {'' if radius is None else f'{radius:.1f}'} |")
    for one in table["floor_rules"]:
        lines.append(f"| {one['method']} | | | | | {text(one['floor_hit'], 3)} | | |")
    return "\n".join(lines)
