"""What is drawn over photo and regions: prompts, boxes, a proposal, the brush's circle.

Marks that belong to the photo are placed on whole device pixels from the photo's corner, so that
they move with it when it is panned. Knows painting; knows no tool and no region.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from core.domain.mask import Box, TileMask
from gui.canvas.mask_layer import edges, premultiplied
from gui.canvas.path_mark import paint_path
from gui.canvas.sampling import Window, sample_flags, sample_mask, to_image
from gui.canvas.tools.base import Path
from gui.canvas.transform import Transform

PLUS, MINUS = "#00855f", "#c94f00"
MARK = 9
ROOM = 4 * MARK
"""Over a proposal no larger than this on the screen the sign stands without its badge."""
PAD = 4
DASH = 6
STRIPE = 6
RIM_LINES = 2
"""Thin lines that the edge of a mask is thick, always inside it."""


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

    def render(self, window: Window, line: int) -> QImage | None:
        """Diagonal stripes with a firm edge: not to be taken for an accepted region."""
        rim = RIM_LINES * line
        flags = sample_flags(self.pixels, window.grown(rim), origin=self.origin)
        if not flags.any():
            return None
        numbers = flags.astype(np.uint8)
        rims = edges(numbers, rim)
        ys = np.arange(window.y0 - rim, window.y1 + rim)[:, None]
        xs = np.arange(window.x0 - rim, window.x1 + rim)
        numbers[flags & ((xs + ys) // (STRIPE * line) % 2 == 0)] = 2
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
    path: Path | None = None
    candidate: Candidate | None = None
    waiting: TileMask | None = None
    hover: TileMask | None = None
    chosen: list[TileMask] = field(default_factory=list)

    def render(self, window: Window, line: int) -> list[QImage]:
        """Pixel layers of the window, in painting order; ``line`` device pixels are a thin line."""
        images = [] if self.waiting is None else [_outline(self.waiting, window, line)]
        if self.candidate is not None:
            images.append(self.candidate.render(window, line))
        outlined = [*self.chosen, *([] if self.hover is None else [self.hover])]
        images += [_outline(mask, window, line) for mask in outlined]
        return [image for image in images if image is not None]

    def paint(self, painter: QPainter, transform: Transform, ratio: float) -> None:
        """Draw the marks; the painter counts in logical pixels, ``ratio`` device pixels each."""
        painter.scale(1 / ratio, 1 / ratio)  # from here on it counts device pixels
        line = max(1, round(ratio))
        for box, dash in ((self.box, 0), (self.band, DASH * line)):
            if box is not None:
                _paint_box(painter, _rect(box, transform), line=line, dash=dash)
        bare = self._needs_room(transform, ratio)
        for point, positive in zip(self.points, self.positive, strict=True):
            mark = _mark(positive, ratio, bare)
            x, y = _place(point, transform)
            painter.drawImage(QPoint(x - mark.width() // 2, y - mark.height() // 2), mark)
        if self.path is not None:
            paint_path(painter, self.path, transform, ratio)
        if self.cursor is not None:
            wx, wy, radius = self.cursor
            at = QPointF((wx + 0.5) * ratio, (wy + 0.5) * ratio)
            _paint_cursor(painter, at, radius * transform.scale, ratio)

    def _needs_room(self, transform: Transform, ratio: float) -> bool:
        """Whether badges would lie over most of the proposal."""
        if self.candidate is None:
            return False
        x0, y0, x1, y1 = self.candidate.box
        return max(x1 - x0, y1 - y0) * transform.scale <= ROOM * ratio

    def mark_rects(self, transform: Transform, ratio: float) -> list[QRect]:
        """Logical rectangles that prompts and boxes cover."""
        half = math.ceil((MARK + 1) * ratio)
        rects = [
            QRect(x - half, y - half, 2 * half, 2 * half)
            for x, y in (_place(point, transform) for point in self.points)
        ]
        rects += [_rect(b, transform) for b in (self.box, self.band) if b is not None]
        return [_logical(r, ratio) for r in rects]

    def cursor_rect(self, transform: Transform, ratio: float) -> QRect | None:
        """The logical rectangle of the brush's circle."""
        if self.cursor is None:
            return None
        x, y, radius = self.cursor
        half = max(10.0, radius * transform.scale / ratio)
        around = QRectF(x - half, y - half, 2 * half + 1, 2 * half + 1)
        return around.toAlignedRect().adjusted(-PAD, -PAD, PAD, PAD)


