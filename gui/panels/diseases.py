"""The disease of the leaf: one row a disease, with its colour and its key.

Knows the list of diseases and which one the leaf has; labels nothing itself.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.domain.disease import Disease
from core.domain.ids import DiseaseId
from core.language import tr
from core.services.starter_list import found
from gui.canvas.dashes import paint_line
from gui.canvas.hatching import paint_swatch
from gui.direction import draw_words, turned
from gui.models.disease_keys import DiseaseKeys
from gui.models.diseases import DiseaseList
from gui.panels.pieces import button, label
from gui.panels.typed_line import TypedLine
from gui.plain import plain_tip
from gui.theme import Theme

ROW, GAP, SPACING = 28, 2, 4
DIGITS = 9
SHOWN, LEAST = 6.5, 5.5
"""Rows in sight: what a window of 800 lines has room for, and what there always are."""


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
        self._keys: DiseaseKeys | None = None
        self._page = 0
        self._dashed = False
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)
        head = self._head = QHBoxLayout()
        head.addWidget(label(tr("Disease of this leaf"), "heading"), 1)
        edit = QToolButton()
        edit.setIcon(theme.icon("mdi6.pencil-outline"))
        edit.setToolTip(tr("Add, rename or colour diseases"))
        edit.setAccessibleName(tr("Edit the diseases"))
        edit.clicked.connect(self.editing)
        self.edit_button = edit
        head.addWidget(edit)
        self.search = TypedLine()
        self.search.setPlaceholderText(tr("Name, synonym or code"))
        self.search.setAccessibleName(tr("Find a disease"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _text: self._sift())
        self.search.returnPressed.connect(self._name_first)
        self.add = button(tr("Add diseases…"), self.editing.emit)
        body = QWidget()
        body.setObjectName("panelBody")
        self._list = QVBoxLayout(body)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(GAP)
        self._list.setAlignment(Qt.AlignmentFlag.AlignTop)  # what a search leaves, too
        self._none = label(tr("No disease is called so."), "muted")
        self._none.setContentsMargins(8, 6, 0, 6)
        self._list.addWidget(self._none)
        self.area = _Area()
        self.area.setWidget(body)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addLayout(head)
        column.addWidget(self.search)
        column.addWidget(self.area, 1)
        column.addWidget(self.add)
        diseases.changed.connect(self._fill)
        self._fill()

    def show_current(self, disease: DiseaseId | None, *, enabled: bool) -> None:
        """Mark the leaf's disease; ``enabled``: whether it may be changed now."""
        another, chosen = disease != self._current, None
        self._current = disease
        self.add.setEnabled(enabled)
        for row in self._rows:
            row.setChecked(row.disease.id == disease)
            row.setEnabled(enabled)
            if row.isChecked():
                chosen = row
        if another:
            self.area.show_row(chosen)

    def row(self, disease: DiseaseId) -> QAbstractButton | None:
        return next((r for r in self._rows if r.disease.id == disease), None)

    def show_dashes(self, dashed: bool) -> None:
        """Whether each row shows its disease's outline, as on the photo, or its filled colour."""
        self._dashed = dashed
        for row in self._rows:
            row.put_dashed(dashed)

    def follow_keys(self, keys: DiseaseKeys) -> None:
        """Show on each row the digit that means it now."""
        self._keys = keys
        keys.changed.connect(self._number)
        self._number()

    def _number(self) -> None:
        for row in self._rows:
            row.put_key(self._keys.digit(row.disease) if self._keys else row.disease.hotkey)
        if self._keys is not None and self._keys.page != self._page:
            self._page = self._keys.page
            self._show_numbered(self._keys)

    def _show_numbered(self, keys: DiseaseKeys) -> None:
        """Bring what the digits mean now into sight: all of it where it fits, else from 1 on."""
        numbered = [row for row in self._rows if keys.digit(row.disease) is not None]
        for row in [*numbered[-1:], *numbered[:1]]:
            self.area.show_row(row)

    def _fill(self) -> None:
        for row in self._rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = []
        self.area.show_row(None)
        for disease in self._diseases.all:
            row = _Row(disease, self._theme)
            row.put_dashed(self._dashed)
            row.clicked.connect(lambda _c=False, d=disease: self._clicked(d))
            self._list.addWidget(row)
            # Made anew, they would be last of all on the way from one to the next.
            self.setTabOrder(self._rows[-1] if self._rows else self.search, row)
            self._rows.append(row)
        self._number()
        self.add.setVisible(not any(not disease.healthy for disease in self._diseases.all))
        # So many that digits alone do not reach them all.
        self.search.setVisible(len(self._rows) > DIGITS)
        self._sift()
        self.show_current(self._current, enabled=self.isEnabled())

    def seek(self) -> None:
        """The keyboard into the line that searches."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _wanted(self) -> list[Disease]:
        """The diseases in the list: all, or those that were searched for, the closest first."""
        text = self.search.text().strip()
        return found(self._diseases.all, text) if text else self._diseases.all

    def _sift(self) -> None:
        wanted = {disease.id for disease in self._wanted()}
        for row in self._rows:
            row.setVisible(row.disease.id in wanted)
        self._none.setVisible(bool(self._rows) and not wanted)
        # While it is searched the list keeps its height: nothing below it may jump at each letter.
        self.area.put_rows(len(self._rows))
        # Below the last row there is nothing to show: the room goes to the regions.
        head = self._head.sizeHint().height() + SPACING
        for part in (self.search, self.add):
            if not part.isHidden():
                part.ensurePolished()
                head += part.sizeHint().height() + SPACING
        self.setMaximumHeight(head + self.area.maximumHeight())

    def _name_first(self) -> None:
        """Enter names the leaf after the first disease found; it never takes a name away."""
        wanted = self._wanted() if self.search.text().strip() else []
        row = self.row(wanted[0].id) if wanted else None
        if row is not None and row.isEnabled():
            self.search.clear()
            self.search.left.emit()
            self.named.emit(wanted[0])

    def _clicked(self, disease: Disease) -> None:
        self.named.emit(None if disease.id == self._current else disease)


class _Area(QScrollArea):
    """As high as its rows where there is room; scrolls where there is not, so that with forty
    diseases the severity and the regions below stay in sight."""

    def __init__(self) -> None:
        super().__init__()
        self._hint = 0
        self._shown: QWidget | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its rows have the focus

    def put_rows(self, count: int) -> None:
        self._hint = _height(min(count, SHOWN))
        self.setMinimumHeight(_height(min(count, LEAST)))
        self.setMaximumHeight(_height(count))
        self.updateGeometry()

    def show_row(self, row: QWidget | None) -> None:
        """Bring ``row`` into sight, and keep it there when the height changes."""
        self._shown = row
        if row is not None:
            self.ensureWidgetVisible(row, 0, 0)

    def sizeHint(self) -> QSize:
        return QSize(160, self._hint)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.show_row(self._shown)


def _height(rows: float) -> int:
    """Of that many rows; half a row tells that more follow."""
    return max(0, int(rows * (ROW + GAP)) - GAP)


class _Row(QAbstractButton):
    """Colour or dashes, name, key."""

    def __init__(self, disease: Disease, theme: Theme) -> None:
        super().__init__()
        self.disease, self._theme = disease, theme
        self._key = disease.hotkey
        self._dashed = False
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setText(disease.name.replace("&", "&&"))
        self.setAccessibleName(disease.name)
        self.setToolTip(plain_tip(disease.name))  # it may be too long for its row
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def put_key(self, key: int | None) -> None:
        """The digit that means this disease now, or None."""
        self._key = key
        self.setAccessibleDescription("" if key is None else tr("Key {key}", key=key))
        self.update()

    def put_dashed(self, dashed: bool) -> None:
        """Show the outline's dashes, or the filled colour."""
        if dashed != self._dashed:
            self._dashed = dashed
            self.update()

    def nextCheckState(self) -> None:
        """The leaf's label decides what is checked, not the click."""

    def sizeHint(self) -> QSize:
        return QSize(160, ROW)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = self.rect().adjusted(1, 1, -1, -1)
        if self.isChecked() or self.underMouse() or self.hasFocus():
            frame_line = QPen(self._theme.colour("accent"), 2 if self.hasFocus() else 1)
            shown = self.isChecked() or self.hasFocus()
            painter.setPen(frame_line if shown else QPen(Qt.PenStyle.NoPen))
            painter.setBrush(self._theme.colour("accent_soft" if self.isChecked() else "hover"))
            painter.drawRoundedRect(frame, 6, 6)
        swatch = turned(self, QRect(8, (ROW - 14) // 2, 14, 14))
        if self._dashed:
            paint_line(painter, swatch, self.disease.colour)
        else:
            paint_swatch(painter, swatch, self.disease.colour)
        painter.setPen(self._theme.colour("text" if self.isEnabled() else "disabled"))
        middle = Qt.AlignmentFlag.AlignVCenter
        room = QRect(30, 0, self.width() - (38 if self._key is None else 60), ROW)
        # In the middle: of forty names several begin alike.
        name = painter.fontMetrics().elidedText(
            self.disease.name, Qt.TextElideMode.ElideMiddle, room.width()
        )
        draw_words(painter, self, room, name, middle | Qt.AlignmentFlag.AlignLeft)
        if self._key is not None:
            painter.setPen(self._theme.colour("muted"))
            place = turned(self, QRect(self.width() - 28, 5, 18, ROW - 10))
            painter.setBrush(self._theme.colour("field"))
            painter.drawRoundedRect(place, 4, 4)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, str(self._key))
