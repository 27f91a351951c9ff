"""Frames of the gallery over a large project: the widget alone, 1280×800, pictures from the store.

    python tests/bench/gallery_frames.py PROJECT [--json]

Run by tests/bench/project.py on its 100,000 photos. A frame is what keeps the GUI thread from the
next one: the scroll, the painting it causes, and the pictures and cards that arrived since the
frame before. "All of it" repaints every cell in sight.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from tests.bench.figures import Figure, Watch, fields, machine, table

if TYPE_CHECKING:
    from gui.gallery.view import GalleryView

TARGET = 16.0
FRAMES = 300
BETWEEN_S = 0.012
"""Until the next frame of a 60-Hz screen; the other threads work meanwhile."""


@contextmanager
def gallery(project: Path) -> Iterator[GalleryView]:
    """The gallery of a project, shown, with its lanes at work."""
    from PySide6.QtWidgets import QApplication

    from gui.context import ProjectHolder
    from gui.gallery.thumbs import Thumbnails
    from gui.gallery.view import GalleryView
    from gui.models.images import ImageIndex
    from gui.tasks import Lane, Tasks
    from gui.theme import Theme
    from storage.projects import open_project

    app = QApplication.instance() or QApplication([])
    tasks = Tasks(_raise)
    holder = ProjectHolder(tasks)
    index = ImageIndex(holder)
    view = GalleryView(index, Thumbnails(holder, tasks), Theme(app, "light"), 100)
    view.resize(1280, 800)
    view.show()
    store = open_project(project, read_only=True)
    holder.put(store)
    _until(app, lambda: len(index) > 0)
    try:
        yield view
    finally:
        view.hide()
        holder.put(None)
        tasks.run(store.close, lane=Lane.STORE)
        tasks.close()


def measure(project: Path) -> list[Figure]:
    """Scrolling by the wheel, dragging the bar anywhere, and scrolling over what is in memory."""
    with gallery(project) as view:
        bar, rng = view.verticalScrollBar(), Random(1)
        wheel = [bar.minimum() + 60 * n for n in range(FRAMES)]
        jumps = [rng.randrange(bar.maximum()) for _ in range(FRAMES)]
        return [
            _frames(view, "gallery frame, scrolling", wheel, pause=BETWEEN_S),
            _frames(view, "gallery frame, jumping anywhere", jumps, pause=BETWEEN_S),
            _frames(view, "gallery frame, all of it", wheel[:100] * 2, pause=0.0, full=True),
        ]


def _frames(
    view: GalleryView, name: str, offsets: list[int], *, pause: float, full: bool = False
) -> Figure:
    from PySide6.QtWidgets import QApplication

    watch = Watch()

    def frame(offset: int) -> None:
        view.verticalScrollBar().setValue(offset)
        if full:
            view.viewport().update()
        # Paints what the scroll laid bare and what has arrived meanwhile.
        QApplication.processEvents()

    for offset in offsets:
        time.sleep(pause)
        watch(lambda offset=offset: frame(offset))
    return watch.figure(name, TARGET)


def _until(app, ready, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            sys.exit("The gallery did not get its photos.")
        app.processEvents()
        time.sleep(0.005)


def _raise(error: BaseException) -> None:
    raise error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    where, figures = machine(), measure(args.project)
    if args.json:
        print(json.dumps({"machine": where, "figures": [fields(f) for f in figures]}))
    else:
        print(f"{where}\n\n{table(figures)}")
    return 0 if all(f.met for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
