"""Hands pointer and keys to the chosen tool, and the tool's results to the canvas's signals.

An event filter behind the view's navigation: what pans or zooms never reaches a tool. Knows tools
and events; knows no pixels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QWheelEvent

from core.errors import Bug
from gui.canvas.surface import CanvasSurface
from gui.canvas.tools.base import (
    BoxDrawn,
    Clicked,
    Lasting,
    LineDrawn,
    Pointer,
    PointPlaced,
    Refused,
    Result,
    StrokeFinished,
    StrokeStarted,
    Tool,
    Turned,
    all_tools,
)

if TYPE_CHECKING:
    from gui.canvas.view import CanvasView

RADII = (
    0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 40, 50, 62, 78, 96, 120, 150, 200,
)  # fmt: skip
_Kind = QEvent.Type
LASTING_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Backspace)
_PRESS = (_Kind.MouseButtonPress, _Kind.MouseButtonDblClick)


class Gestures(QObject):
    """``active`` is true between press and release; ``surface`` is what tools work on."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._specs = all_tools()
        self._tools: dict[str, Tool] = {}
        self.spec = self._specs["hand"]
        self.surface = CanvasSurface(view)
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
        """End the gesture: a stroke is never lost, and neither are the corners of a polygon."""
        self._release()
        lasting = self._lasting()
        if lasting is not None:
            self._send(lasting.close(self.surface))

    def cancel(self) -> None:
        """Give the gesture up."""
        if self.active or self._lasting() is not None:
            self._hold(False)
            self._tool().cancel(self.surface)

    def step_back(self) -> bool:
        """Undo while a gesture is under way: the last corner goes, or the stroke. Whether one was:
        what is on the photo already came earlier, and stays.
        """
        lasting = self._lasting()
        if lasting is not None:
            lasting.step_back(self.surface)
        elif self.active:
            self.cancel()
        else:
            return False
        return True

    def _release(self) -> None:
        """As if the button had been released now."""
        if self.active:
            self._hold(False)
            self._send(self._tool().release(self._last, self.surface))

    def _hold(self, down: bool) -> None:
        self.active = down
        self._view.navigation.wheel_is_free = not (down and isinstance(self._tool(), Turned))

    def _lasting(self) -> Lasting | None:
        """The tool, while its gesture goes on."""
        tool = self._tools.get(self.spec.id)
        return tool if isinstance(tool, Lasting) and tool.under_way else None

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
            self._release()
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
            self._hold(True)
            self._last = replace(at, again=kind == _Kind.MouseButtonDblClick)
            self._send(self._tool().press(self._last, self.surface))
        elif kind == _Kind.MouseMove:
            self._move(at)
        elif kind == _Kind.MouseButtonRelease and self.active:
            if event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton):
                return True  # the button that began is still down
            self._last = at
            self._release()
        return True

    def _buttons(self) -> tuple[Qt.MouseButton, ...]:
        left, right = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
        return (left, right) if self.spec.second else (left,)

    def _move(self, at: Pointer) -> None:
        self.point_at(at.wx, at.wy)
        if self.active:
            self._last = at
            self._send(self._tool().move(at, self.surface))
        elif (lasting := self._lasting()) is not None:
            lasting.hover(at, self.surface)
        self._view.hovered.emit(at.x, at.y)

    def point_at(self, wx: float, wy: float) -> None:
        """Show the brush's circle at a widget position."""
        at = QPointF(wx, wy) if self.spec.brush else None
        self._view.marks.show_cursor(at, self.surface.radius)

    def _pointer(self, position: QPointF, *, second: bool) -> Pointer:
        x, y = self._view.camera.image_at(position)
        return Pointer(x, y, position.x(), position.y(), second)

    def _wheel(self, event: QWheelEvent) -> bool:
        turn = event.angleDelta()
        step = 1 if (turn.y() or turn.x()) > 0 else -1  # X11 turns Alt + wheel
        tool = self._tool()
        if self.active and isinstance(tool, Turned):
            tool.turn(step, self.surface)
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and self._dialled:
            self.dial(step)
        else:
            return False
        event.accept()
        return True

    @property
    def _dialled(self) -> bool:
        return self.spec.brush or self.spec.tolerance

    def dial(self, step: int) -> None:
        """More (1) or less (−1) of what the tool has: tolerance or size."""
        if self.spec.tolerance:
            self.surface.set_tolerance(self.surface.tolerance + step)
        else:
            self._view.step_radius(step)

    def _key(self, event: QKeyEvent) -> bool:
        pressed = event.type() == _Kind.KeyPress
        lasting = self._lasting()
        if event.key() == Qt.Key.Key_Escape and (self.active or lasting is not None):
            event.accept()  # before it can be a shortcut of the window
            if pressed:
                self.cancel()
            return True
        if (lasting is not None or self.active) and event.matches(QKeySequence.StandardKey.Undo):
            event.accept()  # there may be nothing on the photo yet that could be undone
            if pressed:
                self.step_back()
            return True
        if lasting is not None and event.key() in LASTING_KEYS:
            event.accept()
            if pressed and event.key() == Qt.Key.Key_Backspace:
                self.step_back()
            elif pressed:
                self._send(lasting.close(self.surface))
            return True
        step = {"[": -1, "]": 1}.get(event.text())
        if step is None or not pressed:
            return False
        self.dial(step)
        return True

    def _send(self, result: Result | None) -> None:
        view = self._view
        match result:
            case StrokeStarted(region):
                view.strokeStarted.emit(region)
            case StrokeFinished(region, delta, title):
                view.strokeFinished.emit(region, dict(delta), title)
            case LineDrawn(points):
                view.lineDrawn.emit(points)
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
