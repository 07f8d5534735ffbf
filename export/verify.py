"""Is the bundle the model that was trained? Checked through the device's own path, row by row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.errors import ExportError
from export.parts import Reference
from sdk import Localizer, Scan
from sdk.bundle import Bundle
from sdk.outputs import CellsOutput
from sdk.runtimes import ModelShape, RuntimeChoice
from sdk.runtimes.tflite import TfliteRuntime, interpreters
from training.decode import decode
from training.progress import steps
from training.run import Run

# What an export may cost on the validation rows, over the fp32 checkpoint. A fix may move by the
# larger of two: centimetres are below what any surveyor marks, and a few percent of the error that
# the checkpoint had on held-out scans stay unseen behind it, in a room as on a campus.
MOST_SHIFT_M = 0.05
MOST_SHIFT_SHARE = 0.02
MOST_ERROR_GROWTH = 0.02
MOST_ACCURACY_LOSS = 0.01
# fp32 is the same function in another runtime; int8 is judged by its positions.
MOST_FP32_DIFFERENCE = 1e-3
# Between two TFLite runtimes, as a share of the scores' span: two steps of int8.
MOST_SCORE_DIFFERENCE = 0.01
_SHARED_ROWS = 64


@dataclass(frozen=True)
class Verdict:
    """A bundle beside the fp32 checkpoint over the answered validation rows.

    `shift_m`: mean distance between the two fixes. `error_m`, `accuracy`: mean error, and share of
    rows whose most probable place is the one nearest to the truth; `reference_*` of the checkpoint.
    A refitted network has learned from these rows: compare the two, and take neither for accuracy.
    `difference`: largest difference of a probability. `held_out_error_m`: mean error that training
    measured on scans the network had not seen.
    """

    runtime: str
    rows: int
    shift_m: float
    error_m: float
    reference_error_m: float
    accuracy: float
    reference_accuracy: float
    difference: float
    held_out_error_m: float

    @property
    def most_shift_m(self) -> float:
        """The limit of `shift_m`."""
        return max(MOST_SHIFT_M, MOST_SHIFT_SHARE * self.held_out_error_m)

    def problems(self, precision: str) -> list[str]:
        """What is out of bounds; empty when the bundle may be written."""
        found = []
        if not self.shift_m < self.most_shift_m:
            found.append(
                f"fixes move by {self.shift_m:.3f} m in the mean (limit {self.most_shift_m:.3f})"
            )
        if self.error_m > self.reference_error_m * (1 + MOST_ERROR_GROWTH):
            found.append(
                f"mean error grows from {self.reference_error_m:.3f} to {self.error_m:.3f} m "
                f"(limit {MOST_ERROR_GROWTH:.0%})"
            )
        if self.accuracy < self.reference_accuracy - MOST_ACCURACY_LOSS:
            found.append(
                f"accuracy falls from {self.reference_accuracy:.3f} to {self.accuracy:.3f} "
                f"(limit {MOST_ACCURACY_LOSS:.0%})"
            )
        if precision == "fp32" and self.difference > MOST_FP32_DIFFERENCE:
            found.append(
                f"probabilities differ by {self.difference:.2e} (limit {MOST_FP32_DIFFERENCE:.0e})"
            )
        return found

    def to_json(self) -> dict[str, float | int | str]:
        """Plain JSON types, as they stand in a bundle's provenance."""
        return {
            "runtime": self.runtime,
            "rows": self.rows,
            "shift_m": round(self.shift_m, 4),
            "error_m": round(self.error_m, 4),
            "reference_error_m": round(self.reference_error_m, 4),
            "accuracy": round(self.accuracy, 4),
            "reference_accuracy": round(self.reference_accuracy, 4),
            "most_shift_m": round(self.most_shift_m, 4),
            "largest_probability_difference": float(f"{self.difference:.3g}"),
        }


