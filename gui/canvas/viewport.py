"""A photo that can be looked at: zoomed, panned, sharp when it rests.

A plain QWidget. Panning scrolls the finished pixels and paints only the strips that come into view;
zooming paints the nearest pixels at once and the smooth ones when the hand rests. Layers put pixels
and marks over the photo. Knows photo, camera and layers; knows no region, no tool and no store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QPainter,
    QPaintEvent,
    QPalette,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from core.domain.mask import Box
from core.language import tr
from gui.canvas.camera import Camera
from gui.canvas.empty_state import EmptyState
from gui.canvas.look import Lens, Look
from gui.canvas.navigation import Navigation
from gui.canvas.photo_source import PhotoSource
from gui.canvas.pyramid import PhotoPyramid
from gui.canvas.sampling import Window, to_image
from gui.canvas.transform import Transform

IDLE_MS = 100
BLOCKY = 3.0
"""From this many device pixels per photo pixel on, pixels are shown as squares."""
RIM = 4
BY_KEYBOARD = (
    Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)  # fmt: skip
MANY_RECTS = 12
SPARE = 15_000
"""Painting this many pixels costs as much as beginning another rectangle."""


class Layer(Protocol):
    """Something over the photo. ``ratio`` is device pixels per logical pixel."""

    def render(self, window: Window) -> list[QImage]:
        """Pixels of the window, one image per pass, each of the window's size."""

    def paint(self, painter: QPainter, transform: Transform, ratio: float) -> None:
        """Marks; the painter counts in logical pixels."""

    def fixed_rects(self, transform: Transform, ratio: float) -> list[QRect]:
        """Logical rectangles of marks that stay on the screen when the photo is panned."""


