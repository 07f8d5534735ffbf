"""A bundle of Hapi: every wrong field and array is named, and nothing else gets through."""

import copy

import numpy as np
import pytest
import small_bundles as small
import small_ranks as hapi
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_bundle_reader import json_values, ways

from sdk import BundleError, Localizer, rank_rules
from sdk.bundle_arrays import MAX_PLACES

PARTS = hapi.parts()
NPY = small.npy


def changed(path, value):
    """The bundle with one manifest field changed; `path` is dotted, value ... deletes."""
    record, members = copy.deepcopy(PARTS)
    *way, last = path.split(".")
    at = record
    for key in way:
        at = at[int(key)] if isinstance(at, list) else at[key]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return small.pack(record, members)


GRID = {"floor": 1, "origin_m": [10.0, 20.0], "shape": [5, 6]}
FIELDS = [
    ("output.grids", [], "output.grids must be one grid or more"),
    ("output.grids", [GRID, GRID], "each of another floor"),
    ("output.grids", [GRID], r"grids: floors \[1\], the venue has \[-1, 0, 1\]"),
    ("output.grids.0.shape", [6, 5], "place 5 at .* is not the centre of a cell of floor -1's"),
    ("output.grids.0.shape", [5], r"grids\[0\].shape must be \[rows, columns\]"),
    ("output.grids.0.shape", [True, 5], r"grids\[0\].shape must be"),
    ("output.grids.0.shape", [1 << 12, 1 << 11], "at most 4194304 cells"),
    ("output.grids.0.origin_m", [10.5, 20.0], "place 0 at .* is not the centre"),
    ("output.grids.0.origin_m", [10.0], "origin_m must be a list of 2 numbers"),
    ("output.grids.0.origin_m", [10.0, 1e10], "origin_m must be"),
    ("output.grids.0.floor", 7, r"floors \[7, 0, 1\], the venue has"),
    ("output.places.pitch_m", None, "places of a grid need a pitch_m"),
    ("output.places.pitch_m", 0.5, "is not the centre"),
    ("output.places.pitch_m", 1e-300, "is not the centre"),
    ("output.access_points", ..., "output.access_points is missing"),
    ("output.access_points.xy_m", "gone.npy", "'gone.npy', which is not in the bundle"),
    ("output.floor_network.mean", [0.0] * 31, "mean must be a list of 32 numbers"),
    ("output.floor_network.std", [0.0] * 32, "std must be a list of at most 32 numbers > 1e-06"),
    ("output.floor_network.temperature", 0, "temperature must be a number > 1e-06"),
    ("output.floor_network.scores", "probability", "no output 'probability', it has"),
    ("output.floor_attenuation_db", -1, "floor_attenuation_db must be a number"),
    ("output.cap_dbm", "x", "output.cap_dbm must be a number"),
    ("output.offset_db", 10**400, "output.offset_db must be a number"),
    ("output.position.method", "wknn", "position.method must be 'ranks' or 'path_loss'"),
    ("output.position.edges_dbm", [-80, -70, -60, -50], "edges_dbm must be a list of 5 numbers"),
    ("output.position.edges_dbm", [-80, -70, -70, -50, -40], "numbers that ascend strictly"),
    ("output.position.mean_m", [-1] + [1] * 5, "mean_m must be a list"),
    ("output.position.sigma_m", [0] + [1] * 5, "sigma_m must be a list"),
    ("output.position.combine", "max", "'sum' or 'product' or 'tempered'"),
    ("output.position.strongest", 0, "position.strongest must be an int from 1"),
    ("output.position.threshold", 0, "position.threshold must be a number > 0 and <= 1"),
    ("output.position.threshold", 1.5, "position.threshold must be"),
    ("output.windows", None, "output.windows must be an object, got nothing"),
    ("output.windows.floor_ms", 4000, "floor_ms must be at least position_ms, 5000"),
    ("output.windows.position_ms", 4000.0, "position_ms must be an int"),
    ("output.quality.coefficients", [1, 2, 3], "coefficients must be a list of 4 numbers"),
    ("output.quality.threshold", 0, "quality.threshold must be"),
    ("output.quality.least_m", 0, "quality.least_m must be a number > 0"),
    ("output.quality.most_m", 0.1, "quality.most_m must be a number > 0.5"),
    ("ap_table.physical", [], "ap_table.physical must be an object"),
    ("ap_table.physical", {"a": 1}, "physical must be the AP of the table for every virtual"),
    ("ap_table.physical", {"a": "b"}, "virtual AP 'a' belongs to 'b', which is not in the table"),
    ("ap_table.physical", {"AA:BB:CC:00:00:01": hapi.BSSIDS[0]}, "must be written 'aa:bb:cc"),
    ("ap_table.physical", {hapi.BSSIDS[0]: hapi.BSSIDS[1]}, "AP 0: .* must be written"),
    ("ap_table.virtual_rssi", "median", "virtual_rssi must be 'strongest' or 'mean'"),
]


