"""Our own window at the commands of the bench, in the bench's process.

The names are those that the peers' files answer to. Knows the program as ``window.py`` opens it.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image
from PySide6.QtCore import QEvent, QPointF

from tests.bench.canvas import mouse
from tests.bench.window import Painted, click, complete, opened, rest, until

SAM = "segment-anything"


class Ours:
    """Two projects: all the photos, and one photo alone, so that nothing is looked at ahead."""

    def __init__(self, job: dict[str, Any], folder: Path) -> None:
        self._job, self._folder, self._open = job, folder, ExitStack()
        # Two small ones after each: what is decoded ahead is never the one that is opened next.
        between = iter(job["between"])
        photos = [p for one in job["photos"] for p in (one, next(between), next(between))]
        self._many, images = project(folder / "many", [*photos, job["labelled"]], job)
        self._images = [*images[:-1:3], images[-1]]
        self._one, _ = project(folder / "one", job["photos"][:1], job)
        self._nearer = cycle((1.1, 1 / 1.1))
        self._pulled = 0
        self._look: float | None = None
        self.in_full: list[float] = []

    def __enter__(self) -> Ours:
        home = self._folder / "home"
        self._program, self._page = self._open.enter_context(opened(self._one, home, engine="leaf"))
        self._painted = Painted(self._page)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def begin(self) -> None:
        """All the photos, engine `leaf`: before a peer."""
        self._let_go()
        self._page.assistant.choose("leaf")
        self._turn_to(self._many)
        # The first one is there. Photos come round after more pixels than are kept of them.
        self._next = cycle([*self._images[1:-1], self._images[0]])

    def ask(self, name: str) -> float | None:
        """As ``Driven.ask``."""
        took: float | None = getattr(self, name)()
        return took

    def _turn_to(self, project: Path) -> None:
        self._program.controller.open(project)
        holder = self._program.context.project

        def there() -> bool:
            return holder.info is not None and holder.info.folder == project

        until(lambda: there() and complete(self._page))
        rest(self._page, 1.0)

    def _timed(self, do: Any, shown: Any = lambda: True) -> float:
        rest(self._page, 0.1)
        begin = time.perf_counter()
        do()
        painted = self._painted.wait(shown)
        if not painted:
            raise RuntimeError("nothing was painted")
        return (painted - begin) * 1e3

    def _show(self, image: Any) -> float:
        """To the first painting of the photo, which may be of a reduced one; ``in_full`` has the
        time to the first of all its pixels."""
        page = self._page
        took = self._timed(
            lambda: page.open_image(image),
            lambda: (
                page.controller.session is not None and page.controller.session.image.id == image
            ),
        )
        if complete(page):
            self.in_full.append(took)
        else:
            begin = time.perf_counter()
            self.in_full.append(took + (self._painted.wait(lambda: complete(page)) - begin) * 1e3)
        rest(page, 1.0)  # what it does ahead is over before the other's turn
        return took

    def open(self) -> float:
        return self._show(next(self._next))

    def open_labelled(self) -> float:
        return self._show(self._images[-1])

    def redraw(self) -> float:
        return self._timed(self._page.canvas.update)

    def zoom(self) -> float:
        middle = QPointF(self._page.canvas.width() / 2, self._page.canvas.height() / 2)
        return self._timed(lambda: self._page.canvas.zoom_by(next(self._nearer), middle))

    def actual_pixels(self) -> None:
        self._page.canvas.zoom_to(1.0, self._job["middle"])
        rest(self._page)
        mouse(self._page.canvas, QEvent.Type.MouseButtonPress, QPointF(600, 400), middle=True)

    def pan(self) -> float:
        self._pulled += self._job["step"]
        to = QPointF(600 - self._pulled, 400)
        return self._timed(lambda: mouse(self._page.canvas, QEvent.Type.MouseMove, to, middle=True))

    def _let_go(self) -> None:
        """Of the photo that was pulled about, if it was."""
        if self._pulled:
            where = QPointF(600 - self._pulled, 400)
            mouse(self._page.canvas, QEvent.Type.MouseButtonRelease, where, middle=True)
            self._pulled = 0

    def load(self) -> None:
        """The photo alone, with the weights that all get; a first click waits for the look."""
        self._let_go()
        self._turn_to(self._one)
        self._program.context.actions["tool.point"].trigger()
        self._page.assistant.choose(SAM, self._job["checkpoint"])
        first = self._click(check=True)
        if self._look is None:
            self._look = first - self._click(check=True)

    def look(self) -> float:
        """Opening the weights and looking, as it was the first time: later it is on the disk."""
        assert self._look is not None
        return self._look

    def click(self) -> float:
        return self._click(check=True)

    def leaf_click(self) -> float:
        """With the engine that the program brings; its mask is its own affair."""
        self._program.context.actions["tool.point"].trigger()
        return self._click(check=False)

    def _click(self, *, check: bool) -> float:
        page = self._page
        marks = page.canvas.marks.shown
        took = self._timed(
            lambda: click(page, *self._job["click"]), lambda: marks.candidate is not None
        )
        pixels = np.count_nonzero(page.assistant.candidate.pixels)
        page.assistant.clear()
        rest(page, 0.1)
        if check and not 0.5 < pixels / self._job["area"] < 2:
            raise RuntimeError(f"the mask has {pixels} pixels")
        return took


def project(folder: Path, photos: list[str], job: dict[str, Any]) -> tuple[Path, list[Any]]:
    """A project of these photos, closed; the one that is to have lesions has them. Its images."""
    from core.domain.disease import PALETTE, Disease
    from core.domain.edits import Edit, RegionAdded
    from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
    from core.domain.image import LeafImage
    from core.domain.mask import TileMask
    from core.domain.region import RegionInfo, RegionKind
    from core.imaging.decode import inspect
    from core.ports import NewImage
    from storage.projects import create_project

    folder.mkdir()
    store = create_project(folder / "bench.leafspot")
    rust = DiseaseId(new_id())
    store.put_disease(Disease(rust, "rust", PALETTE[0], hotkey=1))
    images = []
    for path in photos:
        seen, number = inspect(Path(path)), ImageId(new_id())
        size = Image.open(path).size
        image = LeafImage(number, path, seen.sha256, *size)
        store.add_images([NewImage(image, (), seen.thumbnail)])
        images.append(number)
        if path != job["labelled"]:
            continue
        added = []
        for x, y, radius in job["spots"]:
            yy, xx = np.mgrid[-radius : radius + 1, -radius : radius + 1]
            disc = xx**2 + yy**2 <= radius**2
            mask = TileMask.from_array(disc, (x - radius, y - radius), size)
            info = RegionInfo(RegionId(new_id()), number, RegionKind.LESION, rust)
            added.append(RegionAdded(info, mask.packed()))
        store.commit(Edit(number, "Lesions", tuple(added)))
    store.close()
    return store.folder, images
