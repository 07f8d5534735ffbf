"""The window: plan, floor buttons, panel, controls. It only shows `Session.state`."""

from __future__ import annotations

import os
import time
from pathlib import Path

from kivy.app import App
from kivy.clock import Clock
from kivy.core.window import Window
from kivy.metrics import dp
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.label import Label
from kivy.uix.togglebutton import ToggleButton

from fixmap.controls import Controls, choose_bundle
from fixmap.feeds import Feed, Replay
from fixmap.floor_view import FloorView
from fixmap.live import live_feed
from fixmap.panel import INK, Panel
from fixmap.plan import plan_of
from fixmap.session import DECIDING, Session, State
from fixmap.words import floor_words

DATA = Path(__file__).parents[1] / "data"
FIRST_BUNDLE = DATA / "mall.rssfix"
FIRST_WALK = DATA / "walk.jsonl"


class RssfixApp(App):
    """The app; `session` does the work, `state` is what is shown now."""

    title = "rssfix"

    def __init__(
        self, bundle: Path = FIRST_BUNDLE, walk: Path | None = FIRST_WALK, **options: object
    ) -> None:
        super().__init__(**options)
        self._bundle, self._walk = bundle, walk
        self.speed = 1.0
        self.state = State()
        self._floor: int | None = None  # chosen by hand; None follows the fix
        self._drawn: tuple[object, int] | None = None

    def build(self) -> BoxLayout:
        Window.clearcolor = (1, 1, 1, 1)
        self._refresh = Clock.create_trigger(self._show)
        self.session = Session(self._refresh)
        root = BoxLayout(orientation="vertical")
        self.name_label = Label(color=INK, size_hint_y=None, height=dp(30), bold=True)
        stage = FloatLayout()
        self.view = FloorView(size_hint=(1, 1), pos_hint={"x": 0, "y": 0})
        self._floors = BoxLayout(
            orientation="vertical", size_hint=(None, None), width=dp(52),
            pos_hint={"right": 0.98, "top": 0.98}, spacing=dp(2),
        )  # fmt: skip
        stage.add_widget(self.view)
        stage.add_widget(self._floors)
        self.panel = Panel(DECIDING, size_hint_y=None, height=dp(240))
        self.controls = Controls(self, size_hint_y=None, height=dp(48))
        for part in (self.name_label, stage, self.panel, self.controls):
            root.add_widget(part)
        self.session.open(self._bundle)
        if self._walk is not None:
            self.play(self._walk)
        return root

    # What the controls ask for

    def play(self, walk: Path) -> None:
        """Replay a recorded walk from its beginning."""
        self._take(lambda: Replay.read(walk, self.speed))

    def replay(self) -> None:
        """The walk again, or, while it runs, pause and go on."""
        if isinstance(self._walk, Path) and (not self.state.running and self.ended):
            self.play(self._walk)
        else:
            self.session.run(not self.state.running)

    @property
    def ended(self) -> bool:
        """There is nothing to go on with: no feed, or a walk at its end."""
        return not self.state.feed or self.state.ended

    def live(self) -> None:
        """Scan with this device's own Wi-Fi."""
        self._take(live_feed)

    def _take(self, make: object) -> None:
        self._floor = None
        self.session.feed(make)  # type: ignore[arg-type]

    def set_speed(self, speed: float) -> None:
        """Of this replay and of those to come."""
        self.speed = speed

        def change(feed: Feed) -> None:
            if isinstance(feed, Replay):
                feed.speed = speed

        self.session.change_feed(change)

    def record(self) -> None:
        """Begin to write scans to a file of the app, or end it."""
        if self.state.recording:
            self.session.record(None)
        else:
            folder = Path(self.user_data_dir) / "recordings"
            self.session.record(folder / time.strftime("walk-%Y%m%d-%H%M%S.jsonl"))

    def choose(self) -> None:
        """Ask for a bundle and open it."""
        choose_bundle(Path(os.environ.get("RSSFIX_BUNDLES", str(DATA))), self.session.open)

    def choose_floor(self, floor: int) -> None:
        """Look at a floor; the fix's own floor is followed again."""
        fix = self.state.fix
        self._floor = None if fix is not None and fix.floor == floor else floor
        self._show()

    # Showing

    @property
    def floor(self) -> int:
        """The floor in the view."""
        if self._floor is not None:
            return self._floor
        state = self.state
        if state.fix is not None and state.fix.floor is not None:
            return state.fix.floor
        if self._drawn is not None and self._drawn[0] is state.venue:
            return self._drawn[1]
        return state.venue.floors[0].floor if state.venue and state.venue.floors else 0

    def _show(self, *_: object) -> None:
        before, self.state = self.state, self.session.state
        state = self.state
        if state.venue is not before.venue:
            self._floor = None
            self._build_floors()
            self.name_label.text = state.bundle
        floor = self.floor
        if state.venue is not None and self._drawn != (state.venue, floor):
            self._drawn = (state.venue, floor)
            self.view.show_plan(plan_of(self.session.plan(floor), state.venue.floor(floor)))
            for button in self._floors.children:
                button.state = "down" if button.floor == floor else "normal"
        self.view.show(floor, state.fix, state.trail, state.heat)
        self.panel.show(state.words, state.feed_words, state.trouble, state.method, state.deciding)
        self.controls.show(state)

    def _build_floors(self) -> None:
        self._floors.clear_widgets()
        venue = self.state.venue
        for one in sorted(venue.floors if venue else (), key=lambda f: -f.floor):
            button = ToggleButton(text=floor_words(one.floor, one.label), group="floors")
            button.floor = one.floor
            button.bind(on_release=lambda button: self.choose_floor(button.floor))
            self._floors.add_widget(button)
        self._floors.height = dp(44) * len(self._floors.children)

    def on_pause(self) -> bool:
        """Android puts the app away: nothing is located unseen. True keeps the process."""
        self.session.run(False)
        return True

    def on_stop(self) -> None:
        """End the session's thread; a recording is whole after every scan."""
        self.session.close()
