"""The leaves of a run, worst first, loaded a page at a time.

Knows `Hard` lines and how to draw them; knows no project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QImage, QKeyEvent, QPainter, QPainterPath
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from core.domain.ids import ImageId
from core.domain.run import Score, Verdict
from core.language import tr
from gui.context import Context
from gui.controllers import wording
from gui.controllers.review import PAGE, Hard
from gui.direction import draw_words, turned
from gui.gallery.thumbs import filled
from gui.plain import plain_tip

if TYPE_CHECKING:
    from gui.theme import Theme

HARD = Qt.ItemDataRole.UserRole
PICTURE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
SIDE = 52
KEPT = 600
"""Decoded thumbnails that are remembered; six megabytes."""
TONES = {Verdict.LABEL_WRONG: "warn", Verdict.MODEL_WRONG: "danger", Verdict.UNSURE: "muted"}


class HardModel(QAbstractListModel):
    """Rows are `Hard` lines. ``more_wanted`` asks for the page after the last line."""

    more_wanted = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._lines: list[Hard] = []
        self._pictures: dict[ImageId, QImage | None] = {}
        self._more = self.waiting = False

    @property
    def lines(self) -> list[Hard]:
        return list(self._lines)

    @property
    def last(self) -> tuple[float, ImageId] | None:
        """Where the next page begins."""
        if not self._lines:
            return None
        score = self._lines[-1].score
        return (score.dice if score.dice is not None else 0.0, score.image)

    def begin(self, *, more: bool) -> None:
        """Empty the list; ``more``: the first page has been asked for."""
        self.beginResetModel()
        self._lines, self._more, self.waiting = [], more, more
        self.endResetModel()

    def add(self, page: Sequence[Hard]) -> None:
        """One more page. A short one is the last."""
        self.waiting, self._more = False, len(page) == PAGE
        if not page:
            return
        first = len(self._lines)
        self.beginInsertRows(QModelIndex(), first, first + len(page) - 1)
        self._lines.extend(page)
        self.endInsertRows()

    def replace(self, row: int, score: Score) -> None:
        """The same leaf with another verdict."""
        old = self._lines[row]
        self._lines[row] = Hard(score, old.name, old.thumbnail)
        self.dataChanged.emit(self.index(row, 0), self.index(row, 0))

    def row_of(self, image: ImageId) -> int:
        """-1 when it is not among the lines loaded so far."""
        return next((i for i, h in enumerate(self._lines) if h.score.image == image), -1)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._more and not self.waiting

    def fetchMore(self, _parent: Index) -> None:
        self.waiting = True
        self.more_wanted.emit()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line = self._lines[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return tr("{name}, Dice {dice}", name=line.name, dice=wording.dice(line.score.dice))
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(line.name)
        if role == PICTURE:
            return self._picture(line)
        return line if role == HARD else None

    def _picture(self, line: Hard) -> QImage | None:
        """The thumbnail; decoded in the free lane when first looked at."""
        image = line.score.image
        if image not in self._pictures:
            while len(self._pictures) >= KEPT:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[image] = None
            data = line.thumbnail
            self._context.tasks.run(
                lambda: _square(data), on_done=lambda made: self._decoded(image, made), owner=self
            )
        return self._pictures[image]

    def _decoded(self, image: ImageId, picture: QImage) -> None:
        self._pictures[image] = picture
        row = self.row_of(image)
        if row >= 0:
            self.dataChanged.emit(self.index(row, 0), self.index(row, 0), [PICTURE])


def _square(data: bytes) -> QImage:
    """The middle of a thumbnail, twice the size it is drawn in. Runs off the GUI thread."""
    return filled(data, QSize(2 * SIDE, 2 * SIDE))


class HardDelegate(QStyledItemDelegate):
    """Thumbnail; name and Dice; what it is and what the model called it."""

    def __init__(self, theme: Theme, view: QListView) -> None:
        super().__init__(view)
        self._theme, self._port = theme, view.viewport()

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(200, SIDE + 14)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        line: Hard = index.data(HARD)
        theme, score = self._theme, line.score
        painter.save()
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        self._background(painter, option)
        box: QRect = option.rect.adjusted(9, 7, -12, -7)
        picture = turned(self._port, QRect(box.left(), box.top(), SIDE, SIDE))
        self._thumbnail(painter, picture, index.data(PICTURE))
        words = box.adjusted(SIDE + 10, 4, 0, -4)
        upper = QRect(words.left(), words.top(), words.width(), words.height() // 2)
        lower = upper.translated(0, words.height() // 2)
        bold = QFont(option.font)
        bold.setBold(True)
        painter.setFont(bold)
        figure = wording.dice(score.dice)
        width = painter.fontMetrics().horizontalAdvance(figure) + 8
        painter.setPen(theme.colour("text"))
        draw_words(painter, self._port, upper, figure, _RIGHT)
        painter.setFont(option.font)
        self._text(painter, upper.adjusted(0, 0, -width, 0), line.name, "text")
        right = 14 if score.verdict else 0
        tone = "muted" if score.truth in (None, score.predicted) else "danger"
        self._text(painter, lower.adjusted(0, 0, -right, 0), class_line(score), tone)
        if score.verdict is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(TONES[score.verdict]))
            spot = QRect(lower.right() - 8, lower.center().y() - 3, 8, 8)
            painter.drawEllipse(turned(self._port, spot))
        painter.restore()

    def _background(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        state: QStyle.StateFlag = option.state
        if not state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            return
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("accent_soft" if chosen else "hover"))
        painter.drawRoundedRect(QRectF(option.rect).adjusted(2, 2, -2, -2), 6, 6)

    def _thumbnail(self, painter: QPainter, box: QRect, picture: QImage | None) -> None:
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(box), 5, 5)
        painter.fillPath(clip, self._theme.colour("canvas"))
        if picture is not None and not picture.isNull():
            painter.save()
            painter.setClipPath(clip)
            painter.drawImage(box, picture)
            painter.restore()

    def _text(self, painter: QPainter, box: QRect, text: str, tone: str) -> None:
        painter.setPen(self._theme.colour(tone))
        cut = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, box.width())
        draw_words(painter, self._port, box, cut, _LEFT)


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def class_line(score: Score) -> str:
    """“rust → blight” where the model is wrong, “rust” where it is right."""
    if score.truth is None:
        return f"? → {score.predicted}"
    if score.truth == score.predicted:
        return score.truth
    return f"{score.truth} → {score.predicted}"


class HardList(QListView):
    """Arrows in any direction go on and back; every other key is the workspace's."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.hard = HardModel(context, self)
        self.setModel(self.hard)
        self.setItemDelegate(HardDelegate(context.theme, self))
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setObjectName("gallery")
        self.setAccessibleName(tr("Leaves, worst first"))
        context.theme.changed.connect(self.viewport().update)

    def step(self, by: int) -> None:
        """Go ``by`` lines down, as far as there are any."""
        row = min(max(0, self.currentIndex().row() + by), self.hard.rowCount() - 1)
        if row >= 0:
            self.setCurrentIndex(self.hard.index(row, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in moves:
            self.step(moves[Qt.Key(event.key())])
        elif event.text() and event.text().isprintable():
            event.ignore()
        else:
            super().keyPressEvent(event)
