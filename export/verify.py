"""Is the bundle the model that was trained? Checked through the device's own path, row by row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.agreement import AgreementVerdict, beside
from export.errors import ExportError
from export.parts import OnDemand, Reference
from sdk import Localizer, Scan
from sdk.bundle import Bundle
from sdk.golden import difference
from sdk.heatmap_rules import HeatmapOutput
from sdk.outputs import CellsOutput, Output
from sdk.rank_rules import SPAN, RanksOutput
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
# Of the posteriors that are in memory at a time: 32 MiB.
_MOST_VALUES = 1 << 22


@dataclass(frozen=True)
class Verdict:
    """A bundle beside the fp32 checkpoint over the answered validation rows.

    `shift_m`: mean distance between the two fixes. `error_m`, `accuracy`: mean error, and share of
    rows whose most probable place is the one nearest to the truth, or, where the places are cells
    of a fine grid (hapi), whose floor is right; `reference_*` of the checkpoint.
    A refitted network has learned from these rows: compare the two, and take neither for accuracy.
    `difference`: largest `sdk.golden.difference` of all rows, `golden_difference` that of the rows
    in the golden pair where they were chosen for it. `held_out_error_m`: mean error that training
    measured on scans the network had not seen. `agreement`: of models that tell it.
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
    golden_difference: float | None = None
    agreement: AgreementVerdict | None = None

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
        return found + ([] if self.agreement is None else self.agreement.problems(precision))

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
            **({} if self.agreement is None else self.agreement.to_json()),
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
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]
    parts = []
    with Localizer.open(bundle, runtime=runtime) as localizer:
        name = localizer.info.runtime
        # Its `locate` and `posterior` in one: a fix and what it was made from.
        model = localizer._serving()
        output = model.manifest.output
        count = max(1, _MOST_VALUES // len(places[0]))
        with steps(f"verify {name}", len(reference.rssi_dbm), progress) as advance:
            for start in range(0, len(reference.rssi_dbm), count):
                rows = np.arange(start, min(start + count, len(reference.rssi_dbm)))
                found = np.full((len(rows), len(places[0])), np.nan)
                alike = np.full(len(rows), np.nan)
                for i, row in enumerate(rows):
                    scan = scan_of(run.bssids, reference.rssi_dbm[row])
                    _, posterior = model.located(scan)
                    if posterior is not None:
                        found[i] = posterior.probability
                        if posterior.agreement is not None:
                            alike[i] = posterior.agreement
                    advance()
                answered = np.isfinite(found).all(axis=1)
                if answered.any():
                    rows, ours = rows[answered], found[answered]
                    one = _beside(run, reference, rows, ours, output)
                    parts.append({**one, "agreement": alike[answered]})
    sums = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    mean = {key: float(values.mean()) for key, values in sums.items()}
    golden = agreement = None
    if reference.agreement is not None:
        theirs = reference.agreement[sums["row"]]
        least = model.manifest.limits.least_agreement
        agreement = beside(sums["agreement"], theirs, least)
    if isinstance(reference.probability, OnDemand):
        golden = float(sums["difference"][np.isin(sums["row"], reference.golden)].max())
    return Verdict(
        runtime=name,
        rows=len(sums["row"]),
        shift_m=mean["shift"],
        error_m=mean["error"],
        reference_error_m=mean["reference_error"],
        accuracy=mean["hit"],
        reference_accuracy=mean["reference_hit"],
        difference=float(sums["difference"].max()),
        held_out_error_m=float(run.metrics["mean_m"]),
        golden_difference=golden,
        agreement=agreement,
    )


def _beside(
    run: Run,
    reference: Reference,
    rows: NDArray[np.int64],
    ours: NDArray[np.float64],
    output: Output,
) -> dict[str, NDArray]:
    """What `compare` collects, for each of these rows: `ours` (k, G) beside the checkpoint's."""
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]
    theirs = reference.probability[rows]
    xy_m, floor = reference.xy_m[rows], reference.floor[rows]
    fix, reference_fix = (decode(p, *places, run.estimate) for p in (ours, theirs))
    if isinstance(output, RanksOutput | HeatmapOutput):
        hit, reference_hit = fix.floor == floor, reference_fix.floor == floor
    else:
        nearest = _nearest(xy_m, floor, *places)
        hit, reference_hit = (p.argmax(axis=1) == nearest for p in (ours, theirs))
    return {
        "row": rows,
        "shift": np.linalg.norm(fix.xy_m - reference_fix.xy_m, axis=1),
        "error": np.linalg.norm(fix.xy_m - xy_m, axis=1),
        "reference_error": np.linalg.norm(reference_fix.xy_m - xy_m, axis=1),
        "hit": hit,
        "reference_hit": reference_hit,
        "difference": np.array(
            [difference(output, a, b) for a, b in zip(ours, theirs, strict=True)]
        ),
    }


def other_tflite_runtimes(run: Run, bundle: bytes) -> list[str]:
    """Names of the further TFLite runtimes installed here that give the same scores.

    Localizer takes the best runtime; the same file must also be right in the other, which has
    loaded and silently miscomputed some quantized files before. Compared on the calibration rows.

    Raises ExportError where one differs by more than MOST_SCORE_DIFFERENCE of the scores' span.
    """
    best, *others = interpreters(most=2)
    opened = Bundle.open(bundle)
    shape, images = _network_inputs(run, opened)
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


def _network_inputs(run: Run, opened: Bundle) -> tuple[ModelShape, NDArray[np.float32]]:
    """What the bundle's model must look like, and inputs (B, ...) from the calibration rows."""
    output, recipe = opened.manifest.output, opened.manifest.recipe
    if isinstance(output, RanksOutput):
        from export.conversion import SCORES
        from export.hapi import network_inputs

        features = network_inputs(run, _SHARED_ROWS)
        return ModelShape((1, features.shape[1]), SPAN, None, SCORES, None), features
    if isinstance(output, HeatmapOutput):
        from export.conversion import SCORES
        from export.locunet import network_inputs as images_of

        images = images_of(run, _SHARED_ROWS)
        pixels = images.shape[2] * images.shape[3]
        return ModelShape((1, *images.shape[1:]), pixels, None, SCORES, None), images
    assert isinstance(output, CellsOutput)
    assert recipe is not None
    agrees = None if output.agreement is None else (1, 1)
    shape = ModelShape(
        recipe.shape(len(run.bssids)), len(opened.places), agrees, output.scores, output.agreement
    )
    return shape, recipe.images(run.arrays["calibration_rssi_dbm"][:_SHARED_ROWS])


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
