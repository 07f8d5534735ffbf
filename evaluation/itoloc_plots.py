"""Plots of ``rssfix reproduce itoloc``: the error over the months, success, and the features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from evaluation.explanation_plots import save_small
from evaluation.itoloc_figures import Record, mean_of, months_with
from evaluation.itoloc_places import MONTHS
from evaluation.plots import BLUE, GREEN, GREY, ORANGE

PURPLE, YELLOW = "#CC79A7", "#E69F00"
LINES = (
    ("knn", "static", "kNN, static", GREY, "--"), ("cnnloc", "static", "CNNLoc", PURPLE, "--"),
    ("retrained", "labelled", "kNN, retrained (labels)", YELLOW, ":"),
    ("knn", "masked", "kNN, masked", ORANGE, "-"), ("best", "static", "best, static", BLUE, "--"),
    ("best", "masked", "best, masked", BLUE, "-"),
    ("update", "updated", "best, updated", GREEN, ""),
)  # fmt: skip


def draw(records: Sequence[Record], out: Path) -> None:
    """The plots that the records give."""
    over_months(records, out / "months.png", "mean_m", "mean error (m)")
    over_months(records, out / "regions.png", "region", "share in the right 4 x 4 m region")
    found = {r["system"]: r["features"] for r in records if "features" in r}
    if found:
        features(found, out / "features.png")


def over_months(records: Sequence[Record], path: Path, key: str, label: str) -> None:
    """Means over floors and seeds: a line where every month is there, else dots."""
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for system, way, title, colour, style in LINES:
        months = months_with(records, system, way)
        line = [mean_of(records, system, way, str(m), key) for m in months]
        if len(months) == len(MONTHS):
            axes.plot(months, line, style, color=colour, lw=1.7, label=title)
        elif months:
            axes.plot(months, line, "o", color=colour, ms=6, label=title)
    axes.set(xlabel="month (trained on month 1)", ylabel=label)
    axes.set_title("uji_library, both floors", fontsize=11)
    axes.grid(color="#E5E5E5", lw=0.8)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", frameon=False, fontsize=8, ncols=4)
    save_small(figure, path)


def features(found: dict[str, dict[str, Any]], path: Path) -> None:
    """t-SNE of M_E's output, coloured by domain and by region (the paper's Fig. 5)."""
    figure = Figure(figsize=(9, 4.2 * len(found)), layout="constrained")
    panels = figure.subplots(len(found), 2, squeeze=False)
    for row, (system, one) in zip(panels, found.items(), strict=True):
        plane, domain = np.array(one["plane"]), np.array(one["domain"])
        for number, (name, colour) in enumerate(
            zip(one["domains"], (BLUE, ORANGE, GREEN), strict=True)
        ):
            row[0].scatter(*plane[domain == number].T, s=8, color=colour, lw=0, label=name)
        row[1].scatter(*plane.T, s=8, c=one["region"], cmap="tab20", lw=0)
        row[0].set_title(f"{system}: by domain, told in {100 * one['domain_accuracy']:.0f} %")
        row[1].set_title(
            f"{system}: by 4 x 4 m region, told in {100 * one['region_accuracy']:.0f} %"
        )
        for axes in row:
            axes.set(xticks=[], yticks=[])
        row[0].legend(frameon=False, fontsize=7, markerscale=1.6)
    save_small(figure, path)
