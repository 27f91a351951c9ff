"""Moves the photo; a click without a move chooses what is there."""

from __future__ import annotations

from PySide6.QtCore import Qt

from core.language import tr
from gui.canvas.tools.base import Clicked, Pointer, Result, Surface, ToolSpec

SLACK = 4.0
"""Logical pixels that a hand trembles while it clicks."""


class PanTool:
    """Drags the photo; a click that did not move chooses the region under it."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._moved = False

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        self._last, self._moved = (at.wx, at.wy), False
        return None

    def move(self, at: Pointer, surface: Surface) -> Result | None:
        if self._last is None:
            return None
        dx, dy = at.wx - self._last[0], at.wy - self._last[1]
        if self._moved or abs(dx) + abs(dy) > SLACK:
            self._moved, self._last = True, (at.wx, at.wy)
            surface.pan_by(dx, dy)
        return None

    def release(self, at: Pointer, surface: Surface) -> Result | None:
        pressed, self._last = self._last, None
        if pressed is None or self._moved or at.second:
            return None
        return Clicked(at.x, at.y)

    def cancel(self, surface: Surface) -> None:
        self._last = None


SPECS = (
    ToolSpec(
        id="hand",
        title=tr("Move and select"),
        icon="mdi6.cursor-default-outline",
        shortcut="V",
        hint=tr("Drag the photo; click a region to choose it."),
        place=10,
        make=PanTool,
        cursor=Qt.CursorShape.OpenHandCursor,
    ),
)
