"""A LocUNet run goes to radio maps that it was not trained with."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from export.build import export_run
from export.cli import export
from export.errors import ExportError
from sdk import Localizer
from sdk.bundle import Bundle
from training import locunet
from training.propagation.dataset import load_city

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from small_city import make_city

NAMES = [f"aa:bb:cc:00:00:0{i}" for i in range(5)]
POWER_DBM = np.array([20.0, 17.0, 23.0, 20.0, 20.0])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("locunet")
    city = load_city(make_city(folder / "city", n_maps=14, users=16))
    locunet.train(city, "posterior", threads=1).save(folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A town of another seed."""
    return load_city(make_city(tmp_path_factory.mktemp("town") / "town", 3, users=40, seed=9))


@pytest.fixture(scope="module")
def arrays(town):
    one = town[2]
    chosen = one.deployments[0]
    loss = one.path_loss_db[0, chosen].astype(np.float64)
    loss[:, one.buildings != 0] = np.nan
    return {
        "path_loss_db": loss,
        "buildings": one.buildings,
        "transmitters_xy": one.transmitters_xy[chosen],
        "bssids": np.array(NAMES),
        "power_dbm": POWER_DBM,
        "pitch_m": town.pitch_m,
    }


def walked(town, number, bundle, power_dbm):
    """Errors of a bundle's fixes in metres, and those of the map's middle."""
    from export.verify import scan_of

    one = town[number]
    row, column = town.pixels(one.users_xy).T
    measured = one.path_loss_db[town.scenario("robust")][one.deployments[0]][:, row, column].T
    level = measured.astype(np.float32) + power_dbm
    level[measured < town.noise_floor_db] = np.nan
    names = Bundle.open(bundle).manifest.table.bssids
    with Localizer.open(bundle) as localizer:
        fixes = [localizer.locate(scan_of(names, scan)) for scan in level]
    found = np.array([[fix.x_m, fix.y_m] for fix in fixes])
    middle = one.users_xy.mean(axis=0)
    return (np.linalg.norm(xy - one.users_xy, axis=1) for xy in (found, middle))


def test_a_file_of_radio_maps(run, town, arrays, tmp_path):
    np.savez(tmp_path / "yard.npz", **arrays)
    bundle = tmp_path / "yard.rssfix"
    command = [str(run), "-o", str(bundle), "--maps", str(tmp_path / "yard.npz")]
    result = CliRunner().invoke(export, command)
    assert result.exit_code == 0, result.output
    assert "200 validation scans" in result.output
    found, guessed = walked(town, 2, bundle, POWER_DBM)
    assert np.median(found) < 0.5 * np.median(guessed)
    assert Bundle.open(bundle).manifest.table.bssids == tuple(NAMES)
    old = tmp_path / "old.rssfix"
    export_run(run, old)
    elsewhere, _ = walked(town, 2, old, 23.0)
    assert np.median(found) < 0.7 * np.median(elsewhere)


def test_a_map_of_another_city(run, town, tmp_path):
    bundle = tmp_path / "town.rssfix"
    export_run(run, bundle, maps=town.folder, number=1)
    found, guessed = walked(town, 1, bundle, 23.0)
    assert np.median(found) < 0.5 * np.median(guessed)
    with pytest.raises(ExportError, match="map 7: expected 0 to 2"):
        export_run(run, bundle, maps=town.folder, number=7)
    result = CliRunner().invoke(export, [str(run), "-o", str(bundle), "--map", "2"])
    assert result.exit_code == 2
    assert "--map 2: of which folder?" in result.output


def fewer(arrays):
    per_map = ("path_loss_db", "transmitters_xy", "bssids", "power_dbm")
    return {name: arrays[name][:2] for name in per_map}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda _: {"pitch_m": 4.0}, r"transmitters_xy\[\d\] is .*, expected a place on the map"),
        (lambda _: {"pitch_m": 20.0}, "pitch_m is 20.0, the model was trained for 16.0"),
        (lambda _: {"pitch_m": -1.0}, "pitch_m is -1, expected metres above 0"),
        (
            lambda a: {
                "path_loss_db": a["path_loss_db"][:, :15, :15],
                "buildings": a["buildings"][:15, :15],
            },
            r"shape is \[15, 15\], the model was trained for \[16, 16\]",
        ),
        (fewer, "maps of 2 transmitters, expected 3 or more"),
        (
            lambda a: {"power_dbm": a["power_dbm"][:4]},
            r"power_dbm has shape \(4,\), expected \(5\)",
        ),
        (lambda a: {"path_loss_db": -a["path_loss_db"]}, r"path_loss_db\[0, \d+, \d+\] is \d"),
        (lambda a: {"path_loss_db": a["path_loss_db"] * np.nan}, "no pixel outdoors is in reach"),
        (lambda _: {"bssids": np.array([*NAMES[:4], NAMES[0].upper()])}, "00:00:00' twice"),
        (lambda _: {"bssids": np.array([*NAMES[:4], ""])}, "bssids: "),
        (lambda _: {"buildings": np.array(["a"])}, "buildings is of type <U1, expected numbers"),
    ],
)
def test_maps_that_do_not_fit_are_refused(run, arrays, tmp_path, change, text):
    np.savez(tmp_path / "yard.npz", **(arrays | change(arrays)))
    with pytest.raises(ExportError, match=text):
        export_run(run, tmp_path / "yard.rssfix", maps=tmp_path / "yard.npz")
    assert not (tmp_path / "yard.rssfix").exists()


def test_what_is_no_file_of_maps_is_refused(run, arrays, tmp_path):
    (tmp_path / "text.npz").write_text("path_loss_db\n")
    with pytest.raises(ExportError, match=r"text\.npz: not a file of radio maps"):
        export_run(run, tmp_path / "yard.rssfix", maps=tmp_path / "text.npz")
    np.savez(tmp_path / "part.npz", pitch_m=4.0)
    with pytest.raises(ExportError, match=r"part\.npz: path_loss_db.*, expected path_loss_db, bui"):
        export_run(run, tmp_path / "yard.rssfix", maps=tmp_path / "part.npz")


def test_a_run_without_radio_maps_is_refused(run, arrays, tmp_path):
    np.savez(tmp_path / "yard.npz", **arrays)
    other = tmp_path / "run"
    shutil.copytree(run, other)
    record = json.loads((other / "run.json").read_text())
    record |= {"system": "exloc", "heatmap": None}
    (other / "run.json").write_text(json.dumps(record))
    with pytest.raises(ExportError, match="a exloc run holds no radio maps, expected one of"):
        export_run(other, tmp_path / "yard.rssfix", maps=tmp_path / "yard.npz")
