"""A photo in halving sizes, ready to be put on the screen.

Knows pixels; knows no widget. Building takes a tenth of a second and more for a large photo, so
that `PyramidBuilder` does it in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage

from gui.canvas.sampling import Window, sample_colours, to_image

SMALLEST = 512
QUICK = 1400
POLL_MS = 15


@dataclass(frozen=True, slots=True, eq=False)
class PhotoPyramid:
    """``size`` is the photo's full (width, height); ``levels`` are uint32 [h, w] of 0xffRRGGBB
    (the layout of QImage.Format_RGB32), each about half of the one before. Level 0 of a reduced
    picture is smaller than ``size``.
    """

    size: tuple[int, int]
    levels: tuple[NDArray[np.uint32], ...]

    @classmethod
    def from_rgb(
        cls, rgb: NDArray[np.uint8], *, size: tuple[int, int] | None = None
    ) -> PhotoPyramid:
        """From an [h, w, 3] uint8 array, of a photo whose full (width, height) is ``size``.

        Safe in any thread. Raises ValueError for anything but uint8 RGB.
        """
        import cv2

        height, width = checked(rgb)
        bgra = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGRA)
        levels = [bgra]
        while max(levels[-1].shape[:2]) > SMALLEST:
            rows, columns = levels[-1].shape[:2]
            half = (max(1, columns // 2), max(1, rows // 2))
            levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
        return cls(size or (width, height), tuple(v.view(np.uint32)[..., 0] for v in levels))

    @property
    def complete(self) -> bool:
        """Whether level 0 has every pixel of the photo."""
        height, width = self.levels[0].shape
        return (width, height) == self.size

    def image(self, level: int = 0) -> QImage:
        """One level as a QImage that shares its pixels."""
        return to_image(self.levels[level], opaque=True)

    def sample(self, window: Window, *, smooth: bool) -> NDArray[np.uint32]:
        """What the window shows, from the coarsest level that is fine enough."""
        longest = max(window.size) * window.scale
        fitting = [v for v in self.levels if max(v.shape) >= longest]
        return sample_colours(fitting[-1] if fitting else self.levels[0], window, smooth=smooth)


def checked(rgb: NDArray[np.uint8]) -> tuple[int, int]:
    """(height, width) of an [h, w, 3] uint8 array; raises ValueError for anything else."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise ValueError(f"a photo is [h, w, 3] uint8, not {rgb.shape} {rgb.dtype}")
    return rgb.shape[0], rgb.shape[1]


def quick_look(rgb: NDArray[np.uint8], size: tuple[int, int]) -> PhotoPyramid:
    """A reduced picture in a few milliseconds, by leaving pixels out."""
    step = max(1, max(rgb.shape[:2]) // QUICK)
    return PhotoPyramid.from_rgb(rgb[::step, ::step], size=size)


_pool: list[ThreadPoolExecutor] = []


class PyramidBuilder(QObject):
    """Builds one pyramid at a time off the GUI thread; a new request drops the one before."""

    def __init__(self, done: Callable[[PhotoPyramid], None], parent: QObject) -> None:
        super().__init__(parent)
        self._done = done
        self._future: Future[PhotoPyramid] | None = None
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._look)

    def start(self, rgb: NDArray[np.uint8], size: tuple[int, int]) -> None:
        """Build from ``rgb``; ``done`` is called on the GUI thread. The array must not change."""
        self.drop()
        if not _pool:
            _pool.append(ThreadPoolExecutor(1, thread_name_prefix="pyramid"))
        self._future = _pool[0].submit(PhotoPyramid.from_rgb, rgb, size=size)
        self._poll.start()

    def drop(self) -> None:
        """Forget what is being built."""
        if self._future is not None:
            self._future.cancel()
        self._future = None
        self._poll.stop()

    def _look(self) -> None:
        # Asking is as good as being told at this pace, and no signal can meet a dead widget.
        future = self._future
        if future is not None and future.done():
            self.drop()
            self._done(future.result())
