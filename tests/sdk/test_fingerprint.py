import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import Reading, Scan
from sdk.fingerprint import ApTable
from sdk.images import InputRecipe

NAMES = ["a", "b", "aa:bb:cc:00:11:22", "d"]
NAN = np.nan


def test_vector_has_nan_where_nothing_was_heard():
    table = ApTable(NAMES)
    made = table.fingerprint(Scan.from_dict({"b": -60, "AA-BB-CC-00-11-22": -70, "z": -50}, 0))
    np.testing.assert_array_equal(made.rssi_dbm, np.float32([NAN, -60, -70, NAN]))
    assert made.rssi_dbm.dtype == np.float32
    assert (made.heard, made.fresh, made.matched) == (3, 3, 2)
    assert not made.unknown.any()


def test_unknown_is_neither_heard_nor_not_heard():
    table = ApTable(NAMES)
    mask = table.mask(["a", "b", "nobody"])
    made = table.fingerprint(Scan.from_dict({"b": -60, "d": -70}, 0), mask)
    np.testing.assert_array_equal(made.rssi_dbm, np.float32([NAN, NAN, NAN, -70]))
    assert made.unknown.tolist() == [True, True, False, False]
    assert (made.heard, made.matched) == (2, 1)


def test_old_readings_are_left_out():
    table = ApTable(NAMES)
    scan = Scan(0, [Reading("a", -60, None, 101), Reading("b", -61, None, 100), Reading("d", -62)])
    made = table.fingerprint(scan, None, 100)
    np.testing.assert_array_equal(made.rssi_dbm, np.float32([NAN, -61, NAN, -62]))
    assert (made.heard, made.fresh, made.matched) == (3, 2, 2)
    assert table.fingerprint(scan).fresh == 3


