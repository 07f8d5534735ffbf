"""Presets of ``rssfix train itoloc``, as data. What was measured: docs/itoloc.md."""

from __future__ import annotations

from dataclasses import dataclass

from training.fingerprints import Vectors
from training.itoloc_images import INPUTS, Augmentation
from training.networks.itoloc import FORMS

DEFAULT_PRESET = "small"
PLACES = ("points", "cells")
ADVERSARIES = ("alternating", "reversal", "none")
OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class ItolocPreset:
    """Everything about a training that is not the survey or the seed.

    Input: of the access points that ``min_share`` of a floor's scans heard the ``cap`` most
    informative (``ap_choice.py``; an image is N x N), in the ``order`` of ``order.py``; ``input``
    "image" or "vector" (the 1-D ablation), ``level`` adds the channel of the level, ``exponent``
    makes a vector one of powed levels (``sdk/value_form.py``). Network: ``width``, ``pool``,
    ``dropout``, ``modules`` as in ``networks/itoloc.py``. Places: "points" of the survey or "cells"
    of 1 m. Losses: ``gamma`` of the spatial constraint, ``floor_loss`` weighs the floor's
    cross-entropy beside the place's, ``adversary`` with lambda rising to ``most_lambda``, a domain
    is a device in a period of ``period_days`` (0: in a session). Training: ``optimizer`` "sgd"
    (momentum 0.9, gradients cut to norm 5, the rate a tenth after ``plateau`` epochs without a
    better error) or "adam" with one rise and fall of the rate; ``patience`` epochs without gain on
    held-out scans end it. Augmentation as in ``itoloc_images.py``; labels spread over ``soften_m``
    metres (0: one place). ``fused``: times the votes of tuned nearest neighbours. ``in_turns``:
    every session is left out once (``turns.py``), with a network for each third of them; asked so
    are the network's temperature, the neighbours' rule and share, and whether they are sought with
    a scan's levels moved by each of ``shifts_db``.
    """

    width: int = 32
    pool: str = "global"
    dropout: float = 0.5
    modules: int = 3
    input: str = "image"
    level: bool = False
    exponent: float | None = None
    min_share: float = 0.0
    cap: int = 128
    order: str = "name"
    not_heard_dbm: float = -100.0
    places: str = "points"
    gamma: float = 1.0
    floor_loss: float = 0.0
    adversary: str = "alternating"
    most_lambda: float = 0.1
    period_days: float = 7.0
    soften_m: float = 0.0
    noise_db: float = 0.0
    offset_db: float = 0.0
    ap_unknown: float = 0.0
    ap_lost: float = 0.0
    optimizer: str = "sgd"
    epochs: int = 200
    patience: int = 200
    plateau: int = 10
    batch: int = 32
    learning_rate: float = 0.1
    weight_decay: float = 1e-4
    estimate: str = "mode"
    fused: bool = False
    in_turns: bool = False
    shifts_db: tuple[float, ...] = ()
    merge_virtual_aps: str = "none"
    max_age_ms: int = 10_000

    def __post_init__(self) -> None:
        for name, choices in (
            ("input", INPUTS), ("places", PLACES), ("adversary", ADVERSARIES),
            ("optimizer", OPTIMIZERS),
        ):  # fmt: skip
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, expected one of {', '.join(choices)}"
                )
        if self.input == "image" and self.exponent is not None:
            raise ValueError(f"exponent is {self.exponent!r}, but an image is of dBm")
        if self.input == "vector" and self.level:
            raise ValueError("level is set, but a vector has it already")

    @property
    def form(self) -> str:
        """Of the network."""
        return FORMS[INPUTS.index(self.input)]

    @property
    def augmentation(self) -> Augmentation:
        return Augmentation(self.noise_db, self.offset_db, self.ap_unknown, self.ap_lost)

    @property
    def vectors(self) -> Vectors:
        return Vectors(self.merge_virtual_aps, self.max_age_ms)


PRESETS: dict[str, ItolocPreset] = {
    # The paper's networks and recipe (SPEC 2.2, 2.4); gamma, lambda and the cap are ours, since it
    # names none. Hours on a processor.
    "paper": ItolocPreset(),
    # A minute on one core for each 2000 scans: fewer channels and access points, and what measured
    # sets ask for: access points kept apart, the level, unknown ones seen in training.
    "small": ItolocPreset(
        width=8, pool="rows", dropout=0.2, level=True, min_share=0.05, cap=24,
        order="pseudo_positions", soften_m=0.7, noise_db=3.0, ap_unknown=0.25, ap_lost=0.1,
        optimizer="adam", epochs=16, patience=8, batch=64, learning_rate=1e-2, estimate="mean",
    ),
    # The most accurate over months of uji_library: levels instead of ratios (an image of as many
    # access points takes five times as long), many access points unknown in training, neighbours.
    "best": ItolocPreset(
        width=16, pool="rows", dropout=0.2, input="vector", min_share=0.05, cap=64,
        order="pseudo_positions", soften_m=0.7, noise_db=3.0, ap_unknown=0.5, ap_lost=0.1,
        adversary="none", optimizer="adam", epochs=16, patience=8, batch=64, learning_rate=1e-2,
        estimate="mean", fused=True,
    ),
    # Many floors: every access point that a floor hears, powed levels and the floor's loss, phones
    # that differ in gain, everything chosen over all sessions; half the width, for time.
    "site": ItolocPreset(
        width=8, pool="rows", dropout=0.2, input="vector", exponent=2.0, not_heard_dbm=-105.0,
        min_share=0.02, cap=512, order="pseudo_positions", soften_m=3.0, floor_loss=1.0,
        noise_db=3.0, offset_db=5.0, ap_unknown=0.5, ap_lost=0.1, adversary="none",
        optimizer="adam", epochs=8, patience=8, batch=64, learning_rate=1e-2, estimate="mean",
        fused=True, in_turns=True, shifts_db=(-6.0, 0.0, 6.0),
    ),
}  # fmt: skip
