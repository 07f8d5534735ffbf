"""The words and the access points that decided."""

from __future__ import annotations

from kivy.graphics import Color, Rectangle
from kivy.metrics import dp, sp
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.label import Label
from kivy.uix.widget import Widget

INK = (0.13, 0.14, 0.16, 1)
FOR = (0.13, 0.45, 0.85, 1)
AGAINST = (0.75, 0.75, 0.75, 1)
TROUBLE = (0.75, 0.15, 0.1, 1)


class Words(Label):
    """Text that wraps to its width."""

    def __init__(self, **options: object) -> None:
        super().__init__(
            color=INK, font_size=sp(15), halign="left", valign="middle", markup=False, **options
        )
        self.bind(size=lambda label, size: setattr(label, "text_size", size))


class Bar(BoxLayout):
    """One access point: its name, and a bar as long as its score."""

    def __init__(self, **options: object) -> None:
        super().__init__(orientation="horizontal", spacing=dp(6), **options)
        self.name = Label(
            color=INK, font_size=sp(13), size_hint_x=None, width=dp(150), halign="left",
            font_name="RobotoMono-Regular",
        )  # fmt: skip
        self.name.bind(size=lambda label, size: setattr(label, "text_size", size))
        self._field = Widget()
        with self._field.canvas:
            self._colour = Color(*FOR)
            self._box = Rectangle()
        self._field.bind(pos=self._draw, size=self._draw)
        self._share = 0.0
        self.add_widget(self.name)
        self.add_widget(self._field)

    def show(self, name: str, share: float) -> None:
        """`share`: -1 to 1 of the field's width; negative ones speak against the place."""
        self.name.text, self._share = name, share
        self._colour.rgba = FOR if share >= 0 else AGAINST
        self._draw()

    def _draw(self, *_: object) -> None:
        field = self._field
        self._box.pos = (field.x, field.y + field.height * 0.2)
        self._box.size = (field.width * min(abs(self._share), 1.0), field.height * 0.6)


class Panel(BoxLayout):
    """Status in words, and bars for the access points that spoke for this place."""

    def __init__(self, bars: int, **options: object) -> None:
        super().__init__(orientation="vertical", padding=dp(8), spacing=dp(2), **options)
        self.words = Words(size_hint_y=None, height=dp(44))
        self.feed = Words(size_hint_y=None, height=dp(24))
        self.title = Words(size_hint_y=None, height=dp(22))
        self._bars = [Bar(size_hint_y=None, height=dp(20)) for _ in range(bars)]
        for child in (self.words, self.feed, self.title, *self._bars):
            self.add_widget(child)
        self._deciding: tuple[tuple[str, float], ...] | None = None

    def show(
        self, words: str, feed: str, trouble: str, method: str,
        deciding: tuple[tuple[str, float], ...],
    ) -> None:  # fmt: skip
        """Texts and bars; labels whose text did not change are not laid out again."""
        self.words.text = trouble or words
        self.words.color = TROUBLE if trouble else INK
        self.feed.text = feed
        if deciding == self._deciding:
            return
        self._deciding = deciding
        said = {"cam": "What decided (Impact Score)", "occlusion": "What decided (occlusion)"}
        self.title.text = said.get(method, "") if deciding else ""
        longest = max((abs(score) for _, score in deciding), default=0.0) or 1.0
        for i, bar in enumerate(self._bars):
            bar.opacity = float(i < len(deciding))
            if i < len(deciding):
                bar.show(deciding[i][0], deciding[i][1] / longest)
