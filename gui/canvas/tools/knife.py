"""Cuts a region in two along a line."""

from __future__ import annotations

from core.language import tr
from gui.canvas.tools.base import LineDrawn, Path, Pointer, Refused, Result, Surface, ToolSpec


class KnifeTool:
    """A free line while the button is down; what it cuts off becomes a region."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        if surface.document is None:
            return None
        if surface.document.active is None:
            return Refused(tr("Choose the region to cut first: click it in the list."))
        self._points = [(at.x, at.y)]
        return None

    def move(self, at: Pointer, surface: Surface) -> Result | None:
        if self._points and self._points[-1] != (at.x, at.y):
            self._points.append((at.x, at.y))
            surface.show_path(Path(tuple(self._points), closes=False))
        return None

    def release(self, at: Pointer, surface: Surface) -> Result | None:
        points = self._points
        self.cancel(surface)
        return LineDrawn(tuple(points)) if len(points) > 1 else None

    def cancel(self, surface: Surface) -> None:
        self._points = []
        surface.show_path(None)


SPECS = (
    ToolSpec(
        id="knife",
        title=tr("Knife"),
        icon="mdi6.box-cutter",
        shortcut="K",
        hint=tr("Draw a line across the chosen region to cut it in two."),
        place=38,
        make=KnifeTool,
    ),
)
