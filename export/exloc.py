"""The parts of an eXLoc bundle: model files, head weights for the Impact Score, places."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.bundle import npy_bytes
from export.conversion import SCORES, KeptFloat, described, model_files, two_attempts
from export.neighbours import neighbour_members, neighbour_output
from export.parts import Attempt, Parts, places
from training.decode import softmax
from training.exloc import load_network
from training.fusion import Fusion, database_of_run
from training.networks.exloc import ExLocNet
from training.run import Run

FEATURES = "features"
_BATCH = 64


class _Graph(nn.Module):
    """What the device runs: class scores, and the features the Impact Score is made of."""

    def __init__(self, network: ExLocNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.scores_and_features(x)


def attempts(run: Run, formats: Sequence[str], precision: str) -> Iterator[Attempt]:
    """The ways to make the parts: for int8, then with an int8 head alone, then a float32 head.

    The second, where the head holds most of the weights, is about as small as the first and nearer
    to the checkpoint: silent access points put one value into hundreds of places, and what rounding
    does to it adds up. How much that is in the first, is luck of its ranges.
    """
    whole, *rest = two_attempts(_parts, run, formats, precision)
    yield whole
    if rest and _head_is_most(run):
        yield partial(_parts, run, formats, precision, float_head=False, head_alone=True)
    yield from rest


def _head_is_most(run: Run) -> bool:
    network = load_network(run)
    total = sum(p.numel() for p in network.parameters())
    return 2 * network.fc.weight.numel() > total


def checkpoint_probability(run: Run, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
    """Place probabilities (B, G) of the fp32 checkpoint, in PyTorch; fused where the run is."""
    network = load_network(run)
    images = torch.from_numpy(run.input_recipe.images(rssi_dbm))
    with torch.inference_mode():
        logits = torch.cat([network(part) for part in images.split(_BATCH)])
    probability = softmax(logits.numpy(), run.temperature)
    if run.neighbours is None:
        return probability
    return Fusion.from_json(run.neighbours).combine(probability, database_of_run(run), rssi_dbm)


def _parts(
    run: Run,
    formats: Sequence[str],
    precision: str,
    *,
    float_head: bool,
    head_alone: bool = False,
) -> Parts:
    network = load_network(run)
    recipe = run.input_recipe
    models = model_files(
        _Graph(network).eval(), recipe.shape(len(run.bssids)), (SCORES, FEATURES),
        recipe.images(run.arrays["calibration_rssi_dbm"]), formats, precision,
        KeptFloat(lambda _: FEATURES) if float_head else None, dense_alone=head_alone,
    )  # fmt: skip
    place_members, place_names = places(run)
    kept = np.float32 if precision == "fp32" else np.float16
    head = {
        "head_weight.npy": npy_bytes(network.head_weight().numpy().astype(kept)),
        "head_bias.npy": npy_bytes(network.fc.bias.detach().numpy().astype(np.float32)),
    }
    output = {
        "positioner": "cells",
        "estimate": run.estimate,
        "places": place_names,
        "scores": SCORES,
        "features": FEATURES,
        "temperature": run.temperature,
        "head": {
            "kind": "per_ap" if network.head == "per_ap" else "gap",
            "weight": "head_weight.npy",
            "bias": "head_bias.npy",
        },
    }
    if run.neighbours is not None:
        fusion = Fusion.from_json(run.neighbours)
        head |= neighbour_members(run)
        output["fusion"] = {
            **neighbour_output(run, fusion.rule), "power": fusion.power, "least": fusion.least,
        }  # fmt: skip
    return Parts(
        {**models, **head, **place_members},
        recipe.to_json(),
        output,
        precision,
        f"{network.form} network, {described(precision, float_head, head_alone)}",
    )
