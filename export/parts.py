"""What a system contributes to a bundle, and the members that every system has."""

from collections.abc import Callable
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


class OnDemand:
    """Posteriors (V, G) that are computed row by row: on a fine grid all of them fill the memory.

    `golden` are the rows to take for the golden pair.
    """

    def __init__(
        self, probability: Callable[[int], NDArray[np.float64]], n: int, golden: NDArray[np.int64]
    ) -> None:
        self._probability, self._n, self.golden = probability, n, golden

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.stack([self._probability(int(row)) for row in rows])


@dataclass(frozen=True)
class Reference:
    """What the checkpoint itself says about the validation rows, before any conversion.

    `probability` (V, G) over the places; `rssi_dbm` (V, N), NaN = not heard; truth (V, 2), (V,);
    `golden`: the rows of the golden pair; `agreement` (V,): how alike its modules see a row, where
    it has several.
    """

    rssi_dbm: NDArray[np.float32]
    probability: NDArray[np.float64] | OnDemand
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    golden: NDArray[np.int64]
    agreement: NDArray[np.float64] | None = None
