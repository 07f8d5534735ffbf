"""What a system contributes to a bundle, and the members that every system has."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from export.bundle import npy_bytes
from training.run import Run

FORMATS: tuple[Literal["onnx", "tflite"], ...] = ("onnx", "tflite")
PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True)
class Parts:
    """Members beside the manifest, and the manifest's `input`, `output` and `precision`.

    `note` says how the model was made, for the report and the provenance.
    """

    members: dict[str, bytes]
    input: dict[str, Any] | None
    output: dict[str, Any]
    precision: str
    note: str


class Attempt(Protocol):
    """One way to make the parts, called when it is its turn."""

    def __call__(self) -> Parts: ...


def places(run: Run) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The members that hold the places, and the manifest's `output.places`."""
    members = {
        "places_xy_m.npy": npy_bytes(run.arrays["places_xy_m"].astype(np.float64)),
        "places_floor.npy": npy_bytes(run.arrays["places_floor"].astype(np.int32)),
    }
    names = {
        "xy_m": "places_xy_m.npy",
        "floor": "places_floor.npy",
        "pitch_m": run.pitch_m,
    }
    return members, names


@dataclass(frozen=True)
class Reference:
    """What the checkpoint itself says about the validation rows, before any conversion.

    `probability` (V, G) over the places; `rssi_dbm` (V, N), NaN = not heard; truth (V, 2), (V,).
    """

    rssi_dbm: NDArray[np.float32]
    probability: NDArray[np.float64]
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
