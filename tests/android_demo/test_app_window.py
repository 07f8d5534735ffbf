"""The app in a real (offscreen) window with real GL: touches, pictures, frames.

Kivy has one window per process and keeps its state, so the whole app runs in one child process per
scenario; what it saw comes back as JSON.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent


def run(scenario, folder, *arguments):
    environment = {**os.environ, "KIVY_HOME": str(folder / "kivy"), "XDG_CONFIG_HOME": str(folder)}
    environment.pop("DISPLAY", None)
    done = subprocess.run(
        [sys.executable, HERE / "app_scenarios.py", scenario, folder, *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return json.loads(done.stdout.splitlines()[-1])


def pixels(file):
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walked")
    return folder, run("walk", folder)


def test_first_start_shows_a_plan_a_fix_and_what_decided(walked):
    folder, seen = walked
    assert seen["ended"]
    assert not seen["trouble"]
    assert seen["words"].startswith("Within ")
    assert seen["bars"] == 6
    assert seen["trail"] > 20
    picture = pixels(folder / "walk0001.png")
    x, y = seen["fix_px"]
    dot = picture[round(picture.shape[0] - 1 - y), round(x)]
    assert np.abs(dot - np.array([0.13, 0.45, 0.85]) * 255).max() < 12, (
        "the dot is where the fix is"
    )
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200, "a plan, not an empty field"


def test_floor_buttons_change_the_plan_and_come_back(walked):
    _, seen = walked
    assert seen["other_floor"] != seen["floor"]
    assert seen["back_floor"] == seen["floor"]
    assert not seen["fix_on_other_floor"]


def test_pause_speed_and_record_by_touch(walked, walk):
    _, seen = walked
    assert seen["speed_after_touch"] == 2.0
    assert seen["recorded"]
    recorded = Path(seen["recorded"]).read_text().splitlines()
    assert recorded
    assert set(recorded) <= {json.dumps(json.loads(line)) for line in walk.read_text().splitlines()}
    assert seen["paused_number"] == seen["still_number"]


def test_another_bundle_by_the_dialogue(tmp_path, mall):
    seen = run("open", tmp_path, mall)
    assert not seen["first_trouble"]
    assert seen["bundle"] != seen["first"]
    assert seen["after_broken"] == seen["bundle"]
    assert "broken.rssfix" in seen["trouble"]


def test_thirty_frames_with_a_large_posterior_and_none_for_nothing(tmp_path):
    seen = run("frames", tmp_path)
    assert seen["cells"] == [200, 200]
    assert seen["frames_per_s"] >= 30, seen
    assert seen["draws_idle"] == 0, "nothing is drawn when nothing changed"
    assert seen["calls_idle"] == 0
    assert seen["slowest_locate_on_ui_thread"] == 0, "localisation is not in the window's thread"
