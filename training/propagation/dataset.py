"""A simulated city data set on disk: radio maps, users and deployments (SPEC 3.7).

A folder holds ``city.json`` and one ``map_00000.npz`` per map. Places are metres from the corner of
the raster, x along columns, y along rows; the centre of pixel (row, column) is
``pitch_m * (column + 0.5, row + 0.5)``. A city is 256 m wide at every size, so 256, 128 and 64
pixels have a pitch of 1, 2 and 4 m. Path loss is P_Rx - P_Tx in dB (negative, SPEC 3.2), kept to
``path_loss_range_db``; buildings and pixels that no path reaches have its lower end.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.atomic import write_file
from sdk.errors import RssfixError

FORMAT, VERSION = "rssfix-city", 1
HEADER = "city.json"
SPLITS = ("train", "validation", "test")
# The paper's 69 : 15 : 15 maps.
_SHARES = (0.69, 0.15, 0.15)
# toa_m where there is no path.
NO_PATH_M = -1.0


class CityError(RssfixError, ValueError):
    """A city data set that is not one; the message names the file and the value."""


@dataclass(frozen=True)
class CityMap:
    """One map of H x W pixels with T transmitters in S scenarios.

    ``buildings`` (H, W) uint8, 1 = building; ``transmitters_xy`` (T, 2) float32 metres;
    ``path_loss_db`` (S, T, H, W) float16, scenarios in the order of ``City.scenarios``; ``toa_m``
    (T, H, W) float32 length of the dominant path, -1 where there is none; ``los`` (T, H, W) bool;
    ``users_xy`` (U, 2) float32 metres, all on pixel centres outdoors; ``deployments`` (D, 5) int32
    indices of transmitters.
    """

    number: int
    buildings: NDArray[np.uint8]
    transmitters_xy: NDArray[np.float32]
    path_loss_db: NDArray[np.float16]
    toa_m: NDArray[np.float32]
    los: NDArray[np.bool_]
    users_xy: NDArray[np.float32]
    deployments: NDArray[np.int32]


_FIELDS: Mapping[str, tuple[np.dtype[Any], int]] = {
    "buildings": (np.dtype(np.uint8), 2),
    "transmitters_xy": (np.dtype(np.float32), 2),
    "path_loss_db": (np.dtype(np.float16), 4),
    "toa_m": (np.dtype(np.float32), 3),
    "los": (np.dtype(np.bool_), 3),
    "users_xy": (np.dtype(np.float32), 2),
    "deployments": (np.dtype(np.int32), 2),
}


@dataclass(frozen=True)
class City:
    """The data set in a folder; maps are read when asked for, in any order, from any thread."""

    folder: Path
    header: Mapping[str, Any]

    @property
    def size_px(self) -> int:
        """H = W."""
        return int(self.header["size_px"])

    @property
    def pitch_m(self) -> float:
        """Side of a pixel."""
        return float(self.header["pitch_m"])

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names along the first axis of path_loss_db; the first is "estimated"."""
        return tuple(self.header["scenarios"])

    @property
    def path_loss_range_db(self) -> tuple[float, float]:
        """Lowest and highest path loss: gray 0 and 255 of SPEC 3.2."""
        low, high = self.header["path_loss_range_db"]
        return float(low), float(high)

    @property
    def noise_floor_db(self) -> float:
        """A transmitter with a path loss below it is not received."""
        return float(self.header["noise_floor_db"])

    @property
    def brief(self) -> dict[str, Any]:
        """What a result names the data set by; ``worlds`` is a digest of all its settings."""
        names = ("seed", "n_maps", "size_px", "pitch_m", "noise_floor_db")
        settings = json.dumps(self.header["settings"], sort_keys=True)
        worlds = hashlib.sha256(settings.encode()).hexdigest()[:12]
        return {**{name: self.header[name] for name in names}, "worlds": worlds}

    def hearing_from(self, noise_floor_db: float) -> City:
        """The same city for receivers with another noise floor. Raises CityError for one outside
        path_loss_range_db."""
        low, high = self.path_loss_range_db
        if not low <= noise_floor_db < high:
            raise CityError(f"noise floor is {noise_floor_db:g} dB, expected {low:g} to {high:g}")
        return replace(self, header={**self.header, "noise_floor_db": noise_floor_db})

    def __len__(self) -> int:
        return int(self.header["n_maps"])

    def __getitem__(self, number: int) -> CityMap:
        """Raises IndexError outside 0 to n_maps - 1 and CityError for a file that is not a map."""
        if not 0 <= number < len(self):
            raise IndexError(f"map {number}: expected 0 to {len(self) - 1}")
        return read_map(map_path(self.folder, number), number, self.header)

    def maps(self, split: str | None = None) -> Iterator[CityMap]:
        """All maps, or those of a split, in order of their numbers."""
        for number in range(len(self)) if split is None else self.split(split):
            yield self[number]

    def split(self, name: str) -> tuple[int, ...]:
        """Numbers of the maps of "train", "validation" or "test": 69 : 15 : 15, drawn by the seed.

        Raises CityError for another name.
        """
        if name not in SPLITS:
            raise CityError(f"split {name!r}, expected one of {', '.join(SPLITS)}")
        order = np.random.default_rng([int(self.header["seed"]), 69]).permutation(len(self))
        ends = np.round(np.cumsum(_SHARES) / sum(_SHARES) * len(self)).astype(int)
        part = np.split(order, ends[:-1])[SPLITS.index(name)]
        return tuple(sorted(int(number) for number in part))

    def scenario(self, name: str) -> int:
        """Where a scenario stands in path_loss_db. Raises CityError naming those there are."""
        if name not in self.scenarios:
            raise CityError(
                f"{self.folder / HEADER}: no scenario {name!r}, expected one of "
                + ", ".join(self.scenarios)
            )
        return self.scenarios.index(name)

    def pixels(self, xy_m: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """(..., 2) rows and columns of places (..., 2) x, y in metres, kept inside the raster."""
        found = np.floor(np.asarray(xy_m, np.float64)[..., ::-1] / self.pitch_m).astype(np.int64)
        return np.clip(found, 0, self.size_px - 1)


def load_city(folder: str | Path) -> City:
    """The data set in ``folder``.

    Raises CityError: no or no valid city.json, another format or version, maps missing.
    """
    folder = Path(folder)
    header = read_header(folder)
    if header is None:
        raise CityError(f"{folder / HEADER} is missing: expected a folder of rssfix simulate city")
    missing = [n for n in range(header["n_maps"]) if not map_path(folder, n).exists()]
    if missing:
        raise CityError(
            f"{folder}: {len(missing)} of {header['n_maps']} maps are missing, the first is "
            f"{map_path(folder, missing[0]).name}; run rssfix simulate city again to go on"
        )
    return City(folder, header)


_HEADER_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "seed": int,
    "size_px": int,
    "pitch_m": (int, float),
    "n_maps": int,
    "transmitters_per_map": int,
    "scenarios": list,
    "settings": dict,
    "noise_floor_db": (int, float),
    "path_loss_range_db": list,
}


