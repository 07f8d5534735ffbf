"""Presets of ``rssfix train lbn``, as data. What was measured: evaluation/results/lbn."""

from __future__ import annotations

from dataclasses import dataclass

from training.fingerprints import Vectors

DEFAULT_PRESET = "lbn-best"
PLACES = ("points", "cells")


@dataclass(frozen=True)
class LbnPreset:
    """Everything about a training that is not the survey or the seed.

    Image: ``side``, and so side^2 access points at most, chosen by ``ap_choice.py`` among those
    that ``min_share`` of a floor's scans heard, written in the ``order`` of ``order.py``. Network:
    ``norm`` to ``compat75`` as in ``networks/lbn.py``. Places: "points", every position of the
    survey, or "cells" of 1 m. Training: an epoch shows every scan once and ``factor`` - 1 synthetic
    ones of its place, drawn afresh as ``draw`` of ``fluctuation.py`` says; labels spread over
    ``soften_m`` metres (0: one place); ``one_cycle`` lets the learning rate rise to
    ``learning_rate`` and fall; ``patience`` epochs without gain on held-out scans end it.
    """

    norm: str = "lbn"
    layer: int = 1
    block: int | None = 4
    running: str = "patch"
    scope: str = "batch"
    edges: str = "partial"
    ln_affine: str = "channel"
    momentum: float = 0.99
    eps: float = 1e-3
    dropout: float = 0.5
    compat75: bool = False
    side: int = 16
    min_share: float = 0.0
    order: str = "name"
    not_heard_dbm: float = -100.0
    places: str = "points"
    factor: int = 61
    draw: str = "uniform"
    soften_m: float = 0.0
    epochs: int = 200
    patience: int = 200
    batch: int = 128
    learning_rate: float = 1e-3
    one_cycle: bool = False
    weight_decay: float = 0.0
    estimate: str = "mode"
    merge_virtual_aps: str = "none"
    max_age_ms: int = 10_000

    def __post_init__(self) -> None:
        if self.places not in PLACES:
            raise ValueError(f"places is {self.places!r}, expected one of {', '.join(PLACES)}")
        if self.factor < 1:
            raise ValueError(f"factor is {self.factor}, expected 1 (no synthetic scans) or more")

    @property
    def vectors(self) -> Vectors:
        return Vectors(self.merge_virtual_aps, self.max_age_ms)


PRESETS: dict[str, LbnPreset] = {
    # Layer 1, block 4, Adam at 1e-3 for 200 epochs of 61 times the survey: hours on a processor.
    "paper": LbnPreset(),
    # Minutes on one core. BN by month 6 of evaluation/results/lbn, which nothing is trained or
    # tested on; LBN is not told apart there, and worse later, unless its statistics are each
    # scan's own (norm "lbn", scope "sample"). The rest by a first look, one seed, at month 3.
    # Layer 1's variances lie under 1e-3, so that Keras's eps would outweigh them; and moving
    # averages start at variance 1: at Keras's momentum they need a thousand steps to forget that,
    # and a short training ends before.
    "lbn-best": LbnPreset(
        norm="bn", side=12, momentum=0.9, eps=1e-5, dropout=0.2, factor=2, epochs=20, patience=8,
        learning_rate=2e-3, one_cycle=True, soften_m=0.7, estimate="mean",
    ),
}  # fmt: skip
