"""The sets with located access points, each as queries for the baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines.windows import strongest_over
from sdk.errors import RssfixError
from training.ap_layout import Layout
from training.readers import ble_tetam, rooms, sodindoorloc, uji_library
from training.simulator import REPLICAS, Crowd, Radio, replica, simulate
from training.survey import Survey

# Textbook level at 1 m; a beacon transmits at a lower power than an access point.
WIFI_P0_DBM, BLE_P0_DBM = -35.0, -59.0
_SIMULATED_SCANS = 1000
# 60 scans a point repeat each other.
_EVERY = 6


@dataclass(frozen=True)
class Queries:
    """Scans to locate: levels (M, A), truth, and the group each scan is drawn with (M,).

    ``survey`` is where they stem from, ``rows`` which of its scans they are.
    """

    title: str
    note: str
    layout: Layout
    rssi_dbm: NDArray[np.float64]
    xy_m: NDArray[np.float64]
    floor: NDArray[np.int32]
    group: NDArray[np.int64]
    grouped_by: str
    survey: Survey
    rows: NDArray[np.bool_]
    p0_dbm: float = WIFI_P0_DBM


def queries(
    survey: Survey,
    title: str,
    note: str = "",
    rows: NDArray[np.bool_] | None = None,
    window: int = 1,
    walks: bool = False,
    p0_dbm: float = WIFI_P0_DBM,
) -> Queries:
    """A survey's scans as queries.

    ``rows`` (M,) are those kept; of a window only the scans that have a full one are. Groups are
    the points, or the sessions of walks.
    """
    layout = Layout.of(survey)
    rssi = strongest_over(layout.levels(survey), survey.session, window)
    kept = survey.labelled if rows is None else rows & survey.labelled
    if window > 1:
        kept = kept & (_place_in_session(survey.session) >= window - 1)
    _, point = survey.spots()
    _, session = np.unique(survey.session.astype(str), return_inverse=True)
    _, group = np.unique((session if walks else point)[kept], return_inverse=True)
    return Queries(
        title, note, layout, rssi[kept], survey.xy_m[kept], survey.floor[kept],
        group.reshape(-1), "walks" if walks else "points", survey, kept, p0_dbm,
    )  # fmt: skip


def _place_in_session(session: NDArray[np.object_]) -> NDArray[np.int64]:
    """(M,) how many scans of the same session come before."""
    seen: dict[str, int] = {}
    out = np.empty(len(session), dtype=np.int64)
    for i, name in enumerate(session):
        out[i] = seen.get(name, 0)
        seen[name] = int(out[i]) + 1
    return out


def _cetc(data: Path) -> Iterator[Queries]:
    survey = sodindoorloc.read(data / "sodindoorloc", "CETC331")
    test = survey.split == "test"
    yield queries(survey, "CETC331 test", "84 points, 10 scans each; 26 APs, 3 floors", test)
    yield queries(survey, "CETC331 train rows", "training rows used as queries only", ~test)
    yield queries(survey, "CETC331 test, 10 scans", "strongest of a point's 10 scans", test, 10)


def _hcxy(data: Path) -> Iterator[Queries]:
    survey = sodindoorloc.read(data / "sodindoorloc", "HCXY", "AP_Avg")
    test = survey.split == "test"
    yield queries(survey, "HCXY test", "one floor, 56 APs of which some look misplaced", test)
    yield queries(survey, "HCXY test, 10 scans", "strongest of a point's 10 scans", test, 10)


def _tetam(data: Path) -> Iterator[Queries]:
    survey = ble_tetam.read(data / "ble_tetam")
    note = "all nine walks, BLE, 12 sensors; windows of 1 s, mean of the packets"
    yield queries(survey, "ble_tetam", note, walks=True, p0_dbm=BLE_P0_DBM)
    note = "strongest of the last 3 s"
    yield queries(survey, "ble_tetam, 3 s", note, window=3, walks=True, p0_dbm=BLE_P0_DBM)


def _rooms(data: Path) -> Iterator[Queries]:
    for room in rooms.SHIFT:
        survey = rooms.read(data / "wifi_rss_rtt_rooms", room)
        some = (survey.split == "test") & (_place_in_session(survey.session) % _EVERY == 0)
        n = len(Layout.of(survey).ids)
        note = f"test points, 10 of 60 scans each, {n} APs; 0.6 m a grid step is our reading"
        yield queries(survey, f"rooms: {room}", note, some)


def _library(data: Path) -> Iterator[Queries]:
    survey = uji_library.read(data / "uji_library", months=[1])
    note = "month 1, test campaigns; 4 located devices carry 16 of the columns"
    yield queries(survey, "uji_library", note, survey.split == "test")


def _simulated(name: str) -> Iterator[Queries]:
    building = replica(name, np.random.default_rng(np.random.SeedSequence([0, 1])))
    survey = simulate(building, Radio(), Crowd(scans=_SIMULATED_SCANS, walks=20), seed=0)
    note = f"replica of {REPLICAS[name].title} in size and density only; default radio, seed 0"
    yield queries(survey, f"simulated {name}", note, walks=True, p0_dbm=Radio().p0_dbm)


SOURCES: dict[str, Callable[[Path], Iterator[Queries]]] = {
    "CETC331": _cetc,
    "HCXY": _hcxy,
    "ble_tetam": _tetam,
    "rooms": _rooms,
    "uji_library": _library,
    "simulated bldg98": lambda _: _simulated("bldg98"),
    "simulated bldg115": lambda _: _simulated("bldg115"),
}


def all_sets(data: Path, skipped: Callable[[str, str], None]) -> Iterator[Queries]:
    """Every set that is there; ``skipped(name, reason)`` is called for the others."""
    for name, source in SOURCES.items():
        try:
            yield from source(Path(data))
        except RssfixError as error:
            skipped(name, str(error))
