"""Any bytes give BundleError or a bundle that opens; messages name what is wrong."""

import copy
import hashlib
import json
import struct
import tracemalloc

import numpy as np
import pytest
import small_bundles as small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk import BundleError, Localizer, archive, manifest
from sdk.bundle import Bundle

PARTS = small.neighbours_parts()
CELLS = small.cells_parts()
GOOD = small.pack(*PARTS)


def pieces(parts=PARTS):
    return copy.deepcopy(parts)


def changed(path, value, parts=PARTS):
    """The bundle with one manifest field changed; `path` is dotted, value ... deletes."""
    record, members = pieces(parts)
    *way, last = path.split(".")
    at = record
    for key in way:
        at = at[int(key)] if isinstance(at, list) else at[key]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return small.pack(record, members)


def with_member(name, data, parts=PARTS):
    record, members = pieces(parts)
    members[name] = data
    return small.pack(record, members)


def test_the_small_bundles_open():
    for parts in (PARTS, CELLS, small.cells_parts("gap"), small.cells_parts(with_head=False)):
        with Localizer.open(small.pack(*parts)) as localizer:
            assert localizer.info.places == small.N_PLACES


def test_path_bytes_and_views(tmp_path):
    path = tmp_path / "a.rssfix"
    path.write_bytes(GOOD)
    for source in (path, str(path), GOOD, bytearray(GOOD), memoryview(GOOD)):
        assert Bundle.open(source).size == len(GOOD)


def test_missing_and_odd_sources_are_named(tmp_path):
    with pytest.raises(BundleError, match=r"gone\.rssfix: there is no such bundle"):
        Localizer.open(tmp_path / "gone.rssfix")
    with pytest.raises(BundleError, match="cannot be read"):
        Localizer.open(tmp_path)
    with pytest.raises(BundleError, match="cannot be read"):
        Localizer.open("a\0b")
    with pytest.raises(BundleError, match="a path or bytes, got int"):
        Localizer.open(5)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(BundleError, match="empty: not a bundle"):
        Localizer.open(tmp_path / "empty")


