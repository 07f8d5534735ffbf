"""Trains eXLoc (SPEC 1): access points, their order, cells, z-score, network, early stopping.

A survey with a validation split is fitted once. For one without, a first fit leaves out the split
drawn by ``split.py`` and settles what needs unseen scans (number of epochs, temperature, accuracy
table, figures to report); a second fit with these settings then learns from all training rows, so
that no surveyed spot is missing on the device. The figures are those of the first fit: the second
has seen strictly more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.images import InputRecipe
from sdk.value_form import ValueKind
from training.cells import Cells, make_cells
from training.epochs import Watched
from training.fitting import Fitting, Settings, arithmetic, device_of, fit
from training.fusion import Asked, database_of
from training.held_out import judged, plain_knn
from training.knn import Database
from training.networks.exloc import ExLocNet
from training.order import order_aps
from training.presets import PRESETS, Preset, preset_of
from training.record import make_run
from training.run import Run
from training.split import Validation, validation_of
from training.survey import Survey, SurveyError
from training.turns import tune_in_turns, turns_of

DEFAULT_PRESET = "small"


@dataclass(frozen=True)
class _Model:
    """A fitted network with what is needed to use it."""

    bssids: tuple[str, ...]
    recipe: InputRecipe
    cells: Cells
    fitting: Fitting
    rssi_dbm: NDArray[np.float32]
    part: Survey


@dataclass(frozen=True)
class _Fits:
    """``first`` has not seen the scans held out by ``rule``; ``final`` has seen all, where they
    were drawn."""

    rule: str
    held_out: Validation
    first: _Model
    final: _Model


def train(
    survey: Survey,
    preset: str = DEFAULT_PRESET,
    seed: int = 0,
    epochs: int | None = None,
    progress: bool = False,
    rule: str = "auto",
    changes: Mapping[str, object] | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> Run:
    """Train eXLoc on the survey's training rows.

    ``epochs`` and ``changes`` ({field: value} of ``Preset``) override the preset; ``rule`` is the
    validation rule of ``split.py``; ``threads`` is 1 for the 1-D form and torch's own choice for
    2-D unless given; ``device`` is "cpu", "cuda" or "auto" (cuda where there is one). The run's
    weights lie on the CPU. Raises SurveyError for a survey that cannot be trained on,
    ValueError for an unknown preset or setting or a device that is not there.
    """
    wanted = dict(changes or {}) | ({} if epochs is None else {"epochs": epochs})
    chosen, where = preset_of(PRESETS, preset, wanted), device_of(device)
    with arithmetic(threads or (1 if chosen.form == "1d" else None)):
        fits = _fits(survey, chosen, seed, progress, rule, where)
        return _run(fits, survey, chosen, preset, seed, progress, where)


def train_alike(
    survey: Survey,
    presets: Sequence[str],
    seed: int = 0,
    progress: bool = False,
    changes: Mapping[str, object] | None = None,
) -> list[Run]:
    """The runs that ``train`` gives for presets that differ in ``fused`` alone, from one training.

    Raises ValueError where they differ in more; else as ``train``.
    """
    chosen = [preset_of(PRESETS, name, changes or {}) for name in presets]
    if len({replace(one, fused=False) for one in chosen}) != 1:
        raise ValueError(f"presets {', '.join(presets)} differ in more than in being fused")
    with arithmetic(1 if chosen[0].form == "1d" else None):
        fits = _fits(survey, chosen[0], seed, progress, "auto", "cpu")
        return [
            _run(fits, survey, one, name, seed, progress, "cpu")
            for one, name in zip(chosen, presets, strict=True)
        ]


def _fits(
    survey: Survey, chosen: Preset, seed: int, progress: bool, rule: str, device: str
) -> _Fits:
    held_out = validation_of(survey, seed, rule)
    train_rows = survey.rows("train")
    first = final = _fit(
        survey, train_rows & ~held_out.rows, held_out, chosen, seed, "fit", progress, device
    )
    if held_out.drawn:
        final = _fit(
            survey, train_rows, None, chosen, seed, "fit on all rows", progress, device,
            stop_after=first.fitting.epochs,
        )  # fmt: skip
    return _Fits(rule, held_out, first, final)


def _run(
    fits: _Fits,
    survey: Survey,
    chosen: Preset,
    name: str,
    seed: int,
    progress: bool,
    device: str,
) -> Run:
    held_out, first, final = fits.held_out, fits.first, fits.final
    neighbours = None
    if chosen.fused:
        turns = turns_of(survey, held_out, seed, fits.rule)
        neighbours, _ = tune_in_turns(
            chosen.vectors.of(survey, first.bssids), survey, turns, progress, chosen.shifts_db
        )
    other, weight = survey.take(held_out.rows), held_out.weight[held_out.rows]
    heard_dbm = chosen.vectors.of(other, first.bssids)
    asked = [Asked(
        first.fitting.logits(first.recipe.normalised(heard_dbm)), heard_dbm, first.cells, other,
        weight, database_of(first.rssi_dbm, first.part, first.cells),
    )]  # fmt: skip
    held, fusion = judged(asked, chosen.soften_m, chosen.estimate, neighbours)
    network = final.fitting.network.cpu()
    if network.config["padding"] == "circular" and network.form == "2d":
        network = network.to_1d()
    image = "vector" if network.form == "1d" else "cyclic_map"
    knn = plain_knn([Database.of(first.rssi_dbm, first.part)], asked)
    carried: dict[str, Any] = {}
    if fusion is not None:
        base = database_of(final.rssi_dbm, final.part, final.cells)
        carried = {
            "neighbours": fusion.to_json(),
            "arrays": {"database": base.rssi_dbm, "place_of_row": base.place_of_row},
        }
    return make_run(
        survey, "exloc", name, seed, final.bssids, held_out, held, chosen.vectors,
        order={"method": chosen.order, "zones": chosen.zones},
        input=replace(final.recipe, image=image).to_json(),
        network=network.config,
        state={k: v.clone() for k, v in network.state_dict().items()},
        estimate=chosen.estimate,
        pitch_m=final.cells.pitch_m,
        places_xy_m=final.cells.xy_m,
        places_floor=final.cells.floor,
        metrics={**held.figures, "wknn": knn},
        provenance={
            "settings": asdict(chosen),
            "epochs": final.fitting.epochs,
            "device": device,
            "parameters": sum(p.numel() for p in network.parameters()),
            "validation_error_m": first.fitting.history,
        },
        **carried,
    )  # fmt: skip


def load_network(run: Run) -> ExLocNet:
    """The trained network of a run, in eval mode. Raises SurveyError for another system's run."""
    if run.system != "exloc" or run.network is None or run.state is None:
        raise SurveyError(f"a {run.system} run holds no eXLoc network")
    network = ExLocNet(**run.network)
    network.load_state_dict(run.state)
    return network.eval()


