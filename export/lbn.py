"""The parts of an LBN-CNN bundle: model files with the norm folded, and the reference points."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from export.conversion import (
    SCORES,
    SCORES_PATTERN,
    KeptFloat,
    before_scores,
    described,
    model_files,
    two_attempts,
)
from export.lbn_folding import folded, scale_and_shift
from export.parts import Attempt, Parts, places
from training.decode import softmax
from training.lbn import load_network
from training.run import Run

# Of export.lbn_folding's forms, all alike in speed (benchmarks/lbn_forms.md), int8 rounds least in
# this one.
FORM = "crossed"
# What writes the values of a norm that depends on the scan. Its squares and roots in int8 cost more
# accuracy than all the rest, and TFLite's interpreters round them apart; in float32 it takes no
# longer.
NORM_PATTERN = ".*(LocalBatchNorm2d|LayerNorm).*"
_BATCH = 256


def attempts(run: Run, formats: Sequence[str], precision: str) -> Iterator[Attempt]:
    """The ways to make the parts, smallest file first: for int8, then with a float32 head."""
    return two_attempts(_parts, run, formats, precision)


def checkpoint_probability(run: Run, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
    """Place probabilities (B, G) of the fp32 checkpoint, in PyTorch."""
    network = load_network(run)
    images = torch.from_numpy(run.input_recipe.images(rssi_dbm))
    with torch.inference_mode():
        logits = torch.cat([network.scores(part) for part in images.split(_BATCH)])
    return softmax(logits.numpy(), run.temperature)


def _parts(run: Run, formats: Sequence[str], precision: str, *, float_head: bool) -> Parts:
    network = load_network(run)
    graph, unfolded = folded(network, FORM), scale_and_shift(network) is None
    kept = KeptFloat(
        before_scores if float_head else lambda _: (),
        [SCORES_PATTERN] * float_head + [NORM_PATTERN] * unfolded,
    )
    recipe = run.input_recipe
    members = model_files(
        graph, recipe.shape(len(run.bssids)), (SCORES,),
        recipe.images(run.arrays["calibration_rssi_dbm"]), formats, precision,
        kept,
    )  # fmt: skip
    place_members, place_names = places(run)
    output = {
        "positioner": "cells",
        "estimate": run.estimate,
        "places": place_names,
        "scores": SCORES,
        "temperature": run.temperature,
    }
    made = "network" if unfolded else "network folded"
    note = f"{network.config['norm']} {made}, {described(precision, float_head)}"
    return Parts({**members, **place_members}, recipe.to_json(), output, precision, note)
