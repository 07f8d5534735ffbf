"""Buttons, and the dialogue that asks for a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kivy.metrics import dp
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.button import Button
from kivy.uix.filechooser import FileChooserListView
from kivy.uix.popup import Popup

from fixmap.feeds import SPEEDS
from fixmap.session import State

if TYPE_CHECKING:
    from fixmap.app import RssfixApp


class Controls(BoxLayout):
    """Walk, speed, live, record, open."""

    def __init__(self, app: RssfixApp, **options: object) -> None:
        super().__init__(orientation="horizontal", spacing=dp(2), padding=dp(2), **options)
        self._app = app
        self.walk = Button(text="Walk", on_release=lambda _: app.replay())
        self.speed = Button(text="x1", on_release=lambda _: self._next_speed())
        self.live = Button(text="Live", on_release=lambda _: app.live())
        self.record = Button(text="Record", on_release=lambda _: app.record())
        self.open = Button(text="Open", on_release=lambda _: app.choose())
        for button in (self.walk, self.speed, self.live, self.record, self.open):
            self.add_widget(button)

    def _next_speed(self) -> None:
        after = [speed for speed in SPEEDS if speed > self._app.speed]
        self._app.set_speed(after[0] if after else SPEEDS[0])
        self.speed.text = f"x{self._app.speed:g}"

    def show(self, state: State) -> None:
        """Labels that say what a touch would do."""
        self.walk.text = "Pause" if state.running else ("Again" if state.ended else "Go on")
        self.record.text = "End rec." if state.recording else "Record"


def choose_bundle(folder: Path, then: Callable[[Path], None]) -> Popup:
    """A dialogue over the `.rssfix` files from `folder` on; `then` gets the one chosen."""
    chooser = FileChooserListView(path=str(folder), filters=["*.rssfix"])
    take, leave = Button(text="Open"), Button(text="Cancel")
    row = BoxLayout(size_hint_y=None, height=dp(48))
    row.add_widget(leave)
    row.add_widget(take)
    body = BoxLayout(orientation="vertical")
    body.add_widget(chooser)
    body.add_widget(row)
    popup = Popup(title="Open a bundle", content=body, size_hint=(0.92, 0.92))
    leave.bind(on_release=lambda _: popup.dismiss())

    def finish(*_: object) -> None:
        if chooser.selection:
            popup.dismiss()
            then(Path(chooser.selection[0]))

    take.bind(on_release=finish)
    popup.chooser = chooser
    popup.open()
    return popup
