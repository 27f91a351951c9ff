"""Photos in memory: decoded off the GUI thread, the next one ahead of time.

Knows paths, digests and pyramids; knows no widget. A photo is decoded only when its bytes are those
that were imported, so that outlines never lie over another picture.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from core.domain.ids import ImageId
from core.domain.image import LeafImage
from core.errors import ImageUnreadable
from core.imaging.decode import MAX_PIXELS, decode_rgb
from core.language import tr
from gui.canvas.pyramid import PhotoPyramid
from gui.context import Context

if TYPE_CHECKING:
    from core.ports import ProjectStore

KEPT_PIXELS = 160_000_000
"""Over 800 MB of pyramids: three photos of 50 megapixels, dozens of ordinary ones."""
LARGE_PIXELS = 8_000_000
"""From here on a reduced picture comes first."""
PREVIEW_SIDE = 1600


@dataclass(frozen=True)
class Photo:
    """A decoded photo and where its file is. A reduced one has ``pyramid.complete`` False."""

    image: LeafImage
    path: Path
    pyramid: PhotoPyramid


Listener = tuple[Callable[[Photo], None], Callable[[BaseException], None]]
"""What to do with the photo, and with the error."""


def decode(image: LeafImage, path: Path, *, reduced: bool = False) -> Photo:
    """Runs off the GUI thread. Raises ImageUnreadable."""
    side = PREVIEW_SIDE if reduced else None
    rgb = decode_rgb(path, expected_sha256=image.sha256, max_side=side)
    # A damaged project says another size than the picture's, which its outlines have as well.
    seen = (image.height, image.width) == rgb.shape[:2]
    if not (image.width * image.height <= MAX_PIXELS if reduced else seen):
        raise ImageUnreadable(tr("{name} is not of the size it was imported with.", name=path.name))
    return Photo(image, path, PhotoPyramid.from_rgb(rgb, size=(image.width, image.height)))


class PhotoLoader(QObject):
    """``load`` answers once or twice (reduced, then in full); ``prefetch`` fills the cache."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._cache: OrderedDict[ImageId, Photo] = OrderedDict()
        self._coming: dict[ImageId, list[Listener]] = {}
        context.project.opened.connect(self.clear)

    def clear(self) -> None:
        self._cache.clear()
        self._coming.clear()

    def forget(self, image: ImageId) -> None:
        """Its file has moved: decode it anew."""
        self._cache.pop(image, None)

    def load(
        self,
        image: LeafImage,
        path: Path,
        *,
        on_done: Callable[[Photo], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Decode ``image``; from the cache the answer comes at once, wherever its file is now."""
        photo = self._cache.get(image.id)
        if photo is not None:
            photo = self._cache[image.id] = replace(photo, path=path)
            self._cache.move_to_end(image.id)
            on_done(photo)
            return
        if image.id in self._coming:
            self._coming[image.id].append((on_done, on_error))
            return
        if image.width * image.height > LARGE_PIXELS:
            self._context.tasks.run(
                lambda: decode(image, path, reduced=True),
                on_done=lambda early: on_done(early) if image.id not in self._cache else None,
                on_error=lambda _error: None,  # the full decode says what is wrong
                owner=self,
            )
        self._start(image, path, [(on_done, on_error)])

    def prefetch(self, image: ImageId) -> None:
        """Have the photo ready for when the person gets there. Failures wait until then."""
        if image in self._cache or image in self._coming:
            return

        def question(store: ProjectStore) -> tuple[LeafImage, Path]:
            found = store.image(image)
            return found, store.resolve(found)

        def found(answer: tuple[LeafImage, Path]) -> None:
            if image not in self._cache and image not in self._coming:
                self._start(*answer, [])

        self._context.project.ask(question, on_done=found, on_error=lambda _error: None, owner=self)

    def _start(
        self,
        image: LeafImage,
        path: Path,
        listeners: list[Listener],
    ) -> None:
        self._coming[image.id] = listeners

        def failed(error: BaseException) -> None:
            # Also to whoever came while the photo was being prefetched.
            for _, on_error in self._coming.pop(image.id, []):
                on_error(error)

        self._context.tasks.run(
            lambda: decode(image, path), on_done=self._keep, on_error=failed, owner=self
        )

    def _keep(self, photo: Photo) -> None:
        listeners = self._coming.pop(photo.image.id, [])
        self._cache[photo.image.id] = photo
        self._cache.move_to_end(photo.image.id)
        while len(self._cache) > 1 and self._held() > KEPT_PIXELS:
            self._cache.popitem(last=False)
        for on_done, _ in listeners:
            on_done(photo)

    def _held(self) -> int:
        return sum(p.image.width * p.image.height for p in self._cache.values())
