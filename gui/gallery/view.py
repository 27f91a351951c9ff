"""The gallery: a grid of any number of photos, laid out by arithmetic.

A hundred thousand photos cost what is in sight. Knows rows, scrolling, mouse and keys; what a
cell looks like is `gui.gallery.cell`, where pictures come from `gui.gallery.thumbs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId
from core.ports import ImageCard
from gui.gallery.cell import STATE_TEXT, CellPainter, Look, percent
from gui.gallery.grid import MARGIN, Grid
from gui.gallery.thumbs import Thumbnails
from gui.models.images import ImageIndex
from gui.theme import Theme


class GalleryView(QAbstractScrollArea):
    """``chosen`` carries the id of the photo that the person picked, by mouse or key; ``current``
    is the one that is marked.
    """

    chosen = Signal(object)

    def __init__(self, index: ImageIndex, thumbs: Thumbnails, theme: Theme, thumb: int) -> None:
        super().__init__()
        self.setObjectName("gallery")
        self.setAccessibleName("Photos")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.viewport().setMouseTracking(True)
        self._index, self._thumbs, self._theme = index, thumbs, theme
        self._diseases: Mapping[DiseaseId, Disease] = {}
        self.current: ImageId | None = None
        self._hovered = -1
        self._thumb = thumb
        self._cell = CellPainter(theme, self.font(), thumb)
        self.set_thumb(thumb)
        thumbs.watch(self.ids_in_sight)
        thumbs.arrived.connect(lambda ids: self._repaint(index.row(i) for i in ids))
        index.cards_changed.connect(self._repaint)
        index.reset.connect(self._relayout)
        theme.changed.connect(lambda: self.set_thumb(self._thumb))

    def set_thumb(self, thumb: int) -> None:
        """Width of the pictures in logical pixels."""
        self._thumb = thumb
        self._cell = CellPainter(self._theme, self.font(), thumb)
        ratio = self.devicePixelRatioF()
        self._thumbs.set_size(self._cell.picture * ratio)
        self.setMinimumWidth(self._cell.size.width() + 2 * MARGIN + 14)
        self._relayout()

    def set_diseases(self, diseases: Mapping[DiseaseId, Disease]) -> None:
        self._diseases = diseases
        self.viewport().update()

    def set_current(self, image: ImageId | None) -> None:
        """Mark a photo as the open one and bring it into sight. Emits nothing."""
        old, self.current = self._index.row(self.current), image
        row = self._index.row(image)
        self._repaint((old, row))
        if row >= 0:
            self._show_row(row)

    # -- layout

    @property
    def grid(self) -> Grid:
        """Where the cells are now."""
        offset = self.verticalScrollBar().value()
        return Grid(len(self._index), self._cell.size, self.viewport().size(), offset)

    def ids_in_sight(self) -> list[ImageId]:
        return [self._index.id(row) for row in self.grid.rows_in()]

    def sizeHint(self) -> QSize:
        return QSize(2 * self._cell.size.width() + 2 * MARGIN + 18, 400)

    def _relayout(self) -> None:
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, self.grid.height - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(20, self._cell.size.height() // 4))
        self._hovered = -1
        self.viewport().update()

    def _show_row(self, row: int) -> None:
        rect, bar = self.grid.cell_rect(row), self.verticalScrollBar()
        if rect.top() < 0:
            bar.setValue(bar.value() + rect.top() - MARGIN)
        elif rect.bottom() > self.viewport().height():
            bar.setValue(bar.value() + rect.bottom() - self.viewport().height() + MARGIN)

    def _repaint(self, rows: Iterable[int]) -> None:
        grid = self.grid
        sight = grid.rows_in()
        for row in rows:
            if row in sight:
                self.viewport().update(grid.cell_rect(row))

    # -- events

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), self._theme.colour("panel"))
        grid = self.grid
        for row in grid.rows_in(event.rect()):
            rect = grid.cell_rect(row)
            if not event.region().intersects(rect):
                continue
            image = self._index.id(row)
            current = image == self.current
            self._cell.paint(
                painter,
                rect,
                card=self._index.card(row),
                pixmap=self._thumbs.pixmap(image),
                look=Look(current, row == self._hovered, current and self.hasFocus()),
                diseases=self._diseases,
            )

    def scrollContentsBy(self, _dx: int, dy: int) -> None:
        self._hovered = -1
        self.viewport().scroll(0, dy)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        sight = self.grid.rows_in()
        self._relayout()
        row = self._index.row(self.current)
        if row in sight:
            self._show_row(row)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.grid.row_at(event.position().toPoint())
        if row >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._choose(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.grid.row_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(-1)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.grid.columns,
            Qt.Key.Key_Down: self.grid.columns,
            Qt.Key.Key_Home: -len(self._index),
            Qt.Key.Key_End: len(self._index),
        }.get(Qt.Key(event.key()))
        if step is None or not len(self._index):
            super().keyPressEvent(event)
            return
        row = self._index.row(self.current) + step
        self._choose(max(0, min(len(self._index) - 1, row)))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self.grid.row_at(event.pos())
            card = self._index.card(row) if row >= 0 else None
            QToolTip.showText(event.globalPos(), describe(card, self._diseases), self)
            return True
        return super().viewportEvent(event)

    def _choose(self, row: int) -> None:
        self.set_current(self._index.id(row))
        self.chosen.emit(self.current)

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            old, self._hovered = self._hovered, row
            self._repaint((old, row))


def describe(card: ImageCard | None, diseases: Mapping[DiseaseId, Disease]) -> str:
    """The tool tip of a photo."""
    if card is None:
        return ""
    disease = diseases.get(card.disease) if card.disease is not None else None
    lines = [card.name, STATE_TEXT[card.state], disease.name if disease else "not named"]
    if card.severity is not None:
        lines.append(f"Severity {percent(card.severity)}")
    return plain_tip("\n".join(lines))


def plain_tip(text: str) -> str:
    """A tool tip that Qt cannot take for HTML: it guesses by the look of the text."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<qt>{escaped}</qt>".replace("\n", "<br>")
