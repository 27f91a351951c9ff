"""The picture that a photo view shows: first a reduced one, then the photo in full.

Knows pyramids and when one replaces another; knows no zoom and no widget.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from gui.canvas.pyramid import PhotoPyramid, PyramidBuilder, checked, quick_look


class PhotoSource(QObject):
    """``shown`` carries True when another photo came, False when the same one got better."""

    shown = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pyramid: PhotoPyramid | None = None
        self._builder = PyramidBuilder(self._take_full, self)

    @property
    def complete(self) -> bool:
        """Whether every pixel of the photo is there."""
        return self.pyramid is not None and self.pyramid.complete

    def put(
        self,
        photo: NDArray[np.uint8] | PhotoPyramid | None,
        *,
        size: tuple[int, int] | None,
        same: bool | None,
    ) -> None:
        """See `PhotoView.set_photo`."""
        self._builder.drop()
        if photo is None:
            self.pyramid = None
            self.shown.emit(True)
        elif isinstance(photo, PhotoPyramid):
            self._show(photo, self._is_same(photo.size, photo.complete, same))
        else:
            self._put_array(photo, size, same)

    def _put_array(
        self, rgb: NDArray[np.uint8], size: tuple[int, int] | None, same: bool | None
    ) -> None:
        height, width = checked(rgb)
        full = size or (width, height)
        keep = self._is_same(full, (width, height) == full, same)
        look = quick_look(rgb, full)
        if look.levels[0].shape == (height, width):
            self._show(look, keep)
            return
        if not keep:
            self._show(look, False)
        self._builder.start(rgb, full)

    def _is_same(self, size: tuple[int, int], complete: bool, told: bool | None) -> bool:
        shown = self.pyramid
        if shown is None or shown.size != size:
            return False
        return complete and not shown.complete if told is None else told

    def _take_full(self, pyramid: PhotoPyramid) -> None:
        self._show(pyramid, True)

    def _show(self, pyramid: PhotoPyramid, same: bool) -> None:
        self.pyramid = pyramid
        self.shown.emit(not same)
