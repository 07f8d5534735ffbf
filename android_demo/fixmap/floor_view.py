"""The floor plan with overlay, track, fix and circle; pinch or wheel zooms, a finger moves it.

Everything is drawn in metres once; moving the view changes one matrix, and a new state changes only
the instructions whose values differ. Between two states nothing is done per frame.
"""

from __future__ import annotations

import io

from kivy.core.image import Image as CoreImage
from kivy.graphics import (
    Color,
    Ellipse,
    InstructionGroup,
    Line,
    MatrixInstruction,
    PopMatrix,
    PushMatrix,
    Rectangle,
)
from kivy.graphics.texture import Texture
from kivy.graphics.transformation import Matrix
from kivy.input.motionevent import MotionEvent
from kivy.uix.stencilview import StencilView

from fixmap.heat import Heat
from fixmap.plan import Plan
from sdk import Fix

BACKGROUND = (0.96, 0.96, 0.95, 1)
WALL = (0.45, 0.47, 0.5, 1)
BLUE = (0.13, 0.45, 0.85)
ROUGH = (0.85, 0.55, 0.13)
# Pixels per metre beyond which nothing new is seen.
CLOSEST = 60.0
CIRCLE_SEGMENTS = 72
DOT_PX = 7.0
LINE_PX = 1.6
# What a view that follows the fix shows at least, and how many radii across.
NEAR_M = 50.0
NEAR_RADII = 10.0
MIDDLE = 0.6