def compare(
    run: Run,
    reference: Reference,
    bundle: bytes,
    runtime: RuntimeChoice,
    progress: bool,
) -> Verdict:
    """Open the bundle as a device does and locate every validation row.

    Raises BundleError or RuntimeUnavailableError as `Localizer.open` does.
    """
    found = np.full_like(reference.probability, np.nan)
    with Localizer.open(bundle, runtime=runtime) as localizer:
        name = localizer.info.runtime
        with steps(f"verify {name}", len(found), progress) as advance:
            for row, rssi_dbm in enumerate(reference.rssi_dbm):
                scan = scan_of(run.bssids, rssi_dbm)
                if localizer.locate(scan):
                    found[row] = localizer.posterior(scan).probability
                advance()
    answered = np.isfinite(found).all(axis=1)
    ours, theirs = found[answered], reference.probability[answered]
    xy_m, floor = reference.xy_m[answered], reference.floor[answered]
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]
    true_place = _nearest(xy_m, floor, *places)
    fix = decode(ours, *places, run.estimate).xy_m
    reference_fix = decode(theirs, *places, run.estimate).xy_m
    return Verdict(
        runtime=name,
        rows=int(answered.sum()),
        shift_m=float(np.linalg.norm(fix - reference_fix, axis=1).mean()),
        error_m=float(np.linalg.norm(fix - xy_m, axis=1).mean()),
        reference_error_m=float(np.linalg.norm(reference_fix - xy_m, axis=1).mean()),
        accuracy=float((ours.argmax(axis=1) == true_place).mean()),
        reference_accuracy=float((theirs.argmax(axis=1) == true_place).mean()),
        difference=float(np.abs(ours - theirs).max()),
        held_out_error_m=float(run.metrics["mean_m"]),
    )


def other_tflite_runtimes(run: Run, bundle: bytes) -> list[str]:
    """Names of the further TFLite runtimes installed here that give the same scores.

    Localizer takes the best runtime; the same file must also be right in the other, which has
    loaded and silently miscomputed some quantized files before. Compared on the calibration rows.

    Raises ExportError where one differs by more than MOST_SCORE_DIFFERENCE of the scores' span.
    """
    best, *others = interpreters(most=2)
    opened = Bundle.open(bundle)
    output, recipe = opened.manifest.output, opened.manifest.recipe
    assert isinstance(output, CellsOutput)
    assert recipe is not None
    shape = ModelShape(recipe.shape(len(run.bssids)), len(opened.places), None, output.scores, None)
    images = recipe.images(run.arrays["calibration_rssi_dbm"][:_SHARED_ROWS])
    model = opened.models["model.tflite"]
    first = TfliteRuntime(model, shape, 1, best)
    wanted = np.array([first.scores(image[None]) for image in images])
    names = []
    for other in others:
        runtime = TfliteRuntime(model, shape, 1, other)
        found = np.array([runtime.scores(image[None]) for image in images])
        difference, span = float(np.abs(found - wanted).max()), float(np.ptp(wanted))
        if not difference <= span * MOST_SCORE_DIFFERENCE:
            raise ExportError(
                f"{runtime.name} gives scores that differ by {difference:.3g} from {first.name} "
                f"(their span is {span:.3g}, limit {MOST_SCORE_DIFFERENCE:.0%} of it)"
            )
        names.append(runtime.name)
    return names


def scan_of(bssids: tuple[str, ...], rssi_dbm: NDArray[np.float32]) -> Scan:
    """The scan that a fingerprint row (N,) stands for."""
    heard = np.flatnonzero(np.isfinite(rssi_dbm))
    return Scan.from_dict({bssids[i]: float(rssi_dbm[i]) for i in heard}, timestamp_ms=0)


def _nearest(
    xy_m: NDArray[np.float64],
    floor: NDArray[np.int32],
    places_xy_m: NDArray[np.float64],
    places_floor: NDArray[np.int32],
) -> NDArray[np.intp]:
    square = ((xy_m[:, None, :] - places_xy_m[None, :, :]) ** 2).sum(axis=2)
    square[floor[:, None] != places_floor[None, :]] = np.inf
    return square.argmin(axis=1)
