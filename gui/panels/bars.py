"""Horizontal bars with a name on the left and a figure on the right.

For class probabilities and for leaves per class. Knows names, shares and colours; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from core.language import tr
from gui.direction import draw_words, turned
from gui.plain import plain_tip

if TYPE_CHECKING:
    from gui.theme import Theme

LINE = 24
GAP = 10
TICK = 18


@dataclass(frozen=True, slots=True)
class Bar:
    """``share`` in [0, 1] of the bar's length; ``text`` is the figure shown.

    ``marked`` is the true one: bold, with a tick. ``colour`` "" is the theme's accent.
    """

    name: str
    share: float
    text: str
    colour: str = ""
    marked: bool = False


class Bars(QWidget):
    """Paints its bars; as tall as they need. Long names are cut; hover tells."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._bars: tuple[Bar, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    @property
    def bars(self) -> tuple[Bar, ...]:
        return self._bars

    def put(self, bars: Sequence[Bar]) -> None:
        self._bars = tuple(bars)
        self.setAccessibleDescription(
            "; ".join(f"{b.name} {b.text}{' (true)' if b.marked else ''}" for b in bars)
        )
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, LINE * len(self._bars))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, LINE * len(self._bars))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names, figures = self._columns()
        for index, bar in enumerate(self._bars):
            self._paint(painter, QRect(0, index * LINE, self.width(), LINE), bar, (names, figures))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = event.pos().y() // LINE
            if 0 <= index < len(self._bars):
                bar = self._bars[index]
                true = tr(" (the true one)") if bar.marked else ""
                said = f"{bar.name}: {bar.text}{true}"
                QToolTip.showText(event.globalPos(), plain_tip(said), self)
                return True
        return super().event(event)

    def _columns(self) -> tuple[int, int]:
        """Widths of the names and of the figures."""
        metrics = QFontMetrics(self._bold())
        figures = max((metrics.horizontalAdvance(b.text) for b in self._bars), default=0)
        names = max((metrics.horizontalAdvance(b.name) + TICK + 4 for b in self._bars), default=0)
        return min(names, int(self.width() * 0.45)), figures

    def _bold(self) -> QFont:
        font = QFont(self.font())
        font.setBold(True)
        return font

    def _paint(self, painter: QPainter, line: QRect, bar: Bar, widths: tuple[int, int]) -> None:
        theme = self._theme
        names, figures = widths
        painter.setFont(self._bold() if bar.marked else self.font())
        painter.setPen(theme.colour("text"))
        tick = TICK if bar.marked else 0
        name_box = QRect(line.left() + tick, line.top(), names - tick, LINE)
        if bar.marked:
            theme.icon("mdi6.check", "ok").paint(
                painter, turned(self, QRect(line.left(), line.top() + 5, 14, 14))
            )
        cut = painter.fontMetrics().elidedText(
            bar.name, Qt.TextElideMode.ElideRight, name_box.width()
        )
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        draw_words(painter, self, name_box, cut, left)
        draw_words(painter, self, line, bar.text, right)
        start = line.left() + names + GAP
        room = line.width() - names - figures - 2 * GAP
        if room < 8:
            return
        groove = QRect(start, line.top() + LINE // 2 - 4, room, 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("border"))
        painter.drawRoundedRect(turned(self, groove), 4, 4)
        share = min(1.0, max(0.0, bar.share))
        if share > 0:
            groove.setWidth(max(8, round(room * share)))
            painter.setBrush(QColor(bar.colour) if bar.colour else theme.colour("accent"))
            painter.drawRoundedRect(turned(self, groove), 4, 4)
