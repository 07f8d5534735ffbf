"""A map with its transmitters as a site that a bundle is made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.bssid import normalise
from sdk.heatmap_rules import LEAST_TRANSMITTERS, Gray
from training.propagation.dataset import City, CityError
from training.radio_worlds import ESTIMATED
from training.run import Run

# The paper's transmitters; a real site states its own.
TRANSMIT_POWER_DBM = 23.0


@dataclass(frozen=True)
class Site:
    """Radio maps of N transmitters over H x W pixels.

    ``maps`` (N, H, W) uint8 levels of ``gray``; ``outdoors`` (H, W) bool; ``xy_m`` (N, 2);
    ``users_dbm`` (V, N) levels with NaN = not received, and ``users_xy_m`` (V, 2) where they stood:
    what an export is verified with.
    """

    name: str
    bssids: tuple[str, ...]
    power_dbm: tuple[float, ...]
    maps: NDArray[np.uint8]
    outdoors: NDArray[np.bool_]
    xy_m: NDArray[np.float64]
    gray: Gray
    pitch_m: float
    users_dbm: NDArray[np.float32]
    users_xy_m: NDArray[np.float64]


def site_of(
    city: City,
    number: int,
    scenario: str,
    deployment: int = 0,
    bssids: Sequence[str] | None = None,
    power_dbm: float = TRANSMIT_POWER_DBM,
) -> Site:
    """Map ``number`` of a city with one deployment's transmitters, its users as they measure in
    ``scenario``. ``bssids``: the transmitters' names, "tx-" and the number by default.

    Raises CityError for a map, deployment, scenario or number of names that is not there.
    """
    try:
        one = city[number]
    except IndexError as error:
        raise CityError(str(error)) from None
    if not 0 <= deployment < len(one.deployments):
        raise CityError(f"deployment {deployment}: expected 0 to {len(one.deployments) - 1}")
    chosen = one.deployments[deployment]
    names = tuple(bssids) if bssids else tuple(f"tx-{index:03d}" for index in chosen)
    if len(names) != len(chosen) or len(chosen) < LEAST_TRANSMITTERS:
        raise CityError(f"{len(names)} names for {len(chosen)} transmitters, expected as many")
    gray = Gray(*city.path_loss_range_db, city.noise_floor_db)
    row, column = city.pixels(one.users_xy).T
    measured = one.path_loss_db[city.scenario(scenario)][chosen][:, row, column].T
    level = np.where(measured < gray.noise_floor_db, np.nan, measured.astype(np.float32))
    estimated = one.path_loss_db[city.scenario(ESTIMATED)][chosen].astype(np.float32)
    return Site(
        name=f"map {number}",
        bssids=tuple(map(normalise, names)),
        power_dbm=(power_dbm,) * len(chosen),
        maps=gray.levels(estimated),
        outdoors=one.buildings == 0,
        xy_m=one.transmitters_xy[chosen].astype(np.float64),
        gray=gray,
        pitch_m=city.pitch_m,
        users_dbm=(level + power_dbm).astype(np.float32),
        users_xy_m=one.users_xy.astype(np.float64),
    )


def at_site(run: Run, site: Site) -> Run:
    """The same model for another map. Raises CityError for maps it was not trained for."""
    assert run.heatmap is not None
    shape = list(site.outdoors.shape)
    gray = {"low_db": site.gray.low_db, "high_db": site.gray.high_db}
    trained = run.provenance["trained_for"]
    here = {"shape": shape, "pitch_m": site.pitch_m, **gray}
    for name, value in here.items():
        if trained[name] != value:
            raise CityError(
                f"{site.name}: {name} is {value}, the model was trained for {trained[name]}: "
                "train again on maps like these"
            )
    heatmap: dict[str, Any] = {
        **run.heatmap,
        "grid": {"floor": 0, "origin_m": [site.pitch_m / 2] * 2, "shape": shape},
        "path_loss": {**gray, "noise_floor_db": site.gray.noise_floor_db},
        "transmit_power_dbm": list(site.power_dbm),
    }
    whole = heatmap["network"] is not None and heatmap["network"]["kind"] == "locunet"
    row, column = np.nonzero(np.ones(shape) if whole else allowed(site, run.provenance["box_px"]))
    places = (np.stack([column, row], axis=1) + 0.5) * site.pitch_m
    heard = np.isfinite(site.users_dbm).any(axis=1)
    users = site.users_dbm[heard]
    return replace(
        run,
        bssids=site.bssids,
        pitch_m=site.pitch_m,
        heatmap=heatmap,
        venue={
            "name": site.name, "frame": "metres from the corner of the map, x along columns, "
            "y along rows", "floors": [{"floor": 0}], "georeference": None,
        },
        arrays={
            "places_xy_m": places,
            "places_floor": np.zeros(len(places), np.int32),
            "calibration_rssi_dbm": users,
            "validation_rssi_dbm": users,
            "validation_xy_m": site.users_xy_m[heard],
            "validation_floor": np.zeros(len(users), np.int32),
            "validation_weight": np.ones(len(users)),
            "radio_maps": site.maps,
            "outdoors": site.outdoors.astype(np.uint8),
            "transmitter_xy_m": site.xy_m,
        },
    )  # fmt: skip


def allowed(site: Site, box_px: Sequence[int]) -> NDArray[np.bool_]:
    """Where users may stand (H, W): outdoors, between two pixels on both axes, in reach of a
    transmitter. Raises CityError where that is nowhere."""
    first, last = box_px
    inside = np.zeros_like(site.outdoors)
    inside[first : last + 1, first : last + 1] = True
    floor = site.gray.levels(np.array(site.gray.noise_floor_db))
    found = inside & site.outdoors & (site.maps > floor).any(axis=0)
    if not found.any():
        raise CityError(f"{site.name}: no pixel outdoors is in reach of a transmitter")
    return found