class PhotoView(QWidget):
    """``viewChanged`` follows every zoom and pan; ``photoShown`` says whether it is all there;
    ``focusShown`` whether a frame should tell that the keyboard is here: it came by the keyboard.
    """

    viewChanged = Signal()
    photoShown = Signal(bool)
    focusShown = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 90)
        self.setAccessibleName(tr("Photo"))
        self.empty_state = EmptyState()
        self.layers: list[Layer] = []
        self.smooth = True
        """Whether the picture is as good as it gets; False while a zoom is going on."""
        self._lens = Lens()
        self.camera = Camera(self)
        self.camera.resize(self.width(), self.height(), self.devicePixelRatioF())
        self.camera.moved.connect(self._moved)
        self._source = PhotoSource(self)
        self._source.shown.connect(self._shown)
        self._idle = QTimer(self, singleShot=True, interval=IDLE_MS)
        self._idle.timeout.connect(self._sharpen)
        self.navigation = Navigation(self)

    def set_photo(
        self,
        photo: NDArray[np.uint8] | PhotoPyramid | None,
        *,
        size: tuple[int, int] | None = None,
        same: bool | None = None,
    ) -> None:
        """Show an [h, w, 3] uint8 RGB array, a finished pyramid, or nothing.

        ``size`` is the photo's full (width, height); a smaller array is a reduced picture of it.
        An array is shown at once from a part of its pixels, in full when its pyramid is built in
        the background; it must not change meanwhile. ``same`` True keeps the view (a better picture
        of the photo that is shown), False fits the new one; None keeps it only when a complete
        picture replaces a reduced one of the same size.
        Raises ValueError for anything that is not RGB of 8 bits.
        """
        self._source.put(photo, size=size, same=same)

    @property
    def pyramid(self) -> PhotoPyramid | None:
        """What is shown now."""
        return self._source.pyramid

    @property
    def photo_complete(self) -> bool:
        """Whether every pixel of the photo is there."""
        return self._source.complete

    @property
    def zoom(self) -> float:
        """Device pixels per photo pixel: 1.0 is "actual pixels"."""
        return self.camera.transform.scale

    @property
    def look(self) -> Look:
        """Brightness, contrast and channel of what is shown; stays when another photo comes."""
        return self._lens.look

    @look.setter
    def look(self, look: Look) -> None:
        self._lens.look = look
        self.update()

    def fit(self) -> None:
        """Show the whole photo."""
        self.camera.fit()

    def zoom_to(self, factor: float, centre: tuple[float, float] | None = None) -> None:
        """``factor`` device pixels per photo pixel around a photo point, or the present middle."""
        self.camera.zoom_to(factor, centre)

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom with the photo point under the widget position (or in the middle) held still."""
        self.camera.zoom_by(factor, at)

    def image_at(self, position: QPointF | QPoint) -> tuple[float, float]:
        """Photo point (x, y) shown at a widget position; may lie outside the photo."""
        return self.camera.image_at(position)

    def update_photo(self, box: Box) -> None:
        """Repaint what shows the photo pixels of ``box``, and the outlines around them."""
        rim = math.ceil(RIM * self.camera.ratio)
        self.update(self.camera.widget_rect(box, rim=rim).intersected(self.rect()))

    def fixed_rects(self) -> list[QRect]:
        """Logical rectangles of marks that do not move with the photo."""
        t, ratio = self.camera.transform, self.camera.ratio
        return [rect for layer in self.layers for rect in layer.fixed_rects(t, ratio)]

    def show_hand(self, shape: Qt.CursorShape | None) -> None:
        """The cursor of a drag over the photo; None gives the usual one back."""
        if shape is None and self.navigation.left_drags:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif shape is None:
            self.unsetCursor()
        else:
            self.setCursor(shape)

    def background(self) -> QColor:
        """A shade apart from the window, so that the photo stands in a frame of its own."""
        window = self.palette().color(QPalette.ColorRole.Window)
        return window.darker(125) if window.lightness() < 128 else window.darker(108)

    def _shown(self, another: bool) -> None:
        pyramid = self._source.pyramid
        if another:
            self.camera.put_photo(None if pyramid is None else pyramid.size)
        self.smooth = True
        self.update()
        self.photoShown.emit(self._source.complete)

    def _moved(self, old: Transform, new: Transform) -> None:
        """Go there by the cheapest way."""
        if new.scale != old.scale or new.size != old.size:
            self.smooth = False
            self._idle.start()
            self.update()
        else:
            self._scroll(new.ox - old.ox, new.oy - old.oy)
        self.viewChanged.emit()

    def _scroll(self, dx: int, dy: int) -> None:
        ratio = round(self.camera.ratio)
        whole = self.camera.ratio == ratio and dx % ratio == 0 and dy % ratio == 0
        step = QPoint(dx // ratio, dy // ratio)
        if not whole or abs(step.x()) > self.width() // 2 or abs(step.y()) > self.height() // 2:
            self.update()
            return
        self.scroll(step.x(), step.y())
        for rect in self.fixed_rects():  # they are where they were: their pixels moved
            self.update(rect)
            self.update(rect.translated(step))

    def _sharpen(self) -> None:
        if not self.smooth:
            self.smooth = True
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        pyramid = self._source.pyramid
        if pyramid is None:
            painter.fillRect(event.rect(), self.background())
            self.empty_state.paint(painter, self.rect(), self.palette())
            return
        for rect in _worth_painting(event.region()):
            self._paint_rect(painter, rect, pyramid)
        for layer in self.layers:
            painter.save()
            layer.paint(painter, self.camera.transform, self.camera.ratio)
            painter.restore()

    def _paint_rect(self, painter: QPainter, rect: QRect, pyramid: PhotoPyramid) -> None:
        """Photo and pixel layers of one logical rectangle, computed in device pixels."""
        t, ratio = self.camera.transform, self.camera.ratio
        x0, y0 = math.floor(rect.left() * ratio), math.floor(rect.top() * ratio)
        x1 = math.ceil((rect.right() + 1) * ratio)
        y1 = math.ceil((rect.bottom() + 1) * ratio)
        left, top, right, bottom = t.ox, t.oy, t.ox + t.extent[0], t.oy + t.extent[1]
        if x0 < left or y0 < top or x1 > right or y1 > bottom:
            painter.fillRect(rect, self.background())
        x0, y0, x1, y1 = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
        if x1 <= x0 or y1 <= y0:
            return
        window = Window(x0 - left, y0 - top, x1 - left, y1 - top, t.scale, t.size)
        smooth = self.smooth and t.scale < BLOCKY
        pixels = self._lens.show(pyramid, pyramid.sample(window, smooth=smooth))
        images = [to_image(pixels, opaque=True)]
        for layer in self.layers:
            images += layer.render(window)
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)  # from here on the painter counts device pixels
        for image in images:
            painter.drawImage(QPoint(x0, y0), image)
        painter.restore()

    def sizeHint(self) -> QSize:
        return QSize(900, 640)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.camera.resize(self.width(), self.height(), self.devicePixelRatioF())
        self.smooth = True

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.camera.resize(self.width(), self.height(), self.devicePixelRatioF())
        elif isinstance(event, QFocusEvent):
            self.focusShown.emit(event.gotFocus() and event.reason() in BY_KEYBOARD)
        elif event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.update()
        return super().event(event)


def _worth_painting(region: QRegion) -> list[QRect]:
    """The rectangles of ``region``, or the one around them where that is hardly more work."""
    around = region.boundingRect()
    rects = list(cast("Iterable[QRect]", region))  # its type description does not say so
    area = sum(r.width() * r.height() for r in rects)
    spare = around.width() * around.height() - area
    return [around] if len(rects) > MANY_RECTS or spare < SPARE * len(rects) else rects
