"""The app's thread: states, errors as words, recording."""

import threading
import time

import pytest
from fixmap.feeds import Replay
from fixmap.session import Session

from sdk import Localizer, Scan, ScanError
from sdk.scan_lines import read_scans


class Watch:
    """A session whose states are kept, and a wait for one that fits."""

    def __init__(self):
        self.states, self._new = [], threading.Condition()
        self.session = Session(self._changed)

    def _changed(self):
        with self._new:
            self.states.append(self.session.state)
            self._new.notify_all()

    def until(self, fits, seconds=20):
        end = time.monotonic() + seconds
        with self._new:
            while not any(fits(state) for state in self.states):
                assert self._new.wait(end - time.monotonic()), self.session.state
        return next(state for state in self.states if fits(state))


@pytest.fixture
def watch():
    watch = Watch()
    yield watch
    watch.session.close()


def fast(walk):
    return Replay.read(walk, speed=1000.0)


def test_a_walk_from_the_first_scan_to_the_last(watch, mall, walk):
    session = watch.session
    session.open(mall)
    session.feed(lambda: fast(walk))
    end = watch.until(lambda state: state.ended)
    assert end.feed_words == "the walk has ended"
    assert not end.trouble
    numbers = [state.number for state in watch.states]
    assert numbers == sorted(set(numbers))
    with walk.open() as lines, Localizer.open(mall) as localizer:
        track = localizer.start_track()
        wanted = [track.update(scan) for _, scan in read_scans(lines)]
    shown = [state.fix for state in watch.states if state.fix is not None]
    assert list(dict.fromkeys(shown)) == wanted
    assert end.trail == tuple((fix.x_m, fix.y_m, fix.floor) for fix in wanted if fix)
    located = [state for state in watch.states if state.deciding]
    assert len(located) > 20
    assert all(state.heat.floor == state.fix.floor for state in located)
    scores = [[score for _, score in state.deciding] for state in located]
    assert all(one == sorted(one, reverse=True) for one in scores)


def test_a_bundle_that_cannot_be_opened_leaves_the_old_one(watch, mall, walk, tmp_path):
    session = watch.session
    broken = tmp_path / "broken.rssfix"
    broken.write_bytes(mall.read_bytes()[:5000])
    session.open(mall)
    session.open(broken)
    watch.until(lambda state: "broken.rssfix" in state.trouble)
    session.feed(lambda: fast(walk))
    assert watch.until(lambda state: bool(state.fix)).trouble == ""


def test_errors_of_a_feed_are_words(watch, mall):
    def none():
        raise ScanError("no scan today")

    watch.session.open(mall)
    watch.session.feed(none)
    watch.until(lambda state: state.trouble == "no scan today")


def test_recording_holds_every_scan(watch, mall, walk, tmp_path):
    file = tmp_path / "new" / "r.jsonl"
    watch.session.open(mall)
    watch.session.record(file)
    watch.session.feed(lambda: fast(walk))
    watch.until(lambda state: state.ended)
    watch.session.record(None)
    watch.until(lambda state: state.ended and not state.recording)
    with file.open() as ours, walk.open() as given:
        assert [one for _, one in read_scans(ours)] == [one for _, one in read_scans(given)]


def test_pause_and_go_on(watch, mall):
    scans = [Scan.from_dict({}, 1000 * i) for i in range(50)]
    session = watch.session
    session.open(mall)
    session.feed(lambda: Replay("walk", scans, 20.0))
    watch.until(lambda state: state.fix is not None)
    session.run(False)
    watch.until(lambda state: state.feed and not state.running)
    time.sleep(0.15)  # what was under way
    still = session.state.number
    time.sleep(0.3)
    assert session.state.number == still
    session.run(True)
    watch.until(lambda state: state.number > still + 2)


def test_closing_ends_the_thread(mall):
    session = Session(lambda: None)
    session.open(mall)
    session.close()
    assert not session._thread.is_alive()
