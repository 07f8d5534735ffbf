"""Plots of ``rssfix reproduce lbn``: errors of the four norms, their distribution, PCA, months."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from evaluation.explanation_plots import save_small
from evaluation.lbn_drift import BASE_TEST, KINDS, OWN, RUNNING
from evaluation.lbn_drift_report import views
from evaluation.lbn_figures import GRID_M
from evaluation.lbn_places import OTHER_PHONE
from evaluation.lbn_statistics import Record, pooled
from evaluation.lbn_variants import LAYER_1, NEIGHBOURS, VARIANTS
from evaluation.plots import BLUE, GREEN, GREY, ORANGE

PURPLE = "#CC79A7"
LIGHT_BLUE = "#56B4E9"
COLOURS = {"none": GREY, "bn": GREEN, "ln": PURPLE, "lbn": BLUE, "lbn-sample": LIGHT_BLUE,
           NEIGHBOURS: ORANGE}  # fmt: skip
DRIFTED = ("none", "bn", "lbn", "lbn-sample", NEIGHBOURS)
_KNN = "kNN"


def draw(records: Sequence[Record], out: Path) -> None:
    """The plots that the records of one place give: layer 1 alone, and LBN by scan."""
    of = {n: [r for r in records if r["variant"] == n] for n in COLOURS}
    of = {n: found for n, found in of.items() if found}
    if not all(n in of for n in LAYER_1):
        return
    errors(of, out / "errors.png")
    distribution(of, out / "ecdf.png")
    months(of, out / "months.png")
    judged = {n: [r for r in records if r["variant"] == n and "drift" in r] for n in DRIFTED}
    if judged["bn"] and judged["lbn"]:
        drift({n: rs for n, rs in judged.items() if rs}, out / "drift.png")
    if all("pca" in of[n][0] for n in LAYER_1):
        features(of, out / "pca.png")


def errors(of: dict[str, list[Record]], path: Path) -> None:
    """Mean, variance and standard deviation (the paper's Table 7): a bar the mean over seeds, a dot
    each seed."""
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    panels = figure.subplots(1, 3)
    figure.suptitle("Error over the later months, norm on layer 1; dots: seeds", fontsize=11)
    keys = (("mean_m", "mean (m)"), ("variance_m2", "variance (m²)"), ("std_m", "std (m)"))
    for axes, (key, label) in zip(panels, keys, strict=True):
        for i, (name, records) in enumerate(of.items()):
            values = [pooled(r)[key] for r in records]
            axes.bar(i, np.mean(values), color=COLOURS[name], alpha=0.45, width=0.7)
            axes.plot(np.full(len(values), i), values, "o", color=COLOURS[name], ms=4)
        axes.set_xticks(range(len(of)), [_title(n).replace(" by", "\nby") for n in of], fontsize=7)
        axes.set(ylabel=label)
        axes.grid(axis="y", color="#E5E5E5", lw=0.8)
        axes.set_axisbelow(True)
    save_small(figure, path)


def distribution(of: dict[str, list[Record]], path: Path) -> None:
    """Share of the later months' scans within each distance, mean over seeds."""
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for name, records in of.items():
        curve = np.mean([pooled(r)["ecdf"] for r in records], axis=0)
        mean = np.mean([pooled(r)["mean_m"] for r in records])
        style = "--" if name == NEIGHBOURS else "-"
        axes.plot(GRID_M, curve, style, color=COLOURS[name], lw=1.8,
                  label=f"{_title(name)}: mean {mean:.2f} m")  # fmt: skip
    axes.set(xlabel="error (m)", ylabel="share of scans", xlim=(0, 8), ylim=(0, 1),
             title="Later months, norm on layer 1")  # fmt: skip
    axes.grid(color="#E5E5E5", lw=0.8)
    axes.legend(loc="lower right", frameon=False)
    save_small(figure, path)


def months(of: dict[str, list[Record]], path: Path) -> None:
    """Mean error of every test; bars of one standard deviation over seeds."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    names = list(next(iter(of.values()))[0]["tests"])
    for i, (name, records) in enumerate(of.items()):
        values = np.array([[r["tests"][t]["mean_m"] for t in names] for r in records])
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(names))
        x = np.arange(len(names)) + 0.08 * (i - (len(of) - 1) / 2)
        axes.errorbar(x, values.mean(axis=0), spread, color=COLOURS[name], marker="o", ms=4,
                      lw=1, ls=":" if name == NEIGHBOURS else "-", capsize=2,
                      label=_title(name))  # fmt: skip
    labels = [t.replace(OTHER_PHONE, "month 25,\nother phone") for t in names]
    labels[0] += "\n(development)"
    axes.set_xticks(range(len(names)), labels, fontsize=8)
    axes.set(ylabel="mean error (m)", title="Trained on months 1-5, norm on layer 1")
    axes.set_ylim(bottom=0)
    axes.grid(color="#E5E5E5", lw=0.8)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    save_small(figure, path)


def drift(of: dict[str, list[Record]], path: Path) -> None:
    """Mean error with moving averages (filled) and with statistics of the scans (hollow)."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    real = list(next(iter(of.values()))[0]["tests"])
    scenes = ([BASE_TEST, *(k.title for k in KINDS)], real)
    titles = (f"Drift simulated on {BASE_TEST}", "The drift there is")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, names, title in zip(panels, scenes, titles, strict=True):
        lines = [(n, m, views(rs, m)) for n, rs in of.items() for m in (RUNNING, OWN)]
        lines = [line for line in lines if line[2]]
        for i, (name, mode, seen) in enumerate(lines):
            values = np.array([[v["tests"][t]["mean_m"] for t in names] for v in seen])
            spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(names))
            x = np.arange(len(names)) + 0.09 * (i - (len(lines) - 1) / 2)
            label = _title(name) + (", own statistics" if mode == OWN else "")
            axes.errorbar(x, values.mean(axis=0), spread, color=COLOURS[name], ls="", marker="o",
                          ms=6, mfc=COLOURS[name] if mode == RUNNING else "white", capsize=2,
                          label=label)  # fmt: skip
        marks = [n.replace(", ", ",\n") for n in names]
        axes.set_xticks(range(len(names)), marks, fontsize=8)
        axes.set_title(title, fontsize=11)
        axes.grid(axis="y", color="#E5E5E5", lw=0.8)
        axes.set_axisbelow(True)
    panels[0].set(ylabel="mean error (m), not from 0")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4,
                  frameon=False, fontsize=8)  # fmt: skip
    save_small(figure, path)


def features(of: dict[str, list[Record]], path: Path) -> None:
    """Values of the dense layer on the two main axes: training rows and the last test (Fig. 8)."""
    figure = Figure(figsize=(9, 8), layout="constrained")
    for axes, name in zip(figure.subplots(2, 2).flat, LAYER_1, strict=True):
        found = of[name][0]["pca"]
        for key, colour, label in (
            ("train", BLUE, "training rows"), ("latest", ORANGE, found["test"])
        ):  # fmt: skip
            axes.scatter(*np.array(found[key]).T, s=9, color=colour, alpha=0.5, lw=0, label=label)
        first, second = found["shares"][:2]
        axes.set(xlabel=f"axis 1 ({first:.0%} of the variance)", ylabel=f"axis 2 ({second:.0%})",
                 title=f"{_title(name)}: means {found['shift']:.2f} spreads apart")  # fmt: skip
        axes.grid(color="#EFEFEF", lw=0.6)
        axes.set_axisbelow(True)
        axes.set_aspect("equal", adjustable="datalim")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2,
                  frameon=False, markerscale=2.0)  # fmt: skip
    save_small(figure, path)


def _title(name: str) -> str:
    return _KNN if name == NEIGHBOURS else VARIANTS[name].title
