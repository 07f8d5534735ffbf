"""The building that Hapi is deployed in: its located access points and its floors, no scans.

Read from a survey folder (``survey.toml``, ``access_points.csv`` and plans; the scans are not even
opened) or from a list of access points alone, a CSV with bssid, x_m, y_m, floor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdk.bssid import normalise
from sdk.errors import RssfixError
from sdk.venue import AccessPoint, Floor
from training.ap_layout import Layout
from training.floor_outline import bounds, inside, read_outline
from training.survey import Header, Survey, SurveyError
from training.survey_header import read_access_point_rows, read_header, to_toml

# No building is larger; a list that says so mixes up units or frames.
MOST_APART_M = 5000.0
MOST_COORDINATE_M = 1e9
MOST_FLOORS = 1000
MOST_CELLS = 1 << 20
_FLOORS = range(-1000, 10_001)


@dataclass(frozen=True)
class Cells:
    """Walkable cells: ``grids`` as in a bundle's manifest, centres (G, 2), floors (G,)."""

    grids: tuple[dict[str, object], ...]
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    pitch_m: float


@dataclass(frozen=True)
class Site:
    """A checked building. ``source`` names it in messages; ``plans`` maps names to files."""

    header: Header
    access_points: tuple[AccessPoint, ...]
    source: str
    plans: dict[str, Path] = field(default_factory=dict)

    @cached_property
    def layout(self) -> Layout:
        """The physical access points: ids at one and the same place are one."""
        return Layout.of(self)

    @property
    def floors(self) -> tuple[int, ...]:
        """The venue's floors, ascending, with or without access points."""
        return tuple(sorted(floor.floor for floor in self.header.floors))

    @property
    def ap_level(self) -> NDArray[np.int32]:
        """(A,) the physical access points' floors as indices into ``floors``."""
        return np.searchsorted(np.array(self.floors), self.layout.floor).astype(np.int32)

    @property
    def sha256(self) -> str:
        """Of everything that training may depend on."""
        parts = [to_toml(self.header).encode()]
        parts += [repr(one).encode() for one in self.access_points]
        parts += [self.plans[name].read_bytes() for name in sorted(self.plans)]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def cells(self, pitch_m: float) -> Cells:
        """The cells of all floors, floor by floor and row by row.

        A floor's are those inside the polygons of its GeoJSON plan, otherwise those of its stated
        size, otherwise those of the rectangle around all access points and 3 m more.
        Raises SurveyError for a plan that is not GeoJSON, covers no cell, or for too many cells.
        """
        grids, places, floors = [], [], []
        plan_of = {one.floor: one.plan for one in self.header.floors}
        total = 0
        for floor in self.floors:
            plan = plan_of[floor]
            outline = None
            if plan is not None and plan.lower().endswith((".geojson", ".json")):
                outline = read_outline(self.plans[plan].read_bytes(), str(self.plans[plan]))
            x0, y0, x1, y1 = self.layout.area_m[floor] if outline is None else bounds(outline)
            width, height = (max(1, int(np.ceil(s / pitch_m - 1e-9))) for s in (x1 - x0, y1 - y0))
            total += width * height
            if total > MOST_CELLS:
                raise SurveyError(
                    f"{self.source}: floor {floor} of {x1 - x0:g} x {y1 - y0:g} m: more than "
                    f"{MOST_CELLS} cells of {pitch_m:g} m in all; expected a coarser pitch_m, or "
                    "access points that lie closer together"
                )
            x = x0 + pitch_m * (np.arange(width) + 0.5)
            y = y0 + pitch_m * (np.arange(height) + 0.5)
            walkable = np.ones((height, width), bool) if outline is None else inside(outline, x, y)
            rows, columns = np.nonzero(walkable)
            if plan is not None and not len(rows):
                raise SurveyError(
                    f"{self.plans[plan]}: covers no cell of {pitch_m:g} m; expected an outline "
                    "in metres in the venue's frame"
                )
            grids.append({"floor": floor, "origin_m": [x[0], y[0]], "shape": [height, width]})
            places.append(np.column_stack([x[columns], y[rows]]))
            floors.append(np.full(len(rows), floor, dtype=np.int32))
        return Cells(tuple(grids), np.concatenate(places), np.concatenate(floors), pitch_m)


