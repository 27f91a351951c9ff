"""Takes what looks like the place that was clicked."""

from __future__ import annotations

from core.domain.mask import Box, TileMask
from core.geometry.wand import Wand
from core.language import tr
from gui.canvas.shape import as_stroke, extent, finished, may_take
from gui.canvas.tools.base import Pointer, Refused, Result, Surface, ToolSpec

SLACK = 4.0
"""Logical pixels that a hand trembles while it clicks."""
TRAVEL = 5.0
"""Logical pixels of dragging for one unit of tolerance."""
OFF = tr("The wand looks at the photo; click on it.")


class WandTool:
    """Press to see what it takes, drag or turn the wheel for more or less, release to have it."""

    def __init__(self) -> None:
        self._wand: Wand | None = None
        self._mask: TileMask | None = None
        self._shown: Box | None = None
        self._minus = False
        self._from = (0.0, 0.0)
        self._began = 0.0

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        document = surface.document
        if document is None:
            return None
        around = surface.surroundings()
        on_photo = 0 <= at.x < document.size[0] and 0 <= at.y < document.size[1]
        if not on_photo or around is None:
            return Refused(OFF)
        self._minus = at.second or surface.subtracts
        if refused := may_take(document, minus=self._minus):
            return refused
        self._wand = Wand(around, (at.x, at.y))
        self._from, self._began = (at.wx, at.wy), surface.tolerance
        self._look(surface)
        return None

    def move(self, at: Pointer, surface: Surface) -> Result | None:
        if self._wand is None:
            return None
        # To the right or up is more, as on a slider.
        travelled = at.wx - self._from[0] - (at.wy - self._from[1])
        if abs(travelled) > SLACK:
            self._change(self._began + travelled / TRAVEL, surface)
        return None

    def turn(self, steps: int, surface: Surface) -> None:
        """A wheel's notch is one unit."""
        if self._wand is not None:
            self._began += steps
            self._change(surface.tolerance + steps, surface)

    def release(self, at: Pointer, surface: Surface) -> Result | None:
        mask, document = self._mask, surface.document
        self.cancel(surface)
        if mask is None or document is None:
            return None
        return finished(mask, document, minus=self._minus, title=tr("Magic wand"), nothing=OFF)

    def cancel(self, surface: Surface) -> None:
        self._wand = self._mask = self._shown = None
        surface.show_stroke(None, None)

    def _change(self, tolerance: float, surface: Surface) -> None:
        before = surface.tolerance
        surface.set_tolerance(tolerance)
        if surface.tolerance != before:
            self._look(surface)

    def _look(self, surface: Surface) -> None:
        document = surface.document
        if self._wand is None or document is None:
            return
        pixels, origin = self._wand.select(surface.tolerance)
        self._mask = TileMask.from_array(pixels, origin, document.size)
        box, before = extent(self._mask), self._shown
        self._shown = box
        if box is not None and before is not None:
            box = (
                min(box[0], before[0]),
                min(box[1], before[1]),
                max(box[2], before[2]),
                max(box[3], before[3]),
            )
        surface.show_stroke(as_stroke(self._mask, document, minus=self._minus), box)


SPECS = (
    ToolSpec(
        id="wand",
        title=tr("Magic wand"),
        icon="mdi6.magic-staff",
        shortcut="W",
        hint=tr("Click; hold and drag for more or less. Alt takes away."),
        place=36,
        make=WandTool,
        second=True,
        tolerance=True,
    ),
)
