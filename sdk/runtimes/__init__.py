"""Inference runtimes. None of them is imported before a bundle needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError, RuntimeUnavailableError

RuntimeChoice: TypeAlias = Literal["auto", "onnx", "tflite"]
RUNTIMES: tuple[RuntimeChoice, ...] = ("auto", "onnx", "tflite")
_MEMBERS = {"onnx": "model.onnx", "tflite": "model.tflite"}


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What a model must look like; batch is 1 everywhere.

    Args:
        image: the input, (1, 1, N) or (1, 1, N, N).
        n_places: scores are (1, n_places).
        features: (K, N) where the model also gives features (1, K, N); None where it does not.
            K = 0 stands for any number.
        scores_name, features_name: the outputs' names, for the runtimes that keep names.
    """

    image: tuple[int, ...]
    n_places: int
    features: tuple[int, int] | None
    scores_name: str
    features_name: str | None


class Runtime(Protocol):
    """A loaded model. Safe to call from several threads; answers are copies."""

    name: str

    def scores(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores (G,) of one input image."""
        ...

    def scores_and_features(
        self, image: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (G,) and features (K, N) of one input image."""
        ...


def open_runtime(
    choice: str, models: Mapping[str, bytes], shape: ModelShape, num_threads: int
) -> Runtime:
    """Load the model in the chosen runtime; `auto` takes ONNX where it can, else TFLite.

    Raises:
        RuntimeUnavailableError: the runtime is not installed or cannot work here.
        BundleError: the bundle has no model for it, or the model is damaged or of another shape.
    """
    if choice not in RUNTIMES:
        raise ValueError(f"runtime must be one of {RUNTIMES}, got {choice!r}")
    if choice != "auto" and _MEMBERS[choice] not in models:
        raise BundleError(f"no {_MEMBERS[choice]} in the bundle, it has {', '.join(models)}")
    missing: list[str] = []
    for kind in ("onnx", "tflite") if choice == "auto" else (choice,):
        if _MEMBERS[kind] not in models:
            continue
        try:
            return _load(kind, models[_MEMBERS[kind]], shape, num_threads)
        except RuntimeUnavailableError as error:
            missing.append(str(error))
    raise RuntimeUnavailableError("; or ".join(missing))


def _load(kind: str, model: bytes, shape: ModelShape, num_threads: int) -> Runtime:
    if kind == "onnx":
        from .onnx import OnnxRuntime

        return OnnxRuntime(model, shape, num_threads)
    from .tflite import TfliteRuntime

    return TfliteRuntime(model, shape, num_threads)
