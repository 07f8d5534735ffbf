"""Localisation beside the user interface: one thread that never touches a widget.

The interface posts wishes and reads `Session.state`, a value that is replaced as a whole; `changed`
is called (in the session's thread) after every replacement. Errors become words in the state.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fixmap.feeds import Feed
from fixmap.heat import Heat, heat_of
from fixmap.words import fix_words
from sdk import Fix, Localizer, RssfixError, Scan, ScanError
from sdk.track import Track
from sdk.venue import Venue

TRAIL_LENGTH = 600
DECIDING = 6
IDLE_S = 0.5


@dataclass(frozen=True)
class State:
    """Everything that is shown; `number` grows with every change."""

    number: int = 0
    venue: Venue | None = None
    bundle: str = ""
    fix: Fix | None = None
    heat: Heat | None = None
    deciding: tuple[tuple[str, float], ...] = ()
    method: str = ""
    trail: tuple[tuple[float, float, int], ...] = ()
    feed: str = ""
    running: bool = False
    ended: bool = False
    recording: str = ""
    words: str = "Waiting for the first scan."
    feed_words: str = ""
    trouble: str = ""


class Session:
    """Localizer, track, feed and recording of one user."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.state = State()
        self._changed = changed
        self._wishes: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._localizer: Localizer | None = None
        self._track: Track | None = None
        self._feed: Feed | None = None
        self._running = False
        self._record: Path | None = None
        self._trail: deque[tuple[float, float, int]] = deque(maxlen=TRAIL_LENGTH)
        self._thread = threading.Thread(target=self._work, name="localisation", daemon=True)
        self._thread.start()

    # Wishes, from any thread; they are carried out in order.

    def open(self, bundle: Path) -> None:
        """Serve another bundle; the old one keeps serving where this one cannot."""
        self._wishes.put(lambda: self._open(bundle))

    def feed(self, make: Callable[[], Feed], run: bool = True) -> None:
        """Take scans from another feed, made in the session's thread."""
        self._wishes.put(lambda: self._take(make, run))

    def run(self, running: bool) -> None:
        """Go on, or pause."""
        self._wishes.put(lambda: self._run(running))

    def change_feed(self, change: Callable[[Feed], None]) -> None:
        """Do something to the feed in the session's thread, such as setting a speed."""
        self._wishes.put(lambda: None if self._feed is None else change(self._feed))

    def record(self, file: Path | None) -> None:
        """Append every scan to a file of JSON Lines from now on; None ends it."""
        self._wishes.put(lambda: self._record_to(file))

    def plan(self, floor: int) -> bytes | None:
        """The floor's plan, PNG or GeoJSON; None where there is none."""
        localizer = self._localizer
        with contextlib.suppress(RssfixError, ValueError):
            return None if localizer is None else localizer.plan(floor)
        return None

    def close(self) -> None:
        """End the thread; the last scan is finished first."""
        self._wishes.put(None)
        self._thread.join(timeout=10)

    # From here on: the session's thread only.

    def _show(self, **values: object) -> None:
        self.state = replace(self.state, number=self.state.number + 1, **values)  # type: ignore[arg-type]
        self._changed()

    def _work(self) -> None:
        while True:
            try:
                wish = self._wishes.get(timeout=self._wait_s())
            except queue.Empty:
                self._guarded(self._step)
                continue
            if wish is None:
                break
            self._guarded(wish)
        for thing in (self._feed, self._localizer):
            if thing is not None:
                thing.close()

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (RssfixError, OSError) as error:
            self._show(trouble=str(error))
        except Exception as error:  # An app must say what happened, not stand still.
            self._show(trouble=f"{type(error).__name__}: {error}")

    def _wait_s(self) -> float:
        wait = self._feed.wait_s() if self._feed is not None and self._running else None
        return IDLE_S if wait is None else min(max(wait, 0.0), IDLE_S)

    def _open(self, bundle: Path) -> None:
        if self._localizer is None:
            self._localizer = Localizer.open(bundle)
        else:
            self._localizer.reload(bundle)
        self._track = self._localizer.start_track()
        self._trail.clear()
        self._show(
            venue=self._localizer.venue, bundle=self._localizer.info.name, fix=None, heat=None,
            deciding=(), trail=(), words=fix_words(None), trouble="",
        )  # fmt: skip

    def _take(self, make: Callable[[], Feed], run: bool) -> None:
        feed = make()
        if self._feed is not None:
            self._feed.close()
        self._feed, self._running = feed, run
        if self._track is not None:
            self._track.reset()
        self._trail.clear()
        self._show(
            feed=feed.name, running=run, ended=False, feed_words=feed.words(), trail=(),
            fix=None, heat=None, deciding=(), words=fix_words(None), trouble="",
        )  # fmt: skip

    def _run(self, running: bool) -> None:
        self._running = running and self._feed is not None
        self._show(running=self._running)

    def _record_to(self, file: Path | None) -> None:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        self._record = file
        self._show(recording="" if file is None else file.name, trouble="")

    def _step(self) -> None:
        if self._feed is None or not self._running:
            return
        scan = self._feed.poll()
        said = self._feed.words()
        if scan is not None:
            self._locate(scan)
        elif self._feed.wait_s() is None:
            self._running = False
            self._show(running=False, ended=True, feed_words="the walk has ended")
        elif said != self.state.feed_words:
            self._show(feed_words=said)

    def _locate(self, scan: Scan) -> None:
        if self._record is not None:
            # One write per scan, at its end a newline: what is there is always whole.
            with self._record.open("a", encoding="utf-8") as file:
                file.write(scan.to_json() + "\n")
        assert self._feed is not None
        if self._localizer is None or self._track is None:
            return
        fix = self._track.update(scan)
        heat: Heat | None = None
        deciding: tuple[tuple[str, float], ...] = ()
        method = ""
        if fix:
            assert fix.x_m is not None
            assert fix.y_m is not None
            assert fix.floor is not None
            self._trail.append((fix.x_m, fix.y_m, fix.floor))
            # A scan that gives no position by itself has nothing to show but the track's.
            with contextlib.suppress(ScanError):
                why = self._localizer.explain(scan)
                method = why.method
                heard = [one for one in why.top(len(why.scores)) if one[0] not in why.not_heard]
                deciding = tuple(heard[:DECIDING])
                heat = heat_of(self._localizer.posterior(scan), fix.floor)
        self._show(
            fix=fix, heat=heat, deciding=deciding, method=method, trail=tuple(self._trail),
            words=fix_words(fix), feed_words=self._feed.words(), trouble="",
        )  # fmt: skip
