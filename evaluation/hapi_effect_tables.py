"""Tables of what each part of Hapi does on the simulated testbeds, all buildings together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluation.hapi_rows import Row, pooled

TITLES = {
    "FAF": 'Floor attenuation, dB a floor; "own floor": other floors\' access points left out',
    "strongest": "Access points that count, strongest first after floor attenuation",
    "threshold": "Threshold of the density (preset paper)",
    "floor window": "Window for the floor, s (strongest level of each access point)",
    "position window": "Window for the position, s",
    "walking": "Filters and smoothing over single scans",
    "phone": "Phones that report 8 dB less",
    "augmentation": "What the paper's floor network is taught: other buildings' scans",
}
_APS = {1.0: "all access points", 0.5: "half of them"}


def gathered(records: Sequence[dict[str, Any]]) -> dict[str, dict[tuple[Any, ...], list[Row]]]:
    """{effect: {(preset, value): one row per building}}, in the order of measurement."""
    out: dict[str, dict[tuple[Any, ...], list[Row]]] = {}
    for record in records:
        for effect, rows in record.get("effects", {}).items():
            for one in rows:
                what = one.get("value", one["method"])
                column = one["preset"] if "keep" not in one else _APS[one["keep"]]
                key = (column, what)
                out.setdefault(effect, {}).setdefault(key, []).append(one)
    return {name: out[name] for name in TITLES if name in out}


def summary(rows: Sequence[Row]) -> dict[str, float | None]:
    """Floor hit, mean, median and p95 of several buildings together, every scan alike."""
    hits = sum(r["n"] * r["floor_hit"]["value"] for r in rows) / sum(r["n"] for r in rows)
    out: dict[str, float | None] = {"floor_hit": hits}
    if "mean_m" in rows[0]:
        answered = sum(r["answered"] for r in rows)
        out["mean_m"] = sum(r["answered"] * r["mean_m"]["value"] for r in rows) / answered
        out["median_m"], out["p95_m"] = (pooled(list(rows), share) for share in (0.5, 0.95))
    return out


def effects(records: Sequence[dict[str, Any]]) -> str:
    """A table per effect; nothing where none was measured."""
    found = gathered(records)
    if not found:
        return ""
    buildings = [r["building"] for r in records if "effects" in r]
    parts = [
        "## Effects on the simulated testbeds",
        f"{', '.join(buildings)} together, first seed, every scan alike, one scan at a time unless "
        "said otherwise; presets paper (taught by the other buildings) and best (no scan at all). "
        "Intervals of each building are in tables.json.",
    ]
    for effect, of_key in found.items():
        parts.append(f"### {TITLES[effect]}\n\n{_table(of_key)}")
    return "\n\n".join(parts)


def _table(of_key: dict[tuple[Any, ...], list[Row]]) -> str:
    presets = list(dict.fromkeys(key[0] for key in of_key))
    values = list(dict.fromkeys(key[1] for key in of_key))
    placed = "mean_m" in next(iter(of_key.values()))[0]
    names = ["floor hit", "mean m", "median m", "p95 m"] if placed else ["floor hit"]
    head = [f"{preset}: {name}" for preset in presets for name in names]
    lines = ["| | " + " | ".join(head) + " |", "|---|" + "--:|" * len(head)]
    for value in values:
        cells = []
        for preset in presets:
            got = summary(of_key[preset, value])
            cells.append(f"{got['floor_hit']:.3f}")
            if placed:
                cells += [f"{got[key]:.2f}" for key in ("mean_m", "median_m", "p95_m")]
        lines.append(f"| {value} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