def check_others(site: Site, references: Sequence[Survey]) -> None:
    """Raises SurveyError for a reference that shares an access point with the building itself:
    what is learned from it would no longer be free of the building's scans."""
    own = set(site.access_points)
    for survey in references:
        named = [replace(ap, bssid=normalise(ap.bssid)) for ap in survey.access_points]
        shared = own.intersection(named)
        if shared:
            raise SurveyError(
                f"reference survey {survey.header.name!r} has {min(one.bssid for one in shared)!r} "
                f"at the same place as {site.source}; expected a survey of another building"
            )


def site_of(survey: Survey) -> Site:
    """The building of a survey; its scans are left where they are. Raises SurveyError."""
    name = f"survey {survey.header.name!r}: access_points"
    rows = list(enumerate(survey.access_points, start=1))
    return Site(survey.header, _checked(rows, survey.header, name, "row"), name, survey.plans)


def read_site(path: Path) -> Site:
    """A survey folder or a list of access points (CSV). Raises SurveyError with file and line."""
    path = Path(path)
    if not path.is_dir():
        rows = read_access_point_rows(path)
        floors = tuple(Floor(number) for number in sorted({ap.floor for _, ap in rows}))
        header = Header(path.stem, "not stated", "that of the list of access points", floors)
        return Site(header, _checked(rows, header, str(path), "line"), str(path))
    file, header = path / "access_points.csv", read_header(path / "survey.toml")
    plans = {one.plan: path / one.plan for one in header.floors if one.plan}
    for plan in plans.values():
        if not plan.is_file():
            raise SurveyError(f"{path / 'survey.toml'}: plan {plan.name!r} is missing")
    rows = read_access_point_rows(file)
    return Site(header, _checked(rows, header, str(file), "line"), str(file), plans)


def _checked(
    rows: Sequence[tuple[int, AccessPoint]], header: Header, name: str, unit: str
) -> tuple[AccessPoint, ...]:
    """The access points under their canonical ids, each once, or the first error."""
    numbers = [one.floor for one in header.floors]
    floors = set(numbers)
    if len(floors) < len(numbers):
        raise SurveyError(f"{name}: floors {sorted(numbers)} of the venue; expected each once")
    if not rows:
        raise SurveyError(f"{name}: no access point; expected one at least")
    if len(floors) > MOST_FLOORS:
        raise SurveyError(f"{name}: {len(floors)} floors; expected at most {MOST_FLOORS}")
    middle = np.median([(ap.x_m, ap.y_m) for _, ap in rows], axis=0)
    kept: dict[str, tuple[int, AccessPoint]] = {}
    for number, ap in rows:
        at = f"{name}: {unit} {number}"
        try:
            one = AccessPoint(normalise(ap.bssid), ap.x_m, ap.y_m, ap.floor)
        except RssfixError as error:
            raise SurveyError(f"{at}: {error}") from None
        place = (one.x_m, one.y_m)
        if not all(np.isfinite(v) and abs(v) <= MOST_COORDINATE_M for v in place):
            raise SurveyError(f"{at}: x_m, y_m are {one.x_m}, {one.y_m}; expected metres")
        apart = float(np.hypot(*(np.array(place) - middle)))
        if apart > MOST_APART_M:
            raise SurveyError(
                f"{at}: {one.bssid!r} at ({one.x_m:g}, {one.y_m:g}) is {apart:.0f} m from the "
                f"middle of the list; expected at most {MOST_APART_M:g} m"
            )
        if one.floor not in floors or one.floor not in _FLOORS:
            raise SurveyError(
                f"{at}: floor {one.floor} of {one.bssid!r}; expected one of {sorted(floors)}"
            )
        before = kept.setdefault(one.bssid, (number, one))
        if before[1] != one:
            raise SurveyError(
                f"{at}: {one.bssid!r} is at ({one.x_m:g}, {one.y_m:g}) on floor {one.floor}, but "
                f"in {unit} {before[0]} at ({before[1].x_m:g}, {before[1].y_m:g}) on floor "
                f"{before[1].floor}; expected one position"
            )
    return tuple(ap for _, ap in kept.values())
