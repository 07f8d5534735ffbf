"""The run folder: what training leaves and export reads, complete in itself.

``run.json`` (settings, access points, figures, provenance), ``arrays.npz`` (places, calibration and
validation rows, the database of ``neighbours``), the floor plans named by the venue and, for
networks, ``checkpoint.pt`` (``{"config", "state"}``, loadable with ``weights_only=True``). Written
beside and renamed into place.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdk.images import InputRecipe
from training.atomic import folder_beside
from training.survey import SurveyError

RUN, ARRAYS, CHECKPOINT = "run.json", "arrays.npz", "checkpoint.pt"
MOST_CALIBRATION_ROWS = 512
# Arrays of dBm with a column for every access point, those of them that a system's run has.
LEVELS = ("database", "calibration_rssi_dbm", "validation_rssi_dbm")
# What json, numpy, zipfile and torch raise on files that are not theirs.
_UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, EOFError,
    zipfile.BadZipFile, pickle.UnpicklingError,
)  # fmt: skip


class RunError(SurveyError):
    """A run folder that cannot be read; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Run:
    """One trained system. Field names are the keys of ``run.json``; the last three stand apart.

    ``arrays``: places_xy_m (G, 2), places_floor (G,), calibration_rssi_dbm (<= 512, N),
    validation_rssi_dbm (V, N), validation_xy_m (V, 2), validation_floor (V,), validation_weight
    (V,); neighbours, fused networks, itoloc: database (M, N), place_of_row (M,); hapi: ap_xy_m
    (N, 2), ap_floor (N,); locunet: radio_maps (N, H, W) uint8, outdoors (H, W) uint8,
    transmitter_xy_m (N, 2). RSSI is dBm, NaN = not heard. ``ranks`` is the output of a hapi bundle
    (docs/bundle.md), ``heatmap`` that of a locunet one, both without the names of their arrays;
    ``physical`` and ``virtual_rssi`` are those of
    its AP table (virtual access point -> the one of ``bssids`` it belongs to); ``unknown`` are the
    access points that an update has masked. ``accuracy`` is the
    table of the bundle, fitted on held-out scans. ``refitted`` is True where the model was trained
    again on all rows afterwards: the validation rows are then no longer unseen, and ``accuracy``
    and ``metrics`` (of the held-out fit) are the figures to show.
    """

    system: str
    preset: str
    survey: dict[str, Any]
    seed: int
    bssids: tuple[str, ...]
    order: dict[str, Any]
    merge_virtual_aps: str
    input: dict[str, Any] | None
    network: dict[str, Any] | None
    temperature: float
    estimate: str
    venue: dict[str, Any]
    limits: dict[str, Any]
    accuracy: dict[str, Any]
    refitted: bool
    metrics: dict[str, Any]
    provenance: dict[str, Any]
    neighbours: dict[str, Any] | None = None
    ranks: dict[str, Any] | None = None
    heatmap: dict[str, Any] | None = None
    physical: dict[str, str] = field(default_factory=dict)
    virtual_rssi: str = "strongest"
    pitch_m: float | None = None
    unknown: tuple[str, ...] = ()
    arrays: dict[str, NDArray] = field(default_factory=dict)
    state: dict[str, torch.Tensor] | None = None
    plans: dict[str, bytes] = field(default_factory=dict)

    @property
    def input_recipe(self) -> InputRecipe:
        """Raises RunError where the system has no network input."""
        if self.input is None:
            raise RunError(f"a {self.system} run has no input recipe")
        return InputRecipe.from_json(self.input)

    def save(self, folder: Path) -> None:
        """Write the folder; an older one in its place is replaced at the end."""
        record = {k: v for k, v in vars(self).items() if k not in ("arrays", "state", "plans")}
        with folder_beside(Path(folder)) as made:
            (made / RUN).write_text(
                json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
                encoding="utf-8",
            )
            np.savez_compressed(made / ARRAYS, **self.arrays)
            for name, data in self.plans.items():
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_bytes(data)
            if self.state is not None:
                torch.save({"config": self.network, "state": self.state}, made / CHECKPOINT)

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read a run folder. Raises RunError naming the file."""
        folder = Path(folder)
        file = folder / RUN
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            record["bssids"] = tuple(record["bssids"])
            record["unknown"] = tuple(record.get("unknown", ()))
            file = folder / ARRAYS
            # numpy leaves a file that it opened itself and cannot read open.
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
                record["arrays"] = {name: stored[name] for name in stored.files}
            file = folder / CHECKPOINT
            if record["network"] is not None:
                stored = torch.load(file, map_location="cpu", weights_only=True)
                record["state"] = stored["state"]
            names = [one["plan"] for one in record["venue"]["floors"] if one.get("plan")]
            record["plans"] = {}
            for name in names:
                file = folder / name
                record["plans"][name] = file.read_bytes()
            file = folder / RUN
            return cls(**record)
        except FileNotFoundError:
            raise RunError(f"{file} is missing; expected a folder made by rssfix train") from None
        except _UNREADABLE as error:
            raise RunError(f"{file}: not readable as part of a run ({error})") from None
