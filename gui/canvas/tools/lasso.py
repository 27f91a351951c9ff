"""A shape by free hand."""

from __future__ import annotations

from core.geometry.outline import enclosed
from core.language import tr
from gui.canvas.shape import finished, may_take
from gui.canvas.tools.base import Path, Pointer, Result, Surface, ToolSpec

NOTHING = tr("The loop encloses no pixel: hold the button and draw around the lesion.")


class LassoTool:
    """What the pointer goes round while the button is down; the ends are joined."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []
        self._minus = False

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        document = surface.document
        if document is None:
            return None
        self._minus = at.second or surface.subtracts
        if refused := may_take(document, minus=self._minus):
            return refused
        self._points = [(at.x, at.y)]
        return None

    def move(self, at: Pointer, surface: Surface) -> Result | None:
        if self._points and self._points[-1] != (at.x, at.y):
            self._points.append((at.x, at.y))
            surface.show_path(Path(tuple(self._points), minus=self._minus))
        return None

    def release(self, at: Pointer, surface: Surface) -> Result | None:
        points, document = self._points, surface.document
        self.cancel(surface)
        if not points or document is None:
            return None
        mask = enclosed([*points, (at.x, at.y)], document.size)
        return finished(mask, document, minus=self._minus, title=tr("Lasso"), nothing=NOTHING)

    def cancel(self, surface: Surface) -> None:
        self._points = []
        surface.show_path(None)


SPECS = (
    ToolSpec(
        id="lasso",
        title=tr("Lasso"),
        icon="mdi6.lasso",
        shortcut="S",
        hint=tr("Draw around a lesion. Alt or the right button takes away."),
        place=34,
        make=LassoTool,
        second=True,
    ),
)
