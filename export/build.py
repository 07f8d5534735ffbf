"""From a run folder to a verified bundle file."""

import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType

import numpy as np

from export.bundle import bundle_bytes, npy_bytes
from export.errors import ExportError
from export.forms import Rewritten, in_form
from export.onnx_model import with_metadata
from export.parts import FORMATS, PRECISIONS, OnDemand, Parts, Reference
from export.verify import Verdict, compare, other_tflite_runtimes
from sdk import Localizer
from sdk.atomic import write_file
from sdk.errors import RssfixError
from sdk.fingerprint import ApTable
from sdk.runtimes import RuntimeChoice
from training.run import Run

SYSTEMS = ("exloc", "hapi", "itoloc", "lbn", "locunet", "neighbours")
METADATA_KEY = "rssfix_manifest"
_GOLDEN_ROWS = 4
# Golden pairs must also hold on processors whose int8 kernels round otherwise.
_LEAST_TOLERANCE = {"fp32": 1e-3, "int8": 0.02}
_TOLERANCE_FACTOR = 3.0
# Of readings between two visits of a spot, as the presets of training take it.
_NOISE_DB = 3.0


@dataclass(frozen=True)
class Exported:
    """A written bundle and what was measured on the way.

    `agreeing`: further runtimes that gave the scores of the verified one; `rejected`: models that
    failed a check before this one passed, with the reason; `rewritten`: how the network changed
    its form, if it did.
    """

    path: Path
    bytes: int
    model_id: str
    note: str
    verdicts: tuple[Verdict, ...]
    agreeing: tuple[str, ...]
    rejected: tuple[str, ...]
    rewritten: Rewritten | None = None


def export_run(
    folder: Path,
    output: Path,
    formats: Sequence[str] = ("onnx",),
    precision: str = "int8",
    progress: bool = False,
    form: str = "auto",
    maps: Path | None = None,
    number: int = 0,
) -> Exported:
    """Convert, verify in every runtime the bundle is for, and write `output`.

    Nothing is written unless all checks of `export.verify` pass; `progress` shows a bar for them.
    `form` is that of `export.forms`: "auto" (1-D where it is exact), "1d" or "2d". `maps` and
    `number` are those of `training.radio_maps.moved`: a locunet model goes to other radio maps.

    Raises:
        ExportError: the run, a converter or a check; the message says which and by how much.
    """
    if not formats or not set(formats) <= set(FORMATS):
        raise ExportError(f"formats {tuple(formats)!r}, expected some of {FORMATS}")
    if precision not in PRECISIONS:
        raise ExportError(f"precision {precision!r}, expected one of {PRECISIONS}")
    try:
        run = Run.load(folder)
        if maps is not None:
            from training.radio_maps import moved

            run = moved(run, maps, number)
    except RssfixError as error:
        raise ExportError(str(error)) from None
    if run.system not in SYSTEMS:
        raise ExportError(f"{folder}: system {run.system!r}, expected one of {', '.join(SYSTEMS)}")
    system = importlib.import_module(f"export.{run.system}")
    reference = _reference(run, system)
    rewritten = in_form(run, form, reference.rssi_dbm[reference.golden])
    run = run if rewritten is None else rewritten.run
    rejected: list[str] = []
    for attempt in system.attempts(run, formats, precision):
        parts: Parts = attempt()
        verdicts = _verified(run, reference, parts, progress, rewritten)
        problems = [
            f"{v.runtime}: {text}" for v in verdicts for text in v.problems(parts.precision)
        ]
        if problems:
            rejected.append(f"{parts.note}: {'; '.join(problems)}")
            continue
        data = _bundle(run, reference, parts, verdicts, rewritten)
        identity = _opened(parts, data)
        others = other_tflite_runtimes(run, data) if "model.tflite" in parts.members else []
        write_file(output, data)
        return Exported(
            output, len(data), identity, parts.note, verdicts, (*others,), (*rejected,), rewritten
        )
    raise ExportError(f"{folder}: no bundle was written. " + " | ".join(rejected))


