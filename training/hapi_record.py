"""A hapi run's access points by name, and its simulated scans as a survey of the building."""

from __future__ import annotations

import numpy as np

from training.fingerprints import MERGES
from training.hapi_site import Site
from training.split import Validation
from training.survey import Survey, SurveyError
from training.virtual_users import Users


def ap_table(site: Site, merge: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names of the physical access points, and the virtual ones that the rule does not cover."""
    rule = MERGES.get(merge)
    if merge not in MERGES:
        raise ValueError(f"merge_virtual_aps is {merge!r}, expected one of {', '.join(MERGES)}")
    key = rule or str
    names = tuple(key(ids[0]) for ids in site.layout.ids)
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        if seen.setdefault(name, i) != i:
            raise SurveyError(
                f"{site.source}: {site.layout.ids[seen[name]][0]!r} and {site.layout.ids[i][0]!r} "
                "stand at two places but are one access point by their last hex digit"
            )
    physical = {
        one: name
        for ids, name in zip(site.layout.ids, names, strict=True)
        for one in ids
        if key(one) != name
    }
    return names, physical


def as_survey(
    site: Site, names: tuple[str, ...], calibration: Users, held_out: Users
) -> tuple[Survey, Validation]:
    """The simulated scans as a survey of the building: train and validation rows."""
    rssi = np.concatenate([calibration.rssi_dbm, held_out.rssi_dbm])
    xy = np.concatenate([calibration.xy_m, held_out.xy_m])
    n, first = len(rssi), len(calibration)
    heard = np.isfinite(rssi)
    rows, codes = np.nonzero(heard)
    validation = np.arange(n) >= first
    survey = Survey(
        header=site.header,
        timestamp_ms=np.zeros(n, dtype=np.int64),
        x_m=xy[:, 0].copy(),
        y_m=xy[:, 1].copy(),
        floor=np.concatenate([calibration.floor, held_out.floor]),
        device=np.full(n, "simulated", dtype=object),
        session=np.full(n, "simulated", dtype=object),
        split=np.where(validation, "validation", "train").astype(object),
        offsets=np.concatenate([[0], np.cumsum(heard.sum(axis=1))]).astype(np.int64),
        bssids=names,
        bssid_code=codes.astype(np.int32),
        rssi_dbm=rssi[rows, codes],
        access_points=site.access_points,
        plans=site.plans,
        sha256=site.sha256,
    )
    rule = f"{len(held_out)} virtual users, simulated"
    return survey, Validation(validation, validation.astype(np.float64), rule, False)
