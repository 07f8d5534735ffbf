"""Hapi on replicas of its five testbeds (its Table 2): leave one building out, never its scans.

The replicas are our simulator's. Each building has a radio of its own, drawn from the ranges below,
so that what the other buildings teach is no copy of what is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines import (
    by_count,
    by_features,
    by_mean,
    by_strongest,
    hard_voronoi,
    locus,
    soft_voronoi,
    strongest_within,
    weighted_centroid,
)
from evaluation.baselines.true_story import true_story
from evaluation.hapi_rows import Row, floor_row, row
from evaluation.hapi_system import Answers, System
from evaluation.hapi_walks import TRACK, along
from training.ap_layout import NO_FLOOR, Layout
from training.hapi_site import Site, site_of
from training.simulator import REPLICAS, Crowd, Radio, replica, simulate, thinned
from training.survey import Survey

# Table 2 of the paper: floor hit, and median metres; Locus and IncVoronoi as it ran them.
PAPER = {
    "bldg99": {"floor": (0.726, 0.407), "median_m": (3.1, 5.1, 23.5)},
    "bldg96": {"floor": (0.952, 0.626), "median_m": (3.4, 6.0, 13.9)},
    "bldg122": {"floor": (0.865, 0.542), "median_m": (3.5, 6.2, 15.3)},
    "bldg115": {"floor": (0.934, 0.687), "median_m": (3.6, 11.8, 13.0)},
    "bldg98": {"floor": (0.700, 0.401), "median_m": (3.5, 6.5, 17.9)},
    "all": {"floor": (0.875, 0.592), "median_m": (3.5, 8.9, 14.6)},
}
SYSTEMS = {
    "paper, other buildings' scans": ("paper", True),
    "best, other buildings' scans": ("best", True),
    "best, no scan at all": ("best", False),
}
BEST = "best, no scan at all"
PAPERS = "paper, other buildings' scans"


@dataclass(frozen=True)
class Scans:
    """The scans of a testbed with their truth; a walk is a group."""

    layout: Layout
    rssi_dbm: NDArray[np.float64]
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    group: NDArray[np.int64]
    timestamp_ms: NDArray[np.int64]
    session: NDArray[np.object_]

    @classmethod
    def of(cls, survey: Survey) -> Scans:
        layout = Layout.of(survey)
        _, group = np.unique(survey.session.astype(str), return_inverse=True)
        return cls(
            layout, layout.levels(survey), survey.xy_m, survey.floor, group.reshape(-1),
            survey.timestamp_ms, survey.session,
        )  # fmt: skip

    def within(self, window_ms: int) -> NDArray[np.float64]:
        """(n, A) the strongest levels of each walk's last ``window_ms``."""
        return strongest_within(self.rssi_dbm, self.timestamp_ms, self.session, window_ms)

    def row(self, method: str, answers: Answers, **about: object) -> Row:
        return row(
            method, answers.xy_m, answers.floor, self.xy_m, self.floor, self.group,
            answers.radius_m, **about,
        )  # fmt: skip


def _seed(name: str, seed: int) -> int:
    """A building's own: with one for all, their access points would hang alike."""
    return seed * len(REPLICAS) + list(REPLICAS).index(name)


def radio_of(name: str, seed: int) -> Radio:
    """A building's own radio: what differs between ordinary buildings, drawn evenly."""
    rng = np.random.default_rng(np.random.SeedSequence([_seed(name, seed), 3]))
    return Radio(
        p0_dbm=rng.uniform(-45, -33), exponent=rng.uniform(2.6, 3.4),
        floor_attenuation_db=rng.uniform(12, 24), shadowing_db=rng.uniform(4, 7),
        noise_db=rng.uniform(2, 4), loss=rng.uniform(0.0, 0.2),
        sensitivity_dbm=rng.uniform(-95, -88),
    )  # fmt: skip


