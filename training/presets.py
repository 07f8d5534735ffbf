"""Presets of ``rssfix train``, as data. Measured figures: docs and evaluation/results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from sdk.value_form import ValueKind
from training.fingerprints import Vectors

Chosen = TypeVar("Chosen", "Preset", "NeighbourPreset")


@dataclass(frozen=True)
class Preset:
    """Everything about a training that is not the survey or the seed.

    Access points: ``min_share`` and ``cap`` per floor as in ``fingerprints.py``, ``order`` and
    ``zones`` as in ``order.py``. Places: ``pitch``, ``position`` as in ``cells.py``. Input:
    ``zscore`` "place" (one mean and std, the paper's) or "per_ap", ``not_heard_dbm`` the fill,
    ``value_form`` "linear" or "powed" with its ``exponent`` as in ``sdk/value_form.py``.
    Training: readings jitter by ``noise_db``, whole scans by ``offset_db`` (phones differ in gain),
    a share ``ap_dropout`` of the access points goes unheard, labels spread over ``soften_m`` metres
    (0: one cell), ``floor_loss`` weighs the floor's cross-entropy beside the cell's, ``one_cycle``
    lets the learning rate rise to ``learning_rate`` and fall, ``patience`` epochs without gain end
    it. ``fused``: the model carries its training scans, and tuned neighbours multiply the network's
    posterior; they are sought with the scan's levels moved by each of ``shifts_db``, where that
    finds the scans of left-out sessions better.
    """

    width: int
    depth: int
    kernel: int | tuple[int, ...]
    padding: str = "circular"
    head: str = "per_ap"
    form: str = "1d"
    embedding: int = 8
    min_share: float = 0.05
    cap: int | None = 64
    order: str = "pseudo_positions"
    zones: int = 1
    pitch: str = "exact1m"
    position: str = "mean"
    zscore: str = "per_ap"
    not_heard_dbm: float = -100.0
    value_form: ValueKind = "linear"
    exponent: float | None = None
    noise_db: float = 3.0
    offset_db: float = 0.0
    ap_dropout: float = 0.2
    soften_m: float = 0.5
    floor_loss: float = 0.0
    epochs: int = 20
    patience: int = 10
    batch: int = 128
    learning_rate: float = 6e-3
    one_cycle: bool = True
    weight_decay: float = 0.0
    estimate: str = "mean"
    fused: bool = False
    shifts_db: tuple[float, ...] = ()
    merge_virtual_aps: str = "none"
    max_age_ms: int = 10_000

    @property
    def vectors(self) -> Vectors:
        return Vectors(self.merge_virtual_aps, self.max_age_ms)


PRESETS: dict[str, Preset] = {
    # For the demo: half a minute on one core, half a megabyte.
    "small": Preset(width=24, depth=3, kernel=3),
    # The most accurate at surveyed points: what small lacks there is not width but the scans.
    "edge": Preset(width=24, depth=3, kernel=3, fused=True),
    # Kernel 1: every access point is judged alone, so the Impact Scores mean what they say.
    "additive": Preset(width=48, depth=2, kernel=1, epochs=30),
    # Many floors and hundreds of access points: the head is width x access points x places.
    "site": Preset(
        width=8, depth=2, kernel=3, fused=True, min_share=0.02, zscore="place",
        not_heard_dbm=-105.0, value_form="powed", exponent=2.0, soften_m=3.0, floor_loss=1.0,
        offset_db=5.0, ap_dropout=0.4, epochs=12, batch=256, shifts_db=(-6.0, 0.0, 6.0),
    ),
    # The paper's network (SPEC 1.3): 11.8 M parameters; give it hours or an accelerator.
    "paper": Preset(
        width=512, depth=6, kernel=3, padding="zero", head="gap", form="2d", cap=27, pitch="tile",
        position="centroid", zscore="place", noise_db=0.0, ap_dropout=0.0, soften_m=0.0, epochs=100,
        patience=10, batch=64, learning_rate=1e-3, one_cycle=False, estimate="mode",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class NeighbourPreset:
    """Which access points the database holds; everything else is tuned."""

    min_share: float = 0.01
    cap: int | None = 256
    merge_virtual_aps: str = "none"
    max_age_ms: int = 10_000

    @property
    def vectors(self) -> Vectors:
        return Vectors(self.merge_virtual_aps, self.max_age_ms)


NEIGHBOUR_PRESETS: dict[str, NeighbourPreset] = {"tuned": NeighbourPreset()}


def preset_of(presets: Mapping[str, Chosen], name: str, changes: Mapping[str, object]) -> Chosen:
    """A preset with some settings changed; lists, as JSON has them, become tuples.

    Raises ValueError naming the presets or the setting.
    """
    if name not in presets:
        raise ValueError(f"preset {name!r}, expected one of {', '.join(presets)}")
    try:
        hashable = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
        return replace(presets[name], **hashable)
    except TypeError as error:
        raise ValueError(f"no such setting: {error}") from None
