"""Plots of ``rssfix reproduce hapi``: distributions of errors, and the effects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.explanation_plots import save_small
from evaluation.hapi_effect_tables import gathered, summary
from evaluation.hapi_rows import LEVELS, Row
from evaluation.hapi_testbeds import BEST, PAPERS
from evaluation.hapi_walks import TRACK
from evaluation.plots import BLUE, GREEN, GREY, ORANGE

PURPLE, YELLOW, SKY = "#CC79A7", "#E69F00", "#56B4E9"
_TESTBED_LINES = (
    (f"best, {TRACK}", (BEST, TRACK), BLUE, "-"),
    ("best, one scan", (BEST, "one scan"), SKY, "-"),
    ("paper, one scan", (PAPERS, "one scan"), GREEN, "-"),
    ("centroid of 4, FAF 20", ("centroid of 4, power weights, FAF 20", "one scan"), YELLOW, "--"),
    ("IncVoronoi soft", ("IncVoronoi soft (in spirit)", "one scan"), ORANGE, "--"),
    ("Locus", ("Locus (in spirit)", "one scan"), GREY, "--"),
)
_REAL_LINES = (
    ("best", BLUE, "-", ("preset best", "preset best-ble")),
    ("best, track", SKY, "-", (f"preset best-ble, {TRACK}",)),
    ("paper", GREEN, "-", ("preset paper",)),
    ("centroid of 4, FAF 20", YELLOW, "--", ("centroid of 4, power weights, FAF 20",)),
    ("IncVoronoi soft", ORANGE, "--", ("IncVoronoi soft (in spirit)",)),
    ("Locus", GREY, "--", ("Locus (in spirit)",)),
    ("surveyed: weighted kNN", PURPLE, ":", (
        "weighted kNN of the surveyed building (needs a survey)",
    )),
)  # fmt: skip
_EFFECTS = {
    "FAF": "floor attenuation (dB a floor)",
    "strongest": "access points that count",
    "threshold": "threshold of the density",
    "floor window": "window for the floor (s)",
    "position window": "window for the position (s)",
    "walking": "filters and smoothing",
    "phone": "phones that report 8 dB less",
    "augmentation": "what teaches the floor network",
}
_MOST_M = 12.0
_COLUMNS = 4


def draw(kinds: dict[str, list[dict[str, Any]]], out: Path) -> None:
    """The plots that the records give."""
    if kinds["testbed"]:
        testbeds(kinds["testbed"], out / "testbeds-ecdf.png")
    if kinds["real"]:
        real(kinds["real"], out / "real-ecdf.png")
    if gathered(kinds["testbed"]):
        effects(kinds["testbed"], out / "effects.png")


def testbeds(records: Sequence[dict[str, Any]], path: Path) -> None:
    """Errors on all replicas together, all seeds."""
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for label, key, colour, style in _TESTBED_LINES:
        rows = [r for one in records for r in one["places"] if (r["method"], r["input"]) == key]
        if rows:
            _curve(axes, rows, label, colour, style)
    names = sorted({r["building"] for r in records})
    axes.set_title(f"{len(names)} simulated testbeds", fontsize=10)
    _finish(axes)
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    save_small(figure, path)


def real(records: Sequence[dict[str, Any]], path: Path) -> None:
    """A panel per kind of scans."""
    tables = [t for r in records for t in r["tables"]]
    rows = -(-len(tables) // _COLUMNS)
    figure = Figure(figsize=(3.4 * _COLUMNS, 2.9 * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False, sharey=True).ravel()
    shown: dict[str, Any] = {}
    for axes, table in zip(panels, tables, strict=False):
        for label, colour, style, methods in _REAL_LINES:
            found = [r for r in table["rows"] if r["method"] in methods]
            if found:
                shown[label] = _curve(axes, found, label, colour, style)
        axes.set_title(table["title"], fontsize=9)
        _finish(axes)
    for axes in panels[len(tables) :]:
        axes.set_visible(False)
    figure.legend(shown.values(), shown, loc="outside lower center", ncols=len(shown),
                  frameon=False, fontsize=8)  # fmt: skip
    save_small(figure, path)


def effects(records: Sequence[dict[str, Any]], path: Path) -> None:
    """A panel per effect: median error, or floor hit where nothing else changes."""
    found = gathered(records)
    rows = -(-len(found) // 3)
    figure = Figure(figsize=(13, 3.3 * rows), layout="constrained")
    panels = figure.subplots(rows, 3, squeeze=False).ravel()
    for axes, (effect, of_key) in zip(panels, found.items(), strict=False):
        placed = "median_m" in next(iter(of_key.values()))[0]
        _effect(axes, of_key, "median_m" if placed else "floor_hit")
        axes.set_title(_EFFECTS[effect], fontsize=10)
        axes.grid(color="#E5E5E5", lw=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=7)
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    save_small(figure, path)


def _effect(axes: Axes, of_key: dict[tuple[Any, ...], list[Row]], key: str) -> None:
    values = list(dict.fromkeys(k[1] for k in of_key))
    groups = list(dict.fromkeys(k[0] for k in of_key))
    numbers = sum(isinstance(v, int | float) for v in values) > len(values) / 2
    names = [f"{v:g}" if isinstance(v, int | float) else fill(str(v), 22) for v in values]
    title = "median error (m)" if key == "median_m" else "floor hit"
    for i, (group, colour) in enumerate(zip(groups, (GREEN, BLUE), strict=False)):
        got = [summary(of_key[group, v])[key] for v in values]
        if numbers:
            axes.plot(range(len(values)), got, "o-", color=colour, label=group, ms=4)
        else:
            at = np.arange(len(values)) + (i - (len(groups) - 1) / 2) * 0.4
            axes.barh(at, got, height=0.38, color=colour, label=group)
    if numbers:
        axes.set_xticks(range(len(values)), names)
        axes.set_ylabel(title, fontsize=8)
        low, high = (0.0, None) if key == "median_m" else (min(0.4, axes.get_ylim()[0]), 1.02)
        axes.set_ylim(low, high)
        axes.legend(frameon=False, fontsize=7)
    else:
        axes.set_yticks(range(len(values)), names)
        axes.invert_yaxis()
        axes.set_xlabel(title, fontsize=8)
        if key == "floor_hit":
            axes.set_xlim(0.8, 1.0)
        axes.legend(frameon=False, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.16),
                    ncols=len(groups))  # fmt: skip


def _curve(axes: Axes, rows: Sequence[Row], label: str, colour: str, style: str) -> Any:
    """Share of all scans, the unanswered ones too, within each distance."""
    grid = np.linspace(0.0, _MOST_M, 300)
    n = sum(r["n"] for r in rows)
    share = sum(
        r["answered"] * np.interp(grid, r["errors_m"], LEVELS, right=1.0) for r in rows
    ) / n  # fmt: skip
    return axes.plot(grid, share, color=colour, ls=style, lw=1.8, label=label)[0]


def _finish(axes: Axes) -> None:
    axes.set(xlim=(0, _MOST_M), ylim=(0, 1))
    axes.set_xlabel("error (m)", fontsize=8)
    axes.set_ylabel("share of scans", fontsize=8)
    axes.label_outer()
    axes.grid(color="#E5E5E5", lw=0.7)
    axes.tick_params(labelsize=8)
