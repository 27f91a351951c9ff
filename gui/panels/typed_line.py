"""A line to type in beside a photo that is worked on by keys.

Knows keys; knows neither what is typed nor who has the keys afterwards.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit


class TypedLine(QLineEdit):
    """``left`` fires when the person gives up with Esc, or as a line of its own kind says: keys
    are for the photo again. What was typed stays.
    """

    left = Signal()

    def event(self, event: QEvent) -> bool:
        # Else Esc would be the photo's already here, and the line would keep the keys.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        super().keyPressEvent(event)