def test_virtual_aps_merge_by_the_last_digit_and_the_strongest_wins():
    table = ApTable(["aa:bb:cc:00:11:20", "WAP1"], "last_hex_digit")
    levels = {"aa:bb:cc:00:11:2f": -70, "aa:bb:cc:00:11:21": -60, "WAP1": -50, "WAP2": -40}
    made = table.fingerprint(Scan.from_dict(levels, 0))
    np.testing.assert_array_equal(made.rssi_dbm, np.float32([-60, -50]))
    assert made.matched == 2
    assert table.mask(["AA:BB:CC:00:11:25"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("bssids", "rule", "message"),
    [
        (["a", "a"], "none", "AP 1: 'a' stands twice"),
        (["AA:BB:CC:00:11:22"], "none", "must be written 'aa:bb:cc:00:11:22'"),
        (["aa:bb:cc:00:11:22"], "last_hex_digit", "must be written 'aa:bb:cc:00:11:20'"),
        (["a\nb"], "none", "AP 0"),
        ([""], "none", "must not be empty"),
        (["a"], "prefix", "merge_virtual_aps must be one of"),
    ],
)
def test_bad_tables_are_refused(bssids, rule, message):
    with pytest.raises(ValueError, match=message):
        ApTable(bssids, rule)


BOXES = ["lobby", "aa:bb:cc:00:11:20"]
VIRTUAL = {"lobby-5g": "lobby", "aa:bb:cc:99:00:01": "aa:bb:cc:00:11:20"}


def test_virtual_aps_by_a_mapping():
    scan = Scan.from_dict(
        {"lobby": -70, "lobby-5g": -60, "AA-BB-CC-99-00-01": -50, "aa:bb:cc:00:11:21": -40}, 0
    )
    strongest = ApTable(BOXES, physical=VIRTUAL).fingerprint(scan)
    np.testing.assert_array_equal(strongest.rssi_dbm, np.float32([-60, -50]))
    assert (strongest.heard, strongest.matched) == (4, 2)
    mean = ApTable(BOXES, physical=VIRTUAL, virtual_rssi="mean").fingerprint(scan)
    np.testing.assert_array_equal(mean.rssi_dbm, np.float32([-65, -50]))
    both = ApTable(BOXES, "last_hex_digit", VIRTUAL, "mean").fingerprint(scan)
    np.testing.assert_array_equal(both.rssi_dbm, np.float32([-65, -45]))


def test_a_virtual_ap_is_masked_as_its_box():
    table = ApTable(BOXES, physical=VIRTUAL)
    assert table.key("AABBCC990001") == BOXES[1]
    assert table.mask(["lobby-5g"]).tolist() == [True, False]


@given(
    st.dictionaries(st.sampled_from([*BOXES, *VIRTUAL, "x"]), st.floats(-150, -1e-3)),
    st.sampled_from(["strongest", "mean"]),
)
def test_every_box_has_the_level_of_its_own(levels, rule):
    vector = ApTable(BOXES, physical=VIRTUAL, virtual_rssi=rule).vector(levels, levels.values())[0]
    for box, found in zip(BOXES, vector, strict=True):
        heard = [v for name, v in levels.items() if VIRTUAL.get(name, name) == box]
        if heard:
            wanted = max(heard) if rule == "strongest" else np.mean(heard)
            assert found == pytest.approx(wanted, rel=1e-6)
        else:
            assert np.isnan(found)


def test_the_hash_is_that_of_the_lines():
    assert ApTable(NAMES).sha256 == hashlib.sha256("\n".join(NAMES).encode()).hexdigest()
    assert len(ApTable(NAMES)) == 4


@given(st.dictionaries(st.sampled_from([*NAMES, "x", "y"]), st.floats(-150, -1e-3)))
def test_vector_holds_exactly_what_was_heard(levels):
    table = ApTable(NAMES)
    made = table.fingerprint(Scan.from_dict(levels, 0))
    expected = np.float32([levels.get(name, NAN) for name in NAMES])
    np.testing.assert_array_equal(made.rssi_dbm, expected)
    assert made.matched == np.count_nonzero(~np.isnan(expected))


def recipe(**changes):
    values = {
        "image": "vector",
        "not_heard_dbm": -100,
        "unknown_dbm": -90,
        "mean_dbm": -70,
        "std_db": 10,
    }
    return InputRecipe.from_json({**values, **changes})


def test_fill_values_stand_in_the_input_only():
    rssi = np.float32([[-60, NAN, NAN], [NAN, -80, -70]])
    before = rssi.copy()
    filled = recipe().normalised(rssi, np.array([False, False, True]))
    np.testing.assert_allclose(filled, [[1, -3, -2], [-3, -1, -2]])
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(rssi, before)


def test_z_score_per_ap():
    made = recipe(mean_dbm=[-60, -70], std_db=[1, 2]).normalised(np.float32([[-61, -66]]))
    np.testing.assert_allclose(made, [[-1, 2]])
    with pytest.raises(ValueError, match="for 2 APs, rssi_dbm has 3"):
        recipe(mean_dbm=[-60, -70]).normalised(np.zeros((1, 3), np.float32))
    with pytest.raises(ValueError, match=r"must be \(B, N\)"):
        recipe().normalised(np.zeros(3, np.float32))


def test_powed_values():
    """((rssi - min) / -min) ** e with min = not heard; the z-score comes after."""
    rssi = np.float32([[-60, NAN, -100, -120, 0], [NAN, -80, -70, -100, -50]])
    form = {"kind": "powed", "exponent": 2.5}
    powed = recipe(value_form=form, mean_dbm=0.1, std_db=0.5, unknown_dbm=-100)
    level = np.clip((np.nan_to_num(rssi, nan=-100.0) + 100) / 100, 0, None) ** 2.5
    np.testing.assert_allclose(powed.normalised(rssi), (level - 0.1) / 0.5, atol=1e-6)
    assert powed.normalised(rssi).dtype == np.float32
    masked = powed.normalised(rssi, np.array([True, False, False, False, False]))
    np.testing.assert_allclose(masked[:, 0], -0.2, atol=1e-7)
    square = recipe(image="square", value_form=form, mean_dbm=0.1, std_db=0.5).images(rssi)
    np.testing.assert_allclose(square.reshape(2, 9)[:, :5], powed.normalised(rssi))
    np.testing.assert_allclose(square.reshape(2, 9)[:, 5:], -0.2, atol=1e-7)


def test_images():
    rssi = np.float32([[-60, NAN, -75], [-90, -50, NAN]])
    vector = recipe()
    row = vector.normalised(rssi)
    np.testing.assert_array_equal(vector.images(rssi), row[:, None])
    cyclic = recipe(image="cyclic_map")
    made = cyclic.images(rssi)
    c, r = np.meshgrid(np.arange(3), np.arange(3))
    np.testing.assert_array_equal(made, row[:, (c - r) % 3][:, None])
    assert made.shape[1:] == cyclic.shape(3)[1:] == (1, 3, 3)
    assert vector.shape(3) == (1, 1, 3)


def test_square_images():
    """SPEC 4.1: v = (RSSI + 100) / 100 cut to [0, 1], missing 0, line by line."""
    rssi = np.float32([[-60, NAN, -100, -120, -1], [NAN, -50, NAN, 0, -99]])
    square = recipe(image="square", mean_dbm=-100, std_db=100, unknown_dbm=-100)
    wanted = np.float32([[0.4, 0, 0, 0, 0.99, 0, 0, 0, 0], [0, 0.5, 0, 1, 0.01, 0, 0, 0, 0]])
    made = square.images(rssi)
    np.testing.assert_allclose(made, wanted.reshape(2, 1, 3, 3), atol=1e-6)
    assert made.dtype == np.float32
    assert made.shape[1:] == square.shape(5)[1:]
    assert [square.shape(n)[-1] for n in (1, 2, 4, 5, 256, 257, 4096)] == [1, 2, 2, 3, 16, 17, 64]
    masked = square.images(rssi, np.array([True, False, False, False, False]))
    assert masked[0, 0, 0, 0] == 0.0

    wide = recipe(image="square", side=4)
    made = wide.images(rssi)
    assert made.shape[1:] == wide.shape(5)[1:] == (1, 4, 4)
    row = wide.normalised(rssi)
    np.testing.assert_array_equal(made.reshape(2, 16)[:, :5], row)
    np.testing.assert_array_equal(made.reshape(2, 16)[:, 5:], -3.0, "as not heard")
    assert row[0, 3] == -3.0, "weaker than not heard is not heard"
    with pytest.raises(ValueError, match="17 APs do not fit into a square of side 4"):
        wide.shape(17)
    per_ap = recipe(image="square", mean_dbm=[-60] * 5, std_db=[2] * 5)
    assert per_ap.images(rssi)[0, 0].ravel()[5:].tolist() == [0.0] * 4


def test_recipes_round_trip():
    per_ap = recipe(mean_dbm=[-60.5, -70], std_db=[1, 2])
    powed = recipe(value_form={"kind": "powed", "exponent": 2})
    for made in (recipe(), per_ap, recipe(image="square", side=3), powed):
        assert InputRecipe.from_json(made.to_json()) == made
    assert (powed.value_form, powed.exponent) == ("powed", 2.0)
    assert "value_form" not in recipe().to_json(), "older readers take linear inputs"
    assert recipe(value_form={"kind": "linear"}) == recipe()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": "photo"}, "image must be one of"),
        ({"side": 3}, "side is 3, but the image is a vector"),
        ({"image": "square", "side": 0}, r"side must be 1\.\.64, got 0"),
        ({"image": "square", "side": 2.0}, r"side must be 1\.\.64, got 2\.0"),
        ({"std_db": 0}, "std_db must be >= 1e-06"),
        ({"std_db": 1e-60}, "std_db must be >= 1e-06"),
        ({"std_db": [1, -1]}, "std_db must be >= 1e-06"),
        ({"mean_dbm": NAN}, r"mean_dbm must be a number within ±1e\+06, got nan"),
        ({"mean_dbm": [1, "x"]}, r"mean_dbm must be a number within ±1e\+06, got 'x'"),
        ({"not_heard_dbm": None}, "not_heard_dbm must be a number within"),
        ({"unknown_dbm": True}, "unknown_dbm must be a number within"),
        ({"mean_dbm": [1, 2], "std_db": [1]}, "different lengths"),
        ({"mean_dbm": [], "std_db": []}, "must not be empty"),
        ({"value_form": "powed"}, "value_form must be an object with a kind, got 'powed'"),
        ({"value_form": {"kind": "log"}}, r"value_form must be one of \('linear', 'powed'\), got"),
        (
            {
                "value_form": {"kind": "powed", "exponent": 2},
                "image": "ratio",
                "mean_dbm": 0,
                "std_db": 1,
            },
            "a ratio is of dBm, not of powed values",
        ),
        ({"value_form": {"kind": "powed"}}, "exponent must be a number within"),
        ({"value_form": {"kind": "powed", "exponent": 0}}, "exponent must be > 0 and <= 100"),
        ({"value_form": {"kind": "powed", "exponent": 101}}, "exponent must be > 0 and <= 100"),
        ({"value_form": {"kind": "powed", "exponent": NAN}}, "exponent must be a number within"),
        ({"value_form": {"kind": "linear", "exponent": 2}}, "but the values are linear"),
        (
            {"value_form": {"kind": "powed", "exponent": 2}, "not_heard_dbm": 0},
            "not_heard_dbm must be < 0 for powed",
        ),
    ],
)
def test_bad_recipes_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        recipe(**change)
    with pytest.raises(ValueError, match="std_db is missing"):
        InputRecipe.from_json({k: v for k, v in recipe().to_json().items() if k != "std_db"})