def test_a_file_over_the_cap_is_not_read(tmp_path):
    path = tmp_path / "huge.rssfix"
    with path.open("wb") as file:
        file.truncate(archive.MAX_BUNDLE_BYTES + 1)
    tracemalloc.start()
    with pytest.raises(BundleError, match="over the cap"):
        Localizer.open(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


FIELDS = [
    ("format", "1", "manifest.format must be an int"),
    ("oldest_reader", 2, "too new: its format 1 needs a reader of format 2"),
    ("oldest_reader", True, "manifest.oldest_reader must be an int"),
    ("venue.floors.0.plan", "floors/9.png", "the plan 'floors/9.png' of floor 0 is missing"),
    ("system", None, "manifest.system must be text"),
    ("system", ..., "manifest.system is missing"),
    ("precision", "fp16", "manifest.precision must be 'fp32' or 'int8', got 'fp16'"),
    ("ap_table", [], "manifest.ap_table must be an object, got list"),
    ("ap_table.bssids", [], "manifest.ap_table.bssids must be at least one AP"),
    ("ap_table.bssids", [1], "manifest.ap_table.bssids must be a list"),
    ("ap_table.bssids", ["a"] * 5000, "at most 4096 texts"),
    ("ap_table.bssids", ["a", "a"], "stands twice"),
    ("ap_table.bssids", ["AA:BB:CC:00:11:22"], "must be written"),
    ("ap_table.bssids", ["\ud800"], "ap_table.bssids"),
    ("ap_table.sha256", "00", "the hash of the AP table"),
    ("ap_table.unknown", ["x"], "'x' is not in the AP table"),
    ("ap_table.merge_virtual_aps", "yes", "'none' or 'last_hex_digit'"),
    ("output.positioner", "grid", "positioner must be 'cells' or 'neighbours' or 'ranks'"),
    ("output.estimate", "middle", "manifest.output.estimate must be"),
    ("output.places.xy_m", "gone.npy", "'gone.npy', which is not in the bundle"),
    ("output.places.pitch_m", -1, "manifest.output.places.pitch_m must be a number > 0"),
    ("output.metric", "cosine", "manifest.output.metric must be"),
    ("output.database", "database.npy", "manifest.output.database must be an object"),
    ("output.database.kind", "int4", "manifest.output.database.kind must be 'int8' or 'float32'"),
    ("output.database.ap", ..., "manifest.output.database.ap is missing"),
    ("output.database.ap", "gone.npy", "'gone.npy', which is not in the bundle"),
    ("output.k", 41, "k is 41, the database has 40 rows"),
    ("output.k", 0, "manifest.output.k must be an int from 1"),
    ("output.k", 2.0, "manifest.output.k must be an int from 1"),
    ("output.weight_power", -1, "manifest.output.weight_power must be a number"),
    ("output.shifts_db", [], "output.shifts_db must be at least one number, none beyond 30 dB"),
    ("output.shifts_db", [0, -31], "output.shifts_db must be at least one number"),
    ("output.shifts_db", ["3"], "output.shifts_db must be a list of at most 16 numbers"),
    ("output.value_form.kind", "log", "manifest.output.value_form.kind must be"),
    ("output.value_form.not_heard_dbm", 0, "not_heard_dbm must be a number"),
    ("output.value_form", {"kind": "powed", "not_heard_dbm": -100}, "exponent is missing"),
    ("venue.floors", {}, "manifest.venue.floors must be a list"),
    ("venue.floors.1.floor", 1.5, r"manifest.venue.floors\[1\].floor must be an int"),
    ("venue.georeference.latitude", 91, "georeference.latitude must be a number"),
    ("venue.georeference.latitude", ..., "georeference.latitude is missing"),
    ("accuracy.percentile", 95, "accuracy.percentile must be 68"),
    ("accuracy.spread_m", [0, 0, 1], "manifest.accuracy: spread_m must ascend"),
    ("accuracy.spread_m", [], "same length > 0"),
    ("accuracy.radius_m", [1, 2, "x"], "accuracy.radius_m must be a list"),
    ("accuracy.radius_m", [1, 2, 0], "numbers > 0"),
    ("limits.min_matched_aps", 0, "limits.min_matched_aps must be an int from 1"),
    ("limits.max_age_ms", -1, "limits.max_age_ms must be an int from 0"),
    ("limits.low_confidence_m", 10**400, "low_confidence_m must be a number"),
    ("measured", None, "manifest.measured must be an object, got nothing"),
    ("golden.tolerance", 2, "golden.tolerance must be a number > 0 and <= 1"),
    ("golden.input", "places_xy_m.npy", "places_xy_m.npy must be <f4 with 2 axes"),
    ("provenance", ..., "manifest.provenance is missing"),
]


@pytest.mark.parametrize(("path", "value", "message"), FIELDS)
def test_every_wrong_field_is_named(path, value, message):
    with pytest.raises(BundleError, match=message):
        Localizer.open(changed(path, value))


CELLS_FIELDS = [
    ("input", None, "manifest.input must be an object, got nothing"),
    ("input.image", "photo", "manifest.input: image must be one of"),
    ("input.side", 3, "manifest.input: side is 3, but the image is a vector"),
    ("input.std_db", 0, "manifest.input: std_db must be >= 1e-06"),
    ("input.mean_dbm", [1.0, 2.0], "z-score is for 2 APs, the table has 8"),
    ("input.mean_dbm", [1.0] * 5000, "manifest.input.mean_dbm must be a list of at most 4096"),
    ("input.value_form", "powed", "manifest.input: value_form must be an object"),
    ("input.value_form", {"kind": "log"}, "manifest.input: value_form must be one of"),
    ("input.value_form", {"kind": "powed"}, "manifest.input: exponent must be a number"),
    ("input.value_form", {"kind": "powed", "exponent": 2}, "gives probabilities that differ"),
    ("input.unknown_dbm", ..., "manifest.input: unknown_dbm is missing"),
    ("input.image", "cyclic_map", r"'image' must have the shape \[1, 1, 8, 8\]"),
    ("output.scores", "scores", "no output 'scores', it has"),
    ("output.features", "maps", "no output 'maps'"),
    ("output.features", None, "manifest.output.features must be the name of an output"),
    ("output.temperature", 0, "manifest.output.temperature must be a number > 1e-06"),
    ("output.head.kind", "gap", "head_weight.npy must be <f4 with 2 axes"),
    ("output.head.weight", ..., "manifest.output.head.weight is missing"),
    ("precision", "int8", "head_weight.npy must be <f2 with 3 axes"),
    ("output.temperature", 20.0, "golden row 0: onnxruntime .* gives probabilities that differ"),
]


@pytest.mark.parametrize(("path", "value", "message"), CELLS_FIELDS)
def test_every_wrong_field_of_a_network_is_named(path, value, message):
    with pytest.raises(BundleError, match=message):
        Localizer.open(changed(path, value, CELLS))


def test_fields_of_later_formats_are_ignored():
    with Localizer.open(changed("format", 7)) as localizer:
        assert localizer.info.format == 7
    Localizer.open(changed("venue.colour", "green")).close()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "manifest must be an object, got list"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": NaN}', "NaN is not a JSON number"),
        (b" " * (manifest.MAX_MANIFEST_BYTES + 1), "the cap is 1048576"),
    ],
)
def test_bad_manifests_are_named(data, message):
    with pytest.raises(BundleError, match=message):
        Localizer.open(small.pack(data, PARTS[1]))


