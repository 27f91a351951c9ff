"""The outline of a shape in the making: a firm line, and a faint one back to its beginning.

Placed on whole device pixels from the photo's corner, as all marks. Knows painting; knows no tool.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from gui.canvas.tools.base import Path
from gui.canvas.transform import Transform

KNOT = 3
PAD = 6
ADD, TAKE = QColor("#ffffff"), QColor("#ffb38a")
DARK = QColor(0, 0, 0, 150)
Point = tuple[float, float]


def paint_path(painter: QPainter, path: Path, transform: Transform, ratio: float) -> None:
    """The painter counts device pixels, ``ratio`` a logical one."""
    drawn = [*path.points, *((path.end,) if path.end is not None else ())]
    spots = [QPointF(_place(point, transform)) for point in drawn]
    if not spots:
        return
    colour = TAKE if path.minus else ADD
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if path.closes and len(spots) > 2:
        faint = QColor(colour)
        faint.setAlpha(150)
        for pen in (QPen(QColor(0, 0, 0, 90), 2.5 * ratio), QPen(faint, ratio)):
            painter.setPen(pen)
            painter.drawLine(spots[-1], spots[0])
    for pen in (QPen(DARK, 3.5 * ratio), QPen(colour, 1.5 * ratio)):
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(spots))
    if path.knots:
        painter.setPen(QPen(DARK, ratio))
        painter.setBrush(colour)
        for spot in spots[: len(path.points)]:
            half = KNOT * ratio
            painter.drawRect(QRectF(spot.x() - half, spot.y() - half, 2 * half, 2 * half))
    painter.restore()


def path_changes(
    before: Path | None, after: Path | None, transform: Transform, ratio: float
) -> list[QRect]:
    """Logical rectangles that look different with ``after`` in place of ``before``."""
    if before is None or after is None:
        whole = after if before is None else before
        return [] if whole is None else _around([*whole.points, *_end(whole)], transform, ratio)
    same = 0
    if after.points[: len(before.points)] == before.points:
        same = len(before.points)
    elif before.points[: len(after.points)] == after.points:
        same = len(after.points)
    moved: list[Point] = []
    for path in (before, after):
        moved += [*path.points[max(0, same - 1) :], *_end(path)]
        if path.closes and path.points:
            moved.append(path.points[0])
    return _around(moved, transform, ratio)


def _end(path: Path) -> tuple[Point, ...]:
    return () if path.end is None else (path.end,)


def _around(points: Iterable[Point], transform: Transform, ratio: float) -> list[QRect]:
    spots = [_place(point, transform) for point in points]
    if not spots:
        return []
    xs, ys = [s.x() / ratio for s in spots], [s.y() / ratio for s in spots]
    whole = QRectF(min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1)
    return [whole.toAlignedRect().adjusted(-PAD, -PAD, PAD, PAD)]


def _place(point: Point, transform: Transform) -> QPoint:
    x = transform.ox + round(point[0] * transform.scale)
    return QPoint(x, transform.oy + round(point[1] * transform.scale))
