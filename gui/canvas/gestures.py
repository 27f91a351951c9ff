"""Hands pointer and keys to the chosen tool, and the tool's results to the canvas's signals.

An event filter behind the view's navigation: what pans or zooms never reaches a tool. Knows tools
and events; knows no pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from core.domain.mask import Box
from core.errors import Bug
from gui.canvas.document import CanvasDocument
from gui.canvas.stroke import Stroke
from gui.canvas.tools.base import (
    Band,
    BoxDrawn,
    Clicked,
    Pointer,
    PointPlaced,
    Refused,
    Result,
    StrokeFinished,
    StrokeStarted,
    Tool,
    all_tools,
)

if TYPE_CHECKING:
    from gui.canvas.view import CanvasView

RADII = (
    0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 40, 50, 62, 78, 96, 120, 150, 200,
)  # fmt: skip
_Kind = QEvent.Type
_PRESS = (_Kind.MouseButtonPress, _Kind.MouseButtonDblClick)


class Gestures(QObject):
    """The surface that tools work on. ``active`` is true between press and release."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._specs = all_tools()
        self._tools: dict[str, Tool] = {}
        self.spec = self._specs["hand"]
        self.radius = 12.0
        self.active = False
        self._last = Pointer(0, 0, 0, 0)
        view.installEventFilter(self)
        view.installEventFilter(view.navigation)  # again: the last one is asked first

    def choose(self, tool_id: str) -> None:
        """Another tool; a gesture under way is finished first. Raises Bug for an unknown id."""
        if tool_id not in self._specs:
            raise Bug(f"no tool is called {tool_id!r}: there are {', '.join(self._specs)}")
        self.finish()
        self.spec = self._specs[tool_id]
        self._view.show_hand(None)

    def finish(self) -> None:
        """End the gesture as if the button had been released now: a stroke is never lost."""
        if self.active:
            self.active = False
            self._send(self._tool().release(self._last, self))

    def cancel(self) -> None:
        """Give the gesture up."""
        if self.active:
            self.active = False
            self._tool().cancel(self)

    # What tools ask for.

    @property
    def document(self) -> CanvasDocument | None:
        return self._view.document

    @property
    def brush_radius(self) -> float:
        return self.radius

    def show_stroke(self, stroke: Stroke | None, box: Box | None) -> None:
        self._view.regions.show_stroke(stroke, box)

    def show_band(self, band: Band | None) -> None:
        self._view.marks.show_band(band)

    def pan_by(self, dx: float, dy: float) -> None:
        self._view.camera.pan_by(dx, dy)

    # What Qt sends.

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        match event:
            case QMouseEvent():
                return self._mouse(event)
            case QWheelEvent():
                return self._wheel(event)
            case QKeyEvent():
                return self._key(event)
        if event.type() in (_Kind.Hide, _Kind.WindowDeactivate):
            self.finish()
        elif event.type() == _Kind.Leave:
            self._view.marks.show_cursor(None, 0)
            self._view.hoverLeft.emit()
        return False

    def _tool(self) -> Tool:
        if self.spec.id not in self._tools:
            self._tools[self.spec.id] = self.spec.make()
        return self._tools[self.spec.id]

    def _mouse(self, event: QMouseEvent) -> bool:
        if self._view.pyramid is None:
            return False
        kind = event.type()
        second = event.button() == Qt.MouseButton.RightButton or bool(
            event.modifiers() & Qt.KeyboardModifier.AltModifier
        )
        at = self._pointer(event.position(), second=second)
        if kind in _PRESS and not self.active:
            if event.button() not in self._buttons():
                return False
            self.active, self._last = True, at
            self._send(self._tool().press(at, self))
        elif kind == _Kind.MouseMove:
            self._move(at)
        elif kind == _Kind.MouseButtonRelease and self.active:
            if event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton):
                return True  # the button that began is still down
            self._last = at
            self.finish()
        return True

    def _buttons(self) -> tuple[Qt.MouseButton, ...]:
        left, right = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
        return (left, right) if self.spec.second else (left,)

    def _move(self, at: Pointer) -> None:
        self.point_at(at.wx, at.wy)
        if self.active:
            self._last = at
            self._send(self._tool().move(at, self))
        self._view.hovered.emit(at.x, at.y)

    def point_at(self, wx: float, wy: float) -> None:
        """Show the brush's circle at a widget position."""
        at = QPointF(wx, wy) if self.spec.brush else None
        self._view.marks.show_cursor(at, self.radius)

    def _pointer(self, position: QPointF, *, second: bool) -> Pointer:
        x, y = self._view.camera.image_at(position)
        return Pointer(x, y, position.x(), position.y(), second)

    def _wheel(self, event: QWheelEvent) -> bool:
        turn = event.angleDelta()
        if not event.modifiers() & Qt.KeyboardModifier.AltModifier or not self.spec.brush:
            return False
        self._view.step_radius(1 if (turn.y() or turn.x()) > 0 else -1)  # X11 turns Alt + wheel
        event.accept()
        return True

    def _key(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape and self.active:
            event.accept()  # before it can be a shortcut of the window
            if event.type() == _Kind.KeyPress:
                self.cancel()
            return True
        step = {"[": -1, "]": 1}.get(event.text())
        if step is None or event.type() != _Kind.KeyPress:
            return False
        self._view.step_radius(step)
        return True

    def _send(self, result: Result | None) -> None:
        view = self._view
        match result:
            case StrokeStarted(region):
                view.strokeStarted.emit(region)
            case StrokeFinished(region, delta):
                view.strokeFinished.emit(region, dict(delta))
            case PointPlaced(x, y, positive):
                view.pointPlaced.emit(x, y, positive)
            case BoxDrawn(box):
                view.boxDrawn.emit(box)
            case Clicked(x, y):
                view.clicked.emit(x, y)
            case Refused(sentence):
                view.refused.emit(sentence)


def next_radius(radius: float, step: int) -> float:
    """The next larger (``step`` 1) or smaller (−1) radius of the ladder, in photo pixels."""
    if step > 0:
        return next((float(r) for r in RADII if r > radius), float(RADII[-1]))
    return next((float(r) for r in reversed(RADII) if r < radius), float(RADII[0]))
