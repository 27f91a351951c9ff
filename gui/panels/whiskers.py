"""A table of figures with their intervals drawn: name, leaves, a line with a dot for each figure.

Differences are drawn around 0, pale where they may be chance. Where there is room the ends of the
intervals are written out too. Knows names, figures and colours; knows no run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
DRAWN = 56
"""Pixels of a line that can still be read beside the words."""
LEAST_REACH = 0.1
LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight


@dataclass(frozen=True, slots=True)
class Line:
    """One row. ``cells`` are in [0, 1], differences in [-1, 1], None where there is nothing to
    measure. A row without cells is a heading over those after it.
    """

    name: str
    leaves: int
    cells: tuple[Interval | None, ...]
    colour: str = ""


class Whiskers(QWidget):
    """Paints its lines under their titles; as tall as they need. ``in_full`` writes the ends of
    intervals out where there is room.
    """

    def __init__(self, theme: Theme, *, in_full: bool = False) -> None:
        super().__init__()
        self._theme = theme
        self._in_full = in_full
        self._reach = 0.0
        self._titles: tuple[str, ...] = ()
        self._lines: tuple[Line, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    @property
    def lines(self) -> tuple[Line, ...]:
        return self._lines

    def put(self, titles: Sequence[str], lines: Sequence[Line], *, changes: bool = False) -> None:
        """``titles`` of the cells, in the order of each line's. ``changes``: cells are differences,
        and all are drawn at one scale with 0 in the middle.
        """
        self._titles, self._lines = tuple(titles), tuple(lines)
        self._reach = _reach(lines) if changes else 0.0
        said = [_spoken(self._titles, x, self._words) for x in lines]
        self.setAccessibleDescription("; ".join(said))
        self.setToolTip(plain_tip("\n".join(said)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(560, LINE * (len(self._lines) + 1))

    def minimumSizeHint(self) -> QSize:
        return QSize(390, LINE * (len(self._lines) + 1))

    def _words(self, cell: Interval | None) -> str:
        return wording.change(cell) if self._reach else wording.interval(cell)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(self.font())
        rows = [x for x in self._lines if x.cells]
        widest = max((metrics.horizontalAdvance(x.name) for x in rows), default=60)
        names = min(widest + SWATCH + 14, int(self.width() * 0.3))
        counts = max(map(metrics.horizontalAdvance, ("00,000", tr("leaves"))))
        room = self.width() - names - counts - GAP
        each = room // max(1, len(self._titles)) - GAP
        words = self._words_width(each)
        painter.setPen(self._theme.colour("muted"))
        draw_words(painter, self, QRect(names, 0, counts, LINE), tr("Leaves"), RIGHT)
        for k, title in enumerate(self._titles):
            box = QRect(names + counts + GAP + k * (each + GAP), 0, each, LINE)
            cut = metrics.elidedText(title, Qt.TextElideMode.ElideRight, each)
            draw_words(painter, self, box, cut, LEFT)
        for index, line in enumerate(self._lines):
            top = LINE * (index + 1)
            if not line.cells:
                self._heading(painter, QRect(0, top, self.width(), LINE), line)
                continue
            self._name(painter, QRect(0, top, names, LINE), line)
            painter.setPen(self._theme.colour("muted"))
            count = number_text(line.leaves, ",")
            draw_words(painter, self, QRect(names, top, counts, LINE), count, RIGHT)
            for k, cell in enumerate(line.cells):
                box = QRect(names + counts + GAP + k * (each + GAP), top, each, LINE)
                self._cell(painter, box, cell, words)

    def _words_width(self, each: int) -> int:
        """What the words of a cell take, in all cells alike; 0 where the figure alone has room."""
        if not self._in_full:
            return 0
        metrics = QFontMetrics(self._bold())
        cells = [cell for line in self._lines for cell in line.cells]
        widest = max((metrics.horizontalAdvance(self._words(c)) for c in cells), default=0) + 8
        return widest if each - widest >= DRAWN else 0

    def _bold(self) -> QFont:
        bold = QFont(self.font())
        bold.setBold(True)
        return bold

    def _heading(self, painter: QPainter, box: QRect, line: Line) -> None:
        """A line's name in bold, with a rule over it."""
        painter.setPen(self._theme.colour("border"))
        painter.drawLine(box.topLeft(), box.topRight())
        painter.setFont(self._bold())
        self._name(painter, box.adjusted(0, 2, 0, 0), line)
        painter.setFont(self.font())

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

    def _cell(self, painter: QPainter, box: QRect, cell: Interval | None, words: int) -> None:
        """The figure, then its interval on a line from 0 to 1, or around 0."""
        low, high = (-self._reach, self._reach) if self._reach else (0.0, 1.0)
        text = self._words(cell) if words else self._figure(cell)
        width = words or QFontMetrics(self._bold()).horizontalAdvance(
            "+0.00" if self._reach else "0.00"
        ) + 8  # fmt: skip
        bold = cell is None or self._tone(cell) != "muted"
        painter.setFont(self._bold() if bold else self.font())
        painter.setPen(self._theme.colour("muted" if cell is None else "text"))
        draw_words(painter, self, QRect(box.left(), box.top(), width, box.height()), text, LEFT)
        painter.setFont(self.font())
        room = turned(self, box.adjusted(width, 0, 0, 0))
        if cell is None or room.width() < 30:
            return
        y = room.center().y() + 0.5
        left, span = room.left() + 4.0, room.width() - 8.0

        def at(value: float) -> float:
            return left + span * min(1.0, max(0.0, (value - low) / (high - low)))

        painter.setPen(QPen(self._theme.colour("border"), 2))
        painter.drawLine(QPointF(left, y), QPointF(left + span, y))
        if self._reach:
            painter.setPen(QPen(self._theme.colour("muted"), 1))
            painter.drawLine(QPointF(at(0), y - 7), QPointF(at(0), y + 7))
        accent = self._theme.colour(self._tone(cell))
        if cell.known:
            painter.setPen(QPen(accent, 3))
            painter.drawLine(QPointF(at(cell.low), y), QPointF(at(cell.high), y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawEllipse(QRectF(at(cell.value) - 4.5, y - 4.5, 9, 9))

    def _tone(self, cell: Interval) -> str:
        """Of a difference, which way it goes if it is more than chance."""
        if not self._reach or cell.above_zero:
            return "accent"
        return "danger" if cell.below_zero else "muted"

    def _figure(self, cell: Interval | None) -> str:
        if cell is None or not self._reach:
            return wording.dice(cell.value if cell is not None else None)
        return number_text(cell.value, "+z.2f")


def _reach(lines: Sequence[Line]) -> float:
    """How far from 0 the axis of differences goes: as far as any of them, a tenth at least."""
    cells = [cell for line in lines for cell in line.cells if cell is not None]
    ends = [abs(x) for c in cells for x in ((c.low, c.high) if c.known else (c.value,))]
    return max(LEAST_REACH, *ends, 0.0)


def _spoken(titles: Sequence[str], line: Line, words: Callable[[Interval | None], str]) -> str:
    cells = zip(titles, line.cells, strict=True) if line.cells else ()
    parts = [f"{title} {words(cell)}" for title, cell in cells if cell is not None]
    return f"{line.name}: {', '.join(parts)}" if parts else line.name
