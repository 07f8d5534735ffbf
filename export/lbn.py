"""The parts of an LBN-CNN bundle: model files with the norm folded, and the reference points."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from export.lbn_folding import folded
from export.onnx_model import quantize_onnx, to_onnx
from export.parts import Attempt, Parts, places
from export.tflite_model import quantize_tflite, require_converter, to_tflite
from training.decode import softmax
from training.lbn import load_network
from training.run import Run

SCORES = "logits"
# Of export.lbn_folding's forms, all alike in speed (benchmarks/lbn_forms.md), int8 rounds least in
# this one.
FORM = "crossed"
# litert-torch names the tensor of the first output, which the head writes, like this.
_SCORES_PATTERN = ".*output_0.*"
_BATCH = 256


def attempts(run: Run, formats: Sequence[str], precision: str) -> Iterator[Attempt]:
    """The ways to make the parts, smallest file first: for int8, then with a float32 head."""
    if "tflite" in formats:
        require_converter()
    yield partial(_parts, run, formats, precision, float_head=False)
    if precision == "int8":
        yield partial(_parts, run, formats, precision, float_head=True)


def checkpoint_probability(run: Run, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
    """Place probabilities (B, G) of the fp32 checkpoint, in PyTorch."""
    network = load_network(run)
    images = torch.from_numpy(run.input_recipe.images(rssi_dbm))
    with torch.inference_mode():
        logits = torch.cat([network.scores(part) for part in images.split(_BATCH)])
    return softmax(logits.numpy(), run.temperature)


def _parts(run: Run, formats: Sequence[str], precision: str, *, float_head: bool) -> Parts:
    graph = folded(load_network(run), FORM)
    recipe = run.input_recipe
    shape = recipe.shape(len(run.bssids))
    calibration = recipe.images(run.arrays["calibration_rssi_dbm"])
    members = {}
    if "onnx" in formats:
        model = to_onnx(graph, shape, (SCORES,))
        if precision == "int8":
            model = quantize_onnx(model, calibration, _before_scores(model) if float_head else None)
        members["model.onnx"] = model
    if "tflite" in formats:
        model = to_tflite(graph, shape)
        if precision == "int8":
            model = quantize_tflite(model, calibration, [_SCORES_PATTERN] if float_head else [])
        members["model.tflite"] = model
    place_members, place_names = places(run)
    output = {
        "positioner": "cells",
        "estimate": run.estimate,
        "places": place_names,
        "scores": SCORES,
        "temperature": run.temperature,
    }
    kind = precision if precision == "fp32" else f"int8, {'float32' if float_head else 'int8'} head"
    norm = str(run.network["norm"]) if run.network else "none"
    note = f"{norm} network folded, {kind}" if norm in ("bn", "lbn") else f"{norm} network, {kind}"
    return Parts({**members, **place_members}, recipe.to_json(), output, precision, note)


def _before_scores(model: bytes) -> str:
    """The tensor that the layer writing the scores reads."""
    for node in onnx.load_model_from_string(model).graph.node:
        if SCORES in node.output:
            return str(node.input[0])
    raise AssertionError(f"no node of the model writes {SCORES!r}")
