"""The rows of ``exloc_accuracy`` as Markdown: mean and standard deviation over the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.markdown import table

COMMAND = "python -m evaluation.exloc_accuracy DATA --out evaluation/results/exloc"
TITLES = {
    "known": "Known points: month 1 and month-2 trn → month-2 tst",
    "unseen": "Unseen points: one of tst2, tst3, tst4 left out, mean over the three",
    "ujiindoorloc": "UJIIndoorLoc, official split (floor hit = building and floor)",
}
_COLUMNS = (
    ("mean m", "mean_m", "{:.2f}"), ("median", "median_m", "{:.2f}"), ("p75", "p75_m", "{:.2f}"),
    ("p95", "p95_m", "{:.2f}"), ("floor hit", "floor_hit", "{:.3f}"),
    ("in 68 % radius", "coverage_68", "{:.3f}"), ("median radius m", "median_accuracy_m", "{:.2f}"),
)  # fmt: skip
_COSTS = (
    ("parameters", "parameters", 1, "{:,.0f}"), ("model kB", "model_bytes", 1e3, "{:.0f}"),
    ("bundle kB", "bundle_bytes", 1e3, "{:.0f}"), ("p50 µs", "p50_us", 1, "{:.0f}"),
    ("APs", "access_points", 1, "{:.0f}"), ("places", "places", 1, "{:.0f}"),
)  # fmt: skip


def report(rows: Sequence[dict[str, Any]]) -> str:
    """Accuracy per protocol and place, then what each system costs."""
    made = sorted({f"commit {row['commit']}, {row['date']}" for row in rows})
    parts = [
        "# Accuracy of eXLoc's presets",
        f"`{COMMAND}` ({'; '.join(made)}). Every row: an int8 ONNX bundle (`neighbours`: float32, "
        "no model), located scan by scan as on a device; mean ± standard deviation over the seeds. "
        "`neighbours` is the tuned kNN. Settings were chosen without these tests: see "
        "`docs/exloc.md`.",
    ]
    for protocol, title in TITLES.items():
        found = [row for row in rows if row["protocol"] == protocol]
        exported = [row for row in found if "refused" not in row]
        if exported:
            parts += [f"## {title}", _accuracy(exported)]
        parts += [
            f"Not exported, and so not in the table: {row['place']}, `{row['system']}`, seed "
            f"{row['seed']}: {row['refused']}."
            for row in found
            if "refused" in row
        ]
    parts += [
        "## Cost",
        "Latency is the p50 of `rssfix bench` per fix, all stages, on the machine that made the "
        "rows (busy with other work: compare within the table).",
        _costs([r for r in rows if r["protocol"] != "unseen" and "refused" not in r]),
    ]
    return "\n\n".join(parts) + "\n"


def grouped(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], dict[int, list[dict]]]:
    """(place, system) -> seed -> its rows; the campaigns of one floor count as one place."""
    groups: dict[tuple[str, str], dict[int, list[dict]]] = {}
    for row in rows:
        place = row["place"].partition(",")[0]
        groups.setdefault((place, row["system"]), {}).setdefault(row["seed"], []).append(row)
    return dict(sorted(groups.items(), key=lambda item: item[0][0]))


def _accuracy(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for (place, system), seeds in grouped(rows).items():
        most = max(len(part) for part in seeds.values())
        whole = [part for part in seeds.values() if len(part) == most]
        cells = [
            _spread([float(np.mean([row[key] for row in part])) for part in whole], form)
            for _, key, form in _COLUMNS
        ]
        lines.append([place, f"`{system}`", str(len(whole)), *cells])
    return table(["place", "system", "seeds", *(title for title, _, _ in _COLUMNS)], lines)


def _costs(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for (place, system), seeds in grouped(rows).items():
        every = [row for part in seeds.values() for row in part]
        cells = [form.format(np.median([r[k] for r in every]) / u) for _, k, u, form in _COSTS]
        lines.append([place, f"`{system}`", *cells])
    return table(["place", "system", *(title for title, *_ in _COSTS)], lines)


def _spread(values: Sequence[float], form: str) -> str:
    text = form.format(np.mean(values))
    return text if len(values) < 2 else f"{text} ± {form.format(np.std(values, ddof=1))}"
