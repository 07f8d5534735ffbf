"""Plots of the explanation study: the paper's Figs. 2, 3, 4, 6 and the deletion test."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from PIL import Image

from evaluation.plots import BLUE, GREEN, GREY, ORANGE, PALE
from evaluation.score_groups import GROUPS, SHARES, group_of
from sdk.atomic import write_file
from sdk.venue import AccessPoint

_GROUP_COLOURS = (BLUE, GREEN, "#E69F00", ORANGE)
_COLOURS = {
    "CAM": BLUE, "CAM beyond silence": "#56B4E9", "occlusion": GREEN, "LIME": ORANGE,
    "random": GREY,
}  # fmt: skip
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_SHOWN_APS = 6
_LEAST_SCANS = 5


def score_distributions(records: Sequence[dict], path: Path, title: str) -> None:
    """Figs. 2 and 6: distribution of the top-3 mean per error group; a row per variant.

    Groups of a few scans have no distribution and are left out.
    """
    names = ("CAM", "occlusion", "LIME")
    figure = Figure(figsize=(10, 0.7 + 2.6 * len(records)), layout="constrained")
    axes = figure.subplots(len(records), len(names), squeeze=False)
    for row, record in zip(axes, records, strict=True):
        sizes = record["explained"]["group_sizes"]
        for axis, name in zip(row, names, strict=True):
            judged = record["explained"]["scores"][name]
            for group, colour, size in zip(GROUPS, _GROUP_COLOURS, sizes, strict=True):
                values = judged["quantiles"][group]
                if values is not None and size >= _LEAST_SCANS:
                    axis.plot(values, SHARES, color=colour, lw=1.8, label=f"{group} ({size})")
            shown = judged["auc"]
            note = "" if shown is None else f", AUC {shown:.2f}"
            axis.set_title(f"{record['variant']}: {name}{note}", fontsize=9)
            axis.set_ylim(0, 1)
            axis.locator_params(axis="x", nbins=5)
            axis.ticklabel_format(axis="x", style="sci", scilimits=(-3, 4))
            axis.xaxis.get_offset_text().set_fontsize(8)
            axis.grid(color="#E5E5E5", lw=0.7)
            axis.tick_params(labelsize=8)
        row[0].set_ylabel("share of scans", fontsize=9)
        row[-1].legend(title="cell error (scans)", title_fontsize=7, fontsize=7, frameon=False,
                       loc="upper left", bbox_to_anchor=(1.0, 1.0))  # fmt: skip
    for axis in axes[-1]:
        axis.set_xlabel("mean of the three highest scores", fontsize=9)
    figure.suptitle(title, fontsize=11)
    save_small(figure, path)


def deletion_curves(records: Sequence[dict], path: Path, title: str) -> None:
    """Right cells and metres as access points go, most important first; a column per variant."""
    figure = Figure(figsize=(3.3 * len(records) + 0.4, 5.8), layout="constrained")
    axes = figure.subplots(2, len(records), squeeze=False, sharey="row", sharex=True)
    for column, record in zip(axes.T, records, strict=True):
        for name, curve in record["explained"]["deletion"]["curves"].items():
            style = {"color": _COLOURS[name], "lw": 1.8, "ls": "--" if name == "random" else "-"}
            for axis, key in zip(column, ("accuracy", "error_m"), strict=True):
                axis.plot(curve[key], label=name, **style)
                axis.grid(color="#E5E5E5", lw=0.7)
        column[0].set_title(record["variant"], fontsize=10)
        column[1].set_xlabel("heard access points removed")
    axes[0, 0].set_ylabel("share in the right cell")
    axes[1, 0].set_ylabel("mean cell error (m)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    columns = 5 if len(records) > 1 else 2
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False,
                  fontsize=9)  # fmt: skip
    figure.suptitle(title, fontsize=11)
    save_small(figure, path)


def heatmaps(
    scores: dict[str, NDArray[np.float64]], error_m: NDArray[np.float64], path: Path, title: str
) -> None:
    """Fig. 4: scans x access points, scans sorted by error, a panel per explainer.

    Colours reach from the 2nd to the 98th percentile of each panel; lines part the error groups.
    """
    order = np.argsort(error_m, kind="stable")
    ends = np.cumsum(np.bincount(group_of(error_m), minlength=len(GROUPS)))
    figure = Figure(figsize=(4.6 * len(scores), 4.8), layout="constrained")
    for axis, (name, values) in zip(figure.subplots(1, len(scores), squeeze=False)[0],
                                    scores.items(), strict=True):  # fmt: skip
        low, high = np.quantile(values, [0.02, 0.98])
        drawn = axis.imshow(values[order], aspect="auto", cmap="viridis", interpolation="nearest",
                            vmin=low, vmax=max(high, low + 1e-12))  # fmt: skip
        start, ticks, labels = 0, [], []
        for end, group in zip(ends, GROUPS, strict=True):
            if end - start >= 0.04 * len(values):
                ticks.append((start + end) / 2)
                labels.append(group)
            if 0 < end < len(values):
                axis.axhline(end - 0.5, color="white", lw=1.2)
            start = end
        axis.set_yticks(ticks, labels, fontsize=8)
        axis.set(xlabel="access point, in the model's order", title=name)
        figure.colorbar(drawn, ax=axis, shrink=0.8)
    figure.suptitle(f"{title}: scores of {len(error_m)} scans, sorted by cell error", fontsize=11)
    save_small(figure, path)


def influential(
    xy_m: NDArray[np.float64],
    names: Sequence[str],
    access_points: Sequence[AccessPoint],
    path: Path,
    title: str,
) -> None:
    """Fig. 3: every location in the colour of its most influential access point.

    Stars mark the known positions; columns at one position are one device.
    """
    figure = Figure(figsize=(8.4, 5.6), layout="constrained")
    axes = figure.add_subplot()
    count = Counter(names)
    located = {ap.bssid for ap in access_points}
    shown = [n for n, _ in count.most_common(_SHOWN_APS)]
    shown += [n for n in count if n in located and n not in shown]
    # Seven colours and eight marks repeat together only after 56.
    colours = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000")
    other = np.array([n not in shown for n in names])
    if other.any():
        axes.scatter(*xy_m[other].T, s=34, color=PALE, label=f"{len(set(count) - set(shown))} more")
    for i, name in enumerate(shown):
        at = np.array([n == name for n in names])
        text = f"{name}{' (position known)' if name in located else ''}: {count[name]}"
        axes.scatter(*xy_m[at].T, s=40, color=colours[i % 7], marker=_MARKS[i % 8], label=text)
    places: dict[tuple[float, float], list[str]] = {}
    for ap in access_points:
        places.setdefault((ap.x_m, ap.y_m), []).append(ap.bssid)
    for (x, y), there in places.items():
        axes.plot(x, y, "*", ms=17, mfc="none", mec="black", mew=1.2, clip_on=False)
        text = f"{there[0]} to {there[-1]}" if len(there) > 1 else there[0]
        axes.annotate(text, (x, y), (9, 9), textcoords="offset points", fontsize=8)
    handles, labels = axes.get_legend_handles_labels()
    handles.append(Line2D([], [], marker="*", ls="", mfc="none", mec="black", ms=12))
    labels.append("known position of a device")
    axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False,
                fontsize=8, title="most influential (locations)", title_fontsize=9)  # fmt: skip
    axes.set_aspect("equal")
    axes.margins(0.08)
    axes.set(xlabel="x (m)", ylabel="y (m)", title=title)
    axes.grid(color="#EFEFEF", lw=0.6)
    axes.set_axisbelow(True)
    save_small(figure, path)


def save_small(figure: Figure, path: Path, dpi: int = 100, colours: int = 128) -> None:
    """A PNG with a palette, small enough to keep in a repository."""
    FigureCanvasAgg(figure)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=dpi, format="png")
    # Maximum coverage keeps the few pixels of a rare mark in their own colour.
    image = (
        Image.open(drawn)
        .convert("RGB")
        .quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    small = io.BytesIO()
    image.save(small, format="png", optimize=True)
    write_file(path, small.getvalue())
