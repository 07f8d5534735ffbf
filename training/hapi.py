"""Trains Hapi (SPEC 5): floors and places in a building that nobody has surveyed.

Used of the building are its access points' places and its floors. Scans come from virtual users,
for the floor network and, in preset ``paper``, for the ranks also from surveys of other buildings.
All figures of a run are those of virtual users and say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from typing import Any

import numpy as np

from sdk.places import Places
from sdk.rank_rules import FEATURES, SPAN
from training.ap_centroid import weighted_centroid
from training.decode import Decoded
from training.fingerprints import Vectors
from training.fitting import arithmetic
from training.hapi_floor import FloorFit, FloorSettings, fit_floor
from training.hapi_floor_data import FloorData, joined, most_floors, of_users, reference, synthetic
from training.hapi_presets import DEFAULT_PRESET, PRESETS, PathLoss, Preset, Ranks
from training.hapi_quality import answers, fit_quality, rank_correlation
from training.hapi_ranks import fit_ranks, pairs_of
from training.hapi_record import ap_table, as_survey
from training.hapi_rules import positioner_of, rules_of
from training.hapi_site import Cells, Site, check_others, site_of
from training.presets import preset_of
from training.progress import steps
from training.record import heard, judge, make_run
from training.run import Run
from training.survey import Survey
from training.virtual_users import ORDINARY, RANDOMISED, Radios, served, virtual_users

__all__ = ["DEFAULT_PRESET", "train"]

# The paper's batch of 10 and 100 epochs, SPEC's 5000 users; best sees more of them.
FLOOR_SETTINGS = {
    "paper": FloorSettings(users=5_000, held_out=2_000, batch=10, epochs=100, patience=10),
}
MAX_AGE_MS = 10_000
# One access point tells a place, if not well: its expected error says how badly.
MIN_MATCHED_APS = 1
QUALITY_USERS, HELD_OUT_USERS, CALIBRATION_USERS = 1000, 600, 256


def train(
    building: Site | Survey,
    preset: str = DEFAULT_PRESET,
    seed: int = 0,
    epochs: int | None = None,
    progress: bool = False,
    references: Sequence[Survey] = (),
    changes: Mapping[str, object] | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> Run:
    """A run for a building, of which only access points and floors are looked at.

    ``references`` are labelled surveys of *other* buildings with located access points: preset
    ``paper`` learns floors and ranks from them, the others mix them with virtual users to learn
    floors. ``epochs`` and ``changes`` ({field: value} of ``hapi_presets.Preset`` or
    ``FloorSettings``; "merge_virtual_aps", "max_age_ms") override the preset. One thread of the
    processor whatever ``threads`` and ``device`` say: the network is small.
    Raises SurveyError for access points or references that cannot be used, ValueError for an
    unknown preset or setting.
    """
    del threads, device
    site = building if isinstance(building, Site) else site_of(building)
    check_others(site, references)
    wanted = dict(changes or {}) | ({} if epochs is None else {"epochs": epochs})
    merge = str(wanted.pop("merge_virtual_aps", "none"))
    vectors = Vectors("none", int(wanted.pop("max_age_ms", MAX_AGE_MS)))  # type: ignore[call-overload]
    names, physical = ap_table(site, merge)
    of_floor = {f.name for f in fields(FloorSettings)}
    chosen = preset_of(PRESETS, preset, {k: v for k, v in wanted.items() if k not in of_floor})
    settings = replace(
        FLOOR_SETTINGS.get(preset, FloorSettings()),
        **{k: v for k, v in wanted.items() if k in of_floor},  # type: ignore[arg-type]
    )
    if settings.kinds != FEATURES:
        raise ValueError(f"kinds is {settings.kinds}, expected {FEATURES}: what a device computes")
    position = chosen.position
    if isinstance(position, Ranks) and references:
        pairs = pairs_of(references, chosen.floor_attenuation_db, chosen.cap_dbm)
        position = fit_ranks(*pairs, position)
        chosen = replace(chosen, position=position)
    cells = site.cells(chosen.pitch_m)
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4)]
    training, ordinary = _radios(RANDOMISED, chosen), _radios(ORDINARY, chosen)
    floor, learned = None, {}
    if len(site.floors) > 1:
        with arithmetic(1):
            floor, learned = _floor(
                site, cells, training, settings, preset, references, streams[0], seed, progress
            )
    rules = rules_of(chosen, cells, floor)
    users, held_out, calibration = (
        virtual_users(site, served(site, cells), ordinary, count, stream)
        for count, stream in zip(
            (QUALITY_USERS, HELD_OUT_USERS, CALIBRATION_USERS), streams[1:], strict=True
        )
    )
    places = Places(cells.xy_m[:, 0], cells.xy_m[:, 1], cells.floor, cells.pitch_m)
    device = partial(
        positioner_of, rules, places, site.layout.xy_m, site.layout.floor,
        None if floor is None else floor.network,
    )  # fmt: skip
    with steps("expected errors", 2, progress) as advance:
        tried = answers(device(), users)
        error = np.linalg.norm(tried.found.xy_m - users.xy_m, axis=1)
        advance()
        rules["quality"] = fit_quality(tried.features, error, rules["quality"]["threshold"])
        found = answers(device(), held_out).found
        advance()
    survey, split = as_survey(site, names, calibration, held_out)
    truth = survey.take(split.rows)
    weight, matched = split.weight[split.rows], heard(held_out.rssi_dbm)
    held = judge(found, matched, truth, weight, min_matched_aps=MIN_MATCHED_APS)
    centroid = weighted_centroid(
        site.layout, held_out.rssi_dbm.astype(np.float64), 4, 10.0, chosen.floor_attenuation_db
    )
    plain = judge(
        Decoded(centroid.xy_m, centroid.floor, np.ones(len(held_out))),
        matched, truth, weight, min_matched_aps=MIN_MATCHED_APS,
    )  # fmt: skip
    error = np.linalg.norm(found.xy_m - held_out.xy_m, axis=1)
    run = make_run(
        survey, "hapi", preset, seed, names, split, held, vectors,
        network=None if floor is None else {"kind": "floor", **floor.network.config},
        state=None if floor is None else floor.network.state_dict(),
        places_xy_m=cells.xy_m,
        places_floor=cells.floor,
        pitch_m=cells.pitch_m,
        ranks=rules,
        physical=physical,
        virtual_rssi="mean" if preset == "paper" else "strongest",
        arrays={"ap_xy_m": site.layout.xy_m, "ap_floor": site.layout.floor},
        metrics={
            **held.figures, "split": "simulated", "centroid": plain.figures,
            "quality_spearman": rank_correlation(found.spread_m, error),
        },
        provenance={
            "settings": asdict(chosen), "floor_settings": asdict(settings), **learned,
            "train_rows": 0, "virtual_users": asdict(training), "held_out_users": asdict(ordinary),
            "references": [
                {"name": one.header.name, "sha256": one.sha256} for one in references
            ],
        },
    )  # fmt: skip
    limits = {**run.limits, "min_matched_aps": MIN_MATCHED_APS}
    accuracy = {**run.accuracy, "split": "simulated"}
    return replace(run, merge_virtual_aps=merge, limits=limits, accuracy=accuracy)


def _radios(radios: Radios, preset: Preset) -> Radios:
    """Beacons transmit less: all levels move with the preset's level at 1 m."""
    wifi = PRESETS["best"].position
    if isinstance(preset.position, PathLoss) and isinstance(wifi, PathLoss):
        return radios.shifted(preset.position.reference_dbm - wifi.reference_dbm)
    return radios


def _floor(
    site: Site,
    cells: Cells,
    radios: Radios,
    settings: FloorSettings,
    preset: str,
    references: Sequence[Survey],
    rng: np.random.Generator,
    seed: int,
    progress: bool,
) -> tuple[FloorFit, dict[str, Any]]:
    """The floor network, and what the run's record says about it."""
    parts: list[FloorData] = []
    users = settings.users
    if references:
        # Of lower buildings alone the highest floors of a range would never be learned.
        enough = most_floors(references) >= min(SPAN, len(site.floors))
        users = 0 if preset == "paper" and enough else users // 2
        parts.append(reference(site, references, settings.users - users, rng))
    if users:
        parts.append(synthetic(site, cells, radios, users, rng))
    watched, missed = of_users(virtual_users(site, cells, radios, settings.held_out, rng), site)
    fit = fit_floor(joined(parts), watched, settings, seed, progress)
    return fit, {
        "epochs": fit.epochs,
        "floor_loss": fit.history,
        "floor_out_of_range": missed,
        "parameters": sum(p.numel() for p in fit.network.parameters()),
    }