@pytest.mark.parametrize(("path", "value", "message"), FIELDS)
def test_every_wrong_field_is_named(path, value, message):
    with pytest.raises(BundleError, match=message):
        Localizer.open(changed(path, value))


XY, FLOOR = hapi.places()
MEMBERS = [
    ("ap_xy_m.npy", NPY(hapi.AP_XY_M[:, :1], "<f8"), r"must have the shape \(9, 2\)"),
    ("ap_xy_m.npy", NPY(hapi.AP_XY_M[1:], "<f8"), r"must have the shape \(9, 2\)"),
    ("ap_xy_m.npy", NPY(hapi.AP_XY_M * np.nan, "<f8"), "ap_xy_m.npy holds values that are not"),
    ("ap_xy_m.npy", NPY(hapi.AP_XY_M, "<f4"), "must be <f8"),
    ("ap_floor.npy", NPY(hapi.AP_FLOOR + 5, "<i4"), "ap_floor.npy: the venue has no floor 4"),
    ("ap_floor.npy", NPY(hapi.AP_FLOOR[1:], "<i4"), r"must have the shape \(9,\)"),
    ("places_floor.npy", NPY(FLOOR[::-1], "<i4"), "listed floor by floor in the grids' order"),
    ("places_floor.npy", NPY(np.roll(FLOOR, 1), "<i4"), "listed floor by floor"),
    ("places_xy_m.npy", NPY(XY[::-1], "<f8"), "place 1: the places of floor -1 must be listed row"),
    ("places_xy_m.npy", NPY(np.repeat(XY[:1], len(XY), 0), "<f8"), "each cell once"),
    ("places_xy_m.npy", NPY(XY + 0.01, "<f8"), "place 0 at .* is not the centre"),
    ("places_xy_m.npy", NPY(np.zeros((MAX_PLACES + 1, 2)), "<f8"), "places, the cap is 1048576"),
]


@pytest.mark.parametrize(("name", "data", "message"), MEMBERS)
def test_every_wrong_member_is_named(name, data, message):
    record, members = copy.deepcopy(PARTS)
    members[name] = data
    with pytest.raises(BundleError, match=message):
        Localizer.open(small.pack(record, members))


def test_a_network_needs_its_model():
    record, members = copy.deepcopy(PARTS)
    del members["model.onnx"]
    with pytest.raises(BundleError, match=r"holds no model: expected model\.onnx"):
        Localizer.open(small.pack(record, members))


def test_a_model_of_another_shape_is_refused():
    record, members = copy.deepcopy(PARTS)
    members["model.onnx"] = small.onnx_model("per_ap")
    with pytest.raises(BundleError, match=r"must have the shape \[1, 32\]"):
        Localizer.open(small.pack(record, members))


def test_a_run_is_read_by_the_same_rules():
    wrong = hapi.rules()
    wrong["windows"]["floor_ms"] = -1
    with pytest.raises(BundleError, match=r"run\.ranks\.windows\.floor_ms must be an int"):
        rank_rules.RankRules.from_json(wrong, "run.ranks")


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_mutation_of_the_manifest(data):
    """With right hashes, so that the schema is all that stands between it and the SDK."""
    record, members = copy.deepcopy(PARTS)
    record["golden"]["tolerance"] = 1.0
    for _ in range(data.draw(st.integers(1, 2))):
        way = data.draw(st.sampled_from(list(ways(record))))
        at = record
        for key in way[:-1]:
            at = at[key]
        if data.draw(st.booleans()):
            at[way[-1]] = data.draw(json_values)
        else:
            del at[way[-1]]
    assert_serves(record, members)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_mutation_of_a_member(data):
    record, members = copy.deepcopy(PARTS)
    name = data.draw(st.sampled_from([n for n in sorted(members) if n.endswith(".npy")]))
    blob = bytearray(members[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, min(len(blob) - 1, 600))))
        blob[at : at + 1] = data.draw(st.binary(max_size=3))
    members[name] = bytes(blob)
    record["golden"]["tolerance"] = 1.0
    assert_serves(record, members)


def assert_serves(record, members):
    """It opens and gives finite fixes, or BundleError."""
    try:
        localizer = Localizer.open(small.pack(record, members))
    except BundleError:
        return
    with localizer:
        for row in hapi.rows()[::4]:
            fix = localizer.locate(hapi.scan_of(row))
            assert all(v is None or np.isfinite(v) for v in (fix.x_m, fix.y_m, fix.accuracy_m))