def _logical(rect: QRect, ratio: float) -> QRect:
    """The logical pixels around a rectangle of device pixels, with room for its line."""
    scaled = QRectF(rect.x() / ratio, rect.y() / ratio, rect.width() / ratio, rect.height() / ratio)
    return scaled.toAlignedRect().adjusted(-PAD, -PAD, PAD, PAD)


def _place(point: tuple[float, float], transform: Transform) -> tuple[int, int]:
    """A whole device pixel, counted from the photo's corner."""
    x = transform.ox + round(point[0] * transform.scale)
    return x, transform.oy + round(point[1] * transform.scale)


def _rect(box: tuple[float, float, float, float], transform: Transform) -> QRect:
    (x0, y0), (x1, y1) = _place(box[:2], transform), _place(box[2:], transform)
    return QRect(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))


def _outline(mask: TileMask, window: Window, line: int) -> QImage | None:
    rim = RIM_LINES * line
    flags = sample_mask(mask, window.grown(rim)).astype(np.uint8)
    if not flags.any():
        return None
    lut = np.array([0, premultiplied("#ffffff", 0.85)], np.uint32)
    return to_image(lut[edges(flags, rim)[rim:-rim, rim:-rim].astype(np.uint8)], opaque=False)


def _paint_box(painter: QPainter, rect: QRect, *, line: int, dash: int) -> None:
    """A white line between dark ones, by filled rectangles: the same pixels in every clip."""
    dark, white = QColor(0, 0, 0, 130), QColor(255, 255, 255)
    painter.fillRect(rect, QColor(255, 255, 255, 22))
    for side in _sides(rect, line):
        painter.fillRect(side.adjusted(-line, -line, line, line), dark)
    for side in _sides(rect, line):
        for piece in _dashes(side, dash) if dash else (side,):
            painter.fillRect(piece, white)


def _sides(rect: QRect, line: int) -> tuple[QRect, QRect, QRect, QRect]:
    x, y, w, h = rect.x(), rect.y(), rect.width(), rect.height()
    return (
        QRect(x, y, w, line),
        QRect(x, y + h, w + line, line),
        QRect(x, y, line, h),
        QRect(x + w, y, line, h),
    )


def _dashes(side: QRect, dash: int) -> Iterator[QRect]:
    across = side.width() > side.height()
    for start in range(0, side.width() if across else side.height(), 2 * dash):
        if across:
            yield QRect(side.x() + start, side.y(), dash, side.height()).intersected(side)
        else:
            yield QRect(side.x(), side.y() + start, side.width(), dash).intersected(side)


@cache
def _mark(positive: bool, ratio: float, bare: bool) -> QImage:
    """A prompt's badge, or its sign alone, drawn once: copied pixels are the same in every clip."""
    half = math.ceil((MARK + 1) * ratio)
    image = QImage(2 * half, 2 * half, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(half, half)
    painter.scale(ratio, ratio)
    colour = QColor(PLUS if positive else MINUS)
    if bare:
        _paint_sign(painter, positive, QPen(QColor("white"), 3.5), arm=3)
        _paint_sign(painter, positive, QPen(colour, 1.5), arm=3)
    else:
        centre = QPointF(0, 0)
        painter.setPen(QPen(QColor(0, 0, 0, 110), 1))
        painter.setBrush(QColor("white"))
        painter.drawEllipse(centre, MARK, MARK)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(centre, MARK - 2, MARK - 2)
        _paint_sign(painter, positive, QPen(QColor("white"), 2), arm=3.5)
    painter.end()
    return image


def _paint_sign(painter: QPainter, positive: bool, pen: QPen, *, arm: float) -> None:
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawLine(QPointF(-arm, 0), QPointF(arm, 0))
    if positive:
        painter.drawLine(QPointF(0, -arm), QPointF(0, arm))


def _paint_cursor(painter: QPainter, at: QPointF, radius: float, ratio: float) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((QColor(0, 0, 0, 150), 3.0), (QColor("white"), 1.25)):
        painter.setPen(QPen(colour, width * ratio))
        if radius >= 3 * ratio:
            painter.drawEllipse(at, radius, radius)
        if radius < 8 * ratio:  # too small to aim with: a cross helps
            gap = max(radius, 1.5 * ratio) + ratio
            arm = gap + 4 * ratio
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                painter.drawLine(at + QPointF(dx, dy) * gap, at + QPointF(dx, dy) * arm)
