"""What is drawn over photo and regions: prompts, boxes, a proposal, the brush's circle.

Marks that belong to the photo are placed on whole device pixels from the photo's corner, so that
they move with it when it is panned. Knows painting; knows no tool and no region.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from core.domain.mask import Box, TileMask
from gui.canvas.mask_layer import edges, premultiplied
from gui.canvas.sampling import Window, sample_flags, sample_mask, to_image
from gui.canvas.transform import Transform

PLUS, MINUS = "#00855f", "#c94f00"
MARK = 9
PAD = 4
STRIPE = 6


@dataclass(frozen=True, eq=False)
class Candidate:
    """A proposed mask: [h, w] bool whose top left is the photo pixel ``origin`` (x, y)."""

    pixels: NDArray[np.bool_]
    origin: tuple[int, int]
    colour: str

    @property
    def box(self) -> Box:
        x, y = self.origin
        return x, y, x + self.pixels.shape[1], y + self.pixels.shape[0]

    def render(self, window: Window) -> QImage | None:
        """Diagonal stripes with a firm edge: not to be taken for an accepted region."""
        rim = 2
        flags = sample_flags(self.pixels, window.grown(rim), origin=self.origin)
        if not flags.any():
            return None
        numbers = flags.astype(np.uint8)
        rims = edges(numbers, rim)
        ys = np.arange(window.y0 - rim, window.y1 + rim)[:, None]
        xs = np.arange(window.x0 - rim, window.x1 + rim)
        numbers[flags & ((xs + ys) // STRIPE % 2 == 0)] = 2
        numbers[rims] = 3
        lut = np.array(
            [
                0,
                premultiplied(self.colour, 0.28),
                premultiplied(self.colour, 0.60),
                premultiplied("#ffffff", 0.95),
            ],
            np.uint32,
        )
        return to_image(lut[numbers[rim:-rim, rim:-rim]], opaque=False)


@dataclass
class Overlays:
    """The marks of one canvas. ``points`` are (x, y) in photo coordinates; ``cursor`` is the
    brush's: logical position on the widget, radius in photo pixels.
    """

    points: list[tuple[float, float]] = field(default_factory=list)
    positive: list[bool] = field(default_factory=list)
    box: tuple[float, float, float, float] | None = None
    band: tuple[float, float, float, float] | None = None
    cursor: tuple[float, float, float] | None = None
    candidate: Candidate | None = None
    hover: TileMask | None = None

    def render(self, window: Window) -> list[QImage]:
        """Pixel layers of the window, in painting order."""
        images = [] if self.candidate is None else [self.candidate.render(window)]
        if self.hover is not None:
            images.append(_outline(self.hover, window))
        return [image for image in images if image is not None]

    def paint(self, painter: QPainter, transform: Transform, ratio: float) -> None:
        """Draw the marks; the painter counts in logical pixels, ``ratio`` device pixels each."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for box, dashed in ((self.box, False), (self.band, True)):
            if box is not None:
                _paint_box(painter, _rect(box, transform, ratio), dashed=dashed)
        for point, positive in zip(self.points, self.positive, strict=True):
            _paint_point(painter, _place(point, transform, ratio), positive=positive)
        if self.cursor is not None:
            x, y, radius = self.cursor
            _paint_cursor(painter, QPointF(x + 0.5, y + 0.5), radius * transform.scale / ratio)

    def mark_rects(self, transform: Transform, ratio: float) -> list[QRect]:
        """Logical rectangles that prompts and boxes cover."""
        rects = [
            QRectF(p.x() - MARK, p.y() - MARK, 2 * MARK, 2 * MARK)
            for p in (_place(point, transform, ratio) for point in self.points)
        ]
        rects += [_rect(b, transform, ratio) for b in (self.box, self.band) if b is not None]
        return [_padded(r) for r in rects]

    def cursor_rect(self, transform: Transform, ratio: float) -> QRect | None:
        """The logical rectangle of the brush's circle."""
        if self.cursor is None:
            return None
        x, y, radius = self.cursor
        half = max(8.0, radius * transform.scale / ratio)
        return _padded(QRectF(x - half, y - half, 2 * half + 1, 2 * half + 1))


def _padded(rect: QRectF) -> QRect:
    return rect.normalized().toAlignedRect().adjusted(-PAD, -PAD, PAD, PAD)


def _place(point: tuple[float, float], transform: Transform, ratio: float) -> QPointF:
    """On a whole device pixel counted from the photo's corner."""
    x = transform.ox + round(point[0] * transform.scale)
    y = transform.oy + round(point[1] * transform.scale)
    return QPointF(x / ratio, y / ratio)


def _rect(box: tuple[float, float, float, float], transform: Transform, ratio: float) -> QRectF:
    top_left = _place((box[0], box[1]), transform, ratio)
    return QRectF(top_left, _place((box[2], box[3]), transform, ratio)).normalized()


def _outline(mask: TileMask, window: Window) -> QImage | None:
    rim = 2
    flags = sample_mask(mask, window.grown(rim)).astype(np.uint8)
    if not flags.any():
        return None
    lut = np.array([0, premultiplied("#ffffff", 0.85)], np.uint32)
    return to_image(lut[edges(flags, rim)[rim:-rim, rim:-rim].astype(np.uint8)], opaque=False)


def _paint_box(painter: QPainter, rect: QRectF, *, dashed: bool) -> None:
    painter.setBrush(QColor(255, 255, 255, 26))
    painter.setPen(QPen(QColor(0, 0, 0, 150), 3))
    painter.drawRect(rect)
    pen = QPen(QColor("white"), 1.5)
    if dashed:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect)


def _paint_point(painter: QPainter, at: QPointF, *, positive: bool) -> None:
    painter.setPen(QPen(QColor(0, 0, 0, 110), 1))
    painter.setBrush(QColor("white"))
    painter.drawEllipse(at, MARK, MARK)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(PLUS if positive else MINUS))
    painter.drawEllipse(at, MARK - 2, MARK - 2)
    pen = QPen(QColor("white"), 2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    arm = 3.5
    painter.drawLine(at - QPointF(arm, 0), at + QPointF(arm, 0))
    if positive:
        painter.drawLine(at - QPointF(0, arm), at + QPointF(0, arm))


def _paint_cursor(painter: QPainter, at: QPointF, radius: float) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((QColor(0, 0, 0, 150), 3.0), (QColor("white"), 1.25)):
        painter.setPen(QPen(colour, width))
        if radius >= 3:
            painter.drawEllipse(at, radius, radius)
        if radius < 8:  # too small to aim with: a cross helps
            gap, arm = max(radius, 1.5) + 1, max(radius, 1.5) + 5
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                painter.drawLine(at + QPointF(dx * gap, dy * gap), at + QPointF(dx * arm, dy * arm))
