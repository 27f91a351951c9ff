"""Moves a photo view by wheel, pinch, middle button, Space and keys.

An event filter, so that every photo view is moved in the same way and tools need not think of it.
Knows events and the view's public methods; knows no tool.

Wheel: zoom at the pointer (Shift: pan sideways). Touch pad: two fingers pan, pinch zooms, Ctrl with
two fingers zooms. Middle button or Space + left button: drag; Space alone, tapped, is a key like
others. Arrow keys pan, with Shift by half a
view; ``+`` and ``-`` zoom, Ctrl+0 fits, Ctrl+1 shows actual pixels.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import (
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture

if TYPE_CHECKING:
    from gui.canvas.viewport import PhotoView

NOTCH = 1.25
KEY_STEP = 64
TAP = 0.35
"""Seconds from which on Space was held, not tapped: somebody looked for the hand."""
PAN_KEYS = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
_Button = Qt.MouseButton
_Modifier = Qt.KeyboardModifier


class Navigation(QObject):
    """Installs itself on ``view``. ``busy`` is true while a drag or a held Space owns the mouse.

    ``tapped`` fires when Space is let go at once and nothing was dragged meanwhile.
    """

    tapped = Signal()

    def __init__(self, view: PhotoView) -> None:
        super().__init__(view)
        self._view = view
        self.left_drags = False
        """Whether the left button drags without Space, where there is no tool."""
        self.wheel_is_free = True
        """False while a tool turns by it."""
        self._space = False
        self._tap_until = 0.0
        self._drag: QPointF | None = None
        view.installEventFilter(self)
        view.grabGesture(Qt.GestureType.PinchGesture)

    @property
    def busy(self) -> bool:
        return self._space or self._drag is not None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        match event:
            case QWheelEvent():
                return self._wheel(event)
            case QNativeGestureEvent():
                return self._native(event)
            case QMouseEvent():
                return self._mouse(event)
            case QKeyEvent():
                return self._key(event)
            case QGestureEvent():
                return self._gesture(event)
        if event.type() == QEvent.Type.FocusOut and self._space:
            self._space = False
            self._show_cursor()
        return False

    def _wheel(self, event: QWheelEvent) -> bool:
        if event.modifiers() & _Modifier.AltModifier or not self.wheel_is_free:
            return False  # the tool's
        turn, pixels = event.angleDelta(), event.pixelDelta()
        pad = event.device().type() == QInputDevice.DeviceType.TouchPad
        if pad and not event.modifiers() & _Modifier.ControlModifier:
            move = pixels if not pixels.isNull() else turn / 2
            self._view.camera.pan_by(move.x(), move.y())
        elif event.modifiers() & _Modifier.ShiftModifier:
            self._view.camera.pan_by((turn.x() or turn.y()) / 120 * KEY_STEP, 0)
        else:
            self._view.camera.zoom_by(NOTCH ** (turn.y() / 120), event.position())
        event.accept()
        return True

    def _native(self, event: QNativeGestureEvent) -> bool:
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        self._view.camera.zoom_by(max(0.2, 1 + event.value()), event.position())
        return True

    def _gesture(self, event: QGestureEvent) -> bool:
        pinch = event.gesture(Qt.GestureType.PinchGesture)
        if not isinstance(pinch, QPinchGesture):
            return False
        centre = QPointF(self._view.mapFromGlobal(pinch.hotSpot()))
        self._view.camera.zoom_by(pinch.scaleFactor() or 1.0, centre)
        moved = pinch.centerPoint() - pinch.lastCenterPoint()
        self._view.camera.pan_by(moved.x(), moved.y())
        event.accept()
        return True

    def _mouse(self, event: QMouseEvent) -> bool:
        kind, button = event.type(), event.button()
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick):
            left = button == _Button.LeftButton and (self._space or self.left_drags)
            if button != _Button.MiddleButton and not left:
                return False
            self._drag = event.position()
            self._tap_until = 0.0
        elif self._drag is None:
            return False
        elif kind == QEvent.Type.MouseMove:
            delta = event.position() - self._drag
            step = QPointF(round(delta.x()), round(delta.y()))
            self._drag += step
            self._view.camera.pan_by(step.x(), step.y())
            return True
        elif kind == QEvent.Type.MouseButtonRelease:
            self._drag = None
        self._show_cursor()
        return True

    def _key(self, event: QKeyEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Space:
            event.accept()  # here it may be held as well, so the shortcut has to wait
            return True
        if event.type() not in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            return False
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._hold(event.type() == QEvent.Type.KeyPress)
            return True
        return event.type() == QEvent.Type.KeyPress and self._press(event)

    def _hold(self, down: bool) -> None:
        """Space went down or up."""
        was, self._space = self._space, down
        self._show_cursor()
        if down:
            self._tap_until = time.monotonic() + TAP
        elif was and time.monotonic() < self._tap_until:
            self.tapped.emit()

    def _press(self, event: QKeyEvent) -> bool:
        view, key = self._view, Qt.Key(event.key())
        control = bool(event.modifiers() & _Modifier.ControlModifier)
        if key in PAN_KEYS:
            x, y = PAN_KEYS[key]
            far = event.modifiers() & _Modifier.ShiftModifier
            view.camera.pan_by(
                x * (view.width() // 2 if far else KEY_STEP),
                y * (view.height() // 2 if far else KEY_STEP),
            )
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            view.camera.zoom_by(NOTCH)
        elif key == Qt.Key.Key_Minus:
            view.camera.zoom_by(1 / NOTCH)
        elif control and key == Qt.Key.Key_0:
            view.fit()
        elif control and key == Qt.Key.Key_1:
            view.zoom_to(1.0)
        else:
            return False
        return True

    def _show_cursor(self) -> None:
        """The hand while Space or a drag owns the mouse, then the view's own cursor again."""
        if self._drag is not None:
            self._view.show_hand(Qt.CursorShape.ClosedHandCursor)
        elif self._space:
            self._view.show_hand(Qt.CursorShape.OpenHandCursor)
        else:
            self._view.show_hand(None)
