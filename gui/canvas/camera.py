"""Where one looks: zooming, panning and what lies under the pointer.

Holds the transform of one photo view and changes it by whole device pixels. Knows sizes and
positions; knows no pixels and paints nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QObject, QPoint, QPointF, QRect, Signal

from core.domain.mask import Box
from gui.canvas.transform import Transform

MARGIN = 12
"""Logical pixels left free around a fitted photo."""
SNAP = 0.02
ROUNDING = 1e-6


class Camera(QObject):
    """``moved`` carries the transforms before and after. Does nothing without a photo.

    ``fitted`` says that the whole photo is to be seen whatever size the view gets.
    """

    moved = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.transform = Transform((1, 1))
        self.ratio = 1.0
        self.view = (1, 1)
        self.fitted = True
        self._has_photo = False
        self._held: tuple[tuple[float, float], tuple[float, float]] | None = None

    def put_photo(self, size: tuple[int, int] | None) -> None:
        """Another photo of (width, height), seen as a whole; None when it is gone."""
        self._has_photo = size is not None
        if size is not None:
            self.transform = replace(self.transform, size=size)
            self.fit()

    def resize(self, width: int, height: int, ratio: float) -> None:
        """The view is ``width`` × ``height`` logical pixels of ``ratio`` device pixels each.

        What was in the middle stays there, at the size it had for the eye.
        """
        centre, old = self.centre, self.ratio
        self.ratio = ratio
        self.view = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        if self.fitted:
            self.fit()
        else:
            self.zoom_to(self.transform.scale * ratio / old, centre)

    @property
    def centre(self) -> tuple[float, float]:
        """Photo point in the middle of the view."""
        return self.transform.to_photo(self.view[0] / 2, self.view[1] / 2)

    def fit(self) -> None:
        """Show the whole photo, and go on doing so when the view changes its size."""
        margin = round(MARGIN * self.ratio)
        wanted = Transform.fitted(self.transform.size, self.view, margin=margin)
        self._look(wanted, fitted=True)

    def zoom_to(self, factor: float, centre: tuple[float, float] | None = None) -> None:
        """``factor`` device pixels per photo pixel; the photo point ``centre`` in the middle."""
        middle = (self.view[0] / 2, self.view[1] / 2)
        self._look(self.transform.placed(factor, centre or self.centre, middle))

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom with the photo point under the widget position ``at`` (or the middle) held still."""
        position = (self.view[0] / 2, self.view[1] / 2) if at is None else self._device(at)
        # Steps at one position hold the point of the first, so that rounding does not add up.
        held = self._held if self._held and self._held[0] == position else None
        held = held or (position, self.transform.to_photo(*position))
        scale = self.transform.scale * factor
        if abs(math.log(scale)) < SNAP:
            scale = 1.0
        self._look(self.transform.placed(scale, held[1], position))
        self._held = held

    def bring_in(self, box: Box) -> None:
        """Show the photo pixels of ``box``, as closely as before; nothing moves where they are seen
        already, or are more than fits.
        """
        x0, y0, x1, y1 = self.visible_box()
        whole = x0 <= box[0] and y0 <= box[1] and box[2] <= x1 and box[3] <= y1
        part = box[0] < x1 and x0 < box[2] and box[1] < y1 and y0 < box[3]
        fits = box[2] - box[0] <= x1 - x0 and box[3] - box[1] <= y1 - y0
        if not whole and (fits or not part):
            self.zoom_to(self.transform.scale, ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the photo by logical pixels. On screens of whole density steps are whole as well."""
        whole = self.ratio == round(self.ratio)
        if whole:
            dx, dy = round(dx), round(dy)
        self._look(self.transform.panned(round(dx * self.ratio), round(dy * self.ratio)))

    def follow(self, other: Camera) -> None:
        """Look at the middle of what ``other`` looks at, as closely."""
        # Offsets are copied where the views are alike, so that rounding cannot set them apart.
        if other.view == self.view and other.transform.size == self.transform.size:
            self._look(other.transform)
        else:
            self.zoom_to(other.transform.scale, other.centre)

    def image_at(self, position: QPointF | QPoint) -> tuple[float, float]:
        """Photo point (x, y) shown at a widget position; may lie outside the photo."""
        return self.transform.to_photo(*self._device(QPointF(position)))

    def widget_at(self, x: float, y: float) -> QPointF:
        """Widget position that shows the photo point; inverse of ``image_at`` to a device pixel."""
        dx, dy = self.transform.to_device(x, y)
        return QPointF((dx - 0.5) / self.ratio, (dy - 0.5) / self.ratio)

    @property
    def line(self) -> int:
        """Device pixels of a thin line: 1 on a screen of plain density, 2 on one of twice that."""
        return max(1, round(1.25 * self.ratio))

    def visible_box(self) -> Box:
        """Photo pixels that are on the screen, half open."""
        return self.transform.photo_box((0, 0, *self.view))

    def widget_rect(self, box: Box, *, rim: int) -> QRect:
        """Logical rectangle that shows the photo pixels of ``box``, ``rim`` device pixels wider."""
        x0, y0, x1, y1 = self.transform.device_box(box)
        left, top = math.floor((x0 - rim) / self.ratio), math.floor((y0 - rim) / self.ratio)
        right, bottom = math.ceil((x1 + rim) / self.ratio), math.ceil((y1 + rim) / self.ratio)
        return QRect(left, top, right - left, bottom - top)

    def _device(self, position: QPointF) -> tuple[float, float]:
        # A position names a device pixel; its middle is meant, on screens of any density.
        x, y = position.x() * self.ratio, position.y() * self.ratio
        return math.floor(x + ROUNDING) + 0.5, math.floor(y + ROUNDING) + 0.5

    def _look(self, wanted: Transform, *, fitted: bool = False) -> None:
        if not self._has_photo:
            return
        self.fitted, self._held = fitted, None  # before anybody is told: those who follow ask it
        old, new = self.transform, wanted.clamped(self.view)
        if new != old:
            self.transform = new
            self.moved.emit(old, new)
