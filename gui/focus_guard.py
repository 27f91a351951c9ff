"""Leaves to buttons, boxes and lists the keys they need, before they become shortcuts.

With Space for "done" and Tab for "next suggestion" nobody could press a button from the keyboard or
leave it any more. Knows kinds of widgets and keys; knows no action.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QScrollArea,
    QWidget,
)

WALK = {Qt.Key.Key_Tab, Qt.Key.Key_Backtab}
PRESS = {Qt.Key.Key_Space}
ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
MOVE = {
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down,
    Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End,
}  # fmt: skip
KEPT: tuple[tuple[type[QWidget], set[Qt.Key]], ...] = (
    (QAbstractButton, WALK | PRESS),
    (QComboBox, WALK | PRESS | MOVE),
    (QAbstractItemView, WALK | PRESS | MOVE),
    (QAbstractSlider, WALK | MOVE),
    (QAbstractSpinBox, WALK),
    (QLineEdit, WALK | ENTER),
    (QScrollArea, WALK | MOVE),
)
"""What each kind of widget keeps for itself. Text fields keep what they can type by Qt's own."""


class FocusGuard(QObject):
    """Watches the widget that has the focus, and no other."""

    def __init__(self, app: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        app.focusChanged.connect(self._moved)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = event.modifiers() in (
                Qt.KeyboardModifier.NoModifier,
                Qt.KeyboardModifier.ShiftModifier,
            )
            if plain and any(
                event.key() in kept for kind, kept in KEPT if isinstance(watched, kind)
            ):
                event.accept()
                return True
        return False

    def _moved(self, old: QWidget | None, new: QWidget | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if new is not None and any(isinstance(new, kind) for kind, _kept in KEPT):
            new.installEventFilter(self)
