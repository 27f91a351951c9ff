"""A shape by its corners, click by click."""

from __future__ import annotations

from core.geometry.outline import enclosed
from core.language import tr
from gui.canvas.shape import finished, may_take
from gui.canvas.tools.base import Path, Pointer, Result, Surface, ToolSpec

CLOSE = 8.0
"""Logical pixels within which a click on the first corner closes."""
NOTHING = tr("The outline encloses no pixel: place three corners or more around the lesion.")


class PolygonTool:
    """Double click, Enter or a click on the first corner closes; Backspace takes one back."""

    def __init__(self) -> None:
        self._corners: list[tuple[float, float]] = []
        self._first: tuple[float, float] = (0.0, 0.0)
        self._minus = False

    @property
    def under_way(self) -> bool:
        return bool(self._corners)

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        document = surface.document
        if document is None:
            return None
        if at.again or self._meets_first(at):
            return self.close(surface)
        if not self._corners:
            self._minus = at.second or surface.subtracts
            if refused := may_take(document, minus=self._minus):
                return refused
            self._first = (at.wx, at.wy)
        self._corners.append((at.x, at.y))
        self.hover(at, surface)
        return None

    def move(self, at: Pointer, surface: Surface) -> Result | None:
        self.hover(at, surface)
        return None

    def release(self, at: Pointer, surface: Surface) -> Result | None:
        return None

    def hover(self, at: Pointer, surface: Surface) -> None:
        """The line to the next corner follows the pointer."""
        if self._corners:
            self._show((at.x, at.y), surface)

    def close(self, surface: Surface) -> Result | None:
        """As after a double click."""
        corners, document = self._corners, surface.document
        self.cancel(surface)
        if not corners or document is None:
            return None
        mask = enclosed(corners, document.size)
        return finished(mask, document, minus=self._minus, title=tr("Polygon"), nothing=NOTHING)

    def step_back(self, surface: Surface) -> None:
        """The last corner goes."""
        self._corners.pop()
        if self._corners:
            self._show(None, surface)
        else:
            self.cancel(surface)

    def cancel(self, surface: Surface) -> None:
        self._corners = []
        surface.show_path(None)

    def _show(self, end: tuple[float, float] | None, surface: Surface) -> None:
        surface.show_path(Path(tuple(self._corners), end, knots=True, minus=self._minus))

    def _meets_first(self, at: Pointer) -> bool:
        dx, dy = at.wx - self._first[0], at.wy - self._first[1]
        return len(self._corners) >= 3 and dx * dx + dy * dy <= CLOSE * CLOSE


SPECS = (
    ToolSpec(
        id="polygon",
        title=tr("Polygon"),
        icon="mdi6.vector-polygon",
        shortcut="G",
        hint=tr("Click corners; Enter or double click closes. Alt takes away."),
        place=32,
        make=PolygonTool,
    ),
)