def npy(array, dtype):
    return small.npy(array, dtype)


FLOATS = np.zeros((small.N_PLACES, 2))
READINGS = int((~np.isnan(small.survey())).sum())
MEMBERS = [
    ("places_xy_m.npy", npy(FLOATS[1:], "<f8"), r"places_floor.npy must have the shape \(39,\)"),
    ("places_xy_m.npy", npy(FLOATS[:0], "<f8"), r"must have the shape \('any', 2\)"),
    ("places_xy_m.npy", npy(FLOATS + np.nan, "<f8"), "places_xy_m.npy: places must have finite"),
    ("places_xy_m.npy", npy(FLOATS, "<f4"), "must be <f8 with 2 axes in C order, got '<f4'"),
    ("places_xy_m.npy", npy(FLOATS, "<f8")[:-8], "do not fill <f8"),
    ("places_xy_m.npy", b"\x93NUMPY", "not a .npy array"),
    ("places_xy_m.npy", b"PK" * 40, "not a .npy array"),
    ("places_xy_m.npy", npy(FLOATS, "<f8").replace(b"(40", b"(-4"), "header is damaged"),
    ("places_xy_m.npy", npy(FLOATS, "<f8").replace(b"False", b"True "), "header is damaged"),
    ("places_floor.npy", npy(np.zeros(40), "<i8"), "must be <i4"),
    ("database_dbm.npy", npy(np.full(READINGS, np.nan), "<f4"), "database_dbm.npy holds values"),
    ("database_dbm.npy", npy(np.zeros(READINGS), "|i1"), "database_dbm.npy must be <f4"),
    ("database_dbm.npy", npy(np.zeros(5), "<f4"), r"database_dbm.npy must have the shape"),
    ("database_ap.npy", npy(np.full(READINGS, 8), "<u2"), "access points must lie in 0..7, got 8"),
    ("database_ap.npy", npy(np.zeros(READINGS), "<u2"), "must ascend within a row, each once"),
    ("database_start.npy", npy(np.zeros(41), "<i4"), "start at 0, ascend and end at"),
    ("database_start.npy", npy([0, READINGS], "<i4")[:-4], "do not fill"),
    ("place_of_row.npy", npy(np.full(40, 40), "<i4"), r"must lie in 0..39, got 40..40"),
    ("place_of_row.npy", npy(np.zeros(39), "<i4"), r"must have the shape \(40,\)"),
    (
        "golden_rssi_dbm.npy",
        npy(np.full((6, 8), np.inf), "<f4"),
        "golden_rssi_dbm.npy holds values",
    ),
    ("golden_rssi_dbm.npy", npy(np.zeros((257, 8)), "<f4"), "257 rows, the cap is 256"),
    ("golden_probability.npy", npy(np.zeros((6, 40)), "<f8"), "golden row 0: native gives"),
    ("golden_probability.npy", npy(np.zeros((6, 39)), "<f8"), "must have the shape"),
]


