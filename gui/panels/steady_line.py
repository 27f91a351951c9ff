"""Lines of a panel that keep their place, so that nothing above or below them moves.

Knows layout; knows no assistant.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStackedLayout, QWidget


class SteadyLine(QLabel):
    """A wrapped text that is never less high than the highest of ``room_for``."""

    def __init__(self, room_for: Sequence[str]) -> None:
        super().__init__()
        self._room_for = tuple(room_for)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", "muted")
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        place, wrap = QRect(0, 0, self.width(), 1000), int(Qt.TextFlag.TextWordWrap)
        lines = [self.fontMetrics().boundingRect(place, wrap, text) for text in self._room_for]
        self.setMinimumHeight(max(line.height() for line in lines))


class EitherPlace(QWidget):
    """One of two things in the same place, which is as high as the higher of them."""

    def __init__(self, first: QWidget, second: QWidget) -> None:
        super().__init__()
        self._both = QStackedLayout(self)
        self._both.setContentsMargins(0, 0, 0, 0)
        for each in (first, second):
            self._both.addWidget(each)

    def showEvent(self, event: QShowEvent) -> None:
        """What is hidden has its size from the stylesheet too, not when it first shows."""
        for widget in self.findChildren(QWidget):
            widget.ensurePolished()
        self._both.invalidate()
        super().showEvent(event)

    def show_second(self, second: bool) -> None:
        self._both.setCurrentIndex(int(second))
