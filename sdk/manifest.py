"""The manifest of a bundle, format 1: what every field must be, and the types it becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from .errors import BundleError, ScanError
from .fields import Fields
from .fingerprint import MERGE_RULES, VIRTUAL_RSSI, ApTable, MergeRule, VirtualRssi
from .fix import AccuracyTable, Limits
from .heatmap_rules import heatmap_output
from .images import InputRecipe
from .outputs import Output, cells_output, neighbours_output
from .rank_rules import ranks_output
from .venue import MAX_LATITUDE_DEG, Floor, Georeference, Venue

FORMAT = 1
MAX_MANIFEST_BYTES = 1 << 20
# A cyclic map of this many APs takes 64 MiB.
MAX_APS = 4096
MAX_FLOORS = 1000
PERCENTILE = 68
_OUTPUTS: dict[str, Callable[[Fields], Output]] = {
    "cells": cells_output,
    "neighbours": neighbours_output,
    "ranks": ranks_output,
    "heatmap": heatmap_output,
}


@dataclass(frozen=True, slots=True)
class Golden:
    """Inputs with the answers that the exporter got."""

    input: str
    output: str
    tolerance: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that a bundle says about itself."""

    format: int
    system: str
    name: str
    model_id: str
    precision: str
    table: ApTable
    exported_unknown: tuple[str, ...]
    recipe: InputRecipe | None
    output: Output
    estimate: str
    places_xy_m: str
    places_floor: str
    pitch_m: float | None
    venue: Venue
    accuracy: AccuracyTable
    limits: Limits
    measured: dict[str, Any]
    golden: Golden
    provenance: dict[str, Any]
    members: dict[str, tuple[str, int]]