@pytest.mark.parametrize(("name", "data", "message"), MEMBERS)
def test_every_wrong_member_is_named(name, data, message):
    with pytest.raises(BundleError, match=message):
        Localizer.open(with_member(name, data))


def test_declared_shapes_allocate_nothing():
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 2), }"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.ljust(117) + b"\n" + bytes(64)
    blob = with_member("places_xy_m.npy", data)
    tracemalloc.start()
    with pytest.raises(BundleError, match="do not fill"):
        Localizer.open(blob)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize("name", ["model.onnx"])
@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"not a model"])
def test_models_that_are_none_are_refused(name, data):
    with pytest.raises(BundleError, match=r"model\.onnx"):
        Localizer.open(with_member(name, data, CELLS))


def test_a_network_bundle_without_a_model_is_refused():
    record, members = pieces(CELLS)
    del members["model.onnx"]
    with pytest.raises(BundleError, match=r"holds no model: expected model\.onnx or model\.tflite"):
        Localizer.open(small.pack(record, members))


def test_hashes_and_lists_of_members_must_agree():
    record, members = pieces()
    listed = small.listed(members)

    def packed(members_field, data=members):
        return small.pack(json.dumps({**record, "members": members_field}).encode(), data)

    wrong = {**listed, "database_dbm.npy": {**listed["database_dbm.npy"], "sha256": "0" * 64}}
    with pytest.raises(BundleError, match=r"database_dbm\.npy has the wrong hash"):
        Localizer.open(packed(wrong))
    short = {**listed, "database_dbm.npy": {**listed["database_dbm.npy"], "bytes": 3}}
    with pytest.raises(BundleError, match=r"database_dbm\.npy has \d+ bytes, not 3"):
        Localizer.open(packed(short))
    with pytest.raises(BundleError, match="plan is listed in the manifest but missing"):
        Localizer.open(packed({**listed, "plan": {"sha256": "", "bytes": 0}}))
    with pytest.raises(BundleError, match="extra is not listed"):
        Localizer.open(packed(listed, {**members, "extra": b""}))


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../b", "a\\b", "C:x", "a//b", "a/", "", ".x", "a/.b", "a\n", "é"]
)
def test_names_that_lead_out_are_refused(name):
    with pytest.raises(BundleError, match="is not allowed"):
        Localizer.open(with_member(name, b"x"))


def test_plans_in_folders_are_allowed():
    with Localizer.open(with_member("floors/0.png", b"x")) as localizer:
        assert localizer.info.members["floors/0.png"] == hashlib.sha256(b"x").hexdigest()


def test_only_stored_aligned_plain_zips():
    with pytest.raises(BundleError, match=r"compressed \(method 8\)"):
        Localizer.open(small.pack(*pieces(), method=8))
    with pytest.raises(BundleError, match="not at a multiple of 64"):
        Localizer.open(small.pack(*pieces(), align=4))
    record, members = pieces()
    members |= {f"m{i}": b"" for i in range(300)}
    with pytest.raises(BundleError, match=r"\d+ members are over the cap of 256"):
        Localizer.open(small.pack(record, members))
    with pytest.raises(BundleError, match=r"no manifest\.json"):
        Localizer.open(small.pack(b"", {}).replace(b"manifest.json", b"manifest.jsom"))
    assert Bundle.open(GOOD + b"").size == len(GOOD)


