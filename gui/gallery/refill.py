"""Small pictures that were lost are made again from the photos themselves.

``thumbs.db`` is no part of the work and may be deleted or damaged; the gallery fills it again as it
is looked at. Knows photos and the store's thumbnails; knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject

from core.domain.ids import ImageId
from core.domain.image import LeafImage
from core.errors import ImageUnreadable
from core.imaging.decode import THUMBNAIL_SIDE, decode_rgb, thumbnail_of
from core.ports import ProjectStore
from gui.context import ProjectHolder
from gui.tasks import Lane, Tasks

AT_ONCE = 4
"""Photos of one task: a large one takes a second, and other work waits on the same lane."""
Place = tuple[LeafImage, Path]


class Refill(QObject):
    """``made`` is called with the JPEG bytes of each few photos. Every photo is tried once."""

    def __init__(
        self,
        project: ProjectHolder,
        tasks: Tasks,
        made: Callable[[Mapping[ImageId, bytes]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._project, self._tasks, self._made = project, tasks, made
        self._tried: set[ImageId] = set()
        self._busy = False
        project.opened.connect(self.clear)

    def clear(self) -> None:
        """Another project: every photo may be tried again."""
        self._tried.clear()
        self._busy = False

    def want(self, images: Iterable[ImageId]) -> None:
        """These are in sight and have no picture."""
        batch = [i for i in images if i not in self._tried][:AT_ONCE]
        if self._busy or not batch:
            return
        self._tried.update(batch)
        asked = self._project.ask(
            lambda store: [(i, store.resolve(i)) for i in store.images(batch)],
            on_done=self._make,
            on_error=lambda _error: self._stop(),
            owner=self,
        )
        self._busy = asked is not None

    def _make(self, places: list[Place]) -> None:
        self._tasks.run(
            lambda: make(places),
            on_done=self._take,
            on_error=lambda _error: self._stop(),
            lane=Lane.FREE,
            owner=self,
        )

    def _take(self, found: dict[ImageId, bytes]) -> None:
        self._stop()
        if found and self._project.writable:

            def keep(store: ProjectStore) -> None:
                store.put_thumbnails(found)

            # A disk that is full keeps the pictures in memory, and says so where work is saved.
            self._project.ask(
                keep, on_done=lambda _: None, on_error=lambda _error: None, owner=self
            )
        self._made(found)

    def _stop(self) -> None:
        self._busy = False


def make(places: Iterable[Place]) -> dict[ImageId, bytes]:
    """Off the GUI thread. Photos that are gone or changed are left out."""
    found: dict[ImageId, bytes] = {}
    for image, path in places:
        try:
            rgb = decode_rgb(path, expected_sha256=image.sha256, max_side=2 * THUMBNAIL_SIDE)
        except ImageUnreadable:
            continue
        found[image.id] = thumbnail_of(rgb)
    return found
