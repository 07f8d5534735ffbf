"""The bundle: the one file that a device loads, checked before anything is served."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .archive import MAX_BUNDLE_BYTES, read_archive, read_array
from .errors import BundleError
from .manifest import CellsOutput, Manifest, NeighboursOutput, parse_manifest
from .posterior import Places

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview
MODELS = ("model.onnx", "model.tflite")
MAX_GOLDEN_ROWS = 256
MAX_VALUE = 1e6


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
        arrays = _Arrays(manifest, members)
        places = arrays.places()
        if isinstance(manifest.output, CellsOutput):
            arrays.head(manifest.output, len(places))
            if manifest.output.fusion is not None:
                arrays.neighbours(manifest.output.fusion.neighbours, len(places))
        else:
            arrays.neighbours(manifest.output, len(places))
        arrays.golden(len(places))
        models = {name: bytes(members[name]) for name in MODELS if name in members}
        if isinstance(manifest.output, CellsOutput) and not models:
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


class _Arrays:
    """Reads the arrays that the manifest names and checks that they fit together."""

    def __init__(self, manifest: Manifest, members: dict[str, memoryview]) -> None:
        self.manifest = manifest
        self.members = members
        self.read: dict[str, NDArray[Any]] = {}

    def _load(self, name: str, dtype: str, *shape: int | None) -> NDArray[Any]:
        if name not in self.members:
            raise BundleError(f"the manifest names {name!r:.80}, which is not in the bundle")
        array = read_array(name, self.members[name], dtype, len(shape))
        for length, wanted in zip(array.shape, shape, strict=True):
            if length == 0 or wanted not in (None, length):
                expected = tuple("any" if n is None else n for n in shape)
                raise BundleError(f"{name} must have the shape {expected}, got {array.shape}")
        self.read[name] = array
        return array

    def _finite(self, name: str, array: NDArray[Any]) -> None:
        # The bound also refuses NaN; beyond it, squares and sums would overflow later.
        if not (np.abs(array) <= MAX_VALUE).all():
            raise BundleError(f"{name} holds values that are not finite or beyond {MAX_VALUE:g}")

    def places(self) -> Places:
        manifest = self.manifest
        xy_m = self._load(manifest.places_xy_m, "<f8", None, 2)
        floor = self._load(manifest.places_floor, "<i4", len(xy_m))
        try:
            return Places(xy_m[:, 0], xy_m[:, 1], floor, manifest.pitch_m)
        except ValueError as error:
            raise BundleError(f"{manifest.places_xy_m}: {error}") from None

    def head(self, output: CellsOutput, n_places: int) -> None:
        head, n_aps = output.head, len(self.manifest.table)
        if head is None:
            return
        shape = (n_places, None) if head.kind == "gap" else (n_places, None, n_aps)
        self._finite(head.weight, self._load(head.weight, "<f4", *shape))
        self._finite(head.bias, self._load(head.bias, "<f4", n_places))

    def neighbours(self, output: NeighboursOutput, n_places: int) -> None:
        database = self._load(output.database, "<f4", None, len(self.manifest.table))
        self._finite(output.database, database)
        rows = self._load(output.place_of_row, "<i4", len(database))
        if rows.min() < 0 or rows.max() >= n_places:
            raise BundleError(
                f"{output.place_of_row} must lie in 0..{n_places - 1}, "
                f"got {rows.min()}..{rows.max()}"
            )
        if output.k > len(database):
            raise BundleError(
                f"manifest.output.k is {output.k}, the database has {len(database)} rows"
            )

    def golden(self, n_places: int) -> None:
        golden, n_aps = self.manifest.golden, len(self.manifest.table)
        rssi_dbm = self._load(golden.input, "<f4", None, n_aps)
        if len(rssi_dbm) > MAX_GOLDEN_ROWS:
            raise BundleError(f"{golden.input}: {len(rssi_dbm)} rows, the cap is {MAX_GOLDEN_ROWS}")
        self._finite(golden.input, rssi_dbm[~np.isnan(rssi_dbm)])
        self._finite(golden.output, self._load(golden.output, "<f8", len(rssi_dbm), n_places))
