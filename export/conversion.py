"""From a PyTorch module to the model files of a bundle, the same way for every system."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import nn

from export.onnx_model import quantize_dense_onnx, quantize_onnx, to_onnx
from export.parts import Attempt, Parts
from export.tflite_model import (
    quantize_dense_tflite,
    quantize_tflite,
    require_converter,
    to_tflite,
)
from training.run import Run

SCORES = "logits"
# litert-torch names the tensor of the first output, which the head's last layer writes, like this.
SCORES_PATTERN = ".*output_0.*"


class MakeParts(Protocol):
    """A system's parts; with ``float_head`` its last layer stays float32 in int8 models."""

    def __call__(
        self, run: Run, formats: Sequence[str], precision: str, *, float_head: bool
    ) -> Parts: ...


def two_attempts(
    make: MakeParts, run: Run, formats: Sequence[str], precision: str
) -> Iterator[Attempt]:
    """The ways to make the parts, smallest file first: for int8, then with a float32 head.

    Raises ExportError where TFLite is asked for and its converter is not installed.
    """
    if "tflite" in formats:
        require_converter()
    yield partial(make, run, formats, precision, float_head=False)
    if precision == "int8":
        yield partial(make, run, formats, precision, float_head=True)


@dataclass(frozen=True)
class KeptFloat:
    """What stays float32 in int8 models: in ONNX all that is computed from the tensors that
    ``after`` names in a model, in TFLite what writes tensors that match ``patterns``."""

    after: Callable[[bytes], str | Sequence[str]]
    patterns: Sequence[str] = (SCORES_PATTERN,)


def model_files(
    graph: nn.Module,
    shape: Sequence[int],
    outputs: Sequence[str],
    calibration: NDArray[np.float32],
    formats: Sequence[str],
    precision: str,
    kept: KeptFloat | None,
    dense_alone: bool = False,
) -> dict[str, bytes]:
    """The members `model.onnx` and `model.tflite`, as far as ``formats`` asks for them.

    Args:
        shape: of the input with its batch axis of 1; ``outputs``: names of the results in order.
        calibration (B, ...): inputs of training scans, for the ranges of int8.
        kept: None = everything becomes int8.
        dense_alone: only dense layers become int8, whatever ``kept`` says.
    """
    files = {}
    if "onnx" in formats:
        model = to_onnx(graph, shape, outputs)
        if precision == "int8" and dense_alone:
            model = quantize_dense_onnx(model)
        elif precision == "int8":
            model = quantize_onnx(model, calibration, None if kept is None else kept.after(model))
        files["model.onnx"] = model
    if "tflite" in formats:
        model = to_tflite(graph, shape)
        if precision == "int8" and dense_alone:
            model = quantize_dense_tflite(model)
        elif precision == "int8":
            model = quantize_tflite(model, calibration, [] if kept is None else kept.patterns)
        files["model.tflite"] = model
    return files


def before_scores(model: bytes) -> str:
    """The tensor that the layer writing the scores reads, in an ONNX file."""
    for node in onnx.load_model_from_string(model).graph.node:
        if SCORES in node.output:
            return str(node.input[0])
    raise AssertionError(f"no node of the model writes {SCORES!r}")


def described(precision: str, float_head: bool, head_alone: bool = False) -> str:
    """The precision in words, for the report and the provenance."""
    if precision == "fp32":
        return precision
    if head_alone:
        return "int8 head, float32 before it"
    return f"int8, {'float32' if float_head else 'int8'} head"
