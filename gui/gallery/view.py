"""The gallery: a grid of any number of photos, laid out by arithmetic.

A hundred thousand photos cost what is in sight. Knows rows, scrolling, mouse and keys; what a
cell looks like is `gui.gallery.cell`, where pictures come from `gui.gallery.thumbs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QApplication,
    QFrame,
    QRubberBand,
    QToolTip,
)

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId
from core.language import tr
from core.ports import ImageCard
from gui.gallery.cell import CellPainter, Look, percent
from gui.gallery.grid import MARGIN, Grid
from gui.gallery.selection import Selection
from gui.gallery.thumbs import Thumbnails
from gui.gallery.wording import state_text
from gui.models.images import ImageIndex
from gui.plain import plain_tip
from gui.theme import Theme


class GalleryView(QAbstractScrollArea):
    """``chosen`` carries the id of the photo that the person picked, by mouse or key; ``current``
    is the one that is marked. ``menu_wanted`` carries the global place for a menu about the
    ``selection``.
    """

    chosen = Signal(object)
    menu_wanted = Signal(QPoint)

    def __init__(self, index: ImageIndex, thumbs: Thumbnails, theme: Theme, thumb: int) -> None:
        super().__init__()
        self.setObjectName("gallery")
        self.setAccessibleName(tr("Photos"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.viewport().setMouseTracking(True)
        self._index, self._thumbs, self._theme = index, thumbs, theme
        self._diseases: Mapping[DiseaseId, Disease] = {}
        self.current: ImageId | None = None
        self.selection = Selection(index, self)
        self._hovered = -1
        self._pressed: QPoint | None = None
        self._from_top = False
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, self.viewport())
        self._thumb = thumb
        self._cell = CellPainter(theme, self.font(), thumb)
        self.set_thumb(thumb)
        thumbs.watch(self.ids_in_sight)
        thumbs.arrived.connect(lambda ids: self._repaint(index.row(i) for i in ids))
        index.cards_changed.connect(self._repaint)
        self.selection.changed.connect(self.viewport().update)
        index.reset.connect(self._rows_changed)
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
        """Mark a photo as the open one; bring it into sight if another was. Emits nothing."""
        other, old = image != self.current, self._index.row(self.current)
        self.current, row = image, self._index.row(image)
        if image not in self.selection:
            self.selection.only(image)
        self._repaint((old, row))
        if row >= 0 and other:
            self._show_row(row)

    def begin_at_top(self) -> None:
        """Show the next rows from the first on, wherever the open photo is among them."""
        self._from_top = True

    # -- layout

    @property
    def grid(self) -> Grid:
        """Where the cells are now."""
        offset = self.verticalScrollBar().value()
        mirrored = self.isRightToLeft()
        return Grid(len(self._index), self._cell.size, self.viewport().size(), offset, mirrored)

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

    def _rows_changed(self) -> None:
        self._relayout()
        row = self._index.row(self.current)
        if self._from_top:
            self.verticalScrollBar().setValue(0)
        elif row >= 0:
            self._show_row(row)
        self._from_top = False

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
        grid, several, focused = self.grid, len(self.selection) > 1, self.hasFocus()
        self._cell.ratio = self.devicePixelRatioF()
        self._cell.direction = self.layoutDirection()
        region = event.region()
        rows = [(row, grid.cell_rect(row)) for row in grid.rows_in(event.rect())]
        if region.rectCount() > 1:
            rows = [(row, rect) for row, rect in rows if region.intersects(rect)]
        pictures = [self._thumbs.pixmap(self._index.id(row)) for row, _ in rows]
        blank = [rect for (_, rect), picture in zip(rows, pictures, strict=True) if not picture]
        self._cell.placeholders(painter, blank)
        cards = [self._index.card(row) for row, _ in rows]
        late = self._cell.too_many(cards, self._diseases)
        for place, ((row, rect), picture) in enumerate(zip(rows, pictures, strict=True)):
            image, card = self._index.id(row), None if place in late else cards[place]
            current, selected = image == self.current, several and image in self.selection
            hovered = row == self._hovered
            if card or picture or current or selected or hovered:
                look = Look(current, selected, hovered, current and focused)
                self._cell.paint(
                    painter, rect, card=card, pixmap=picture, look=look, diseases=self._diseases
                )
        if late:
            QTimer.singleShot(0, self, lambda: self._repaint(rows[place][0] for place in late))

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
        spot = event.position().toPoint()
        row = self.grid.row_at(spot)
        if event.button() == Qt.MouseButton.RightButton:
            if row >= 0 and self._index.id(row) not in self.selection:
                self.selection.take((row,))
            if row >= 0:
                self.menu_wanted.emit(event.globalPosition().toPoint())
        elif event.button() == Qt.MouseButton.LeftButton:
            self._pressed = spot

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        spot = event.position().toPoint()
        if self._pressed is None:
            self._hover(self.grid.row_at(spot))
        elif (spot - self._pressed).manhattanLength() >= QApplication.startDragDistance():
            self._band.setGeometry(QRect(self._pressed, spot).normalized())
            self._band.show()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None or event.button() != Qt.MouseButton.LeftButton:
            return
        row, keys = self.grid.row_at(self._pressed), event.modifiers()
        self._pressed = None
        control = bool(keys & Qt.KeyboardModifier.ControlModifier)
        if self._band.isVisible():
            self._band.hide()
            grid, drawn = self.grid, self._band.geometry()
            rows = [r for r in grid.rows_in(drawn) if grid.cell_rect(r).intersects(drawn)]
            self.selection.take(rows, add=control)
        elif row >= 0 and keys & Qt.KeyboardModifier.ShiftModifier:
            self.selection.extend(row, add=control)
        elif row >= 0 and control:
            self.selection.toggle(row)
        elif row >= 0:
            self._choose(row)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self.ask_menu()

    def ask_menu(self) -> None:
        """The menu about the selection beside the open photo, for whoever has the keyboard."""
        if len(self.selection):
            row, whole = self._index.row(self.current), self.viewport().rect()
            if row >= 0:
                self._show_row(row)
            spot = self.grid.cell_rect(row).center() if row >= 0 else whole.center()
            self.menu_wanted.emit(self.viewport().mapToGlobal(spot))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(-1)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        onward = -1 if self.isRightToLeft() else 1
        step = {
            Qt.Key.Key_Left: -onward,
            Qt.Key.Key_Right: onward,
            Qt.Key.Key_Up: -self.grid.columns,
            Qt.Key.Key_Down: self.grid.columns,
            Qt.Key.Key_Home: -len(self._index),
            Qt.Key.Key_End: len(self._index),
        }.get(Qt.Key(event.key()))
        extends = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.matches(QKeySequence.StandardKey.SelectAll):
            self.selection.all()
        elif step is None or not len(self._index):
            super().keyPressEvent(event)
        else:
            start = self.selection.end if extends else self._index.row(self.current)
            row = max(0, min(len(self._index) - 1, start + step))
            if extends:
                self.selection.extend(row)
                self._show_row(row)
            else:
                self._choose(row)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self.grid.row_at(event.pos())
            card = self._index.card(row) if row >= 0 else None
            said = describe(card, self._diseases)
            QToolTip.showText(event.globalPos(), plain_tip(said), self)
            return True
        return super().viewportEvent(event)

    def _choose(self, row: int) -> None:
        self.selection.only(self._index.id(row))
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
    lines = [card.name, state_text(card), disease.name if disease else tr("not named")]
    if card.severity is not None:
        lines.append(tr("Severity {percent}", percent=percent(card.severity)))
    if card.dice is not None:
        lines.append(tr("Dice {dice:.2f}", dice=card.dice))
    if card.has_notes:
        lines.append(tr("Has notes"))
    return "\n".join(lines)
