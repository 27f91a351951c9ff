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
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from tests.bench.project import Figure

TARGET = 16.0
FRAMES = 300
BETWEEN_S = 0.012
"""Until the next frame of a 60-Hz screen; the other threads work meanwhile."""


def measure(project: Path) -> list[Figure]:
    """Scrolling by the wheel, dragging the bar anywhere, and scrolling over what is in memory."""
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
    bar, rng = view.verticalScrollBar(), Random(1)
    wheel = [bar.minimum() + 60 * n for n in range(FRAMES)]
    jumps = [rng.randrange(bar.maximum()) for _ in range(FRAMES)]
    try:
        return [
            _frames(app, view, "gallery frame, scrolling", wheel, pause=BETWEEN_S),
            _frames(app, view, "gallery frame, jumping anywhere", jumps, pause=BETWEEN_S),
            _frames(app, view, "gallery frame, all of it", wheel[:100] * 2, pause=0.0, full=True),
        ]
    finally:
        view.hide()
        holder.put(None)
        tasks.run(store.close, lane=Lane.STORE)
        tasks.close()


def _frames(
    app, view, name: str, offsets: list[int], *, pause: float, full: bool = False
) -> Figure:
    taken, used = [], []
    for offset in offsets:
        time.sleep(pause)
        begin, busy = time.perf_counter(), time.thread_time()
        view.verticalScrollBar().setValue(offset)
        if full:
            view.viewport().update()
        app.processEvents()  # paints what the scroll laid bare and what has arrived meanwhile
        used.append((time.thread_time() - busy) * 1000)
        taken.append((time.perf_counter() - begin) * 1000)
    taken.sort()
    return Figure(
        name,
        statistics.median(taken),
        taken[int(len(taken) * 0.95)],
        statistics.median(used),
        TARGET,
    )


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
    figures = measure(args.project)
    if args.json:
        print(json.dumps([asdict(f) for f in figures]))
    else:
        for f in figures:
            print(f"{f.name:<36}{f.p50:>8.1f}{f.p95:>8.1f}{f.cpu:>8.1f}   ≤ {f.target}")
    return 0 if all(f.met for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
