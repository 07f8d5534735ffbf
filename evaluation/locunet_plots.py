"""A place on one test map as LocUNet and its relatives see it (the paper's Fig. 3), where on that
map the posterior errs, and heatmap regression by the width of its target (Fig. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from evaluation.explanation_plots import save_small
from evaluation.locunet_models import TARGETS_PX, Asked, learned_model
from evaluation.plots import BLUE, GREEN, ORANGE
from training.heatmap_inputs import in_slots
from training.heatmap_model import HeatmapModel
from training.locunet import judged
from training.radio_likelihood import prior
from training.radio_worlds import ESTIMATED, TRANSMITTERS, Samples, Worlds

SCENARIO = "robust"
METHODS = ("posterior", "residual", "LocUNet quarter width")
_INDOORS = "#A9C1D9"
_LEAST_SHARE = 1e-4
# So that what is a thousandth as probable is still seen.
_GAMMA = 0.3


def draw(asked: Asked, out: Path, row: int = 0, deployment: int = 0) -> None:
    """``place.png`` of test map ``row``: the user whose error with the posterior is the median of
    all on the map, so neither lucky nor not."""
    worlds = asked.worlds("test", SCENARIO)
    models = {name: learned_model(asked, name, SCENARIO, 0)[0] for name in METHODS}
    everyone = _everyone(worlds, row, deployment)
    errors = judged(models["posterior"], worlds, everyone).error_m
    typical = int(np.argsort(errors)[len(errors) // 2])
    one = everyone.part(slice(typical, typical + 1))
    city_map = asked.city[worlds.numbers[row]]
    chosen = city_map.deployments[deployment]
    figure = Figure(figsize=(12.5, 8.4), layout="constrained")
    panels = figure.subplots(3, TRANSMITTERS)
    free = worlds.outdoors[row].numpy()
    shown: Any = None
    for line, scenario in zip(panels, (ESTIMATED, SCENARIO), strict=False):
        maps = city_map.path_loss_db[asked.city.scenario(scenario)][chosen].astype(np.float32)
        for number, (axes, values) in enumerate(zip(line, maps, strict=True)):
            shown = axes.imshow(np.where(free, values, np.nan), cmap="viridis", vmin=-130, vmax=-60)
            _marks(axes, worlds, one, free, (number,))
            what = "computed" if scenario == ESTIMATED else "measured"
            axes.set_title(f"transmitter {number + 1}, {what}", fontsize=9)
    figure.colorbar(shown, ax=panels[:2], label="path loss (dB)", shrink=0.7)
    beliefs = [_posterior(models[name], worlds, one) for name in METHODS[:2]]
    heatmap = models[METHODS[2]].heatmap(worlds, in_slots(worlds, one))[0].detach().numpy()
    beliefs += [np.maximum(heatmap, 0), np.maximum(-heatmap, 0)]
    titles = [*METHODS[:2], "LocUNet, positive", "LocUNet, negative"]
    for axes, belief, title, name in zip(
        panels[2], beliefs, titles, (*METHODS, METHODS[2]), strict=False
    ):
        share = (belief / max(float(belief.max()), _LEAST_SHARE)) ** _GAMMA
        axes.imshow(np.where(free | (name == METHODS[2]), share, np.nan), cmap="Greys", vmin=0,
                    vmax=1)  # fmt: skip
        _marks(axes, worlds, one, free, range(TRANSMITTERS))
        found = judged(models[name], worlds, one)
        pixel = found.answers.xy_m[0].numpy() / worlds.pitch_m - 0.5
        axes.plot(*pixel, "s", color=ORANGE, ms=9, mfc="none", mew=1.5)
        axes.set_title(f"{title}: {found.error_m[0]:.1f} m", fontsize=9)
    _error_map(panels[2][-1], figure, worlds, everyone, errors, free)
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[])
    figure.suptitle(
        f"Map {worlds.numbers[row]}, learned and measured in {SCENARIO}: cross = the user, square "
        f"= estimate, diamond = transmitter. Below: (share of the largest value) ^ {_GAMMA:g}",
        fontsize=10,
    )  # fmt: skip
    save_small(figure, out / "place.png", colours=256)


def draw_targets(records: Sequence[dict[str, Any]], out: Path) -> bool:
    """``targets.png``: heatmap regression's mean error over its target's deviation, beside LocUNet
    trained as long, of seed 0. False where fewer than two deviations are there."""
    of = {r["method"]: r for r in records
          if r.get("tests") and r["scenario"] == SCENARIO and r["seed"] == 0}  # fmt: skip
    names = {how: [f"heatmap regression {px} px {how}" for px in TARGETS_PX]
             for how in ("CoM", "arg max")}  # fmt: skip
    if sum(name in of for name in names["CoM"]) < 2:
        return False
    pitch_m = next(iter(of.values()))["city"]["pitch_m"]
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    for axes, count in zip(figure.subplots(1, 2), ("5", "3"), strict=True):
        for (how, some), colour in zip(names.items(), (BLUE, ORANGE), strict=True):
            there = [(px * pitch_m, of[name]["tests"][SCENARIO][count]["mean_m"])
                     for px, name in zip(TARGETS_PX, some, strict=True) if name in of]  # fmt: skip
            if there:
                axes.plot(*zip(*there, strict=True), "o-", color=colour, label=f"heatmap, {how}")
        if (beside := of.get("LocUNet 5000 steps")) is not None:
            axes.axhline(beside["tests"][SCENARIO][count]["mean_m"], color=GREEN, label="LocUNet")
        axes.set(xscale="log", xlabel="deviation of the target (m)", ylim=(0, None),
                 title=f"{count} transmitters")  # fmt: skip
        axes.set_xticks([px * pitch_m for px in TARGETS_PX],
                        [f"{px * pitch_m:g}" for px in TARGETS_PX])  # fmt: skip
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("mean error (m)")
    figure.axes[0].legend(fontsize=8)
    save_small(figure, out / "targets.png")
    return True


def _everyone(worlds: Worlds, row: int, deployment: int) -> Samples:
    """All users of a map who hear one transmitter or more of a deployment."""
    user = torch.arange(worlds.user.shape[1])
    transmitter = worlds.deployments[row, deployment][None].expand(len(user), -1)
    samples = Samples(torch.full_like(user, row), user, transmitter)
    heard = worlds.measured_db[row, transmitter, user[:, None]].isfinite()
    return samples.part(heard.any(dim=1).nonzero()[:, 0])


def _posterior(model: HeatmapModel, worlds: Worlds, one: Samples) -> NDArray[np.float32]:
    with torch.inference_mode():
        log = model.log_posterior(worlds, one, prior(worlds, model.box))
        return log.flatten().softmax(dim=0).reshape(log.shape[1:]).numpy()


def _marks(
    axes: Axes, worlds: Worlds, one: Samples, free: NDArray[np.bool_], which: Sequence[int]
) -> None:
    """Houses, some transmitters of the sample and its user."""
    axes.set_facecolor(_INDOORS)
    axes.contour(~free, levels=[0.5], colors=[BLUE], linewidths=0.5)
    pixel = worlds.transmitter[one.map[0], one.transmitter[0]].numpy()[list(which)]
    axes.plot(*pixel.T, "D", color="#CC0033", ms=4, mew=0)
    axes.plot(*worlds.user[one.map[0], one.user[0]].numpy(), "x", color=GREEN, ms=7, mew=2)


def _error_map(
    axes: Axes, figure: Figure, worlds: Worlds, everyone: Samples, errors: NDArray[np.float64],
    free: NDArray[np.bool_],
) -> None:  # fmt: skip
    axes.imshow(np.where(free, 1.0, np.nan), cmap="Greys", vmin=0, vmax=20)
    axes.set_facecolor(_INDOORS)
    pixel = worlds.user[everyone.map, everyone.user].numpy()
    dots = axes.scatter(*pixel.T, c=errors, cmap="inferno_r", vmin=0, vmax=40, s=14, lw=0)
    transmitter = worlds.transmitter[everyone.map[0], everyone.transmitter[0]].numpy()
    axes.plot(*transmitter.T, "D", color="#CC0033", ms=4, mew=0)
    axes.set_title(f"posterior, {len(errors)} users: {errors.mean():.1f} m", fontsize=9)
    figure.colorbar(dots, ax=axes, label="error (m)", shrink=0.8)
