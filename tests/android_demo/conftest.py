"""The demo app without a screen: SDL's offscreen driver with Mesa's software renderer."""

import os
import sys
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "android_demo"
sys.path[:0] = [str(APP), str(Path(__file__).parents[1] / "sdk")]

# Read when Kivy is imported. KIVY_NO_ARGS: it would read pytest's arguments.
os.environ.update(
    SDL_VIDEODRIVER="offscreen", KIVY_NO_ARGS="1", KIVY_NO_CONSOLELOG="1", KIVY_NO_CONFIG="1",
    KIVY_NO_FILELOG="1", LIBGL_ALWAYS_SOFTWARE="1",
)  # fmt: skip


@pytest.fixture(scope="session")
def mall():
    return APP / "data" / "mall.rssfix"


@pytest.fixture(scope="session")
def walk():
    return APP / "data" / "walk.jsonl"
