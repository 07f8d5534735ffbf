"""The city data set: worlds, sampling, format, command line, processes and a Dask cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

from sdk.errors import RssfixError
from training.propagation import acceptance, making, workers
from training.propagation.dataset import (
    CityError,
    load_city,
    map_bytes,
    map_path,
    read_header,
    write_header,
    write_map,
)
from training.propagation.making import Recipe, make_map
from training.propagation.sampling import Crowd
from training.propagation.worlds import PATH_LOSS_RANGE_DB, SCENARIOS
from training.simulator.cli import simulate
from training.simulator.shadowing import Shadowing

RECIPE = Recipe(seed=3, size_px=64, crowd=Crowd(12, 40, 6))
OPTIONS = ["--size", "64", "--seed", "3", "--transmitters", "12", "--users", "40",
           "--deployments", "6"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("city")
    write_header(out, RECIPE.header(8))
    for number in range(8):
        write_map(out, make_map(RECIPE, number))
    return out


def test_shadowing_on_a_grid_is_shadowing_at_its_points():
    shadowing = Shadowing(3, 10.0, np.random.default_rng(0))
    x, y = np.array([0.5, 7.0, 200.0]), np.array([1.0, 2.0])
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    expected = shadowing.at(points, np.arange(3)).T.reshape(3, 2, 3)
    np.testing.assert_allclose(shadowing.on_grid(x, y), expected, atol=1e-4)


def test_what_is_written_is_read(folder):
    city = load_city(folder)
    made = make_map(RECIPE, 2)
    read = city[2]
    for name in ("buildings", "transmitters_xy", "path_loss_db", "toa_m", "los", "users_xy",
                 "deployments"):  # fmt: skip
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
    assert city.scenarios == SCENARIOS
    assert (city.size_px, city.pitch_m, len(city)) == (64, 4.0, 8)
    assert map_path(folder, 2).read_bytes() == map_bytes(made)
    assert [one.number for one in city.maps()] == list(range(8))
    with pytest.raises(IndexError, match="map 8: expected 0 to 7"):
        city[8]


def test_splits_are_of_maps_and_cover_all(folder):
    city = load_city(folder)
    parts = [city.split(name) for name in ("train", "validation", "test")]
    assert sorted(n for part in parts for n in part) == list(range(8))
    assert parts == [load_city(folder).split(name) for name in ("train", "validation", "test")]
    assert [one.number for one in city.maps("train")] == list(parts[0])
    with pytest.raises(CityError, match="split 'tests', expected one of train, validation, test"):
        city.split("tests")
    big = type(city)(folder, {**city.header, "n_maps": 99})
    assert [len(big.split(name)) for name in ("train", "validation", "test")] == [69, 15, 15]


def test_a_map_keeps_what_the_format_says(folder):
    city = load_city(folder)
    low, high = PATH_LOSS_RANGE_DB
    for one in city.maps():
        outdoors = one.buildings == 0
        path_loss = one.path_loss_db.astype(np.float64)
        assert path_loss.min() >= low - 0.07  # float16
        assert path_loss.max() <= high + 0.02
        np.testing.assert_allclose(path_loss[:, :, ~outdoors], low, atol=0.07)
        reached = one.toa_m >= 0
        np.testing.assert_allclose(path_loss[:, ~reached], low, atol=0.07)
        assert (one.toa_m[~reached] == -1).all()
        assert not one.los[:, ~outdoors].any()
        rows, columns = city.pixels(one.users_xy).T
        assert outdoors[rows, columns].all()
        np.testing.assert_allclose(one.users_xy, (np.stack([columns, rows], axis=1) + 0.5) * 4)
        # In line of sight a path is straight and costs free space; else it is longer.
        centre = (np.indices((64, 64))[::-1].reshape(2, -1).T + 0.5) * 4
        away = np.linalg.norm(centre[None] - one.transmitters_xy[:, None], axis=2)
        away = away.reshape(one.los.shape)
        np.testing.assert_allclose(one.toa_m[one.los], away[one.los], rtol=1e-6, atol=1e-5)
        assert (one.toa_m >= away - 1e-3)[reached].all()
        free = np.clip(-47.86 - 20 * np.log10(np.maximum(away, 1)), low, high)
        nominal = path_loss[city.scenario("nominal")]
        np.testing.assert_allclose(nominal[one.los], free[one.los], atol=0.07)
        assert (nominal <= free + 0.1)[reached].all()
        # One path is kept per corner: a car may turn the search to a better one now and then.
        assert (path_loss[city.scenario("cars")] <= nominal + 0.1).mean() > 0.99
        robust, reflected = (path_loss[city.scenario(n)] for n in ("robust", "reflected"))
        assert (robust <= reflected + 0.1).mean() > 0.99


def test_deployments_stand_apart_and_every_user_is_served(folder):
    city = load_city(folder)
    for one in city.maps():
        five = one.transmitters_xy[one.deployments]
        apart = np.linalg.norm(five[:, :, None] - five[:, None], axis=3) + 1e3 * np.eye(5)
        assert apart.min() >= 20
        assert (np.abs(one.transmitters_xy - 128) <= 76).all()
        assert (np.abs(one.users_xy - 128) <= 84).all()
        rows, columns = city.pixels(one.users_xy).T
        for name in SCENARIOS[1:]:
            measured = one.path_loss_db[city.scenario(name)][:, rows, columns]
            assert (measured[one.deployments].max(axis=1) > city.noise_floor_db).all()


def test_the_acceptance_table_counts_every_link(folder):
    city = load_city(folder)
    rows = {row.name: row for row in acceptance.checks(city, city.maps())}
    los, bias, error = [], [], []
    for one in city.maps():
        for five in one.deployments:
            for x, y in one.users_xy:
                row, column = int(y / 4), int(x / 4)
                for t in five:
                    los.append(one.los[t, row, column])
                    straight = np.hypot(*(one.transmitters_xy[t] - (x, y)))
                    detour = one.toa_m[t, row, column] - straight
                    bias.append(0 if los[-1] else detour)
                    pair = one.path_loss_db[[0, 2], t, row, column].astype(float)
                    error.append(pair[0] - pair[1])
    assert rows["line of sight, share"].found == pytest.approx(np.mean(los))
    assert rows["NLOS bias, 90 %, m"].found == pytest.approx(np.quantile(bias, 0.9), abs=1e-3)
    assert rows["robust: RMSE, dB"].found == pytest.approx(np.sqrt(np.mean(np.square(error))))
    assert rows["robust: MAE, dB"].found == pytest.approx(np.mean(np.abs(error)))
    assert acceptance.checked(city) == list(range(8))
    many = acceptance.checked(type(city)(folder, {**city.header, "n_maps": 1000}))
    assert (len(many), many[0], many[-1]) == (100, 0, 999)
    shares = [rows[f"robust: {n} of 5 above the noise floor, share"].found for n in range(1, 6)]
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda f: (f / "city.json").unlink(), "city.json is missing"),
        (lambda f: (f / "city.json").write_text("{"), "city.json: expected JSON"),
        (lambda f: (f / "city.json").write_text("{}"), 'expected format "rssfix-city"'),
        (lambda f: map_path(f, 1).unlink(), "1 of 2 maps are missing, the first is map_00001.npz"),
    ],
)
def test_a_folder_that_is_no_data_set(tmp_path, change, text):
    write_header(tmp_path, RECIPE.header(2))
    for number in range(2):
        write_map(tmp_path, make_map(RECIPE, number))
    change(tmp_path)
    with pytest.raises(CityError, match=text):
        load_city(tmp_path)


def test_a_map_that_is_none_is_named(tmp_path):
    header = RECIPE.header(1)
    write_header(tmp_path, header)
    map_path(tmp_path, 0).write_bytes(b"PK no")
    with pytest.raises(CityError, match=r"map_00000\.npz: not a map"):
        load_city(tmp_path)[0]
    write_map(tmp_path, make_map(RECIPE, 0))
    write_header(tmp_path, header | {"transmitters_per_map": 13})
    with pytest.raises(CityError, match=r"transmitters_xy is \(12, 2\), expected \(13, 2\)"):
        load_city(tmp_path)[0]
    write_header(tmp_path, header | {"size_px": "64"})
    with pytest.raises(CityError, match="size_px is '64'"):
        load_city(tmp_path)
    write_header(tmp_path, header)
    (tmp_path / "city.json").write_text(
        (tmp_path / "city.json").read_text().replace('"version": 1', '"version": 2')
    )
    with pytest.raises(CityError, match="version 2, expected 1"):
        load_city(tmp_path)


def test_recipes_that_make_no_sense(monkeypatch):
    monkeypatch.setattr(making, "_MOST_TOWNS", 2)
    with pytest.raises(CityError, match="size is 100, expected one of"):
        Recipe(size_px=100)
    with pytest.raises(CityError, match="transmitters is 4, expected 5 to 500"):
        Crowd(transmitters=4)
    with pytest.raises(RssfixError, match=r"map 0: none of 2 towns has room"):
        make_map(Recipe(size_px=64, crowd=Crowd(5, 10_000, 1)), 0)


def test_the_command_goes_on_where_it_was_and_keeps_to_its_options(folder, tmp_path):
    out = tmp_path / "city"
    done = CliRunner().invoke(simulate, ["city", str(out), "--maps", "1", *OPTIONS])
    assert done.exit_code == 0, done.output
    assert "| line of sight, share |" in done.output
    before = map_path(out, 0).stat().st_mtime_ns
    done = CliRunner().invoke(simulate, ["city", str(out), "--maps", "2", *OPTIONS, "--json"])
    assert done.exit_code == 0, done.output
    assert map_path(out, 0).stat().st_mtime_ns == before
    for number in range(2):
        assert map_path(out, number).read_bytes() == map_path(folder, number).read_bytes()
    assert json.loads(done.stdout)[0]["name"] == "line of sight, share"
    assert json.loads((out / "acceptance.json").read_text())["maps"] == 2
    other = CliRunner().invoke(simulate, ["city", str(out), "--maps", "2", "--size", "64"])
    assert other.exit_code == 1
    assert "city.json: seed is 3, these options make 0" in other.output
    check = CliRunner().invoke(simulate, ["city", str(out), "--check"])
    assert check.exit_code == 0
    assert check.output.startswith("| 2 maps |")
    assert not list(out.glob(".*"))


def test_processes_make_the_same_bytes(folder):
    made = dict(workers.made_maps(RECIPE, range(3), processes=2))
    assert made == {n: map_path(folder, n).read_bytes() for n in range(3)}


def test_a_cluster_of_two_workers_makes_the_same_bytes(folder, tmp_path):
    from distributed import LocalCluster

    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        local_directory=str(tmp_path / "scratch"),
    )  # fmt: skip
    with cluster:
        out = tmp_path / "city"
        command = ["city", str(out), "--maps", "5", *OPTIONS, "--json"]
        done = CliRunner().invoke(simulate, [*command, "--scheduler", cluster.scheduler_address])
        assert done.exit_code == 0, done.output
    for number in range(5):
        assert map_path(out, number).read_bytes() == map_path(folder, number).read_bytes()


def test_no_cluster_there(tmp_path):
    with pytest.raises(CityError, match="no Dask scheduler at 'nonsense'"):
        list(workers.made_maps(RECIPE, [0], scheduler="nonsense"))


def test_interrupted_it_leaves_whole_maps_and_goes_on(tmp_path):
    out = tmp_path / "city"
    command = [sys.executable, "-m", "sdk.cli", "simulate", "city", str(out), "--maps", "200",
               "--processes", "2", *OPTIONS]  # fmt: skip
    # Tests run in the background of a shell are deaf to SIGINT; their children would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not list(out.glob("map_*.npz")) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 1, errors
    assert "interrupted; run again to go on in" in errors
    there = sorted(out.glob("map_*.npz"))
    assert 0 < len(there) < 200
    assert not list(out.glob(".*"))
    header = read_header(out)
    assert header is not None
    write_header(out, {k: v for k, v in header.items() if k not in ("format", "version")} | {
        "n_maps": len(there)})  # fmt: skip
    numbers = [int(path.stem[4:]) for path in there]
    if numbers == list(range(len(there))):
        assert len(list(load_city(out).maps())) == len(there)
