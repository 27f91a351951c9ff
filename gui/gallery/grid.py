"""Where the cells of a grid are: index arithmetic, so that any number of rows costs the same.

Knows integers and rectangles; knows no photo and no widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from PySide6.QtCore import QPoint, QRect, QSize

MARGIN = 4


@dataclass(frozen=True)
class Grid:
    """``count`` cells of size ``cell`` in a viewport, scrolled down by ``offset`` pixels.

    ``mirrored``: each line begins on the right, in a window that reads from there.
    """

    count: int
    cell: QSize
    viewport: QSize
    offset: int = 0
    mirrored: bool = False

    @cached_property
    def columns(self) -> int:
        return max(1, (self.viewport.width() - 2 * MARGIN) // self.cell.width())

    @property
    def height(self) -> int:
        """Of everything, in pixels."""
        return -(-self.count // self.columns) * self.cell.height() + 2 * MARGIN

    def cell_rect(self, row: int) -> QRect:
        """Where a row's cell is in the viewport; the columns share the width evenly."""
        line, column = divmod(row, self.columns)
        x = MARGIN + round(column * self._pitch + (self._pitch - self.cell.width()) / 2)
        y = MARGIN + line * self.cell.height() - self.offset
        if self.mirrored:
            x = self.viewport.width() - x - self.cell.width()
        return QRect(QPoint(x, y), self.cell)

    def row_at(self, point: QPoint) -> int:
        """The row under a viewport point, or -1."""
        x = self.viewport.width() - 1 - point.x() if self.mirrored else point.x()
        column = int((x - MARGIN) // self._pitch)
        line = (point.y() - MARGIN + self.offset) // self.cell.height()
        row = line * self.columns + column
        inside = 0 <= column < self.columns and 0 <= row < self.count
        return row if inside and self.cell_rect(row).contains(point) else -1

    def rows_in(self, rect: QRect | None = None) -> range:
        """Rows that meet a viewport rectangle (all of the viewport without one)."""
        rect = rect or QRect(QPoint(0, 0), self.viewport)
        top, height = self.offset - MARGIN, self.cell.height()
        first = max(0, (rect.top() + top) // height)
        last = max(-1, (rect.bottom() + top) // height)
        return range(
            min(first * self.columns, self.count), min((last + 1) * self.columns, self.count)
        )

    @cached_property
    def _pitch(self) -> float:
        return (self.viewport.width() - 2 * MARGIN) / self.columns