class FloorView(StencilView):
    """One floor. `show_plan` when the floor changes, `show` for every new state."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self._plan = Plan(0.0, 0.0)
        self._scale = 1.0
        self._centre_m = (0.0, 0.0)
        self._touches: list[MotionEvent] = []
        self._shown: tuple[object, ...] = ()
        self._heat: Heat | None = None
        self._texture: Texture | None = None
        self._placed: Fix | None = None
        self._trail: tuple[tuple[float, float], ...] = ()
        self.follows = self._whole = True
        with self.canvas.before:
            Color(*BACKGROUND)
            self._ground = Rectangle()
        with self.canvas:
            PushMatrix()
            self._matrix = MatrixInstruction()
        self._layers = {name: InstructionGroup() for name in ("plan", "heat", "trail", "fix")}
        for layer in self._layers.values():
            self.canvas.add(layer)
        with self.canvas:
            PopMatrix()
        self.bind(pos=self._arrange, size=self._arrange)

    # What is shown

    def show_plan(self, plan: Plan) -> None:
        """Draw another floor and fit it into the view."""
        self._plan = plan
        layer = self._layers["plan"]
        layer.clear()
        if plan.image:
            texture = CoreImage(io.BytesIO(plan.image), ext="png").texture
            layer.add(Color(1, 1, 1, 1))
            layer.add(Rectangle(texture=texture, pos=(0, 0), size=(plan.width_m, plan.height_m)))
        elif plan.lines:
            layer.add(Color(*WALL))
            for line in plan.lines:
                layer.add(Line(points=[value for point in line for value in point]))
        self.fit()

    def show(
        self, floor: int, fix: Fix | None, trail: tuple[tuple[float, float, int], ...],
        heat: Heat | None,
    ) -> None:  # fmt: skip
        """Draw what belongs to the floor; what did not change is left as it is."""
        if heat is not None and heat.floor != floor:
            heat = None
        if heat is not self._heat:
            self._heat = heat
            self._draw_heat(heat)
        here = tuple((x, y) for x, y, level in trail if level == floor)
        placed = fix if fix and fix.floor == floor else None
        if (here, placed) != self._shown:
            self._shown = (here, placed)
            self._placed = placed
            self._draw_trail(here)
            self._draw_fix()
            if placed is not None and self.follows:
                self._follow(placed)

    def fit(self) -> None:
        """The whole floor in the view."""
        width, height = self._plan.width_m or 1.0, self._plan.height_m or 1.0
        scale = 0.95 * min(self.width / width, self.height / height)
        self.follows = self._whole = True
        self._look(max(scale, 1e-3), (width / 2, height / 2))

    def to_pixels(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Where a point of the floor is in the window."""
        return (
            self.center_x + (x_m - self._centre_m[0]) * self._scale,
            self.center_y + (y_m - self._centre_m[1]) * self._scale,
        )

    # Drawing, in metres

    def _draw_heat(self, heat: Heat | None) -> None:
        layer = self._layers["heat"]
        if heat is None:
            layer.clear()
            self._texture = None
            return
        height, width = heat.rgba.shape[:2]
        if self._texture is None or self._texture.size != (width, height):
            self._texture = Texture.create(size=(width, height), colorfmt="rgba")
            self._texture.mag_filter = self._texture.min_filter = "nearest"
        self._texture.blit_buffer(heat.rgba.tobytes(), colorfmt="rgba", bufferfmt="ubyte")
        layer.clear()
        layer.add(Color(1, 1, 1, 1))
        layer.add(
            Rectangle(
                texture=self._texture, pos=(heat.left_m, heat.bottom_m),
                size=(heat.width_m, heat.height_m),
            )
        )  # fmt: skip

    def _draw_trail(self, trail: tuple[tuple[float, float], ...]) -> None:
        self._trail = trail
        layer = self._layers["trail"]
        layer.clear()
        if len(trail) > 1:
            layer.add(Color(*BLUE, 0.6))
            points = [value for point in trail for value in point]
            layer.add(Line(points=points, width=LINE_PX / self._scale))

    def _draw_fix(self) -> None:
        layer, fix = self._layers["fix"], self._placed
        layer.clear()
        if fix is None:
            return
        assert fix.x_m is not None
        assert fix.y_m is not None
        assert fix.accuracy_m is not None
        colour = BLUE if fix.status == "OK" else ROUGH
        x, y, radius = fix.x_m, fix.y_m, fix.accuracy_m
        layer.add(Color(*colour, 0.15))
        layer.add(Ellipse(pos=(x - radius, y - radius), size=(2 * radius, 2 * radius)))
        layer.add(Color(*colour, 0.9))
        circle = (x, y, radius, 0, 360, CIRCLE_SEGMENTS)
        layer.add(Line(circle=circle, width=LINE_PX / self._scale))
        dot = DOT_PX / self._scale
        layer.add(Color(*colour, 1))
        layer.add(Ellipse(pos=(x - dot, y - dot), size=(2 * dot, 2 * dot)))

    # The view

    def _arrange(self, *_: object) -> None:
        self._ground.pos, self._ground.size = self.pos, self.size
        if self._plan.width_m and self._whole:
            self.fit()
        else:
            self._look(self._scale, self._centre_m)

    def _follow(self, fix: Fix) -> None:
        """Go near the first fix; later move only when it leaves the middle of the view."""
        assert fix.x_m is not None
        assert fix.y_m is not None
        assert fix.accuracy_m is not None
        scale = self._scale
        if self._whole:
            self._whole = False
            near_m = max(NEAR_M, NEAR_RADII * fix.accuracy_m)
            scale = max(scale, min(self.width, self.height) / near_m)
        x, y = self.to_pixels(fix.x_m, fix.y_m)
        away = max(abs(x - self.center_x) / self.width, abs(y - self.center_y) / self.height)
        if scale != self._scale or away > MIDDLE / 2:
            self._look(scale, (fix.x_m, fix.y_m))

    def _look(self, scale: float, centre_m: tuple[float, float]) -> None:
        rescaled = scale != self._scale
        self._scale, self._centre_m = scale, centre_m
        matrix = Matrix().translate(-centre_m[0], -centre_m[1], 0)
        matrix = Matrix().scale(scale, scale, 1).multiply(matrix)
        self._matrix.matrix = Matrix().translate(self.center_x, self.center_y, 0).multiply(matrix)
        if rescaled:  # dot and lines keep their size in pixels
            self._draw_fix()
            self._draw_trail(self._trail)

    def _zoom(self, factor: float, x: float, y: float) -> None:
        least = 0.3 * min(
            self.width / (self._plan.width_m or 1.0), self.height / (self._plan.height_m or 1.0)
        )
        scale = min(max(self._scale * factor, least), CLOSEST)
        # The point under the fingers stays there.
        dx, dy = x - self.center_x, y - self.center_y
        x_m, y_m = self._centre_m
        shift = 1 / self._scale - 1 / scale
        self._look(scale, (x_m + dx * shift, y_m + dy * shift))

    def on_touch_down(self, touch: MotionEvent) -> bool:
        if not self.collide_point(*touch.pos):
            return False
        if touch.is_mouse_scrolling:
            self._zoom(1.2 if touch.button == "scrolldown" else 1 / 1.2, *touch.pos)
            return True
        if touch.is_double_tap:
            self.fit()
            self._whole = False  # asked for: it stays
            return True
        touch.grab(self)
        self._touches.append(touch)
        return True

    def on_touch_move(self, touch: MotionEvent) -> bool:
        if touch not in self._touches:
            return False
        if len(self._touches) == 1:
            x_m, y_m = self._centre_m
            self.follows = False
            self._look(self._scale, (x_m - touch.dx / self._scale, y_m - touch.dy / self._scale))
        elif touch in self._touches[:2]:
            other = self._touches[1 - self._touches.index(touch)]
            before = max(1.0, abs(complex(touch.px - other.x, touch.py - other.y)))
            after = max(1.0, abs(complex(touch.x - other.x, touch.y - other.y)))
            self._zoom(after / before, other.x, other.y)
        return True

    def on_touch_up(self, touch: MotionEvent) -> bool:
        if touch not in self._touches:
            return False
        touch.ungrab(self)
        self._touches.remove(touch)
        return True