def zscore(
    rssi_dbm: NDArray[np.float32],
    not_heard_dbm: float,
    kind: str,
    image: str,
    form: ValueKind = "linear",
    exponent: float | None = None,
) -> InputRecipe:
    """The input recipe with mean and std of the training rows (M, N), not heard filled in first.

    ``kind`` "place": one pair over all entries (SPEC 1.1); "per_ap": one per access point; of the
    values in their ``form``. A std under 1e-6 becomes 1.
    """
    if kind not in ("place", "per_ap"):
        raise ValueError(f"zscore is {kind!r}, expected 'place' or 'per_ap'")
    plainly = InputRecipe(
        image, not_heard_dbm, not_heard_dbm, 0.0, 1.0, value_form=form, exponent=exponent
    )
    values = plainly.normalised(rssi_dbm).astype(np.float64)
    axis = 0 if kind == "per_ap" else None
    mean, std = values.mean(axis=axis), values.std(axis=axis)
    std = np.where(std < 1e-6, 1.0, std)

    def plain(values: NDArray[np.float64]) -> float | tuple[float, ...]:
        return tuple(values.tolist()) if axis == 0 else float(values)

    return replace(plainly, mean_dbm=plain(mean), std_db=plain(std))


def _fit(
    survey: Survey,
    rows: NDArray[np.bool_],
    held_out: Validation | None,
    preset: Preset,
    seed: int,
    title: str,
    progress: bool,
    device: str,
    stop_after: int | None = None,
) -> _Model:
    """Everything learned from the rows of a mask, the access point list and the cells included."""
    part = survey.take(rows)
    names = preset.vectors.choose(part, preset.min_share, preset.cap)
    rssi = preset.vectors.of(part, names)
    order = order_aps(
        rssi, part.xy_m, preset.order, _ap_positions(survey, names), preset.zones,
        preset.not_heard_dbm,
    )  # fmt: skip
    names, rssi = tuple(names[i] for i in order), rssi[:, order]
    image = "vector" if preset.form == "1d" else "cyclic_map"
    recipe = zscore(
        rssi, preset.not_heard_dbm, preset.zscore, image, preset.value_form, preset.exponent
    )
    cells = make_cells(part.xy_m, part.floor, preset.pitch, preset.position)
    settings = Settings(
        preset=preset, seed=seed, title=title, progress=progress, stop_after=stop_after,
        device=device,
    )  # fmt: skip
    watch = None
    if held_out is not None:
        other = survey.take(held_out.rows)
        heard = preset.vectors.of(other, names)
        watch = Watched(recipe.normalised(heard), other, held_out.weight[held_out.rows])
    fitting = fit(rssi, recipe, part, cells, watch, settings)
    return _Model(names, recipe, cells, fitting, rssi, part)


def _ap_positions(survey: Survey, names: Sequence[str]) -> NDArray[np.float64]:
    known = {ap.bssid: (ap.x_m, ap.y_m) for ap in survey.access_points}
    return np.array([known.get(n, (np.nan, np.nan)) for n in names])
