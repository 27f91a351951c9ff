"""The disease of the leaf: one row a disease, with its colour and its key.

Knows the list of diseases and which one the leaf has; labels nothing itself.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.domain.disease import Disease
from core.domain.ids import DiseaseId
from gui.models.diseases import DiseaseList
from gui.panels.pieces import label
from gui.theme import Theme

ROW = 28


class DiseasePanel(QWidget):
    """``named`` carries the `Disease` picked, or None when the one the leaf has is clicked again;
    ``editing`` asks for the dialog that changes the list.
    """

    named = Signal(object)
    editing = Signal()

    def __init__(self, diseases: DiseaseList, theme: Theme) -> None:
        super().__init__()
        self._diseases, self._theme = diseases, theme
        self._current: DiseaseId | None = None
        self._rows: list[_Row] = []
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)
        head = QHBoxLayout()
        head.addWidget(label("Disease of this leaf", "heading"), 1)
        edit = QToolButton()
        edit.setIcon(theme.icon("mdi6.pencil-outline"))
        edit.setToolTip("Add, rename or colour diseases")
        edit.clicked.connect(self.editing)
        self.edit_button = edit
        head.addWidget(edit)
        self._list = QVBoxLayout()
        self._list.setSpacing(2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addLayout(self._list)
        diseases.changed.connect(self._fill)
        self._fill()

    def show_current(self, disease: DiseaseId | None, *, enabled: bool) -> None:
        """Mark the leaf's disease; ``enabled``: whether it may be changed now."""
        self._current = disease
        for row in self._rows:
            row.setChecked(row.disease.id == disease)
            row.setEnabled(enabled)

    def row(self, disease: DiseaseId) -> QAbstractButton | None:
        return next((r for r in self._rows if r.disease.id == disease), None)

    def _fill(self) -> None:
        for row in self._rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = []
        for disease in self._diseases.all:
            row = _Row(disease, self._theme)
            row.clicked.connect(lambda _c=False, d=disease: self._clicked(d))
            self._list.addWidget(row)
            self._rows.append(row)
        self.show_current(self._current, enabled=self.isEnabled())

    def _clicked(self, disease: Disease) -> None:
        self.named.emit(None if disease.id == self._current else disease)


class _Row(QAbstractButton):
    """Colour, name, key."""

    def __init__(self, disease: Disease, theme: Theme) -> None:
        super().__init__()
        self.disease, self._theme = disease, theme
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setText(disease.name.replace("&", "&&"))
        self.setAccessibleName(disease.name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def nextCheckState(self) -> None:
        """The leaf's label decides what is checked, not the click."""

    def sizeHint(self) -> QSize:
        return QSize(160, ROW)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = self.rect().adjusted(1, 1, -1, -1)
        if self.isChecked() or self.underMouse() or self.hasFocus():
            painter.setPen(
                self._theme.colour("accent")
                if self.isChecked() or self.hasFocus()
                else Qt.GlobalColor.transparent
            )
            painter.setBrush(self._theme.colour("accent_soft" if self.isChecked() else "hover"))
            painter.drawRoundedRect(frame, 6, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.disease.colour))
        painter.drawRoundedRect(QRect(9, (ROW - 12) // 2, 12, 12), 3, 3)
        painter.setPen(self._theme.colour("text" if self.isEnabled() else "disabled"))
        middle = Qt.AlignmentFlag.AlignVCenter
        room = QRect(30, 0, self.width() - 60, ROW)
        name = painter.fontMetrics().elidedText(
            self.disease.name, Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignLeft, name)
        if self.disease.hotkey is not None:
            painter.setPen(self._theme.colour("muted"))
            place = QRect(self.width() - 28, 5, 18, ROW - 10)
            painter.setBrush(self._theme.colour("field"))
            painter.drawRoundedRect(place, 4, 4)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, str(self.disease.hotkey))
