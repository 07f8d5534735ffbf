"""A trained model for radio maps that somebody else computed, or for another map of a city."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.bssid import normalise
from sdk.errors import RssfixError
from sdk.heatmap_rules import LEAST_TRANSMITTERS, HeatmapRules
from sdk.roughness import roughness
from training.propagation.dataset import CityError, load_city
from training.radio_site import Site, allowed, at_site, site_of
from training.run import Run

# Axes of what a file of radio maps holds; N transmitters, H x W pixels.
_AXES: Mapping[str, str] = {
    "path_loss_db": "NHW", "buildings": "HW", "transmitters_xy": "N2", "bssids": "N",
    "power_dbm": "N", "pitch_m": "",
}  # fmt: skip
# Scans that an export is verified with.
USERS = 200


def moved(run: Run, maps: Path, number: int = 0) -> Run:
    """The same model for other radio maps, without training.

    ``maps`` is a file of ``read_site``, or a folder of ``rssfix simulate city``, of which it takes
    map ``number`` and its first deployment. Raises CityError for maps that cannot be read or that
    the model was not trained for, and for a run without radio maps.
    """
    if run.heatmap is None:
        raise CityError(f"a {run.system} run holds no radio maps, expected one of locunet")
    if Path(maps).is_dir():
        scenario = run.provenance["settings"]["scenario"]
        return at_site(run, site_of(load_city(maps), number, scenario))
    return at_site(run, read_site(Path(maps), run))


def read_site(path: Path, run: Run, seed: int = 0) -> Site:
    """Radio maps in an ``.npz`` of numpy, for a run.

    Its arrays: ``path_loss_db`` (N, H, W) received less transmitted power, so 0 or less, NaN where
    no path leads; ``buildings`` (H, W), not 0 = building; ``transmitters_xy`` (N, 2) metres from
    the map's corner, x along columns; ``bssids`` (N,); ``power_dbm`` (N,) transmitted; ``pitch_m``.
    Nobody has measured there yet: the scans that an export is verified with are drawn as the model
    expects them to scatter about the maps.

    Raises CityError naming the file, the array and the value.
    """
    arrays = _arrays(path)
    loss, xy_m = arrays["path_loss_db"], arrays["transmitters_xy"]
    rules = HeatmapRules.from_json(run.heatmap, "run.heatmap")
    pitch_m = float(arrays["pitch_m"])
    if not 0 < pitch_m < np.inf:
        raise CityError(f"{path}: pitch_m is {pitch_m:g}, expected metres above 0")
    height, width = arrays["buildings"].shape
    extent = np.array([width, height]) * pitch_m
    for index, place in enumerate(xy_m):
        if not ((place >= 0) & (place < extent)).all():
            raise CityError(
                f"{path}: transmitters_xy[{index}] is ({place[0]:g}, {place[1]:g}), expected a "
                f"place on the map of {extent[0]:g} x {extent[1]:g} m"
            )
    site = Site(
        name=path.stem,
        bssids=_names(path, arrays["bssids"]),
        power_dbm=tuple(arrays["power_dbm"].tolist()),
        maps=rules.gray.levels(np.where(arrays["buildings"] != 0, np.nan, loss)),
        outdoors=arrays["buildings"] == 0,
        xy_m=xy_m,
        gray=rules.gray,
        pitch_m=pitch_m,
        users_dbm=np.empty((0, len(loss)), np.float32),
        users_xy_m=np.empty((0, 2)),
    )
    trained = tuple(run.provenance["trained_for"]["shape"])
    # Maps of another size are for at_site to refuse.
    return site if site.outdoors.shape != trained else _with_users(site, run, rules, seed)


def _with_users(site: Site, run: Run, rules: HeatmapRules, seed: int) -> Site:
    """The site with users drawn where the model expects them."""
    rng = np.random.default_rng(seed)
    places = np.argwhere(allowed(site, run.provenance["box_px"]))
    row, column = places[rng.integers(len(places), size=USERS)].T
    codes = rules.likelihood.codes(site.maps, roughness(site.maps, site.outdoors))
    mean, sigma = (moment[codes[:, row, column]].T for moment in rules.likelihood.code_moments)
    loss = rng.normal(mean, sigma)
    loss[loss < rules.gray.noise_floor_db] = np.nan
    return replace(
        site,
        users_dbm=(loss + np.array(site.power_dbm)).astype(np.float32),
        users_xy_m=(np.stack([column, row], axis=1) + 0.5) * site.pitch_m,
    )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _AXES}
    except KeyError as error:
        raise CityError(f"{path}: {error.args[0]}, expected {', '.join(_AXES)}") from None
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise CityError(f"{path}: not a file of radio maps, {error}") from None
    for name, array in arrays.items():
        if name != "bssids":
            if array.dtype.kind not in "biuf":
                raise CityError(f"{path}: {name} is of type {array.dtype}, expected numbers")
            arrays[name] = array.astype(np.float64)
    sizes = {"2": 2}
    for name, axes in _AXES.items():
        found = arrays[name].shape
        if len(found) == len(axes):
            sizes |= {axis: n for axis, n in zip(axes, found, strict=True) if axis not in sizes}
        expected = tuple(sizes.get(axis, axis) for axis in axes)
        if found != expected:
            shown = ", ".join(map(str, expected))
            raise CityError(f"{path}: {name} has shape {found}, expected ({shown})")
    if sizes["N"] < LEAST_TRANSMITTERS:
        raise CityError(
            f"{path}: maps of {sizes['N']} transmitters, expected {LEAST_TRANSMITTERS} or more"
        )
    if not np.isfinite(arrays["power_dbm"]).all():
        raise CityError(f"{path}: power_dbm is {arrays['power_dbm'].tolist()}, expected dBm")
    loss = arrays["path_loss_db"]
    wrong = np.argwhere((loss > 0) | np.isinf(loss))
    if len(wrong):
        at = tuple(wrong[0].tolist())
        raise CityError(
            f"{path}: path_loss_db{list(at)} is {loss[at]:g}, expected received less transmitted "
            "power: 0 or less, NaN where no path leads"
        )
    return arrays


def _names(path: Path, bssids: NDArray[Any]) -> tuple[str, ...]:
    try:
        names = tuple(normalise(str(name)) for name in bssids)
    except (RssfixError, ValueError) as error:
        raise CityError(f"{path}: bssids: {error}") from None
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise CityError(f"{path}: bssids has {twice[0]!r} twice")
    return names
