"""What each part of Hapi does on the simulated testbeds: one change at a time, all else as trained.

A variant is judged on the very buildings that are reported, so a best value here is no proof that
it is best elsewhere; the presets' values stand in ``training.hapi_presets`` with their sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from evaluation.hapi_rows import Row, floor_row
from evaluation.hapi_system import Answers, System
from evaluation.hapi_testbeds import BEST, PAPERS, SYSTEMS, Scans, others, replica_survey
from evaluation.hapi_walks import METHODS, along
from training.fitting import arithmetic
from training.hapi import FLOOR_SETTINGS
from training.hapi_floor import fit_floor
from training.hapi_floor_data import FloorData, in_range, joined, reference
from training.hapi_site import site_of
from training.survey import Survey

FAF_DB = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
SHARES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
STRONGEST = (1, 2, 3, 4, 5, 6, 8, 10, 15, None)
FLOOR_S = (0, 6, 15, 30, 60, 120, 300)
POSITION_S = (0, 3, 6, 9, 15, 30, 60)
OFFSET_DB = -8.0
KEEP = 0.5
Pairs = Iterator[tuple[str, Row]]


def study(name: str, seed: int, survey: Survey, ready: dict[str, System]) -> dict[str, list[Row]]:
    """All effects on one testbed, with presets paper and best, for systems trained for it."""
    scans = Scans.of(survey)
    quiet = replica_survey(name, seed, offset_db=OFFSET_DB)
    out: dict[str, list[Row]] = {}
    for title in (PAPERS, BEST):
        system = ready[title]
        preset = SYSTEMS[title][0]
        parts = [attenuation, strongest, floor_window, position_window, walking]
        if preset == "paper":
            parts.append(threshold)
        for part in parts:
            for effect, one in part(system, scans):
                out.setdefault(effect, []).append({**one, "preset": preset})
        for effect, one in phone(system, scans, quiet):
            out.setdefault(effect, []).append({**one, "preset": preset})
    out["augmentation"] = augmentation(name, seed, survey)
    return out


def attenuation(system: System, scans: Scans) -> Pairs:
    """FAF: none at all, the floor's own access points alone, 5 to 30 dB a floor."""
    floor = system.best_floor(scans.rssi_dbm)
    own = np.where(scans.layout.floor[None] == floor[:, None], scans.rssi_dbm, np.nan)
    yield "FAF", _at("own floor", system.locate(own, floor=floor), scans)
    for value in FAF_DB:
        found = system.changed(floor_attenuation_db=value).locate(scans.rssi_dbm, floor=floor)
        yield "FAF", _at(value, found, scans)


def threshold(system: System, scans: Scans) -> Pairs:
    for value in SHARES:
        found = system.with_position(threshold=value).locate(scans.rssi_dbm)
        yield "threshold", _at(value, found, scans)


def strongest(system: System, scans: Scans) -> Pairs:
    """How many access points count after floor attenuation."""
    for value in STRONGEST:
        found = system.with_position(strongest=value).locate(scans.rssi_dbm)
        yield "strongest", _at("all" if value is None else value, found, scans)


def floor_window(system: System, scans: Scans) -> Pairs:
    for seconds in FLOOR_S:
        floor = system.best_floor(scans.within(1000 * seconds))
        yield "floor window", floor_row("", floor, scans.floor, scans.group, value=seconds)


def position_window(system: System, scans: Scans) -> Pairs:
    floor = system.best_floor(scans.rssi_dbm)
    for seconds in POSITION_S:
        found = system.locate(scans.within(1000 * seconds), floor=floor)
        yield "position window", _at(seconds, found, scans)


def walking(system: System, scans: Scans) -> Pairs:
    """Scan by scan, and what the filters and the smoother make of it."""
    alone = system.locate(scans.rssi_dbm)
    yield "walking", _at("scan by scan", alone, scans)
    for method in METHODS:
        xy = along(method, alone, scans.timestamp_ms, scans.session)
        yield "walking", _at(method, replace(alone, xy_m=xy), scans)


def phone(system: System, scans: Scans, quiet_survey: Survey) -> Pairs:
    """Phones that report 8 dB less: untreated, updated with their scans, the offset known."""
    quiet = Scans.of(quiet_survey)
    yield "phone", _at("ordinary phones", system.locate(scans.rssi_dbm), scans)
    ways = {
        "8 dB less": system,
        "8 dB less, FAF from the scans": system.updated(quiet_survey, "no"),
        "8 dB less, FAF and offset from the scans": system.updated(quiet_survey, "yes"),
        "8 dB less, offset known": system.changed(offset_db=-OFFSET_DB),
    }
    for value, way in ways.items():
        about = {"offset_db": way.rules.offset_db, "faf_db": way.rules.floor_attenuation_db}
        yield "phone", {**_at(value, way.locate(quiet.rssi_dbm), quiet), **about}


def augmentation(name: str, seed: int, survey: Survey) -> list[Row]:
    """The paper's network taught with other buildings' scans as they are, or made to fit."""
    around = others(name, seed)
    made: dict[str, Callable[[Survey, np.random.Generator, int], FloorData]] = {
        "as they are": lambda _, rng, n: as_they_are(around, rng, n),
        "cut to the building, no noise": lambda s, rng, n: reference(
            site_of(s), around, n, rng, noise_db=0.0
        ),
        "cut to the building, noise": lambda s, rng, n: reference(site_of(s), around, n, rng),
    }
    settings, rows = FLOOR_SETTINGS["paper"], []
    for keep in (1.0, KEEP):
        target = survey if keep == 1 else replica_survey(name, seed, keep)
        scans, site = Scans.of(target), site_of(target)
        heard = np.isfinite(scans.rssi_dbm).any(axis=1)
        for title, make in made.items():
            rng = np.random.default_rng(np.random.SeedSequence([seed, 8]))
            data = [make(target, rng, n) for n in (settings.users, settings.held_out)]
            with arithmetic(1):
                fit = fit_floor(*data, settings, seed)
            floor = np.full(len(heard), -1, dtype=np.int32)
            floor[heard] = fit.floor(scans.rssi_dbm[heard], site)
            rows.append(floor_row(title, floor, scans.floor, scans.group, keep=keep))
    return rows


def as_they_are(surveys: list[Survey], rng: np.random.Generator, count: int) -> FloorData:
    """``count`` scans of other buildings with their own floors and access points, drawn evenly."""
    parts = []
    for survey in surveys:
        site, scans = site_of(survey), Scans.of(survey)
        heard = np.isfinite(scans.rssi_dbm).any(axis=1)
        start, features, valid = in_range(scans.rssi_dbm[heard], site)
        label = np.searchsorted(np.array(site.floors), scans.floor[heard]) - start
        kept = (label >= 0) & (label < features.shape[1])
        parts.append(FloorData(features[kept], label[kept].astype(np.int64), valid[kept]))
    data = joined(parts)
    rows = rng.integers(len(data), size=count)
    return FloorData(data.features[rows], data.label[rows], data.valid[rows])


def _at(value: object, answers: Answers, scans: Scans) -> Row:
    return scans.row("", answers, value=value)
