"""The runs of a project, newest first: what each is called, how it ended and what it reached.

Knows `Run`; knows no folder and no process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from core.domain.ids import RunId
from core.domain.run import Run, RunState
from core.language import tr
from core.services import run_titles
from core.wording import STATES
from gui.controllers import wording
from gui.direction import draw_words, turned
from gui.plain import plain_tip

if TYPE_CHECKING:
    from gui.theme import Theme

RUN = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex
TONES = {
    RunState.PREPARED: "muted",
    RunState.RUNNING: "accent",
    RunState.FINISHED: "ok",
    RunState.STOPPED: "ok",
    RunState.FAILED: "danger",
    RunState.INTERRUPTED: "warn",
}


class RunsModel(QAbstractListModel):
    """Rows are runs; role ``RUN`` is the `Run` itself."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs: list[Run] = []

    def put(self, runs: Sequence[Run]) -> None:
        self.beginResetModel()
        self.runs = list(runs)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.runs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        run = self.runs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return wording.run_line(run)
        if role == Qt.ItemDataRole.ToolTipRole:
            state = STATES[run.state]
            lines = (run_titles.title(run), state, wording.held_out(run), run.base)
            return plain_tip("\n".join(filter(None, lines)))
        return run if role == RUN else None


class RunDelegate(QStyledItemDelegate):
    """Two lines: title; state, time and figures."""

    def __init__(self, theme: Theme, view: QListView) -> None:
        super().__init__(view)
        self._theme, self._port = theme, view.viewport()

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(200, 62)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        run, theme = index.data(RUN), self._theme
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box: QRect = option.rect
        state: QStyle.StateFlag = option.state
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            chosen = bool(state & QStyle.StateFlag.State_Selected)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(QRectF(box).adjusted(2, 2, -2, -2), 6, 6)
        inner = box.adjusted(12, 8, -12, -8)
        bold = QFont(painter.font())
        bold.setBold(True)
        figures = wording.dice(wording.figures(run).get("lesion_dice"))
        painter.setFont(bold)
        width = painter.fontMetrics().horizontalAdvance(figures)
        top = QRect(inner.left(), inner.top(), inner.width(), inner.height() // 2)
        below = top.translated(0, inner.height() // 2)
        self._text(painter, top, run_titles.title(run), "text")
        if figures != "–":
            draw_words(painter, self._port, below, figures, _RIGHT)
            below.setRight(below.right() - width - 8)
        painter.setFont(option.font)
        self._second_line(painter, below, run)
        painter.restore()

    def _second_line(self, painter: QPainter, line: QRect, run: Run) -> None:
        colour = QColor(self._theme.colour(TONES[run.state]))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(turned(self._port, QRect(line.left(), line.center().y() - 3, 8, 8)))
        text = f"{STATES[run.state]} · {wording.when(run.created_at)}"
        self._text(painter, line.adjusted(14, 0, 0, 0), text, "muted")

    def _text(self, painter: QPainter, box: QRect, text: str, tone: str) -> None:
        painter.setPen(self._theme.colour(tone))
        cut = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        draw_words(painter, self._port, box, cut, _LEFT)


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class History(QListView):
    """The list. ``chosen`` carries the RunId that the person picked, ``several`` a list of two and
    more, the one picked first at its beginning.
    """

    chosen = Signal(object)
    several = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.runs = RunsModel(self)
        self.setModel(self.runs)
        self.setItemDelegate(RunDelegate(theme, self))
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setObjectName("gallery")
        self.setAccessibleName(tr("Runs"))
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.selectionModel().selectionChanged.connect(self._picked)
        self._quiet = False
        self._order: list[RunId] = []

    def put(self, runs: Sequence[Run], *current: RunId) -> None:
        """Show ``runs`` with those of ``current`` selected; tells nobody."""
        self._quiet = True
        self.runs.put(runs)
        self.clearSelection()
        flags = QItemSelectionModel.SelectionFlag
        for row, run in enumerate(runs):
            if run.id in current:
                index = self.runs.index(row, 0)
                self.selectionModel().setCurrentIndex(index, flags.Select)
        self._order = [r for r in current if any(run.id == r for run in runs)]
        self._quiet = False

    def _picked(self) -> None:
        if self._quiet:
            return
        now = [index.data(RUN).id for index in self.selectionModel().selectedRows()]
        self._order = [r for r in self._order if r in now] + [
            r for r in now if r not in self._order
        ]
        if len(self._order) == 1:
            self.chosen.emit(self._order[0])
        elif self._order:
            self.several.emit(list(self._order))
