"""Pace, failures and ends of live scanning; recordings as sources; the clock of scans."""

import os
import signal
import sys
import threading
import time
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import Scan, ScanError, SourceError
from sdk.live import TRIES, live_scans
from sdk.sources import ReplaySource, open_source
from sdk.sources.source import Clock
from sdk.stop import Stop
from sdk.store import Store


class Played:
    """A source that gives and raises what it is told to."""

    name, coarse = "played", False

    def __init__(self, *steps, live=True, hints=None):
        self.steps, self.live, self.hints = list(steps), live, hints or {}
        self.hint = None
        self.taken = 0

    def scan(self):
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        self.hint = self.hints.get(self.taken)
        self.taken += 1
        return step

    def close(self):
        pass


class Waits:
    """A `wait` that takes no time and stops after so many waits."""

    def __init__(self, most=10**9):
        self.waited, self.most = [], most

    def __call__(self, seconds):
        if seconds > 0:
            self.waited.append(seconds)
        return len(self.waited) > self.most


SCANS = [Scan(i, ()) for i in range(5)]
ONCE_MORE = SourceError("busy", again=True)


def test_a_live_source_is_scanned_at_its_pace():
    wait = Waits()
    scans = list(live_scans(Played(*SCANS), 5.0, wait, print, count=3))
    assert scans == SCANS[:3]
    # From start to start; none after the last.
    assert len(wait.waited) == 2
    assert all(4.5 < seconds <= 5.0 for seconds in wait.waited)


def test_a_recording_is_not_paced_and_ends():
    wait = Waits()
    assert list(live_scans(Played(*SCANS, None, live=False), 5.0, wait, print)) == SCANS
    assert wait.waited == []


def test_waiting_ends_it():
    assert len(list(live_scans(Played(*SCANS), 5.0, Waits(most=1), print))) == 2


def test_a_source_that_never_worked_is_an_error():
    with pytest.raises(SourceError, match="no root"):
        list(live_scans(Played(SourceError("no root")), 5.0, Waits(), print))
    said = []
    with pytest.raises(SourceError, match="busy"):
        list(live_scans(Played(*[ONCE_MORE] * 9), 5.0, Waits(), said.append))
    assert said == ["no scan: busy"]
    played = Played(*[ONCE_MORE] * (TRIES - 1), SCANS[0])
    assert list(live_scans(played, 5.0, Waits(), said.append, count=1)) == SCANS[:1]


def test_a_source_that_worked_is_tried_again_for_ever():
    unplugged = SourceError("there is no wlan0")
    said = []
    steps = [SCANS[0], *[unplugged] * 20, SCANS[1], unplugged, SCANS[2]]
    assert list(live_scans(Played(*steps), 5.0, Waits(), said.append, count=3)) == SCANS[:3]
    assert said == ["no scan: there is no wlan0"] * 2


def test_hints_are_told_when_they_change():
    said = []
    played = Played(*SCANS, hints={0: "one", 1: "one", 3: "one", 4: "none"})
    list(live_scans(played, 0.0, Waits(), said.append, count=5))
    assert said == ["one", "one", "none"]


def test_a_failure_while_stopping_is_none():
    """Ctrl-C ends iw too, which then looks as if it had failed."""
    stopping = [False, True]
    played = Played(SourceError("killed"))
    assert list(live_scans(played, 5.0, lambda _: stopping.pop(0), print)) == []


def test_replay_of_json_lines_and_of_a_store(tmp_path):
    scans = [Scan.from_dict({"aa:bb:cc:00:00:01": -40.0 - i}, 1000 * i) for i in range(4)]
    lines, kept = tmp_path / "scans.jsonl", tmp_path / "kept.db"
    lines.write_text("\n".join(scan.to_json() for scan in scans) + "\n\n")
    with Store(kept) as store:
        store.add_all(scans)
    for path in (lines, kept):
        with closing(open_source(f"replay:{path}")) as source:
            assert not source.live
            assert list(iter(source.scan, None)) == scans
            assert source.scan() is None
    assert source.place == str(kept)


def test_replay_of_standard_input(monkeypatch, tmp_path):
    lines = tmp_path / "scans.jsonl"
    lines.write_text(SCANS[3].to_json())
    with lines.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert ReplaySource("-").scan() == SCANS[3]


def test_replay_of_what_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(SourceError, match=r"gone.jsonl: cannot be read: No such file"):
        open_source(f"replay:{tmp_path}/gone.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"timestamp_ms": 1, "readings": []}\nnonsense\n')
    source = open_source(f"replay:{tmp_path}/bad.jsonl")
    source.scan()
    with pytest.raises(ScanError, match=r"bad.jsonl, line 2: not a line of JSON"):
        source.scan()
    source.close()
    monkeypatch.setattr("sdk.sources.replay.entry_points", lambda **_: [])
    with pytest.raises(SourceError, match=r"survey folder.*pip install 'rssfix\[train\]'"):
        open_source(f"replay:{tmp_path}")


def test_the_clock_follows_jumps_forward_and_never_goes_back():
    wall, boot = [0], [0]
    clock = Clock(lambda: wall[0] * 10**6, lambda: boot[0] * 10**6)

    def at(wall_ms, boot_ms):
        wall[0], boot[0] = wall_ms, boot_ms
        return clock.now_ms()

    assert at(1000, 10) == 1000
    assert at(6000, 5010) == 6000
    # The network told the time: 50 years on.
    assert at(1_600_000_000_000, 10_010) == 1_600_000_000_000
    # Set back by an hour: time passes as since boot.
    assert at(1_599_996_400_000, 15_010) == 1_600_000_005_000
    assert at(1_599_996_405_000, 20_010) == 1_600_000_010_000
    # The wall clock has caught up.
    assert at(1_600_000_011_000, 20_510) == 1_600_000_011_000


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 10**12)), min_size=1))
def test_the_clock_never_goes_back(steps):
    boot = 0
    wall = [0]
    clock = Clock(lambda: wall[0], lambda: boot)
    last = 0
    for wall_ns, passed_ns in steps:
        wall[0], boot = wall_ns, boot + passed_ns
        now = clock.now_ms()
        assert now >= last + passed_ns // 1_000_000 - 1 or last == 0
        assert now >= wall_ns // 1_000_000
        last = now


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_ask_and_waiting_ends_at_once(number):
    before = signal.getsignal(number)
    with Stop() as stop:
        assert not stop.wait(0.01)
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
        began = time.monotonic()
        assert stop.wait(20)
        assert time.monotonic() - began < 5
        assert stop.wait(20)
        assert stop.requested
    assert signal.getsignal(number) is before
