"""Scans whose places nobody noted, and what is known beforehand about the access points in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.bundle import Bundle
from sdk.fingerprint import ApTable
from sdk.outputs import CellsOutput, NeighboursOutput
from sdk.rank_rules import RanksOutput
from sdk.readings import Readings
from sdk.scan import Scan
from training.hapi_presets import PRESETS, PathLoss
from training.path_loss_fit import Ground
from training.run import LEVELS, Run
from training.survey import NO_FLOOR, Header, Survey, SurveyError, from_rows


@dataclass(frozen=True)
class Known:
    """The N access points of a run or bundle.

    ``ground`` and ``radio`` only where their positions are known. ``reference_dbm`` (R, N): scans
    of the time before, NaN = not heard; of hapi they are simulated and prove nothing, so none.
    """

    source: str
    system: str
    table: ApTable
    ground: Ground | None = None
    radio: PathLoss | None = None
    reference_dbm: NDArray[np.float32] | None = None


def read_unlabelled(path: Path, outside_splits: bool = False) -> Survey:
    """Scans without their positions and floors, from a survey folder, a store (``sdk.store``) or a
    file with JSON Lines of scans.

    ``outside_splits`` takes of a survey only rows whose split is empty: those of the others are
    there to train on or to be judged by.

    Raises:
        SurveyError: not readable, or no scan in it; ScanError: naming file and line; StoreError.
    """
    from sdk.scan_lines import read_scans
    from sdk.store import Store
    from sdk.store_file import is_store
    from training.survey_file import read_survey

    path = Path(path)
    if path.is_dir():
        survey = read_survey(path)
        if outside_splits:
            survey = survey.take(survey.split == "")
            if not len(survey):
                raise SurveyError(f"{path}: holds no scan whose split is empty")
    else:
        try:
            if is_store(path):
                with Store(path, read_only=True) as store:
                    rows = [
                        _row(one.scan) | {"device": one.device, "session": one.session}
                        for one in store.rows()
                    ]
            else:
                with path.open(encoding="utf-8") as lines:
                    rows = [_row(scan) for _, scan in read_scans(lines)]
        except OSError as error:
            raise SurveyError(f"{path}: cannot be read ({error.strerror})") from None
        survey = from_rows(Header(path.name, "unknown", "none", ()), rows)
    if not len(survey):
        raise SurveyError(f"{path}: holds no scan")
    nowhere = np.full(len(survey), np.nan)
    floor = np.full(len(survey), NO_FLOOR, dtype=np.int32)
    return replace(survey, x_m=nowhere, y_m=nowhere.copy(), floor=floor)


def _row(scan: Scan) -> dict[str, object]:
    # Readings without an age count as fresh, as they do on a device.
    ages = [age or 0 for age in scan.ages_ms or (0,) * len(scan)]
    return {
        "timestamp_ms": scan.timestamp_ms, "bssid": scan.bssids, "rssi_dbm": scan.rssi_dbm,
        "age_ms": ages,
    }  # fmt: skip


def known_of(path: Path) -> Known:
    """What a run folder or a bundle file says. Raises RunError or BundleError."""
    path = Path(path)
    return known_of_run(Run.load(path), str(path)) if path.is_dir() else _of_bundle(path)


def known_of_run(run: Run, source: str) -> Known:
    """The access points of a run."""
    table = ApTable(
        run.bssids, run.merge_virtual_aps, run.physical, run.virtual_rssi  # type: ignore[arg-type]
    )  # fmt: skip
    arrays = run.arrays
    if run.ranks is None:
        rows = [arrays[name] for name in LEVELS if name in arrays]
        reference = np.concatenate(rows).astype(np.float32) if rows else None
        return Known(source, run.system, table, reference_dbm=reference)
    ground = Ground.of(
        arrays["ap_xy_m"], arrays["ap_floor"], arrays["places_xy_m"], arrays["places_floor"]
    )
    return Known(source, run.system, table, ground, radio_of(run.ranks["position"]))


def _of_bundle(path: Path) -> Known:
    bundle = Bundle.open(path)
    manifest, output, arrays = bundle.manifest, bundle.manifest.output, bundle.arrays
    if isinstance(output, RanksOutput):
        places = bundle.places
        xy_m = np.stack([places.x_m, places.y_m], axis=1)
        ground = Ground.of(arrays[output.ap_xy_m], arrays[output.ap_floor], xy_m, places.floor)
        position = output.rules.position
        constants = {f.name: getattr(position, f.name, None) for f in fields(PathLoss)}
        return Known(str(path), manifest.system, manifest.table, ground, radio_of(constants))
    stored: NeighboursOutput | None = None
    if isinstance(output, NeighboursOutput):
        stored = output
    elif isinstance(output, CellsOutput) and output.fusion is not None:
        stored = output.fusion.neighbours
    reference = None
    if stored is not None:
        names = stored.database.start, stored.database.ap, stored.database.dbm
        reference = Readings(*(arrays[name] for name in names)).fingerprints(len(manifest.table))
    return Known(str(path), manifest.system, manifest.table, reference_dbm=reference)


def radio_of(position: dict[str, Any]) -> PathLoss:
    """The path loss of a run's ``position``; that of preset best where it goes by ranks."""
    names = [f.name for f in fields(PathLoss)]
    best = PRESETS["best"].position
    assert isinstance(best, PathLoss)
    if position.get("reference_dbm") is None:
        return best
    return PathLoss(**{name: position[name] for name in names})


def levels_of(survey: Survey, table: ApTable, max_age_ms: int | None = None) -> NDArray[np.float64]:
    """(M, N) dBm of the scans, NaN = not heard; of virtual access points the strongest."""
    key: Callable[[str], str] = table.key
    return survey.fingerprints(table.bssids, key, max_age_ms).astype(np.float64)
