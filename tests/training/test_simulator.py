"""Simulated buildings, walks and the surveys made of them."""

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from training.simulator import REPLICAS, Crowd, Radio, place_access_points, replica, simulate
from training.simulator.building import SimulationError
from training.simulator.cli import simulate as command
from training.simulator.walks import walk
from training.survey_check import check
from training.survey_file import read_survey, write_survey


def small(seed=0, floors=3):
    return place_access_points("small", [4] * floors, 20, 12, np.random.default_rng(seed))


def test_same_seed_same_bytes(tmp_path):
    crowd = Crowd(scans=120, walks=4)
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_survey(simulate(small(), Radio(), crowd, seed), tmp_path / name)
    content = {n: [(tmp_path / n / f).read_bytes() for f in ("scans.parquet", "survey.toml",
               "access_points.csv")] for n in "abc"}  # fmt: skip
    assert content["a"] == content["b"]
    assert content["a"][0] != content["c"][0]
    survey = read_survey(tmp_path / "a")
    assert check(survey) == []
    assert len(survey.access_points) == 12
    assert survey.header.floors[2].width_m == 20


def test_streams_are_apart():
    crowd = Crowd(scans=60, walks=3)
    quiet, loud = (simulate(small(), Radio(noise_db=n, shadowing_db=n), crowd, 1) for n in (0, 6))
    np.testing.assert_array_equal(quiet.xy_m, loud.xy_m)
    np.testing.assert_array_equal(quiet.device, loud.device)


def test_networks_of_one_box():
    crowd = Crowd(scans=60, walks=3)
    one = simulate(small(), Radio(noise_db=0, loss=0, sensitivity_dbm=-130), crowd, 1)
    four = simulate(small(), Radio(noise_db=0, loss=0, sensitivity_dbm=-130, networks=4), crowd, 1)
    assert len(four.bssids) == len(four.access_points) == 48
    assert four.bssids[:5] == (*(f"02:00:00:00:00:0{n}" for n in range(4)), "02:00:00:00:01:00")
    merged = four.fingerprints(one.bssids, canonical=lambda b: b[:-1] + "0")
    np.testing.assert_array_equal(merged, one.fingerprints(one.bssids))
    assert {(a.x_m, a.y_m) for a in four.access_points[:4]} == {
        (one.access_points[0].x_m, one.access_points[0].y_m)
    }
    assert check(four) == []


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=5).filter(any),
    width=st.floats(5, 40), depth=st.floats(5, 40), seed=st.integers(0, 2**32 - 1),
    shadowing=st.sampled_from([0.0, 4.0, 12.0]), length=st.floats(1.0, 10.0),
    walls=st.booleans(), scans=st.integers(5, 60), offset=st.floats(-20, 20),
)  # fmt: skip
def test_any_building_gives_a_sound_survey(
    counts, width, depth, seed, shadowing, length, walls, scans, offset
):
    rng = np.random.default_rng(seed)
    building = place_access_points("any", counts, width, depth, rng, walls)
    assert np.bincount(building.ap_floor, minlength=len(counts)).tolist() == counts
    assert (building.ap_xy_m >= 0).all()
    assert (building.ap_xy_m <= [width, depth]).all()
    assert len(set(building.bssids(3))) == 3 * sum(counts)
    radio = Radio(shadowing_db=shadowing, shadowing_length_m=length)
    crowd = Crowd(scans=scans, walks=5, device_mean_db=offset)
    survey = simulate(building, radio, crowd, seed)
    assert len(survey) == scans
    # A scan may hear nothing where access points are few; nothing else may be found.
    assert {p.what for p in check(survey)} <= {"no readings"}
    assert survey.access_points[0].floor == building.ap_floor[0]


def test_walks_are_walkable():
    building = small(floors=4)
    rng = np.random.default_rng(0)
    changes = 0
    for start in range(4):
        one = walk(building, 300, 2.0, rng, start)
        assert one.floor[0] == start
        assert ((one.xy_m >= 0) & (one.xy_m <= [20, 12])).all()
        seconds = np.diff(one.time_ms) / 1000
        assert (seconds >= 1.99).all()
        changed = np.diff(one.floor) != 0
        distance = np.linalg.norm(np.diff(one.xy_m, axis=0), axis=1)
        assert (distance[~changed] <= 1.4 * seconds[~changed] + 1e-6).all()
        assert (seconds[changed] >= 15 * np.abs(np.diff(one.floor))[changed] - 2.1).all()
        changes += changed.sum()
    assert changes > 20
    assert len(walk(small(floors=1), 50, 3.0, rng, 0).floor) == 50


@pytest.mark.parametrize("name", REPLICAS)
def test_replicas_have_the_testbeds_size_and_density(name):
    bed = REPLICAS[name]
    made = replica(name, np.random.default_rng(0))
    assert np.bincount(made.ap_floor).tolist() == list(bed.aps_per_floor)
    area = made.width_m * made.depth_m * made.floors / 0.09290304
    assert area == pytest.approx(bed.area_ft2, rel=0.01)


def test_the_testbeds_are_the_papers():
    assert sum(b.samples for b in REPLICAS.values()) == 10423
    assert [len(b.aps_per_floor) for b in REPLICAS.values()] == [9, 9, 5, 5, 4]


@pytest.mark.parametrize(
    ("words", "text"),
    [(([], 20, 12), "0 floors"), (([0, 0], 20, 12), "one at least"),
     (([300], 20, 12), "0 to 256"), (([3], 2, 12), "width is 2 m"),
     (([3], 20, float("nan")), "depth is nan")],
)  # fmt: skip
def test_impossible_buildings(words, text):
    with pytest.raises(SimulationError, match=text):
        place_access_points("no", *words, np.random.default_rng(0))


def test_impossible_crowds_and_replicas():
    with pytest.raises(SimulationError, match="5 walks of 3 scans"):
        Crowd(scans=3, walks=5)
    with pytest.raises(SimulationError, match="interval_s is 0"):
        Crowd(interval_s=0)
    with pytest.raises(SimulationError, match="no replica 'louvre', expected one of bldg98"):
        replica("louvre", np.random.default_rng(0))


def call(*words):
    return CliRunner().invoke(command, ["building", *map(str, words)])


def test_command(tmp_path):
    result = call("bldg99", "-o", tmp_path / "replica", "--seed", 5)
    assert result.exit_code == 0, result.output
    assert "223 scans, 27 access points on 5 floors of 22.2 x 14.8 m" in result.output
    result = call(
        "--floors", 2, "--aps", "3,4", "--width", 20, "--depth", 10, "--walls", "--scans", 40,
        "--p0", -35, "--shadowing-db", 0, "-o", tmp_path / "own",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    survey = read_survey(tmp_path / "own")
    assert len(survey) == 40
    assert "p0_dbm -35" in survey.header.frame
    assert len(survey.access_points) == 7


@pytest.mark.parametrize(
    ("words", "text"),
    [((), "give either REPLICA or --floors"), (("bldg99", "--floors", 2), "give either"),
     (("bldg99", "--width", 2), "a replica has its own"), (("bldg1",), "no replica 'bldg1'"),
     (("--floors", 3, "--aps", "1,2"), "--aps names 2 floors, --floors 3"),
     (("--floors", 3, "--aps", "x"), "not like 12 or 8,12,10"),
     (("--floors", 3, "--loss", 2), "loss is 2.0")],
)  # fmt: skip
def test_command_refuses(words, text, tmp_path):
    result = call(*words, "-o", tmp_path / "out")
    assert result.exit_code in (1, 2)
    assert text in result.output
    assert not (tmp_path / "out").exists()
