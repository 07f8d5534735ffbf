"""TFLite models through LiteRT (ai-edge-litert), else tflite-runtime, on Android LiteRT's AAR."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError, RuntimeUnavailableError
from . import ModelShape


class TfliteRuntime:
    """One interpreter behind a lock: interpreters are not thread-safe.

    `interpreter` is one of `interpreters()`; default the first.
    """

    def __init__(
        self,
        model: bytes,
        shape: ModelShape,
        num_threads: int,
        interpreter: tuple[Any, str] | None = None,
    ) -> None:
        if interpreter is None:
            (interpreter,) = interpreters()
        interpreter_class, self.name = interpreter
        # The file identifier; anything else would be read as a flatbuffer without a check.
        if model[4:8] != b"TFL3":
            raise BundleError("model.tflite is not a TFLite model")
        # The interpreter reads the weights in place, so the bytes must live as long as it.
        self._model = model
        self._lock = threading.Lock()
        try:
            loaded = interpreter_class(model_content=model, num_threads=num_threads)
            loaded.allocate_tensors()
            inputs = loaded.get_input_details()
            outputs = loaded.get_output_details()
        except Exception as error:  # The runtimes raise ValueError, RuntimeError and others.
            raise BundleError(f"model.tflite cannot be loaded: {error!s:.300}") from None
        self._interpreter = loaded
        if len(inputs) != 1 or not _fits(inputs[0], list(shape.image)):
            raise BundleError(
                f"model.tflite must have one float32 input {list(shape.image)}, "
                f"it has {_shown(inputs)}"
            )
        self._input: int = inputs[0]["index"]
        # TFLite loses the outputs' names; scores have two axes and features three.
        self._scores = _find(outputs, [1, shape.n_places], "scores")
        self._features: int | None = None
        if shape.features is not None:
            k, n_aps = shape.features
            self._features = _find(outputs, [1, k or None, n_aps], "features")

    def scores(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores (G,) of one input image."""
        with self._lock:
            self._run(image)
            scores: NDArray[np.float32] = self._interpreter.get_tensor(self._scores)[0]
        return scores

    def scores_and_features(
        self, image: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (G,) and features (K, N) of one input image."""
        if self._features is None:
            raise BundleError("model.tflite gives no features")
        with self._lock:
            self._run(image)
            # get_tensor copies, so that nothing points into the interpreter's memory.
            scores = self._interpreter.get_tensor(self._scores)[0]
            features = self._interpreter.get_tensor(self._features)[0]
        return scores, features

    def _run(self, image: NDArray[np.float32]) -> None:
        try:
            self._interpreter.set_tensor(self._input, image)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"model.tflite failed to run: {error!s:.300}") from None


def interpreters(most: int = 1) -> list[tuple[Any, str]]:
    """The Interpreter class and name of the best `most` runtimes that can work here.

    Raises RuntimeUnavailableError, naming the extras, where there is none.
    """
    found: list[tuple[Any, str]] = []
    reasons: list[str] = []
    for load in (_litert, _tflite_runtime, _litert_java):
        if len(found) == most:
            break
        try:
            found.append(load())
        except (ImportError, OSError) as error:
            reasons.append(str(error))
    if not found:
        raise RuntimeUnavailableError(
            f"model.tflite needs a TFLite runtime ({'; '.join(reasons)}): pip install "
            "'rssfix[litert]', or 'rssfix[tflite]' on Python 3.11 (32-bit Raspberry Pi)"
        )
    return found


def _litert() -> tuple[Any, str]:
    from ai_edge_litert import __version__ as version
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter, f"ai-edge-litert {version}"


def _tflite_runtime() -> tuple[Any, str]:
    # tflite-runtime 2.14 installs and imports beside numpy 2 and then fails in its C++ part.
    if int(np.__version__.split(".")[0]) >= 2:
        raise ImportError(f"tflite-runtime works with numpy < 2 only, this is {np.__version__}")
    from tflite_runtime import __version__ as version
    from tflite_runtime.interpreter import Interpreter

    return Interpreter, f"tflite-runtime {version}"


def _litert_java() -> tuple[Any, str]:
    from .litert_java import java_interpreter

    return java_interpreter()


def _fits(detail: dict[str, Any], wanted: list[int | None]) -> bool:
    shape = [int(length) for length in detail["shape"]]
    return (
        detail["dtype"] is np.float32
        and len(shape) == len(wanted)
        and all(expected in (None, length) for length, expected in zip(shape, wanted, strict=True))
    )


def _find(outputs: list[dict[str, Any]], wanted: list[int | None], what: str) -> int:
    for detail in outputs:
        if _fits(detail, wanted):
            return int(detail["index"])
    raise BundleError(
        f"model.tflite has no float32 output {wanted} for the {what}, it has {_shown(outputs)}"
    )


def _shown(details: list[dict[str, Any]]) -> list[tuple[str, list[int]]]:
    return [(np.dtype(item["dtype"]).name, [int(n) for n in item["shape"]]) for item in details]
