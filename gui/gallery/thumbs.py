"""Small pictures of photos, decoded off the GUI thread and kept while there is room.

Knows JPEG bytes from the store and pixmaps; knows no row and no layout. At most one batch is on
its way, so that after a long scroll only what is still in sight is decoded.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QSize, QTimer, Signal
from PySide6.QtGui import QImage, QPixmap

from core.domain.ids import ImageId
from core.imaging.decode import THUMBNAIL_SIDE
from gui.context import ProjectHolder
from gui.gallery.refill import Refill
from gui.tasks import Lane, Tasks

BATCH = 24
BUDGET_PIXELS = 60_000_000
"""About 240 MB of pixmaps at most; a screenful at the usual size takes 2 MB."""


class Thumbnails(QObject):
    """``arrived`` carries the set of photo ids whose pictures can be drawn now."""

    arrived = Signal(object)

    def __init__(self, project: ProjectHolder, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._tasks = project, tasks
        self._pixmaps: OrderedDict[ImageId, QPixmap] = OrderedDict()
        self._held = 0
        self._missing: set[ImageId] = set()
        self._wanted: Callable[[], Iterable[ImageId]] = tuple
        self._busy = False
        self._round = 0
        self._size = QSize(112, 84)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._fetch)
        self._refill = Refill(project, tasks, self._made_again, self)
        project.opened.connect(self.clear)

    def watch(self, wanted: Callable[[], Iterable[ImageId]]) -> None:
        """``wanted`` gives the ids in sight, whenever a batch can be started."""
        self._wanted = wanted

    def set_size(self, size: QSize) -> None:
        """Device pixels that a picture has to fit into."""
        if size != self._size:
            self._size = size
            self.clear()

    def clear(self) -> None:
        self._pixmaps.clear()
        self._missing.clear()
        self._held = 0
        self._busy = False
        self._round += 1  # a batch under way is of another project, or of another size

    def forget(self, images: Iterable[ImageId]) -> None:
        """These photos have new pictures."""
        for image in images:
            self._missing.discard(image)
            if (pixmap := self._pixmaps.pop(image, None)) is not None:
                self._held -= pixmap.width() * pixmap.height()

    def pixmap(self, image: ImageId) -> QPixmap | None:
        """The picture, or None while it is on its way (or when there is none)."""
        pixmap = self._pixmaps.get(image)
        if pixmap is not None:
            self._pixmaps.move_to_end(image)
        elif image not in self._missing and not self._timer.isActive():
            self._timer.start()
        return pixmap

    def _fetch(self) -> None:
        if self._busy:
            return
        ids = [i for i in self._wanted() if i not in self._pixmaps and i not in self._missing]
        if not ids:
            self._refill.want(i for i in self._wanted() if i in self._missing)
            return
        batch, round_ = ids[:BATCH], self._round
        self._busy = (
            self._project.ask(
                lambda store: store.thumbnails(batch),
                on_done=lambda found: self._decode(batch, found, round_),
                on_error=lambda _error: self._take(batch, {}, round_),
                owner=self,
            )
            is not None
        )

    def _decode(self, batch: list[ImageId], found: dict[ImageId, bytes], round_: int) -> None:
        if round_ != self._round:
            return
        size = QSize(self._size)

        def work() -> dict[ImageId, QImage]:
            return {image: filled(data, size) for image, data in found.items()}

        self._tasks.run(
            work,
            on_done=lambda images: self._take(batch, images, round_),
            on_error=lambda _error: self._take(batch, {}, round_),
            lane=Lane.FREE,
            owner=self,
        )

    def _made_again(self, found: Mapping[ImageId, bytes]) -> None:
        """Pictures that were lost; the next few are asked for when these are there."""
        self._missing.difference_update(found)
        if not self._busy and found:
            self._busy = True
            self._decode(list(found), dict(found), self._round)
        else:
            self._timer.start()

    def _take(self, batch: list[ImageId], images: dict[ImageId, QImage], round_: int) -> None:
        if round_ != self._round:
            return
        self._busy = False
        for image in batch:
            picture = images.get(image)
            if picture is None or picture.isNull():
                self._missing.add(image)
                continue
            pixmap = QPixmap.fromImage(picture)
            self._pixmaps[image] = pixmap
            self._held += pixmap.width() * pixmap.height()
        while self._held > BUDGET_PIXELS:
            _, old = self._pixmaps.popitem(last=False)
            self._held -= old.width() * old.height()
        self.arrived.emit(set(batch))
        self._timer.start()


def filled(data: bytes, size: QSize) -> QImage:
    """``data`` scaled to fill ``size``, cut at the sides; null when it is no small picture."""
    import cv2

    picture = pixels(data)
    if picture is None:
        return QImage()
    height, width = picture.shape[:2]
    scale = max(size.width() / width, size.height() / height)
    fitted = (max(size.width(), round(width * scale)), max(size.height(), round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = np.asarray(cv2.resize(picture, fitted, interpolation=way), np.uint8)
    x, y = (fitted[0] - size.width()) // 2, (fitted[1] - size.height()) // 2
    return image_of(picture[y : y + size.height(), x : x + size.width()])


def pixels(data: bytes) -> NDArray[np.uint8] | None:
    """[h, w, 3] uint8 BGR of a thumbnail; None when ``data`` is no small picture.

    By OpenCV, which lets the window go on meanwhile: `QImage` holds the interpreter for as long as
    it decodes, and a frame that is due then waits for it, or for ever where it holds what the
    decoder needs.
    """
    import cv2

    # A project may come from anybody: a few bytes may claim to be gigabytes of pixels.
    if not _is_small(data):
        return None
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(picture, np.uint8)


def image_of(bgr: NDArray[np.uint8]) -> QImage:
    """[h, w, 3] uint8 BGR as a picture with its own memory."""
    import cv2

    whole = cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA)
    height, width = whole.shape[:2]
    return QImage(whole.data, width, height, whole.strides[0], QImage.Format.Format_RGB32).copy()


def _is_small(data: bytes) -> bool:
    """Whether ``data`` says that it is a JPEG of a size that ours may have."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
            return max(picture.size) <= 4 * THUMBNAIL_SIDE
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