def parse_manifest(data: bytes) -> Manifest:
    """Read and check manifest.json. Raises BundleError naming the field."""
    if len(data) > MAX_MANIFEST_BYTES:
        raise BundleError(f"manifest.json: {len(data)} bytes, the cap is {MAX_MANIFEST_BYTES}")
    try:
        record = json.loads(data.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"manifest.json is not JSON: {error}") from None
    top = Fields(record, "manifest")
    number = top.integer("format", 1)
    oldest = top.integer("oldest_reader", 1)
    if oldest > FORMAT:
        raise BundleError(
            f"the bundle is too new: its format {number} needs a reader of format {oldest}, "
            f"this rssfix reads up to {FORMAT}; install a newer rssfix"
        )
    table, unknown = _ap_table(top.inner("ap_table"))
    output = top.inner("output")
    kind = output.choice("positioner", *_OUTPUTS)
    places = output.inner("places")
    golden = top.inner("golden")
    return Manifest(
        format=number,
        system=top.text("system", 40),
        name=top.text("name"),
        model_id=top.text("model_id", 64),
        precision=top.choice("precision", "fp32", "int8"),
        table=table,
        exported_unknown=unknown,
        recipe=_recipe(top, len(table)) if kind == "cells" else None,
        output=_OUTPUTS[kind](output),
        estimate=output.choice("estimate", "mean", "median", "mode"),
        places_xy_m=places.text("xy_m"),
        places_floor=places.text("floor"),
        pitch_m=places.number("pitch_m", above=0) if places.has("pitch_m") else None,
        venue=_venue(top.inner("venue")),
        accuracy=_accuracy(top.inner("accuracy")),
        limits=_limits(top.inner("limits")),
        measured=top.inner("measured").record,
        golden=Golden(
            golden.text("input"), golden.text("output"), golden.number("tolerance", 0, 1)
        ),
        provenance=top.inner("provenance").record,
        members=_members(top.inner("members")),
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _ap_table(part: Fields) -> tuple[ApTable, tuple[str, ...]]:
    bssids = part.texts("bssids", MAX_APS)
    if not bssids:
        raise part.wrong("bssids", "at least one AP")
    merge = cast(MergeRule, part.choice("merge_virtual_aps", *MERGE_RULES))
    physical = part.inner("physical").record if part.has("physical") else {}
    if not all(isinstance(box, str) for box in physical.values()):
        raise part.wrong("physical", "the AP of the table for every virtual AP, as text")
    levels = part.choice("virtual_rssi", *VIRTUAL_RSSI) if part.has("virtual_rssi") else "strongest"
    try:
        table = ApTable(bssids, merge, physical, cast(VirtualRssi, levels))
        digest = table.sha256
    except (ValueError, ScanError) as error:
        raise BundleError(f"{part.path}.bssids: {error}") from None
    if part.text("sha256", 64) != digest:
        raise part.wrong("sha256", f"{digest}, the hash of the AP table")
    unknown = tuple(part.texts("unknown", MAX_APS))
    for bssid in unknown:
        if bssid not in table.index:
            raise BundleError(f"{part.path}.unknown: {bssid!r:.80} is not in the AP table")
    return table, unknown


def _recipe(top: Fields, n_aps: int) -> InputRecipe:
    part = top.inner("input")
    for name in ("mean_dbm", "std_db"):
        if isinstance(part.record.get(name), list):
            part.numbers(name)
    try:
        recipe = InputRecipe.from_json(part.record)
        per_ap = recipe.per_ap
        recipe.shape(n_aps)
    except ValueError as error:
        raise BundleError(f"{part.path}: {error}") from None
    if per_ap not in (None, n_aps):
        raise BundleError(f"{part.path}: the z-score is for {per_ap} APs, the table has {n_aps}")
    return recipe


def _venue(part: Fields) -> Venue:
    floors = []
    for item in part.inners("floors", MAX_FLOORS):
        floors.append(
            Floor(
                item.integer("floor", -1000, 10_000),
                item.text("label") if item.has("label") else None,
                item.text("plan") if item.has("plan") else None,
                item.number("width_m", above=0) if item.has("width_m") else None,
                item.number("height_m", above=0) if item.has("height_m") else None,
            )
        )
    place = None
    if part.has("georeference"):
        inner = part.inner("georeference")
        latitude = inner.number("latitude", -MAX_LATITUDE_DEG - 1e-9, MAX_LATITUDE_DEG)
        longitude = inner.number("longitude", -180 - 1e-9, 180)
        try:
            place = Georeference(latitude, longitude, inner.number("rotation_deg"))
        except ValueError as error:
            raise BundleError(f"{inner.path}: {error}") from None
    frame = part.text("frame") if part.has("frame") else ""
    return Venue(part.text("name"), frame, tuple(floors), place)


def _accuracy(part: Fields) -> AccuracyTable:
    if part.number("percentile") != PERCENTILE:
        raise part.wrong("percentile", f"{PERCENTILE}")
    spread, radius = part.numbers("spread_m", above=-1e-9), part.numbers("radius_m", above=0)
    matched: tuple[list[float], list[float]] = [], []
    if part.has("matched"):
        inner = part.inner("matched")
        matched = inner.numbers("aps", above=-1e-9), inner.numbers("factor", above=0)
    more = part.number("disagreement_m", -1e-9, 1e6) if part.has("disagreement_m") else 0.0
    try:
        return AccuracyTable(
            tuple(spread), tuple(radius), tuple(matched[0]), tuple(matched[1]), more
        )
    except ValueError as error:
        raise BundleError(f"{part.path}: {error}") from None


def _limits(part: Fields) -> Limits:
    return Limits(
        part.integer("min_matched_aps", 1, MAX_APS),
        part.integer("max_age_ms", 0),
        part.number("low_confidence_m", above=0),
        part.number("least_agreement", -1e-9, 1) if part.has("least_agreement") else 0.0,
    )


def _members(part: Fields) -> dict[str, tuple[str, int]]:
    members = {}
    for name in part.record:
        inner = part.inner(name)
        members[name] = (inner.text("sha256", 64), inner.integer("bytes", 0))
    return members
