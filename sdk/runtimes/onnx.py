"""ONNX models through onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError, RuntimeUnavailableError
from . import ModelShape


class OnnxRuntime:
    """One onnxruntime session; sessions may be run by several threads at once."""

    def __init__(self, model: bytes, shape: ModelShape, num_threads: int) -> None:
        try:
            import onnxruntime
        except (ImportError, OSError) as error:
            raise RuntimeUnavailableError(
                f"model.onnx needs onnxruntime ({error}): pip install 'rssfix[onnx]'"
            ) from None
        self.name = f"onnxruntime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # Idle threads that spin eat a phone's battery between two scans.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            # Without enable_fallback=0 a damaged model makes onnxruntime print to stdout.
            session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # onnxruntime's errors share no base class but this.
            raise BundleError(f"model.onnx cannot be loaded: {error!s:.300}") from None
        self._session = session
        self._input = _checked_input(session.get_inputs(), shape)
        outputs = {output.name: list(output.shape) for output in session.get_outputs()}
        self._scores = [_checked(outputs, shape.scores_name, [1, shape.n_places])]
        self._both: list[str] | None = None
        if shape.features is not None and shape.features_name is not None:
            wanted: list[Any] = [1, shape.features[0] or None, shape.features[1]]
            self._both = [*self._scores, _checked(outputs, shape.features_name, wanted)]

    def scores(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores (G,) of one input image."""
        scores: NDArray[np.float32] = self._run(self._scores, image)[0][0]
        return scores

    def scores_and_features(
        self, image: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (G,) and features (K, N) of one input image."""
        if self._both is None:
            raise BundleError("model.onnx gives no features")
        scores, features = self._run(self._both, image)
        return scores[0], features[0]

    def _run(self, names: list[str], image: NDArray[np.float32]) -> list[Any]:
        try:
            answer: list[Any] = self._session.run(names, {self._input: image})
        except Exception as error:
            raise BundleError(f"model.onnx failed to run: {error!s:.300}") from None
        return answer


def _checked_input(inputs: list[Any], shape: ModelShape) -> str:
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        found = [(item.name, item.type) for item in inputs]
        raise BundleError(f"model.onnx must have one float32 input, it has {found}")
    name: str = inputs[0].name
    _checked({name: list(inputs[0].shape)}, name, list(shape.image))
    return name


def _checked(found: dict[str, list[Any]], name: str, wanted: list[Any]) -> str:
    """The name, where its shape fits; a None in `wanted` and symbolic axes fit anything."""
    if name not in found:
        raise BundleError(f"model.onnx has no output {name!r}, it has {sorted(found)}")
    shape = found[name]
    if len(shape) != len(wanted) or any(
        isinstance(length, int) and expected not in (None, length)
        for length, expected in zip(shape, wanted, strict=True)
    ):
        raise BundleError(f"model.onnx: {name!r} must have the shape {wanted}, it has {shape}")
    return name
