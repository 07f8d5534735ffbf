"""PyTorch network → one ONNX file: fp32, static int8, or its dense layers alone in int8."""

import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime import quantization

OPSET = 20
INPUT_NAME = "input"


def to_onnx(module: torch.nn.Module, input_shape: Sequence[int], outputs: Sequence[str]) -> bytes:
    """The network as a self-contained fp32 ONNX file with a fixed batch.

    `input_shape` includes the batch axis (1, ...); `outputs` names the results in order.
    """
    example = torch.zeros(tuple(input_shape))
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module.eval(),
                (example,),
                dynamo=True,
                external_data=False,
                verbose=False,
                opset_version=OPSET,
                input_names=[INPUT_NAME],
                output_names=list(outputs),
            )
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    model: onnx.ModelProto = program.model_proto
    onnx.checker.check_model(model)
    return model.SerializeToString()


class _Rows(quantization.CalibrationDataReader):
    def __init__(self, images: NDArray[np.float32]) -> None:
        self._rows: Iterator[NDArray[np.float32]] = iter(images)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        row = next(self._rows, None)
        return None if row is None else {INPUT_NAME: row[None]}


def quantize_onnx(
    model: bytes,
    images: NDArray[np.float32],
    float_after: str | Sequence[str] | None = None,
) -> bytes:
    """Static int8 (QDQ, signed activations, one weight scale per channel) of an fp32 ONNX file.

    `images` (B, ...) are calibration inputs from the training split. What is computed from the
    tensor `float_after`, or from one of several, stays float32.
    """
    graph = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(model))
    tensors = [float_after] if isinstance(float_after, str) else float_after or ()
    with _quantized_file() as path:
        quantization.quantize_static(
            graph,
            str(path),
            _Rows(images),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            nodes_to_exclude=_downstream(graph.graph, tensors),
        )
        return path.read_bytes()


def quantize_dense_onnx(model: bytes) -> bytes:
    """The dense layers of an fp32 ONNX file in int8, one weight scale per output; all else float32.

    What a dense layer reads is quantized by the range of each scan: there is nothing to calibrate,
    and the values before it, those of silent access points among them, are not rounded at all.
    """
    graph = onnx.load_model_from_string(model)
    # The quantizer transposes weights and then trips over the shapes noted before.
    del graph.graph.value_info[:]
    with _quantized_file() as path:
        quantization.quantize_dynamic(
            graph,
            str(path),
            op_types_to_quantize=["Gemm", "MatMul"],
            per_channel=True,
            # x86 without VNNI adds products of unsigned and signed values in 16 bits, which
            # saturate. What the layer reads is unsigned.
            weight_type=quantization.QuantType.QUInt8,
        )
        return path.read_bytes()


@contextmanager
def _quantized_file() -> Iterator[Path]:
    """Where to write a quantized file to; the quantizer's chatter is kept out of our output."""
    root = logging.getLogger()
    level = root.level
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.setLevel(logging.ERROR)
        try:
            yield Path(folder, "int8.onnx")
        finally:
            root.setLevel(level)


def _downstream(graph: onnx.GraphProto, tensors: Sequence[str]) -> list[str]:
    """Names of the nodes that depend on `tensors` (the graph is in topological order)."""
    reached = set(tensors)
    names = []
    for node in graph.node:
        if reached.intersection(node.input):
            names.append(node.name)
            reached.update(node.output)
    return names


def with_metadata(model: bytes, metadata: dict[str, str]) -> bytes:
    """The same model carrying `metadata` as its custom properties."""
    proto = onnx.load_model_from_string(model)
    onnx.helper.set_model_props(proto, metadata)
    return proto.SerializeToString()