def replica_survey(name: str, seed: int, keep: float = 1.0, offset_db: float = 0.0) -> Survey:
    """A replica's survey, as many scans as the paper's; phones differ by 3 dB around an offset.

    ``keep``: share of the access points that are left. The walks depend on the seed alone.
    """
    own = _seed(name, seed)
    building = replica(name, np.random.default_rng(np.random.SeedSequence([own, 1])))
    if keep < 1:
        building = thinned(building, keep, np.random.default_rng(np.random.SeedSequence([own, 2])))
    scans = REPLICAS[name].samples
    crowd = Crowd(scans=scans, walks=max(4, scans // 100), device_mean_db=offset_db)
    return simulate(building, radio_of(name, seed), crowd, own)


def others(name: str, seed: int) -> list[Survey]:
    """The four other testbeds, all scans labelled: the reference of leave one building out."""
    return [replica_survey(other, seed) for other in REPLICAS if other != name]


def systems(name: str, seed: int, survey: Survey, only: tuple[str, ...]) -> dict[str, System]:
    """Hapi trained for a testbed's layout."""
    around = others(name, seed)
    return {
        title: System.trained(survey, preset, seed, references=around if referred else ())
        for title, (preset, referred) in SYSTEMS.items()
        if title in only
    }


def study(name: str, seed: int, survey: Survey, ready: dict[str, System]) -> dict[str, list[Row]]:
    """Table 2's figures of one testbed, for systems trained for it."""
    scans, site = Scans.of(survey), site_of(survey)
    places, floors = baselines(scans), rules(scans)
    for title, system in ready.items():
        found = system.locate(scans.rssi_dbm)
        places.append(scans.row(title, found, input="one scan"))
        xy = along(TRACK, found, scans.timestamp_ms, scans.session)
        places.append(scans.row(title, replace(found, xy_m=xy), input=TRACK))
        floors.append(floor_row(f"network, {title}", found.floor, scans.floor, scans.group))
    floors.append(story_row(scans, site, name, seed))
    return {"places": places, "floors": floors}


def baselines(scans: Scans) -> list[Row]:
    """One scan at a time, in the order of the paper's table."""
    layout, rssi = scans.layout, scans.rssi_dbm
    found = {
        "Locus (in spirit)": locus(layout, rssi),
        "IncVoronoi hard (in spirit)": hard_voronoi(layout, rssi),
        "IncVoronoi soft (in spirit)": soft_voronoi(layout, rssi),
        "centroid of 3, same floor": weighted_centroid(layout, rssi, 3),
        "centroid of 4, power weights, FAF 20": weighted_centroid(layout, rssi, 4, 10.0, 20.0),
    }
    return [
        row(method, one.xy_m, one.floor, scans.xy_m, scans.floor, scans.group, input="one scan")
        for method, one in found.items()
    ]


def rules(scans: Scans) -> list[Row]:
    """The floor rules and the features alone."""
    layout, rssi = scans.layout, scans.rssi_dbm
    found = {
        "floor of the strongest AP": by_strongest(layout, rssi),
        "floor with most APs": by_count(layout, rssi),
        "floor with the best mean": by_mean(layout, rssi),
        "vote of the three (Locus)": locus(layout, rssi).floor,
        **{f"feature {name} alone": floor for name, floor in by_features(layout, rssi).items()},
    }
    return [floor_row(m, floor, scans.floor, scans.group) for m, floor in found.items()]


def thinning(name: str, seed: int, keep: float) -> dict[str, object]:
    """Floors where access points are missing: network against the strongest access point."""
    survey = replica_survey(name, seed, keep)
    scans, site = Scans.of(survey), site_of(survey)
    floors = rules(scans)
    for title, system in systems(name, seed, survey, (PAPERS, BEST)).items():
        found = system.best_floor(scans.rssi_dbm)
        floors.append(floor_row(f"network, {title}", found, scans.floor, scans.group))
    floors.append(story_row(scans, site, name, seed))
    return {
        "keep": keep, "aps": len(scans.layout.ids),
        "empty_floors": len(site.floors) - len(scans.layout.floors), "floors": floors,
    }  # fmt: skip


def story_row(scans: Scans, site: Site, name: str, seed: int) -> Row:
    """TrueStory in the same building; a scan that hears nothing has no floor."""
    heard = np.isfinite(scans.rssi_dbm).any(axis=1)
    floor = np.full(len(heard), NO_FLOOR, dtype=np.int32)
    floor[heard] = true_story(site, others(name, seed), seed).floor(scans.rssi_dbm[heard], site)
    return floor_row("TrueStory (16 inputs)", floor, scans.floor, scans.group)
