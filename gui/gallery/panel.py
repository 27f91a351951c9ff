"""The gallery with its filter: text, state, disease, and how many there are.

Knows the fields of a query; knows no session and no canvas.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.changes import Changes
from core.domain.ids import DiseaseId, ImageId
from core.domain.image import ImageState
from core.ports import ImageQuery
from gui.canvas.hatching import paint_swatch
from gui.context import Context
from gui.gallery.cell import STATE_TEXT
from gui.gallery.thumbs import Thumbnails
from gui.gallery.view import GalleryView
from gui.models.diseases import DiseaseList
from gui.models.images import ImageIndex

NOT_DONE = frozenset((ImageState.UNSEEN, ImageState.IN_PROGRESS))


def swatch(colour: str, side: int = 12) -> QIcon:
    """A small square in a disease's colour, with its pattern."""
    pixmap = QPixmap(side, side)
    pixmap.fill(QColor(colour))
    painter = QPainter(pixmap)
    paint_swatch(painter, pixmap.rect(), colour)
    painter.end()
    return QIcon(pixmap)


class GalleryPanel(QWidget):
    """``index`` holds the rows, ``view`` shows them; changing a filter asks for others."""

    def __init__(self, context: Context, diseases: DiseaseList) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._context, self._diseases = context, diseases
        self.index = ImageIndex(context.project, self)
        self.thumbs = Thumbnails(context.project, context.tasks, self)
        thumb = context.preferences.number("gallery.thumbnail")
        self.view = GalleryView(self.index, self.thumbs, context.theme, thumb)
        self.text = QLineEdit()
        self.text.setPlaceholderText("File name")
        self.text.setAccessibleName("Filter by file name")
        self.text.setClearButtonEnabled(True)
        self.text.addAction(
            context.theme.icon("mdi6.magnify", "muted"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.state = QComboBox()
        self.disease = QComboBox()
        for box, tip in ((self.state, "State"), (self.disease, "Disease of the leaf")):
            box.setToolTip(tip)
            box.setAccessibleName(tip)
            # A long disease name must not widen the gallery.
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            box.setMinimumWidth(64)
        self._count = QLabel()
        self._count.setTextFormat(Qt.TextFormat.PlainText)
        self._count.setProperty("role", "muted")
        self._fill_states()
        self._lay_out()
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(200)
        self._typing.timeout.connect(self._apply)
        self.text.textChanged.connect(lambda _text: self._typing.start())
        self.state.activated.connect(lambda _i: self._apply())
        self.disease.activated.connect(lambda _i: self._apply())
        self.index.reset.connect(self._count_again)
        diseases.changed.connect(self._fill_diseases)
        context.project.opened.connect(self._opened)
        context.project.changed.connect(self._changed)
        context.preferences.changed.connect(self._preference_changed)
        self._fill_diseases()

    def _lay_out(self) -> None:
        boxes = QHBoxLayout()
        boxes.setSpacing(6)
        boxes.addWidget(self.state, 1)
        boxes.addWidget(self.disease, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(6)
        top = QVBoxLayout()
        top.setContentsMargins(8, 0, 8, 0)
        top.setSpacing(6)
        top.addWidget(self.text)
        top.addLayout(boxes)
        top.addWidget(self._count)
        column.addLayout(top)
        column.addWidget(self.view, 1)

    def _fill_states(self) -> None:
        self.state.addItem("State", frozenset())
        self.state.addItem("Not yet done", NOT_DONE)
        for state, text in STATE_TEXT.items():
            self.state.addItem(text, frozenset((state,)))

    def _fill_diseases(self) -> None:
        chosen = self.disease.currentData()
        self.disease.clear()
        self.disease.addItem("Disease", None)
        for disease in self._diseases.all:
            self.disease.addItem(swatch(disease.colour), disease.name, disease.id)
        self.disease.setCurrentIndex(max(0, self.disease.findData(chosen)))
        self.view.set_diseases(self._diseases.by_id)

    def _apply(self) -> None:
        states: frozenset[ImageState] = self.state.currentData()
        disease: DiseaseId | None = self.disease.currentData()
        self.index.set_query(
            replace(self.index.query, states=states, disease=disease, text=self.text.text().strip())
        )

    def _opened(self) -> None:
        for widget in (self.state, self.disease):
            widget.setCurrentIndex(0)
        self.text.blockSignals(True)
        self.text.clear()
        self.text.blockSignals(False)

    def _changed(self, changes: Changes) -> None:
        if changes.everything:
            self.thumbs.forget(self.view.ids_in_sight())

    @property
    def is_filtered(self) -> bool:
        return self.index.query != ImageQuery()

    def _count_again(self) -> None:
        number = len(self.index)
        photos = f"{number:,} photo{'' if number == 1 else 's'}".replace(",", " ")
        self._count.setText(f"{photos} match" if self.is_filtered else photos)

    def _preference_changed(self, key: str) -> None:
        if key == "gallery.thumbnail":
            self.view.set_thumb(self._context.preferences.number(key))

    def neighbour(self, image: ImageId | None, step: int) -> ImageId | None:
        """The photo ``step`` rows from ``image``; the first one when ``image`` is not listed."""
        row = self.index.row(image)
        wanted = row + step if row >= 0 else 0
        return self.index.id(wanted) if 0 <= wanted < len(self.index) else None
