"""The networks of ``rssfix reproduce lbn`` and the order in which they are trained.

Everything but the norm is the same for all: the network of SPEC 4.2, seeds, batches, synthetic
scans, number of steps, learning rate, and ``eps`` and ``momentum`` of BN and LBN (LN has no
moving average). Layer 1's variances over images in 0..1 are of the order of 1e-3 and less, so
that Keras's eps of 1e-3 would itself decide how much is normalised: the main rows use 1e-5, and
rows of their own use 1e-3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from training.lbn_presets import LbnPreset

# A processor's share of the paper's 61 x 200: one synthetic scan per measured one, a few epochs,
# a learning rate that rises and falls; half the paper's dropout, less than half its batch.
BASE = LbnPreset(
    dropout=0.2, momentum=0.9, eps=1e-5, factor=2, batch=64, learning_rate=2e-3, one_cycle=True,
    soften_m=0.0, estimate="mode",
)  # fmt: skip
KERAS_EPS = 1e-3
GROUPS = ("layer 1", "layers 2 and 3", "block size", "statistics", "eps", "learning rate",
          "longer training")  # fmt: skip
# Groups that are also judged under drift (lbn_drift).
DRIFTING = ("layer 1", "block size", "statistics", "eps")
NEIGHBOURS = "knn"
LAYER_1 = ("none", "bn", "ln", "lbn")


@dataclass(frozen=True)
class Variant:
    """``changes``: fields of ``LbnPreset`` that differ from BASE; ``longer``: times the epochs."""

    name: str
    title: str
    group: str
    changes: dict[str, Any] = field(default_factory=dict)
    longer: int = 1

    def preset(self, epochs: int) -> LbnPreset:
        epochs *= self.longer
        return replace(BASE, epochs=epochs, patience=epochs, **self.changes)


def _variants() -> dict[str, Variant]:
    one, other, block, kept, eps, rate, long = GROUPS
    titles = {"none": "no norm", "bn": "BN", "ln": "LN", "lbn": "LBN"}
    made = [Variant(n, titles[n], one, {"norm": n}) for n in LAYER_1]
    for layer in (2, 3):
        size = {2: 4, 3: 2}[layer]
        for n in LAYER_1[1:]:
            changes = {"norm": n, "layer": layer} | ({"block": size} if n == "lbn" else {})
            made.append(Variant(f"{n}-layer{layer}", f"{titles[n]}, layer {layer}", other, changes))
    made += [
        Variant(f"lbn-block{b}", f"LBN, block {b}", block, {"block": b}) for b in (2, 8)
    ]  # fmt: skip
    made.append(Variant("lbn-pooled", "LBN, pooled statistics", kept, {"running": "pooled"}))
    by_scan = {"norm": "lbn", "scope": "sample"}
    made.append(Variant("lbn-sample", "LBN by scan", kept, by_scan))
    # One patch: instance norm.
    whole = by_scan | {"block": 16}
    made.append(Variant("lbn-sample16", "LBN by scan, block 16", kept, whole))
    for n in ("lbn", "bn", "ln"):
        changes = {"norm": n, "eps": KERAS_EPS}
        made.append(Variant(f"{n}-eps1e-3", f"{titles[n]}, eps 1e-3", eps, changes))
    for n in ("none", "bn", "lbn"):
        changes = {"norm": n, "learning_rate": BASE.learning_rate / 4}
        made.append(Variant(f"{n}-slow", f"{titles[n]}, learning rate 5e-4", rate, changes))
    for n in ("none", "bn", "lbn"):
        made.append(Variant(f"{n}-long", f"{titles[n]}, 3 x the epochs", long, {"norm": n}, 3))
    return {v.name: v for v in made}


VARIANTS = _variants()


def plan(seeds: int) -> Iterator[tuple[str, str, int]]:
    """(place, variant, seed), the most wanted first: layer 1 with all seeds, then the rest, seed by
    seed."""
    yield "uji", NEIGHBOURS, 0
    for seed in range(seeds):
        for name in LAYER_1:
            yield "uji", name, seed
    for seed in range(seeds):
        for part in ("eps", "statistics", "hcxy", "block size", "layers 2 and 3", "uji-month1",
                     "learning rate", "longer training", "uji-rows", "uji-floor5"):  # fmt: skip
            if part not in GROUPS:
                yield from _layer_1(part, seed)
            for variant in VARIANTS.values():
                if variant.group == part:
                    yield "uji", variant.name, seed


def _layer_1(place: str, seed: int) -> Iterator[tuple[str, str, int]]:
    if seed == 0:
        yield place, NEIGHBOURS, 0
    for name in LAYER_1:
        yield place, name, seed
    if place == "uji-floor5":
        yield place, "lbn-sample", seed
