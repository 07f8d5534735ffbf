"""What the floor network learns from: virtual users, or labelled scans of other buildings.

SPEC 5.4. No scan of the deployment building is ever used. ``synthetic``: users simulated in that
building. ``reference``: scans of other buildings, cut down to look like a part of this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdk.native import floor_features
from sdk.rank_rules import SPAN
from training.ap_layout import Layout
from training.hapi_site import Cells, Site
from training.survey import Survey, SurveyError
from training.virtual_users import Radios, Users, virtual_users

SILENT_DBM = -100.0
# Scan-to-scan noise of a reference scan (SPEC 5.4: typically 4 to 6 dB).
REFERENCE_NOISE_DB = 5.0
# Scans that share one draw of floors and access points.
_GROUP = 32


@dataclass(frozen=True)
class FloorData:
    """n search ranges: features (n, 4, 8), the floor's place in the range (n,), and which of the
    range's floors the building has (n, 4)."""

    features: NDArray[np.float32]
    label: NDArray[np.int64]
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.label)


def joined(parts: Sequence[FloorData]) -> FloorData:
    """All of them, one after the other."""
    return FloorData(
        np.concatenate([p.features for p in parts]),
        np.concatenate([p.label for p in parts]),
        np.concatenate([p.valid for p in parts]),
    )


def in_range(
    rssi_dbm: NDArray[np.floating], site: Site
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
    """Start (n,), features (n, 4, 8) and valid floors (n, 4) of scans (n, A) at a site."""
    floors = len(site.floors)
    start, features = floor_features(
        rssi_dbm, site.layout.xy_m, site.ap_level, floors, SILENT_DBM, SPAN
    )
    return start, features, start[:, None] + np.arange(SPAN) < floors


def of_users(users: Users, site: Site) -> tuple[FloorData, float]:
    """What there is to learn from users, and the share of them whose floor is not in the range."""
    start, features, valid = in_range(users.rssi_dbm, site)
    label = np.searchsorted(np.array(site.floors), users.floor) - start
    kept = (label >= 0) & (label < SPAN)
    data = FloorData(features[kept], label[kept].astype(np.int64), valid[kept])
    return data, 1.0 - float(kept.mean())


def synthetic(
    site: Site, cells: Cells, radios: Radios, count: int, rng: np.random.Generator
) -> FloorData:
    """``count`` virtual users of the site, less those whose floor the range misses."""
    return of_users(virtual_users(site, cells, radios, count, rng), site)[0]


def most_floors(surveys: Sequence[Survey]) -> int:
    """Floors of the tallest reference building, 0 without any."""
    return max((len(_Source.of(survey).rssi_of_floor) for survey in surveys), default=0)


def reference(
    site: Site,
    surveys: Sequence[Survey],
    count: int,
    rng: np.random.Generator,
    noise_db: float = REFERENCE_NOISE_DB,
) -> FloorData:
    """About ``count`` scans of other buildings, remade to fit windows of this one (paper, 4.2).

    Each group of scans draws a survey, a window of consecutive floors of this building and one of
    the survey's building, and of each of its floors as many access points as this building has
    there (or all, where it has fewer). Scans come from all floors of the window alike often, with
    N(0, noise_db) on every reading; what is features is computed with the survey's own access
    point positions.
    Raises SurveyError for a survey without access points or without labelled scans that hear some.
    """
    sources = [_Source.of(survey) for survey in surveys]
    if not sources:
        raise SurveyError("no reference survey; expected one at least")
    counts = np.bincount(site.ap_level, minlength=len(site.floors))
    made: list[FloorData] = []
    total = fruitless = 0
    while total < count:
        one = sources[rng.integers(len(sources))].group(counts, noise_db, rng)
        made.append(one)
        total += len(one)
        fruitless = 0 if len(one) else fruitless + 1
        if fruitless > 1000:
            raise SurveyError("reference scans hear no access point that is left; expected others")
    return joined(made)


@dataclass(frozen=True)
class _Source:
    """A reference building: its access points, and the scans of each of its floors."""

    layout: Layout
    level: NDArray[np.int64]
    rssi_of_floor: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(cls, survey: Survey) -> _Source:
        layout = Layout.of(survey)
        part = survey.take(survey.labelled)
        rssi = layout.levels(part).astype(np.float32)
        floors = np.union1d(layout.floor, part.floor)
        heard = np.isfinite(rssi).any(axis=1)
        if not heard.any():
            raise SurveyError(
                f"reference survey {survey.header.name!r}: no labelled scan hears one of its "
                f"{len(layout.ids)} located access points"
            )
        by_floor = tuple(rssi[heard & (part.floor == f)] for f in floors)
        return cls(layout, np.searchsorted(floors, layout.floor), by_floor)

    def group(
        self, counts: NDArray[np.int64], noise_db: float, rng: np.random.Generator
    ) -> FloorData:
        """A few scans; none where the draw leaves nothing to hear."""
        span = min(SPAN, len(counts), len(self.rssi_of_floor))
        here = rng.integers(len(counts) - span + 1)
        there = rng.integers(len(self.rssi_of_floor) - span + 1)
        taken = []
        for k in range(span):
            aps = np.flatnonzero(self.level == there + k)
            taken.append(rng.permutation(aps)[: counts[here + k]])
        columns = np.concatenate(taken)
        scans, label = [], []
        for k in rng.permutation(span):
            of_floor = self.rssi_of_floor[there + k]
            if len(of_floor):
                rows = rng.integers(len(of_floor), size=_GROUP // span)
                scans.append(of_floor[rows][:, columns])
                label.append(np.full(len(rows), k))
        empty = np.zeros((0, len(columns)), dtype=np.float32)
        rssi = np.concatenate([empty, *scans])
        rssi = rssi + noise_db * rng.standard_normal(rssi.shape).astype(np.float32)
        heard = np.isfinite(rssi).any(axis=1)
        number = np.concatenate([np.zeros(0, int), *label]).astype(np.int64)[heard]
        valid = np.broadcast_to(np.arange(SPAN) < span, (len(number), SPAN))
        if not len(number):
            return FloorData(np.zeros((0, SPAN, 8), np.float32), number, valid)
        _, features = floor_features(
            rssi[heard], self.layout.xy_m[columns], self.level[columns] - there, span,
            SILENT_DBM, SPAN,
        )  # fmt: skip
        return FloorData(features, number, valid)
