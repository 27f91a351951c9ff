"""What is above the gallery's photos, laid out by the room there is: nothing is cut.

Knows layout; knows no query.
"""

from __future__ import annotations

from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from core.language import tr
from gui.gallery.narrow_box import NarrowBox
from gui.panels.pieces import row
from gui.panels.typed_line import TypedLine

SPACING = 6
AROUND = 58
"""Pixels of the search line that its icon, its button and its frame take."""


class SearchLine(TypedLine):
    """Says what it searches in; where that would be cut, that it searches."""

    def __init__(self, icon: QIcon) -> None:
        super().__init__()
        self.setAccessibleName(tr("Filter by name, group or disease"))
        self.setToolTip(tr("Filter by name, group or disease"))
        self.setClearButtonEnabled(True)
        self.addAction(icon, QLineEdit.ActionPosition.LeadingPosition)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        whole = tr("Name, group or disease")
        fits = self.fontMetrics().horizontalAdvance(whole) <= self.width() - AROUND
        self.setPlaceholderText(whole if fits else tr("Search"))


class FilterRows(QWidget):
    """``pair`` share a row and ``order`` has the ``buttons`` beside it where all of them can be
    read; else each box has a row of its own, and the buttons are beside ``count``.
    """

    def __init__(
        self,
        pair: tuple[NarrowBox, NarrowBox],
        order: NarrowBox,
        buttons: tuple[QToolButton, ...],
        count: QLabel,
    ) -> None:
        super().__init__()
        self._pair, self._order, self._count = pair, order, count
        self._buttons = QWidget()
        self._buttons.setLayout(row(*buttons, spacing=SPACING))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        self._rows = [QHBoxLayout() for _ in range(4)]
        for line in self._rows:
            line.setSpacing(SPACING)
            column.addLayout(line)
        self.narrow = False
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        half = (self.width() - SPACING) // 2
        beside = self.width() - SPACING - self._buttons.sizeHint().width()
        pair = max(box.needs(box.itemText(0)) for box in self._pair)
        narrow = pair > half or self._order.needs(self._order.itemText(0)) > beside
        if narrow != self.narrow:
            self.narrow = narrow
            self._arrange()

    def _arrange(self) -> None:
        first, second = self._pair
        lines: list[list[QWidget]] = (
            [[first], [second], [self._order], [self._count, self._buttons]]
            if self.narrow
            else [[first, second], [self._order, self._buttons], [self._count], []]
        )
        for line, widgets in zip(self._rows, lines, strict=True):
            for widget in widgets:
                for other in self._rows:
                    other.removeWidget(widget)
                line.addWidget(widget, 0 if widget is self._buttons else 1)
