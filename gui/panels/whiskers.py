"""A table of figures with their intervals drawn: name, leaves, a line with a dot for each figure.

Knows names, figures and colours; knows no run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.language import number_text, tr
from core.services.bootstrap import Interval
from gui.controllers import wording
from gui.direction import draw_words, turned
from gui.plain import plain_tip

if TYPE_CHECKING:
    from gui.theme import Theme

LINE = 28
GAP = 14
SWATCH = 16
LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight


@dataclass(frozen=True, slots=True)
class Line:
    """One row. ``cells`` are in [0, 1], None where there is nothing to measure."""

    name: str
    leaves: int
    cells: tuple[Interval | None, ...]
    colour: str = ""


class Whiskers(QWidget):
    """Paints its lines under their titles; as tall as they need."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._titles: tuple[str, ...] = ()
        self._lines: tuple[Line, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    @property
    def lines(self) -> tuple[Line, ...]:
        return self._lines

    def put(self, titles: Sequence[str], lines: Sequence[Line]) -> None:
        """``titles`` of the cells, in the order of each line's."""
        self._titles, self._lines = tuple(titles), tuple(lines)
        self.setAccessibleDescription("; ".join(_spoken(self._titles, x) for x in lines))
        self.setToolTip(plain_tip("\n".join(_spoken(self._titles, x) for x in lines)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(560, LINE * (len(self._lines) + 1))

    def minimumSizeHint(self) -> QSize:
        return QSize(390, LINE * (len(self._lines) + 1))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(self.font())
        widest = max((metrics.horizontalAdvance(x.name) for x in self._lines), default=60)
        names = min(widest + SWATCH + 14, int(self.width() * 0.3))
        counts = metrics.horizontalAdvance("00,000")
        room = self.width() - names - counts - GAP
        each = room // max(1, len(self._titles)) - GAP
        painter.setPen(self._theme.colour("muted"))
        draw_words(painter, self, QRect(names, 0, counts, LINE), tr("leaves"), RIGHT)
        for k, title in enumerate(self._titles):
            box = QRect(names + counts + GAP + k * (each + GAP), 0, each, LINE)
            cut = metrics.elidedText(title, Qt.TextElideMode.ElideRight, each)
            draw_words(painter, self, box, cut, LEFT)
        for index, line in enumerate(self._lines):
            top = LINE * (index + 1)
            self._name(painter, QRect(0, top, names, LINE), line)
            painter.setPen(self._theme.colour("muted"))
            count = number_text(line.leaves, ",")
            draw_words(painter, self, QRect(names, top, counts, LINE), count, RIGHT)
            for k, cell in enumerate(line.cells):
                box = QRect(names + counts + GAP + k * (each + GAP), top, each, LINE)
                self._cell(painter, box, cell)

    def _name(self, painter: QPainter, box: QRect, line: Line) -> None:
        if line.colour:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(line.colour))
            spot = QRect(box.left(), box.center().y() - 4, 9, 9)
            painter.drawEllipse(turned(self, spot))
        painter.setPen(self._theme.colour("text"))
        inner = box.adjusted(SWATCH if line.colour else 0, 0, -6, 0)
        cut = painter.fontMetrics().elidedText(
            line.name, Qt.TextElideMode.ElideRight, inner.width()
        )
        draw_words(painter, self, inner, cut, LEFT)

    def _cell(self, painter: QPainter, box: QRect, cell: Interval | None) -> None:
        """The figure, then its interval on a line from 0 to 1."""
        text = "–" if cell is None else wording.dice(cell.value)
        bold = QFont(self.font())
        bold.setBold(True)
        width = QFontMetrics(bold).horizontalAdvance("0.00") + 8
        painter.setFont(bold)
        painter.setPen(self._theme.colour("muted" if cell is None else "text"))
        draw_words(painter, self, QRect(box.left(), box.top(), width, box.height()), text, LEFT)
        painter.setFont(self.font())
        room = turned(self, box.adjusted(width, 0, 0, 0))
        if cell is None or room.width() < 30:
            return
        y = room.center().y() + 0.5
        left, span = room.left() + 4.0, room.width() - 8.0

        def at(value: float) -> float:
            return left + span * min(1.0, max(0.0, value))

        painter.setPen(QPen(self._theme.colour("border"), 2))
        painter.drawLine(QPointF(left, y), QPointF(left + span, y))
        accent = self._theme.colour("accent")
        if cell.known:
            painter.setPen(QPen(accent, 3))
            painter.drawLine(QPointF(at(cell.low), y), QPointF(at(cell.high), y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawEllipse(QRectF(at(cell.value) - 4.5, y - 4.5, 9, 9))


def _spoken(titles: Sequence[str], line: Line) -> str:
    parts = [
        f"{title} {wording.interval(cell)}"
        for title, cell in zip(titles, line.cells, strict=True)
        if cell is not None
    ]
    return f"{line.name}: {', '.join(parts)}" if parts else line.name