def test_python_zipfile_reads_what_we_read():
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(GOOD)) as file:
        assert file.testzip() is None
        ours = archive.read_archive(GOOD)
        assert {name: bytes(view) for name, view in ours.items()} == {
            name: file.read(name) for name in file.namelist()
        }


def opens_or_bundle_error(data):
    try:
        return Bundle.open(data)
    except BundleError:
        return None


@given(st.binary(max_size=4000))
def test_any_bytes(data):
    assert opens_or_bundle_error(data) is None


@given(st.binary(max_size=300), st.integers(0, 20), st.integers(0, 500), st.integers(0, 2**32 - 1))
def test_any_zip_directory(body, count, size, offset):
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, offset, 0)
    opens_or_bundle_error(body + end)
    opens_or_bundle_error(b"PK\x01\x02" + body + end)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_mutation_of_bytes(data):
    blob = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "copy", "directory"]))
        at = data.draw(st.integers(0, max(0, len(blob) - 1)))
        if kind == "flip" and blob:
            blob[at] = data.draw(st.integers(0, 255))
        elif kind == "directory" and blob:
            at = max(0, len(blob) - 1 - at % 1200)
            blob[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del blob[at : at + data.draw(st.integers(1, 5000))]
        elif kind == "insert":
            blob[at:at] = data.draw(st.binary(max_size=100))
        else:
            blob[at:at] = blob[at : at + data.draw(st.integers(1, 500))]
    bundle = opens_or_bundle_error(bytes(blob))
    if bundle is not None:
        # Only bytes that no hash covers (padding, dates) may differ.
        for name, array in Bundle.open(GOOD).arrays.items():
            np.testing.assert_array_equal(bundle.arrays[name], array)


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
        st.sampled_from(["cells", "neighbours", "database_ap.npy", "places_xy_m.npy", "a" * 2000]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def ways(record, way=()):
    """Every path of a JSON value."""
    items = record.items() if isinstance(record, dict) else enumerate(record)
    for key, value in items:
        yield (*way, key)
        if isinstance(value, dict | list):
            yield from ways(value, (*way, key))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_mutation_of_the_manifest(data):
    """With right hashes, so that the schema is all that stands between it and the SDK."""
    record, members = pieces(data.draw(st.sampled_from([PARTS, CELLS])))
    for _ in range(data.draw(st.integers(1, 2))):
        way = data.draw(st.sampled_from(list(ways(record))))
        at = record
        for key in way[:-1]:
            at = at[key]
        if data.draw(st.booleans()):
            at[way[-1]] = data.draw(json_values)
        else:
            del at[way[-1]]
    try:
        localizer = Localizer.open(small.pack(record, members))
    except BundleError:
        return
    assert_serves(localizer)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_mutation_of_a_member(data):
    """Hashed again after the change: what an attacker, or a broken exporter, would ship."""
    record, members = pieces(data.draw(st.sampled_from([PARTS, CELLS])))
    name = data.draw(st.sampled_from(sorted(members)))
    blob = bytearray(members[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, min(len(blob) - 1, 400))))
        if data.draw(st.booleans()):
            blob[at : at + 1] = data.draw(st.binary(max_size=3))
        else:
            del blob[at : at + data.draw(st.integers(1, 300))]
    members[name] = bytes(blob)
    try:
        localizer = Localizer.open(small.pack(record, members))
    except BundleError:
        return
    assert_serves(localizer)


def assert_serves(localizer):

    fix = localizer.locate(small.scan_of(small.survey()[7]))
    assert all(v is None or np.isfinite(v) for v in (fix.x_m, fix.y_m, fix.accuracy_m))
    json.dumps(localizer.info.to_dict())
    localizer.close()
