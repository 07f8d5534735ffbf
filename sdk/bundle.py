"""The bundle: the one file that a device loads, checked before anything is served."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .archive import MAX_BUNDLE_BYTES, read_archive
from .bundle_arrays import Arrays
from .errors import BundleError
from .heatmap_rules import HeatmapOutput
from .manifest import Manifest, parse_manifest
from .outputs import CellsOutput, NeighboursOutput
from .places import Places

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview
MODELS = ("model.onnx", "model.tflite")


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: manifest and arrays, with hashes, shapes and dtypes checked.

    Its golden pair is not run here, because that needs a runtime: `positioners.build` does it.
    """

    manifest: Manifest
    places: Places
    models: dict[str, bytes]
    plans: dict[str, bytes]
    arrays: dict[str, NDArray[Any]]
    sha256: str
    size: int

    @property
    def golden_rssi_dbm(self) -> NDArray[np.float32]:
        """Golden inputs (B, N), NaN = not heard."""
        return self.arrays[self.manifest.golden.input]

    @property
    def golden_probability(self) -> NDArray[np.float64]:
        """What the exporter got for them (B, G)."""
        return self.arrays[self.manifest.golden.output]

    @classmethod
    def open(cls, source: Source) -> Bundle:
        """Read a bundle from a path or from bytes.

        Raises:
            BundleError: missing, corrupt, too new or wrong; the message says which and where.
        """
        data = read_source(source)
        try:
            return cls._parse(data)
        except BundleError as error:
            raise BundleError(f"{source_name(source)}: {error}") from None

    @classmethod
    def _parse(cls, data: bytes) -> Bundle:
        members = read_archive(data)
        if "manifest.json" not in members:
            raise BundleError("the zip holds no manifest.json: not a bundle")
        manifest = parse_manifest(bytes(members.pop("manifest.json")))
        _check_members(manifest, members)
        arrays = Arrays(manifest, members)
        places = arrays.places()
        output = manifest.output
        if isinstance(output, CellsOutput):
            arrays.head(output, len(places))
            if output.fusion is not None:
                arrays.neighbours(output.fusion.neighbours, len(places))
        elif isinstance(output, NeighboursOutput):
            arrays.neighbours(output, len(places))
        elif isinstance(output, HeatmapOutput):
            arrays.radio_maps(output, places)
        else:
            arrays.access_points(output, places)
        arrays.golden(len(places))
        models = {name: bytes(members[name]) for name in MODELS if name in members}
        if output.needs_model and not models:
            raise BundleError(f"the bundle holds no model: expected {' or '.join(MODELS)}")
        plans = {
            floor.plan: bytes(members[floor.plan])
            for floor in manifest.venue.floors
            if floor.plan is not None
        }
        digest = hashlib.sha256(data).hexdigest()
        return cls(manifest, places, models, plans, arrays.read, digest, len(data))


def source_name(source: Source) -> str:
    """How messages call a source."""
    if isinstance(source, bytes | bytearray | memoryview):
        return "bundle from bytes"
    return os.fspath(source)


def read_source(source: Source) -> bytes:
    """The bytes of a path, or bytes as they are; never more than the cap is read."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if not isinstance(source, str | os.PathLike):
        raise BundleError(f"a bundle is a path or bytes, got {type(source).__name__}")
    try:
        path = Path(source)
        size = path.stat().st_size
        if size > MAX_BUNDLE_BYTES:
            raise BundleError(f"{path}: {size} bytes are over the cap of {MAX_BUNDLE_BYTES}")
        with path.open("rb") as file:
            return file.read(MAX_BUNDLE_BYTES + 1)
    except FileNotFoundError:
        raise BundleError(f"{source}: there is no such bundle") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{source!s:.200}: cannot be read: {error}") from None


def _check_members(manifest: Manifest, members: dict[str, memoryview]) -> None:
    for name in members.keys() - manifest.members.keys():
        raise BundleError(f"member {name} is not listed in manifest.members")
    for name, (digest, size) in manifest.members.items():
        if name not in members:
            raise BundleError(f"member {name:.80} is listed in the manifest but missing")
        if len(members[name]) != size:
            raise BundleError(f"member {name} has {len(members[name])} bytes, not {size}")
        found = hashlib.sha256(members[name]).hexdigest()
        if found != digest:
            raise BundleError(f"member {name} has the wrong hash: {found}, not {digest}")
    for floor in manifest.venue.floors:
        if floor.plan is not None and floor.plan not in members:
            raise BundleError(
                f"manifest.venue: the plan {floor.plan!r:.80} of floor {floor.floor} is missing"
            )
