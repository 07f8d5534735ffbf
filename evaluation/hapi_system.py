"""Hapi as it is deployed, over many scans: the device's own positioner, the network in batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdk.native import floor_features
from sdk.places import Places
from sdk.positioners.ranks import Ranks
from sdk.rank_rules import FEATURES, SPAN, RankRules
from training import hapi
from training.ap_layout import NO_FLOOR, Layout
from training.calibration import radius_at
from training.hapi_site import Site, site_of
from training.hapi_update import update
from training.networks.floor import FloorNet
from training.run import Run
from training.survey import NO_FLOOR as UNLABELLED
from training.survey import Survey


@dataclass(frozen=True)
class Answers:
    """n scans: place (n, 2), NaN = no answer; floor (n,); the 68 % radius that is stated (n,)."""

    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    radius_m: NDArray[np.float64]


@dataclass(frozen=True)
class System:
    """A run of Hapi, ready to answer; ``changed`` and ``with_position`` give variants of it.

    A variant keeps the radius table of the run it stems from: compare errors, not coverage.
    """

    run: Run
    site: Site
    places: Places
    rules: RankRules
    network: FloorNet | None
    knots: tuple[list[float], list[float]]

    @classmethod
    def of(cls, run: Run, site: Site) -> System:
        """The columns of levels are the site's physical access points."""
        arrays = run.arrays
        xy = arrays["places_xy_m"]
        network = None
        if run.state is not None and run.network is not None:
            network = FloorNet(**{k: v for k, v in run.network.items() if k != "kind"})
            network.load_state_dict(run.state)
            network.eval()
        return cls(
            run,
            site,
            Places(xy[:, 0], xy[:, 1], arrays["places_floor"], run.pitch_m),
            RankRules.from_json(run.ranks),
            network,
            (run.accuracy["spread_m"], run.accuracy["radius_m"]),
        )

    @classmethod
    def trained(cls, building: Survey | Site, preset: str, seed: int = 0, **rest: Any) -> System:
        """Train for a building, of which no scan is looked at; ``rest`` goes to training."""
        site = building if isinstance(building, Site) else site_of(building)
        return cls.of(hapi.train(site, preset, seed, **rest), site)

    def changed(self, **rules: Any) -> System:
        """Other rules, such as ``floor_attenuation_db``."""
        return replace(self, rules=replace(self.rules, **rules))

    @property
    def layout(self) -> Layout:
        return self.site.layout

    def updated(self, survey: Survey, offset: str = "auto") -> System:
        """After ``rssfix update`` with the scans of a survey, whose places are blotted out."""
        nowhere = np.full(len(survey), np.nan)
        floor = np.full(len(survey), UNLABELLED, dtype=np.int32)
        blind = replace(survey, x_m=nowhere, y_m=nowhere.copy(), floor=floor)
        return System.of(update(self.run, blind, offset)[0], self.site)

    def with_position(self, **method: Any) -> System:
        """Other fields of the method, such as ``threshold``."""
        return self.changed(position=replace(self.rules.position, **method))

    @cached_property
    def _ranks(self) -> Ranks:
        layout = self.layout

        def batches_only(_: NDArray[np.float32]) -> NDArray[np.float32]:
            raise AssertionError("the network is asked for all scans at once")

        return Ranks(self.rules, self.places, layout.xy_m, layout.floor, batches_only)

    def floors(self, rssi_dbm: NDArray[np.float64]) -> list[list[tuple[int, float]]]:
        """The probable floors of scans (n, A) that hear something, best first."""
        level = (rssi_dbm + self.rules.offset_db).astype(np.float32)
        rules = self.rules.floor_network
        if self.network is None or rules is None:
            return [[(int(f), 1.0)] for f in self.layout.floor[np.nanargmax(level, axis=1)]]
        floors = np.array(sorted(grid.floor for grid in self.rules.grids))
        ap_level = np.searchsorted(floors, self.layout.floor).astype(np.int32)
        start, features = floor_features(level, self.layout.xy_m, ap_level, len(floors), span=SPAN)
        mean, std = (np.array(v, dtype=np.float32) for v in (rules.mean, rules.std))
        x = (features.reshape(len(level), SPAN * FEATURES) - mean) / std
        with torch.inference_mode():
            scores = self.network(torch.from_numpy(x)).numpy()
        return [self._ranks.chances(int(s), row) for s, row in zip(start, scores, strict=True)]

    def best_floor(self, rssi_dbm: NDArray[np.float64]) -> NDArray[np.int32]:
        """(n,) the most probable floor; NO_FLOOR where nothing is heard."""
        out = np.full(len(rssi_dbm), NO_FLOOR, dtype=np.int32)
        heard = np.flatnonzero(np.isfinite(rssi_dbm).any(axis=1))
        if len(heard):
            out[heard] = [one[0][0] for one in self.floors(rssi_dbm[heard])]
        return out

    def locate(
        self,
        rssi_dbm: NDArray[np.float64],
        floor_rssi_dbm: NDArray[np.float64] | None = None,
        floor: NDArray[np.int32] | None = None,
    ) -> Answers:
        """Place, floor and radius of every scan.

        Args:
            rssi_dbm: (n, A) levels for the place.
            floor_rssi_dbm: (n, A) those for the floor; default the same.
            floor: (n,) the floor where it is given; NO_FLOOR = no answer.
        """
        n = len(rssi_dbm)
        known = rssi_dbm if floor_rssi_dbm is None else floor_rssi_dbm
        heard = np.isfinite(rssi_dbm).any(axis=1) & np.isfinite(known).any(axis=1)
        if floor is not None:
            heard &= floor != NO_FLOOR
        xy, radius = np.full((n, 2), np.nan), np.full(n, np.nan)
        found = np.full(n, NO_FLOOR, dtype=np.int32)
        rows = np.flatnonzero(heard)
        if not len(rows):
            return Answers(xy, found, radius)
        chances = (
            self.floors(known[rows]) if floor is None else [[(int(f), 1.0)] for f in floor[rows]]
        )
        unknown = np.zeros(rssi_dbm.shape[1], dtype=np.bool_)
        levels = (rssi_dbm + self.rules.offset_db).astype(np.float32)
        spread = np.empty(len(rows))
        for k, (i, chance) in enumerate(zip(rows, chances, strict=True)):
            posterior = self._ranks.decode(self._ranks.answer(levels[i], unknown, chance))
            xy[i, 0], xy[i, 1], found[i] = posterior.mean()
            spread[k] = posterior.spread_m()
        radius[rows] = radius_at(self.knots, spread)
        return Answers(xy, found, radius)
