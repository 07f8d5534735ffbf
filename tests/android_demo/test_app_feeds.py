"""Recorded walks in the app: rhythm, speed, files."""

import json

import pytest
from fixmap.feeds import LONGEST_WAIT_S, Replay
from hypothesis import given
from hypothesis import strategies as st

from sdk import Scan, ScanError


class Clock:
    def __init__(self):
        self.now_s = 50.0

    def __call__(self):
        return self.now_s


def scans(*times_ms):
    return [Scan.from_dict({"aa:bb:cc:00:00:01": -60.0}, ms) for ms in times_ms]


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=20), st.sampled_from([1, 2, 5, 20]))
def test_every_scan_comes_once_and_in_its_rhythm(gaps_ms, speed):
    times = [sum(gaps_ms[: i + 1]) for i in range(len(gaps_ms))]
    clock = Clock()
    replay = Replay("walk", scans(*times), speed, clock)
    start, seen = clock.now_s, []
    while (wait := replay.wait_s()) is not None:
        if wait > 0:
            assert replay.poll() is None
            clock.now_s += wait + 1e-9
        seen.append(replay.poll())
    assert [scan.timestamp_ms for scan in seen] == times
    due_s = sum(min(gap / 1000, LONGEST_WAIT_S) for gap in gaps_ms[1:]) / speed
    assert clock.now_s - start == pytest.approx(due_s, abs=1e-6)
    assert replay.poll() is None


def test_speed_changes_the_wait_that_is_left():
    clock = Clock()
    replay = Replay("walk", scans(0, 4000), 1.0, clock)
    replay.poll()
    clock.now_s += 1
    replay.speed = 2.0
    assert replay.wait_s() == pytest.approx(1.5)


def test_files(tmp_path):
    file = tmp_path / "w.jsonl"
    good = scans(0)[0].to_json()
    file.write_text(f"{good}\n\n{good}\n")
    assert Replay.read(file).words() == "recorded walk, scan 0 of 2"
    file.write_text(f"{good}\nno scan\n")
    with pytest.raises(ScanError, match=r"w\.jsonl, line 2: not a line of JSON"):
        Replay.read(file)
    later = json.dumps({"timestamp_ms": 9, "readings": []})
    file.write_text(f"{later}\n{good}\n")
    with pytest.raises(ScanError, match=r"w\.jsonl, line 2: timestamp_ms 0 comes after 9"):
        Replay.read(file)
    file.write_text("\n")
    with pytest.raises(ScanError, match="holds no scan"):
        Replay.read(file)