def _reference(run: Run, system: ModuleType) -> Reference:
    """The validation rows that a device would answer, with what the checkpoint itself says."""
    arrays = run.arrays
    rssi_dbm = arrays["validation_rssi_dbm"]
    rows = np.isfinite(rssi_dbm).sum(axis=1) >= run.limits["min_matched_aps"]
    if not rows.any():
        raise ExportError("no validation scan hears enough access points to verify a bundle with")
    rssi_dbm = rssi_dbm[rows]
    if run.network is not None and run.neighbours is not None:
        # The rows may stand in the database: an exact hit would decide alone and hide the network.
        noise = np.random.default_rng(0).normal(0.0, _NOISE_DB, rssi_dbm.shape)
        rssi_dbm = np.minimum(rssi_dbm + noise, -1.0).astype(np.float32)
    agreement_of = getattr(system, "checkpoint_agreement", None)
    try:
        probability = system.checkpoint_probability(run, rssi_dbm)
        agreement = None if agreement_of is None else agreement_of(run, rssi_dbm)
    except RssfixError as error:
        raise ExportError(str(error)) from None
    if isinstance(probability, OnDemand):
        golden = probability.golden
    else:
        golden = np.linspace(0, len(rssi_dbm) - 1, _GOLDEN_ROWS).round().astype(np.int64)
    truth = arrays["validation_xy_m"][rows], arrays["validation_floor"][rows]
    return Reference(rssi_dbm, probability, *truth, golden, agreement)


def _verified(
    run: Run,
    reference: Reference,
    parts: Parts,
    progress: bool,
    rewritten: Rewritten | None,
) -> tuple[Verdict, ...]:
    draft = _bundle(run, reference, parts, (), rewritten)
    try:
        return tuple(compare(run, reference, draft, name, progress) for name in _runtimes(parts))
    except RssfixError as error:
        raise ExportError(f"{parts.note}: the bundle does not open: {error}") from None


def _opened(parts: Parts, data: bytes) -> str:
    """The model id of the final bytes, after every runtime has opened them."""
    try:
        for name in _runtimes(parts):
            with Localizer.open(data, runtime=name) as localizer:
                identity = localizer.info.model_id
        return identity
    except RssfixError as error:
        raise ExportError(f"{parts.note}: the bundle does not open: {error}") from None


def _runtimes(parts: Parts) -> list[RuntimeChoice]:
    return [name for name in FORMATS if f"model.{name}" in parts.members] or ["auto"]


def _bundle(
    run: Run,
    reference: Reference,
    parts: Parts,
    verdicts: tuple[Verdict, ...],
    rewritten: Rewritten | None = None,
) -> bytes:
    """The bundle; without verdicts a draft whose golden pair accepts any difference."""
    golden = reference.golden
    tolerance = 1.0
    if verdicts:
        seen = max(
            v.difference if v.golden_difference is None else v.golden_difference for v in verdicts
        )
        # Of a grid's cells some may fall out of the cut by the last bit, on another processor.
        grid = run.ranks is not None or run.heatmap is not None
        least = _LEAST_TOLERANCE["int8" if grid else parts.precision]
        tolerance = min(1.0, max(least, _TOLERANCE_FACTOR * seen))
    manifest = {
        "system": run.system,
        "name": run.survey["name"],
        "precision": parts.precision,
        "ap_table": {
            "bssids": list(run.bssids),
            "sha256": ApTable(run.bssids, run.merge_virtual_aps).sha256,
            "unknown": list(run.unknown),
            "merge_virtual_aps": run.merge_virtual_aps,
            "physical": run.physical,
            "virtual_rssi": run.virtual_rssi,
        },
        "input": parts.input,
        "output": parts.output,
        "venue": run.venue,
        "accuracy": run.accuracy,
        "limits": run.limits,
        "measured": run.metrics,
        "golden": {
            "input": "golden_rssi_dbm.npy",
            "output": "golden_probability.npy",
            "tolerance": tolerance,
        },
        "provenance": {
            "survey": run.survey,
            "preset": run.preset,
            "seed": run.seed,
            "order": run.order,
            "refitted_on_all_rows": run.refitted,
            "training": run.provenance,
            "export": {
                "note": parts.note,
                "rewritten": None if rewritten is None else rewritten.to_json(),
                "verified": [v.to_json() for v in verdicts],
                "versions": _versions(),
            },
        },
    }
    members = {**parts.members, **run.plans}
    if "model.onnx" in members:
        text = json.dumps(manifest, allow_nan=False)
        members["model.onnx"] = with_metadata(members["model.onnx"], {METADATA_KEY: text})
    members["golden_rssi_dbm.npy"] = npy_bytes(reference.rssi_dbm[golden].astype(np.float32))
    members["golden_probability.npy"] = npy_bytes(reference.probability[golden])
    return bundle_bytes(manifest, members)


def _versions() -> dict[str, str]:
    found = {}
    for name in ("rssfix", "torch", "onnx", "onnxruntime", "litert-torch", "ai-edge-quantizer"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
