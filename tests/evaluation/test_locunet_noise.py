"""LocUNet's study under noise: what is moved, and by how much; records and tables."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluation.locunet_models import Asked
from evaluation.locunet_noise import NOISES, displaced, mislabelled, noise_study
from evaluation.locunet_report import report
from evaluation.locunet_study import study
from training.locunet import Machine
from training.propagation.dataset import load_city

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from small_city import make_city


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = make_city(tmp_path_factory.mktemp("city"), n_maps=14, users=16)
    return Asked(load_city(folder), 8, 1, Machine())


def test_labels_are_off_by_as_much_as_is_said(asked):
    worlds = asked.worlds("train", "robust")
    found = mislabelled(worlds, 24.0, np.random.default_rng(0))
    off_m = (found.user - worlds.user).numpy() * worlds.pitch_m
    inside = ((worlds.user >= 4) & (worlds.user < 12)).numpy()
    # Rounding to pixels adds a twelfth of a pixel squared.
    assert off_m[inside].std() == pytest.approx(np.hypot(24.0, 16 / np.sqrt(12)), rel=0.1)
    assert int(found.user.min()) >= 0
    assert int(found.user.max()) < 16
    assert found.measured_db is worlds.measured_db


def test_a_displaced_transmitter_is_read_at_an_outdoor_pixel_nearby(asked):
    worlds = asked.worlds("test", "robust")
    still = displaced(asked.city, worlds, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(still.measured_db, worlds.measured_db)
    found = displaced(asked.city, worlds, 8.0, np.random.default_rng(0))
    one = asked.city[worlds.numbers[0]]
    maps = one.path_loss_db[asked.city.scenario("robust")].astype(np.float32)
    outdoors = one.buildings == 0
    changed = 0
    for t, values in enumerate(found.measured_db[0].numpy()):
        for user, value in zip(worlds.user[0].numpy(), values, strict=True):
            near = np.zeros_like(outdoors)
            column, row = user
            near[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = True
            seen = maps[t][near & outdoors]
            assert np.isnan(value) or np.isclose(seen, value, atol=1e-3).any()
            changed += not np.isclose(maps[t][row, column], value, atol=1e-3)
    assert changed > found.measured_db[0].numel() / 4


def test_records_and_tables(asked, tmp_path):
    records = [study(asked, "posterior", "robust", 0, elsewhere=False)]
    records += [noise_study(asked, name, 25.0, "posterior") for name in NOISES]
    for number, record in enumerate(records):
        made = {"command": "c", "commit": "x", "date": "d", **record}
        (tmp_path / "runs").mkdir(exist_ok=True)
        (tmp_path / "runs" / f"{number}.json").write_text(json.dumps(made))
    clean, moved = (r["tests"]["robust"]["5"]["mean_m"] for r in (records[0], records[2]))
    assert moved > clean
    # What the study holds itself is not touched.
    again = study(asked, "posterior", "robust", 0, elsewhere=False)["tests"]
    assert again == records[0]["tests"]
    report(tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert f"| transmitters: posterior | {clean:.2f} | {moved:.2f} |" in text
    assert "| transmitters learned: paper's LocUNet |  | 34.09 |" in text
    assert "| labels: paper's kNN | 27.38 | 27.2 |" in text
