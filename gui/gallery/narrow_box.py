"""A box to choose from that may be narrower than what is chosen.

Knows Qt and tool tips alone.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
)

from gui.plain import plain_tip


class NarrowBox(QComboBox):
    """Ends what does not fit with …, where Qt cuts through a letter; the list has all of it."""

    def __init__(self, what: str) -> None:
        """``what`` is chosen here, for the tool tip and for screen readers."""
        super().__init__()
        self.setToolTip(plain_tip(what))
        self.setAccessibleName(what)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(64)

    def shown(self) -> str:
        """What stands in the closed box."""
        return str(self._option().currentText)

    def needs(self, text: str) -> int:
        """The width in which ``text``, chosen and without a picture, is read whole."""
        option, room = QStyleOptionComboBox(), self.fontMetrics().size(0, text)
        self.initStyleOption(option)
        kind = QStyle.ContentsType.CT_ComboBox
        return self.style().sizeFromContents(kind, option, room, self).width()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), self._option()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _option(self) -> QStyleOptionComboBox:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        width = room.width() - (0 if option.currentIcon.isNull() else option.iconSize.width() + 4)
        end = Qt.TextElideMode.ElideRight
        option.currentText = self.fontMetrics().elidedText(option.currentText, end, width)
        return option
