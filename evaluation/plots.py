"""Plots of results, drawn without a display."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch
from numpy.typing import NDArray

from evaluation.evaluate import Evaluation
from evaluation.metrics import ecdf
from sdk.atomic import write_file
from sdk.explain import Explanation
from sdk.fix import Fix
from sdk.posterior import Posterior

# Okabe and Ito: told apart by everyone.
BLUE, ORANGE, GREEN, GREY, PALE = "#0072B2", "#D55E00", "#009E73", "#8C8C8C", "#C9C9C9"
_LINES = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
SHOWN_SCORES = 12
_BELOW = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12), "frameon": False, "fontsize": 8}


def ecdf_figure(errors: dict[str, NDArray[np.float64]], path: Path, title: str) -> None:
    """Share of the scans (n each, NaN = not answered) within each distance, a line per system."""
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.add_subplot()
    finite = np.concatenate([e[np.isfinite(e)] for e in errors.values()])
    most = float(np.quantile(finite, 0.99)) if len(finite) else 1.0
    grid = np.linspace(0.0, most, 400)
    for colour, (name, error) in zip(_LINES, errors.items(), strict=False):
        median = np.nanmedian(error) if np.isfinite(error).any() else np.nan
        label = f"{name}: median {median:.2f} m"
        axes.plot(grid, ecdf(error, grid), color=colour, lw=2, label=label)
    axes.set(xlabel="error (m)", ylabel="share of scans", xlim=(0, most), ylim=(0, 1), title=title)
    axes.grid(color="#E5E5E5", lw=0.8)
    axes.legend(loc="lower right", frameon=False)
    _save(figure, path)


def demo_figure(
    result: Evaluation,
    posterior: Posterior,
    fix: Fix,
    truth_xy_m: tuple[float, float],
    explanation: Explanation,
    path: Path,
    title: str = "",
) -> None:
    """The demo picture: estimates against truth, one scan's posterior, and its Impact Scores.

    ``result`` is a split of one floor; ``posterior``, ``fix`` and ``explanation`` belong to one
    scan whose true position is ``truth_xy_m``.
    """
    figure = Figure(figsize=(15, 6.2), layout="constrained")
    floor, place, bars = figure.subplots(1, 3, width_ratios=(1, 1, 1.05))
    if title:
        figure.suptitle(title, fontsize=13)
    _draw_floor(floor, result)
    _draw_posterior(place, posterior, fix, truth_xy_m)
    _draw_scores(bars, explanation)
    _save(figure, path)


def _draw_floor(axes, result: Evaluation) -> None:
    """Every true position with the median of its estimates; pale dots are single scans."""
    ok = np.isfinite(result.xy_m).all(axis=1)
    truth, found = result.truth_xy_m[ok], result.xy_m[ok]
    spot, member = np.unique(np.round(truth, 3), axis=0, return_inverse=True)
    member = member.reshape(-1)
    centre = np.array([np.median(found[member == i], axis=0) for i in range(len(spot))])
    axes.scatter(*found.T, s=5, color=BLUE, alpha=0.12, lw=0, label="estimate, one scan")
    axes.plot(*np.stack([spot, centre]).transpose(2, 0, 1), color=GREY, lw=0.9, zorder=2)
    axes.scatter(*centre.T, s=20, color=BLUE, zorder=3, label="median estimate of a spot")
    axes.scatter(*spot.T, s=34, facecolor="white", edgecolor=ORANGE, lw=1.5, zorder=4,
                 label="true position")  # fmt: skip
    error = result.error_m
    axes.set_title(
        f"{len(error)} held-out scans: median {np.nanmedian(error):.2f} m, "
        f"mean {np.nanmean(error):.2f} m"
    )
    _plan(axes)
    shown = axes.legend(**_BELOW, ncols=3)
    shown.legend_handles[0].set_alpha(0.6)


def _draw_posterior(axes, posterior: Posterior, fix: Fix, truth: tuple[float, float]) -> None:
    here = posterior.floor == fix.floor
    x, y, p = posterior.x_m[here], posterior.y_m[here], posterior.probability[here]
    drawn = axes.scatter(x, y, c=p, s=150, marker="s", cmap="Blues", vmin=0, lw=0.5,
                         edgecolor="#D0D0D0")  # fmt: skip
    if fix:
        axes.add_patch(
            Circle((fix.x_m, fix.y_m), fix.accuracy_m, fill=False, color=GREEN, lw=1.8, ls="--")
        )
        axes.plot(fix.x_m, fix.y_m, "P", color=GREEN, ms=10, mec="white",
                  label=f"fix, 68 % radius {fix.accuracy_m:.1f} m", ls="")  # fmt: skip
    axes.plot(*truth, "o", mfc="white", mec=ORANGE, mew=2, ms=9, label="true position", ls="")
    axes.set_title("One scan: probability of each cell")
    _plan(axes)
    axes.legend(**_BELOW, ncols=2)
    axes.figure.colorbar(drawn, ax=axes, shrink=0.75, label="probability")


def _draw_scores(axes, explanation: Explanation) -> None:
    """The scores largest in size; access points this scan did not hear are pale."""
    most = sorted(explanation.scores.items(), key=lambda item: -abs(item[1]))[:SHOWN_SCORES]
    most.sort(key=lambda item: item[1])
    names = [name for name, _ in most]
    silent = [name in explanation.not_heard for name in names]
    colours = [(PALE if s else BLUE) for s in silent]
    axes.barh(range(len(most)), [value for _, value in most], color=colours)
    labels = [
        f"{name} (not heard)" if s else name for (name, _), s in zip(most, silent, strict=True)
    ]
    axes.set_yticks(range(len(most)), labels, fontsize=8)
    axes.axvline(0, color="#404040", lw=0.8)
    cell = explanation.target
    kind = "Impact Score" if explanation.method == "cam" else "score (occlusion)"
    axes.set(xlabel=f"{kind} for the cell at ({cell.x_m:.1f}, {cell.y_m:.1f}) m")
    axes.set_title("The same scan: what each access point adds")
    kinds = [Patch(color=BLUE, label="heard"), Patch(color=PALE, label="not heard: silence counts")]
    axes.legend(handles=kinds, **_BELOW, ncols=2)
    axes.grid(axis="x", color="#E5E5E5", lw=0.8)
    axes.set_axisbelow(True)


def _plan(axes) -> None:
    axes.set_aspect("equal")
    axes.set(xlabel="x (m)", ylabel="y (m)")
    axes.grid(color="#EFEFEF", lw=0.6)
    axes.set_axisbelow(True)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=130, format="png")
    write_file(path, drawn.getvalue())
