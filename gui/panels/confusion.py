"""Which class was taken for which: a grid, true classes down, what the model said across.

Knows names and counts; knows no run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from core.language import number_text, tr, trn
from core.services.figures import Confusion
from gui.plain import plain_tip

if TYPE_CHECKING:
    from gui.theme import Theme

CELL, LEAST, ROOM = 44, 26, 220
"""Pixels of a cell's side at most and at least; what all in a row may take before they shrink."""
HEAD = 84
NAMES = 130
SLANT = 0.71


class ConfusionGrid(QWidget):
    """Cells are the darker, the larger their share of the true class; the right ones lie on the
    diagonal. As tall as it needs; long names are cut, hover tells.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown = Confusion((), np.zeros((0, 0), np.int64))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def put(self, shown: Confusion) -> None:
        self._shown = shown
        self.setAccessibleDescription("; ".join(_spoken(shown)))
        self.updateGeometry()
        self.update()

    @property
    def _side(self) -> int:
        """Of a cell: less where there are many."""
        return min(CELL, max(LEAST, ROOM // max(1, len(self._shown.classes))))

    @property
    def _names_width(self) -> int:
        """Of the column of names, the gap beside it included."""
        return min(NAMES, self._widest + 10)

    @property
    def _widest(self) -> int:
        metrics = QFontMetrics(self.font())
        return max((metrics.horizontalAdvance(n) for n in self._shown.classes), default=0)

    @property
    def _head_height(self) -> int:
        """What the longest name takes when it stands aslant."""
        return min(HEAD, round(self._widest * SLANT) + 22)

    def sizeHint(self) -> QSize:
        side = self._side * len(self._shown.classes)
        head = self._head_height
        return QSize(self._names_width + side + head // 2, head + side + 4)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side, counts, head = self._side, self._shown.counts, self._head_height
        names = self._names_width
        rows = counts.sum(1)
        metrics = QFontMetrics(self.font())
        for i, name in enumerate(self._shown.classes):
            painter.setPen(self._theme.colour("text"))
            box = QRect(0, head + i * side, names - 10, side)
            cut = metrics.elidedText(name, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight),
                             cut)  # fmt: skip
            self._head(painter, names + i * side + side // 2, name)
            for j in range(len(self._shown.classes)):
                share = float(counts[i, j] / rows[i]) if rows[i] else 0.0
                cell = QRectF(names + j * side, head + i * side, side, side).adjusted(1, 1, -1, -1)
                self._cell(painter, cell, int(counts[i, j]), share, right=i == j)

    def _head(self, painter: QPainter, x: int, name: str) -> None:
        painter.save()
        painter.translate(x, self._head_height - 8)
        painter.rotate(-45)
        cut = painter.fontMetrics().elidedText(
            name, Qt.TextElideMode.ElideRight, round((HEAD - 18) / SLANT)
        )
        painter.setPen(self._theme.colour("muted"))
        painter.drawText(0, 4, cut)
        painter.restore()

    def _cell(
        self, painter: QPainter, cell: QRectF, count: int, share: float, *, right: bool
    ) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("hover"))
        painter.drawRoundedRect(cell, 4, 4)
        if not count:
            return
        tone = QColor(self._theme.colour("accent" if right else "danger"))
        tone.setAlphaF(0.18 + 0.72 * share)
        painter.setBrush(tone)
        painter.drawRoundedRect(cell, 4, 4)
        strong = share > 0.55
        painter.setPen(self._theme.colour("on_accent" if strong else "text"))
        painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, number_text(count, ","))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            j = (event.pos().x() - self._names_width) // self._side
            i = (event.pos().y() - self._head_height) // self._side
            many = len(self._shown.classes)
            if 0 <= i < many and 0 <= j < many:
                QToolTip.showText(event.globalPos(), plain_tip(_sentence(self._shown, i, j)), self)
                return True
        return super().event(event)


def _sentence(shown: Confusion, i: int, j: int) -> str:
    true, said, count = shown.classes[i], shown.classes[j], int(shown.counts[i, j])
    if i == j:
        return trn("{n:,} leaf of {true} named right", "{n:,} leaves of {true} named right", count,
                   true=true)  # fmt: skip
    return trn(
        "{n:,} leaf of {true} taken for {said}",
        "{n:,} leaves of {true} taken for {said}",
        count,
        true=true,
        said=said,
    )


def _spoken(shown: Confusion) -> list[str]:
    cells = zip(*np.nonzero(shown.counts), strict=True)
    return [_sentence(shown, int(i), int(j)) for i, j in cells] or [tr("No leaf was named.")]
