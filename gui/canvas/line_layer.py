"""A line measured on the photo: two ends and what lies between.

Knows painting; knows neither tool nor length.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from gui.canvas.sampling import Window
from gui.canvas.transform import Transform
from gui.canvas.viewport import PhotoView

ARM = 7
"""Logical pixels of the cross at each end, from its middle."""
Point = tuple[float, float]


class LineLayer:
    """A `Layer`. ``ends`` are none, one or two points in photo coordinates."""

    def __init__(self, view: PhotoView) -> None:
        self._view = view
        self.ends: list[Point] = []

    def show(self, ends: list[Point]) -> None:
        """Draw these ends from now on, and the line where there are two."""
        self.ends = ends
        self._view.update()

    def render(self, window: Window) -> list[QImage]:
        return []

    def paint(self, painter: QPainter, transform: Transform, ratio: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        spots = []
        for x, y in self.ends:
            dx, dy = transform.to_device(x, y)
            spots.append(QPointF(dx / ratio, dy / ratio))
        for colour, width in ((QColor(0, 0, 0, 170), 4.0), (QColor("white"), 1.5)):
            pen = QPen(colour, width)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            for at in spots:
                painter.drawLine(at - QPointF(ARM, 0), at + QPointF(ARM, 0))
                painter.drawLine(at - QPointF(0, ARM), at + QPointF(0, ARM))
            if len(spots) == 2:
                painter.drawLine(*spots)

    def fixed_rects(self, transform: Transform, ratio: float) -> list[QRect]:
        return []