def read_header(folder: Path) -> dict[str, Any] | None:
    """city.json, checked; None where there is none. Raises CityError."""
    path = Path(folder) / HEADER
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise CityError(f"{path}: expected JSON, {error}") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CityError(f'{path}: expected format "{FORMAT}"')
    if header.get("version") != VERSION:
        raise CityError(f"{path}: version {header.get('version')!r}, expected {VERSION}")
    for key, kind in _HEADER_KEYS.items():
        if not isinstance(header.get(key), kind) or isinstance(header[key], bool):
            raise CityError(f"{path}: {key} is {header.get(key)!r}")
    return header


def write_header(folder: Path, header: Mapping[str, Any]) -> None:
    """Write city.json, with format and version."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **header}, indent=1)
    write_file(Path(folder) / HEADER, text + "\n")


def map_path(folder: Path, number: int) -> Path:
    """Where a map's file stands."""
    return Path(folder) / f"map_{number:05d}.npz"


def map_bytes(made: CityMap) -> bytes:
    """A map's file; the same map gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, (dtype, _) in _FIELDS.items():
            array = io.BytesIO()
            np.lib.format.write_array(array, np.ascontiguousarray(getattr(made, name), dtype))
            # A ZipInfo of its own has a fixed date.
            info = zipfile.ZipInfo(name + ".npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, array.getvalue(), compresslevel=1)
    return out.getvalue()


def write_map(folder: Path, made: CityMap) -> None:
    """Write a map's file whole or not at all."""
    write_file(map_path(folder, made.number), map_bytes(made))


def read_map(path: Path, number: int, header: Mapping[str, Any]) -> CityMap:
    """A map's arrays, their types and shapes checked against the header. Raises CityError."""
    arrays: dict[str, Any] = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for name, (dtype, axes) in _FIELDS.items():
                arrays[name] = file[name]
                if arrays[name].dtype != dtype or arrays[name].ndim != axes:
                    raise CityError(
                        f"{path}: {name} is {arrays[name].dtype} {arrays[name].shape}, expected "
                        f"{dtype} with {axes} axes"
                    )
    except CityError:
        raise
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CityError(f"{path}: not a map, {error}") from None
    made = CityMap(number, **arrays)
    size = (header["size_px"], header["size_px"])
    transmitters = header["transmitters_per_map"]
    for name, expected in (
        ("buildings", size),
        ("transmitters_xy", (transmitters, 2)),
        ("path_loss_db", (len(header["scenarios"]), transmitters, *size)),
        ("toa_m", (transmitters, *size)),
        ("los", (transmitters, *size)),
    ):
        if arrays[name].shape != expected:
            raise CityError(f"{path}: {name} is {arrays[name].shape}, expected {expected}")
    if made.users_xy.shape[1] != 2 or not np.isfinite(made.users_xy).all():
        raise CityError(f"{path}: users_xy is {made.users_xy.shape}, expected (U, 2) finite")
    wrong = made.deployments[(made.deployments < 0) | (made.deployments >= transmitters)]
    if wrong.size:
        raise CityError(
            f"{path}: deployments names transmitter {wrong[0]}, expected 0 to {transmitters - 1}"
        )
    return made
