"""A building as its access points show it, and what rules over them answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.venue import AccessPoint
from training.survey import Header, Survey, SurveyError

NO_FLOOR = np.iinfo(np.int32).min
# Users walk a little beyond the outermost access points.
MARGIN_M = 3.0


class Located(Protocol):
    """A survey, or a building of which only this much is known."""

    @property
    def header(self) -> Header: ...

    @property
    def access_points(self) -> Sequence[AccessPoint]: ...


@dataclass(frozen=True)
class Found:
    """n scans: floor (NO_FLOOR = no answer) and place (n, 2) in metres (NaN = no answer)."""

    floor: NDArray[np.int32]
    xy_m: NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """A physical access points: (A, 2) places, (A,) floors, and the ids each answers to.

    ``area_m`` maps a floor to its rectangle x0, y0, x1, y1.
    """

    ids: tuple[tuple[str, ...], ...]
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    area_m: dict[int, tuple[float, float, float, float]]

    @property
    def floors(self) -> NDArray[np.int32]:
        """(F,) the floors that have access points, ascending."""
        return np.unique(self.floor)

    @classmethod
    def of(cls, building: Located) -> Layout:
        """The located access points of a survey; ids at one and the same place are one of them.

        That joins the bands and the virtual networks of a box. A floor's area is its stated size,
        otherwise the rectangle around all access points of the building and 3 m more.

        Raises:
            SurveyError: the survey locates no access point.
        """
        boxes: dict[tuple[float, float, int], list[str]] = {}
        for ap in building.access_points:
            boxes.setdefault((ap.x_m, ap.y_m, ap.floor), []).append(ap.bssid)
        if not boxes:
            raise SurveyError(f"survey {building.header.name!r} has no access_points.csv")
        places = np.array(list(boxes), dtype=np.float64)
        xy = places[:, :2].copy()
        around = tuple(
            float(v) for v in (*(xy.min(axis=0) - MARGIN_M), *(xy.max(axis=0) + MARGIN_M))
        )
        return cls(
            ids=tuple(tuple(names) for names in boxes.values()),
            xy_m=xy,
            floor=places[:, 2].astype(np.int32),
            area_m={
                f.floor: (0.0, 0.0, f.width_m, f.height_m) if f.width_m and f.height_m else around
                for f in building.header.floors
            },  # type: ignore[arg-type]
        )

    def levels(self, survey: Survey) -> NDArray[np.float64]:
        """(M, A) dBm of a survey's scans, the strongest of each access point's ids."""
        head = {name: names[0] for names in self.ids for name in names}
        return survey.fingerprints(
            [names[0] for names in self.ids], canonical=lambda b: head.get(b, b)
        ).astype(np.float64)


def with_floor_attenuation(
    layout: Layout,
    rssi_dbm: NDArray[np.float64],
    floor: NDArray[np.int32],
    attenuation_db: float | None,
    cap_dbm: float = -30.0,
) -> NDArray[np.float64]:
    """(M, A) levels as they would be without the floors between (Hapi, eq. 13).

    None leaves only the access points of the user's own floor. A level that was raised ends at
    ``cap_dbm``. Scans without a floor hear nothing.
    """
    apart = np.abs(layout.floor[None].astype(np.int64) - floor[:, None])
    if attenuation_db is None:
        return np.where(apart == 0, rssi_dbm, np.nan)
    raised = np.where(apart == 0, rssi_dbm, np.minimum(rssi_dbm + attenuation_db * apart, cap_dbm))
    return np.where(floor[:, None] == NO_FLOOR, np.nan, np.maximum(raised, rssi_dbm))
