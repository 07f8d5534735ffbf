"""A simulated building as a survey in our format."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from sdk.venue import AccessPoint, Floor
from training.simulator.building import Building
from training.simulator.propagation import Radio, mean_rssi, received, shadowing_of
from training.simulator.walks import Crowd, walk
from training.survey import Header, Survey

_TRAIN_SHARE = 0.7
_HOUR_MS = 3_600_000


def simulate(building: Building, radio: Radio, crowd: Crowd, seed: int = 0) -> Survey:
    """Walks through a building; walks are sessions, 70 % of them in split train, the rest test.

    The same arguments give the same survey, byte for byte. Shadowing, walks, phones and noise have
    random streams of their own: a change of one leaves the others as they are.
    """
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4)]
    for_shadowing, for_walks, for_phones, for_noise = streams
    lengths = np.full(crowd.walks, crowd.scans // crowd.walks)
    lengths[: crowd.scans % crowd.walks] += 1
    # Starts take the floors in turn, so that a short survey sees them all.
    starts = for_walks.permutation(np.arange(crowd.walks) % building.floors)
    walks = [
        walk(building, int(n), crowd.interval_s, for_walks, int(f))
        for n, f in zip(lengths, starts, strict=True)
    ]
    xy = np.round(np.concatenate([w.xy_m for w in walks]), 3)
    floor = np.concatenate([w.floor for w in walks])
    number = np.repeat(np.arange(crowd.walks), lengths)
    offsets = crowd.device_mean_db + crowd.device_spread_db * for_phones.standard_normal(
        crowd.devices
    )
    phone = for_phones.integers(crowd.devices, size=crowd.walks)
    shadowing = shadowing_of(building, radio, for_shadowing) if radio.shadowing_db > 0 else None
    mean = mean_rssi(building, radio, xy, floor, shadowing)
    mean = np.repeat(mean, radio.networks, axis=1)
    bssids = building.bssids(radio.networks)
    rssi = received(mean, radio, offsets[phone[number]], for_noise)
    heard = np.isfinite(rssi)
    rows, codes = np.nonzero(heard)
    last_train = max(1, round(_TRAIN_SHARE * crowd.walks))
    return Survey(
        header=_header(building, radio, crowd, seed),
        timestamp_ms=np.concatenate([w.time_ms + i * _HOUR_MS for i, w in enumerate(walks)]),
        x_m=xy[:, 0].copy(),
        y_m=xy[:, 1].copy(),
        floor=floor,
        device=np.array([f"phone{p}" for p in phone], dtype=object)[number],
        session=np.array([f"walk{i:04d}" for i in range(crowd.walks)], dtype=object)[number],
        split=np.where(number < last_train, "train", "test").astype(object),
        offsets=np.concatenate([[0], np.cumsum(heard.sum(axis=1))]).astype(np.int64),
        bssids=bssids,
        bssid_code=codes.astype(np.int32),
        rssi_dbm=rssi[rows, codes],
        access_points=tuple(
            AccessPoint(b, float(x), float(y), int(f))
            for b, (x, y), f in zip(
                bssids,
                np.repeat(building.ap_xy_m, radio.networks, axis=0),
                np.repeat(building.ap_floor, radio.networks),
                strict=True,
            )
        ),
    )


def _header(building: Building, radio: Radio, crowd: Crowd, seed: int) -> Header:
    constants = ", ".join(f"{k} {v:g}" for k, v in (asdict(radio) | asdict(crowd)).items())
    return Header(
        name=f"simulated {building.name} seed {seed}",
        licence="simulated, no rights reserved",
        frame=f"metres from the building's corner; {len(building.walls_m)} walls, floor height "
        f"{building.floor_height_m:g} m, {constants}",
        floors=tuple(
            Floor(f, label=str(f), width_m=building.width_m, height_m=building.depth_m)
            for f in range(building.floors)
        ),
    )
