"""Frames of the window while a training has the processor: panning a photo, scrolling the gallery.

    python tests/bench/frames.py [--json FILE] [--seconds 4] [--threads 2] [--megapixels 24]

A worker is started the way the window starts a training, through the training worker's own
``main``; in the place of the model it multiplies matrices in so many threads. Each scene is driven
at 60 frames a second: alone, beside the worker, and beside a worker that gives no way, which is
what its priority is worth. A frame's time runs from the moment it was due until it is painted, so
waking up too late counts. ``tests/bench/figures.py`` says what the columns are.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from core.workers import launch
from gui.canvas.view import CanvasView
from gui.worker_process import Workers
from tests.bench.canvas import VIEW, circle, document, drain, leaf, mouse, rest
from tests.bench.figures import Figure, Watch, fields, machine, table
from tests.bench.gallery_frames import gallery
from tests.bench.large_project import build

TARGET = 16.7
FRAME_S = 1 / 60
PHOTOS = 2000

BURN = """
import os, sys, threading, time
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
from core.training import events
from core.workers import train

def burn(_run, report, stop, *_others):
    def multiply():
        a = np.random.default_rng(1).random((768, 768), np.float32)
        while not stop():
            a @ a
    threads = [threading.Thread(target=multiply) for _ in range(int(sys.argv[2]))]
    for thread in threads:
        thread.start()
    report(events.Phase("training"))
    step = 0
    while not stop():
        time.sleep(0.3)
        report(events.Step(step := step + 1, 10**6, 1.0, 0.5, 0.5, 1e-3, 60.0, 0.1))

train._work = burn
if sys.argv[3] == "greedy":
    train.give_way = lambda: None
sys.exit(train.main(sys.argv[1:2]))
"""


@contextmanager
def training(threads: int, manner: str) -> Iterator[str]:
    """A worker at work; says at which priority it is."""
    workers, heard = Workers(), []
    command = launch.command
    launch.command = lambda _worker, *args: [sys.executable, "-P", "-c", BURN, *args]
    with tempfile.TemporaryDirectory() as run:
        try:
            process = workers.start("train", run, str(threads), manner)
            process.received.connect(heard.append)
            until(lambda: any(e["event"] == "step" for e in heard) or process.outcome)
            if process.outcome:
                sys.exit(process.outcome.sentence() + "\n" + process.log_tail)
            pid = next(e["pid"] for e in heard if e["event"] == "hello")
            nice = hasattr(os, "getpriority") and os.getpriority(os.PRIO_PROCESS, pid)
            yield f"worker of {threads} threads, {manner}: nice {nice}"
        finally:
            launch.command = command
            workers.close()


def until(ready: Callable[[], object], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            sys.exit("The bench did not get ready.")
        drain()
        time.sleep(0.005)


def drive(step: Callable[[int], object], seconds: float) -> Watch:
    """Call ``step`` 60 times a second, and paint. A late frame moves the ones after it."""
    watch = Watch()
    due = time.perf_counter() + FRAME_S
    for number in range(round(seconds / FRAME_S)):
        time.sleep(max(0.0, due - time.perf_counter()))
        watch(lambda number=number: (step(number), drain()), due=due)
        due = max(due + FRAME_S, time.perf_counter())
    return watch


@contextmanager
def canvas(megapixels: float) -> Iterator[Callable[[int], object]]:
    """A photo at its actual pixels, dragged along a curve."""
    photo, shape, spots = leaf(megapixels)
    view = CanvasView()
    view.resize(*VIEW)
    view.show()
    view.set_photo(photo)
    view.set_document(document(shape, spots, ("#e69f00", "#56b4e9", "#cc79a7", "#d55e00")))
    rest(view)
    view.zoom_to(1.0, (photo.shape[1] / 2, photo.shape[0] / 2))
    rest(view)
    mouse(view, QEvent.Type.MouseButtonPress, circle(0), middle=True)
    yield lambda n: mouse(view, QEvent.Type.MouseMove, circle(n + 1), middle=True)
    mouse(view, QEvent.Type.MouseButtonRelease, circle(0), middle=True)
    view.close()


def measure(seconds: float, threads: int, megapixels: float) -> tuple[list[Figure], list[str]]:
    figures, said = [], []
    with ExitStack() as stack:
        project = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "drawn.leafspot"
        build(project, PHOTOS, PHOTOS)
        pan = stack.enter_context(canvas(megapixels))
        bar = stack.enter_context(gallery(project)).verticalScrollBar()
        scenes = {
            f"pan 1:1 at {megapixels:g} MP": pan,
            "scroll the gallery": lambda n: bar.setValue(bar.minimum() + 60 * n % bar.maximum()),
        }
        for beside in ("", "yielding", "greedy"):
            with ExitStack() as work:
                if beside:
                    said.append(work.enter_context(training(threads, beside)))
                for name, step in scenes.items():
                    name = f"{name}, beside a {beside} worker" if beside else f"{name}, alone"
                    target = None if beside == "greedy" else TARGET
                    figures.append(drive(step, seconds).figure(name, target))
    return figures, said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--megapixels", type=float, default=24.0)
    asked = parser.parse_args()
    where = machine()
    app = QApplication([])
    app.setStyle("Fusion")
    figures, said = measure(asked.seconds, asked.threads, asked.megapixels)
    print("\n".join([where, *said, "", table(figures, 48)]))
    if asked.json:
        report = {"machine": where, "workers": said, "figures": [fields(f) for f in figures]}
        asked.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0 if all(f.met for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
