"""PyTorch network → TFLite, fp32 or int8, through litert-torch and ai-edge-quantizer."""

import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from export.errors import ExportError


def require_converter() -> None:
    """Raises ExportError, naming the extra, when the TFLite converter is not installed."""
    for module in ("litert_torch", "ai_edge_quantizer"):
        if importlib.util.find_spec(module) is None:
            raise ExportError(
                f"--format tflite needs {module}, which is not installed: "
                "pip install 'rssfix[export-tflite]'"
            )


def to_tflite(module: torch.nn.Module, input_shape: Sequence[int]) -> bytes:
    """The network as an fp32 TFLite file with a fixed batch; inputs keep PyTorch's layout."""
    require_converter()
    with _quiet("the TFLite conversion"), tempfile.TemporaryDirectory() as folder:
        import litert_torch

        edge = litert_torch.convert(module.eval(), (torch.zeros(tuple(input_shape)),))
        path = Path(folder, "model.tflite")
        edge.export(str(path))
        return path.read_bytes()


def quantize_tflite(
    model: bytes, images: NDArray[np.float32], float_tensors: Sequence[str] = ()
) -> bytes:
    """Static int8 with float32 inputs and outputs of an fp32 TFLite file.

    `images` (B, ...) are calibration inputs from the training split. What writes a tensor whose
    name matches one of the patterns `float_tensors` stays float32. Ranges are the minimum and
    maximum seen: the quantizer's own calibration averages them, which clips and costs accuracy.
    """
    require_converter()
    with _quiet("the TFLite quantization"), tempfile.TemporaryDirectory() as folder:
        return _quantized(model, images, float_tensors, Path(folder))


def quantize_dense_tflite(model: bytes) -> bytes:
    """The weights of the dense layers of an fp32 TFLite file in int8; arithmetic in float32.

    Not by the range of each scan as in `quantize_dense_onnx`: tflite-runtime 2.14 takes one weight
    scale for all outputs there and rounds what the layer reads twice as coarsely as LiteRT.
    """
    require_converter()
    with _quiet("the TFLite quantization"), tempfile.TemporaryDirectory() as folder:
        from ai_edge_quantizer import qtyping, quantizer, recipe_manager

        recipes = recipe_manager.RecipeManager()
        recipes.add_weight_only_config(
            regex=".*", operation_name=qtyping.TFLOperationName.FULLY_CONNECTED, num_bits=8
        )
        float_path, int8_path = Path(folder, "float.tflite"), Path(folder, "int8.tflite")
        float_path.write_bytes(model)
        quantize = quantizer.Quantizer(str(float_path), recipes.get_quantization_recipe())
        quantize.quantize().export_model(str(int8_path), overwrite=True)
        return int8_path.read_bytes()


def _quantized(
    model: bytes, images: NDArray[np.float32], float_tensors: Sequence[str], folder: Path
) -> bytes:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe_manager
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.utils import qsv_utils

    operation = qtyping.TFLOperationName
    recipes = recipe_manager.RecipeManager()
    recipes.add_static_config(
        regex=".*",
        operation_name=operation.ALL_SUPPORTED,
        activation_num_bits=8,
        weight_num_bits=8,
    )
    keep_float = [(".*", operation.INPUT), (".*", operation.OUTPUT)]
    keep_float += [(pattern, operation.ALL_SUPPORTED) for pattern in float_tensors]
    for pattern, name in keep_float:
        recipes.add_quantization_config(
            regex=pattern, operation_name=name, algorithm_key=AlgorithmName.NO_QUANTIZE
        )
    signature, tensors = next(iter(Interpreter(model_content=model).get_signature_list().items()))
    (input_name,) = tensors["inputs"]
    float_path, int8_path = folder / "float.tflite", folder / "int8.tflite"
    float_path.write_bytes(model)
    quantize = quantizer.Quantizer(str(float_path), recipes.get_quantization_recipe())
    # Quantizer.calibrate() cannot be told to use min/max, so its parts are used directly.
    calibrate = calibrator.Calibrator(
        quantize._float_model_buffer, num_threads=1, qsv_update_func=qsv_utils.min_max_update
    )
    rows = {signature: [{input_name: row[None]} for row in images]}
    calibrate.calibrate(rows, quantize._recipe_manager)
    quantize.quantize(calibrate.get_model_qsvs()).export_model(str(int8_path), overwrite=True)
    return int8_path.read_bytes()


@contextmanager
def _quiet(step: str) -> Iterator[None]:
    """Keeps the converters' chatter, printed by Python and C++ alike, out of our output.

    When the step fails, ExportError carries the end of what was printed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as printed, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = [os.dup(1), os.dup(2)]
        try:
            os.dup2(printed.fileno(), 1)
            os.dup2(printed.fileno(), 2)
            yield
        except Exception as error:
            printed.seek(0)
            tail = printed.read().decode(errors="replace")[-500:]
            raise ExportError(f"{step} failed: {type(error).__name__}: {error}\n{tail}") from error
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in enumerate(kept, 1):
                os.dup2(copy, number)
                os.close(copy)
