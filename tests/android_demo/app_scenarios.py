"""Scenarios of the app for test_app_window.py; each runs in a process of its own."""

import json
import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path

import numpy as np

os.environ.update(
    SDL_VIDEODRIVER="offscreen", KIVY_NO_ARGS="1", KIVY_NO_CONSOLELOG="1", KIVY_NO_FILELOG="1",
    LIBGL_ALWAYS_SOFTWARE="1",
)  # fmt: skip
from kivy.config import Config

Config.set("graphics", "width", "420")
Config.set("graphics", "height", "860")
Config.set("graphics", "maxfps", "0")
APP = Path(__file__).parents[2] / "android_demo"
sys.path[:0] = [str(APP), str(Path(__file__).parents[1] / "sdk")]

import small_bundles as small  # noqa: E402
from fixmap.app import RssfixApp  # noqa: E402
from fixmap.heat import Heat  # noqa: E402
from fixmap.session import State  # noqa: E402
from kivy.base import EventLoop  # noqa: E402
from kivy.core.window import Window  # noqa: E402
from kivy.tests.common import UnitTestTouch  # noqa: E402

from sdk import Fix  # noqa: E402
from sdk.fix import Status  # noqa: E402


def frames(count=4):
    for _ in range(count):
        EventLoop.idle()


def until(fits, seconds=60):
    end = time.monotonic() + seconds
    while not fits():
        assert time.monotonic() < end, "the app never got there"
        EventLoop.idle()
        time.sleep(0.005)
    frames()


def touch(widget):
    x, y = widget.to_window(*widget.center)
    one = UnitTestTouch(x, y)
    one.touch_down()
    frames(2)
    one.touch_up()
    frames(2)


def started(**options):
    app = RssfixApp(**options)
    app._run_prepare()
    until(lambda: app.state.venue is not None)
    return app


def walk(folder):
    app = started()
    touch(app.controls.record)
    until(lambda: app.state.recording)
    touch(app.controls.speed)
    seen = {"speed_after_touch": app.speed}
    until(lambda: app.state.fix is not None)
    touch(app.controls.walk)
    until(lambda: not app.state.running)
    seen["paused_number"] = app.state.number
    time.sleep(0.4)
    frames()
    seen["still_number"] = app.state.number
    app.set_speed(500.0)
    touch(app.controls.walk)
    until(lambda: app.state.ended)
    state = app.state
    touch(app.controls.record)
    until(lambda: not app.state.recording)
    recordings = list((Path(app.user_data_dir) / "recordings").iterdir())
    seen["recorded"] = str(recordings[0]) if recordings else ""
    Window.screenshot(str(folder / "walk.png"))
    fix = state.fix
    seen |= {
        "ended": state.ended, "trouble": state.trouble, "words": app.panel.words.text,
        "bars": sum(bar.opacity > 0 for bar in app.panel._bars), "trail": len(state.trail),
        "fix_px": app.view.to_pixels(fix.x_m, fix.y_m), "floor": app.floor,
    }  # fmt: skip
    buttons = {button.floor: button for button in app._floors.children}
    other = next(floor for floor in buttons if floor != app.floor)
    touch(buttons[other])
    seen["other_floor"], seen["fix_on_other_floor"] = app.floor, app.view._placed is not None
    touch(buttons[seen["floor"]])
    seen["back_floor"] = app.floor
    app.stop()
    return seen


def open_(folder, mall):
    os.environ["RSSFIX_BUNDLES"] = str(folder)
    (folder / "another.rssfix").write_bytes(small.pack(*small.cells_parts("per_ap")))
    (folder / "broken.rssfix").write_bytes(Path(mall).read_bytes()[:9000])
    app = started(walk=None)
    seen: dict[str, object] = {}

    def choose(name):
        touch(app.controls.open)
        popup = next(one for one in Window.children if hasattr(one, "chooser"))
        until(lambda: popup.chooser.files)
        for _ in range(20):
            # The chooser lists its folder some frames later and drops what was selected before.
            popup.chooser.selection = [str(folder / name)]
            touch(popup.content.children[0].children[0])
            frames(30)
            if popup not in Window.children:
                break
        until(lambda: not any(hasattr(one, "chooser") for one in Window.children))

    first = app.state.bundle
    choose("another.rssfix")
    until(lambda: app.state.bundle != first or app.state.trouble)
    seen |= {"first": first, "bundle": app.state.bundle, "first_trouble": app.state.trouble}
    choose("broken.rssfix")
    until(lambda: app.state.trouble)
    seen["after_broken"], seen["trouble"] = app.name_label.text, app.panel.words.text
    app.stop()
    return seen


def frames_(folder):
    """A new 200 x 200 posterior, fix and bars at every frame; then nothing at all."""
    app = started(walk=None)
    rng = np.random.default_rng(1)
    venue = app.state.venue
    floor = venue.floors[0].floor
    threads = set()
    real = app.session._locate

    def locate(scan):
        threads.add(threading.current_thread())
        real(scan)

    app.session._locate = locate
    states = []
    for i in range(90):
        rgba = np.empty((200, 200, 4), np.uint8)
        rgba[..., :3] = 200
        rgba[..., 3] = rng.integers(0, 190, (200, 200))
        x, y = 60 + 0.5 * i, 80.0
        states.append(
            State(
                number=10_000 + i,
                venue=venue,
                bundle=app.state.bundle,
                fix=Fix(i, Status.OK, x, y, floor, 5.0 + i % 3, matched_aps=9),
                heat=Heat(floor, rgba, 10.0, 10.0, 200.0, 200.0),
                method="cam",
                deciding=tuple((f"aa:bb:cc:00:00:{k:02x}", float(rng.random())) for k in range(6)),
                trail=tuple((60 + 0.5 * j, 80.0, floor) for j in range(i + 1)),
                words="w",
            )
        )
    times = []
    for state in states:
        start = time.process_time()
        app.session.state = state
        app._show()
        EventLoop.idle()
        times.append(time.process_time() - start)
    # Processor time, the renderer's threads included: the machine of a test has other work too.
    fps = 1 / float(np.mean(times[10:]))
    calls = {"draw": 0, "show": 0}

    def counted(name, call):
        def inner(*arguments, **options):
            calls[name] += 1
            return call(*arguments, **options)

        return inner

    frames(10)
    app.view._draw_heat = counted("show", app.view._draw_heat)
    app.view._draw_fix = counted("show", app.view._draw_fix)
    app.view.show = counted("show", app.view.show)
    Window.on_draw = counted("draw", Window.on_draw)
    drawn = []
    Window.bind(on_draw=lambda *_: drawn.append(1))
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        EventLoop.idle()
    seen = {
        "cells": list(states[0].heat.rgba.shape[:2]), "frames_per_s": fps,
        "draws_idle": len(drawn), "calls_idle": calls["show"],
        "slowest_locate_on_ui_thread": sum(t is threading.main_thread() for t in threads),
        "frame_ms": [1e3 * float(q) for q in np.percentile(times, [50, 95, 100])],
    }  # fmt: skip
    app.stop()
    return seen


if __name__ == "__main__":
    scenario, place, *rest = sys.argv[1:]
    folder = Path(place)
    shutil.rmtree(folder / "kivy", ignore_errors=True)
    try:
        print(json.dumps({"walk": walk, "open": open_, "frames": frames_}[scenario](folder, *rest)))
    except Exception:
        # Kivy swallows what goes to stderr.
        traceback.print_exc(file=sys.stdout)
        sys.exit(1)
