"""The canvas with 5 and with 500 lesions on 50 megapixels, alone and with the processor taken.

    python tests/bench/canvas_lesions.py [--json FILE] [--seconds 3] [--train] [--engine leaf]

Growth: a hit test, and everything between the stored tiles of a photo's regions and regions in
memory, for 5 and for 500 lesions. A list would make 100 times as much of it.

Frames: pan, zoom and brush driven at 60 frames a second, as ``frames.py`` does: a frame's time runs
from the moment it was due until it is painted. Alone; beside two processes at the priority of a
training that keep both cores busy; with ``--train`` beside a real `leafspot train` on drawn leaves.
Meanwhile, in the same three circumstances, clicks are put to the assistant in its worker process,
from the command to the answer. ``tests/bench/figures.py`` says what the columns are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np
from PySide6.QtCore import QEvent, QPointF
from PySide6.QtWidgets import QApplication

from core.domain.ids import RegionId
from core.domain.mask import TileMask
from core.workers import launch
from core.workers.mask_crop import decode_mask
from core.workers.priority import STEPS
from gui.canvas.view import CanvasView
from gui.worker_process import Workers
from tests.bench.canvas import RADIUS, VIEW, _apply, circle, document, leaf, mouse, rest
from tests.bench.figures import (
    SPREAD_HEAD,
    Figure,
    Watch,
    fields,
    machine,
    spread,
    spread_row,
    table,
    watched,
)
from tests.bench.frames import TARGET, drive
from tests.bench.window import until

MEGAPIXELS = 50
COUNTS = (5, 500)
COLOURS = ("#e69f00", "#56b4e9", "#cc79a7", "#d55e00")
BUSY = "import os\nos.nice({steps})\nwhile True:\n    sum(range(10**6))\n"
ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clicks", type=int, default=40)
    parser.add_argument("--engine", default="leaf")
    parser.add_argument("--train", action="store_true", help="beside a real training as well")
    args = parser.parse_args()
    where = machine()
    print(where)
    QApplication([]).setStyle("Fusion")
    photo, shape, spots = leaf(MEGAPIXELS)
    grown = growth(shape, spots)
    print(table(grown, 46))
    figures: list[Figure] = []
    answers: dict[str, dict[str, float]] = {}
    beside = ["alone", "beside two busy processes"] + ["beside a training"] * args.train
    with (
        tempfile.TemporaryDirectory() as folder,
        canvas(photo, shape, spots) as view,
        assistant(args.engine, photo, Path(folder)) as ask,
    ):
        for manner in beside:
            with company(manner, Path(folder)):
                figures += frames(view, manner, args.seconds)
                answers[f"{args.engine} answers a click, {manner}"] = spread(
                    [ask(x + 0.5, y + 0.5) for x, y, _ in spots[: args.clicks]]
                )
    print("\n" + table(figures, 46) + "\n\n" + SPREAD_HEAD)
    for name, found in answers.items():
        print(spread_row(name, found))
    if args.json:
        report = {
            "machine": where,
            "growth": [fields(f) for f in grown],
            "frames": [fields(f) for f in figures],
            "clicks": answers,
        }
        args.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0 if all(f.met for f in figures) else 1


def growth(shape: np.ndarray, spots: list[tuple[int, int, int]]) -> list[Figure]:
    """Hit tests (a thousand a call) and decoding, by the number of lesions."""
    height, width = shape.shape
    places = np.random.default_rng(2).uniform(0, 1, (1000, 2)) * (width, height)
    figures = []
    docs = {n: document(shape, spots[:n], COLOURS) for n in COUNTS}
    for count, doc in docs.items():
        watch = watched([lambda doc=doc: [doc.region_at(x, y) for x, y in places]] * 8)
        figures.append(watch.figure(f"1,000 hit tests, {count} lesions"))
    for count, doc in docs.items():
        packed = [r.mask.packed() for r in doc.regions if r.info.kind.value == "lesion"]
        watch = watched([lambda p=packed: [TileMask.from_packed(width, height, t) for t in p]] * 12)
        figures.append(watch.figure(f"unpack the masks of {count} lesions"))
    return figures


@contextmanager
def canvas(photo: np.ndarray, shape: np.ndarray, spots: Any) -> Iterator[CanvasView]:
    """All lesions on the photo, at rest."""
    view = CanvasView()
    view.resize(*VIEW)
    view.show()
    view.set_photo(photo)
    doc = document(shape, spots, COLOURS)
    view.set_document(doc)
    view.strokeFinished.connect(lambda region, delta: _apply(doc, RegionId(region), delta))
    rest(view)
    yield view
    view.close()


def frames(view: CanvasView, manner: str, seconds: float) -> list[Figure]:
    """Pan and brush at actual pixels, and a zoom back and forth."""
    assert view.document is not None
    middle = (view.document.size[0] / 2, view.document.size[1] / 2)

    def drag(name: str, tool: str, *, by_middle: bool) -> Figure:
        view.set_tool(tool)
        view.brush_radius = RADIUS
        view.zoom_to(1.0, middle)
        rest(view)
        mouse(view, QEvent.Type.MouseButtonPress, circle(0), middle=by_middle)
        watch: Watch = drive(
            lambda n: mouse(view, QEvent.Type.MouseMove, circle(n + 1), middle=by_middle), seconds
        )
        mouse(view, QEvent.Type.MouseButtonRelease, circle(0), middle=by_middle)
        rest(view)
        return watch.figure(f"{name}, {manner}", TARGET)

    def zoom(n: int) -> None:
        view.zoom_by(1.12 if n // 24 % 2 else 1 / 1.12, QPointF(500, 400))

    pan = drag("pan 1:1", "hand", by_middle=True)
    zoomed = drive(zoom, seconds).figure(f"zoom, {manner}", TARGET)
    brush = drag("brush 1:1", "brush", by_middle=False)
    return [pan, zoomed, brush]


@contextmanager
def assistant(engine: str, photo: np.ndarray, folder: Path) -> Iterator[Callable[..., float]]:
    """The resident worker with the photo before it; gives what asks it: (x, y) to milliseconds."""
    path = folder / "photo.jpg"
    ok, data = cv2.imencode(".jpg", photo[..., ::-1])
    assert ok
    path.write_bytes(data.tobytes())
    workers, heard = Workers(), []
    worker = workers.start("segment", resident=True)
    worker.received.connect(heard.append)
    worker.send("load", engine=engine, checkpoint=None)
    worker.send("image", path=str(path), token=1)
    until(lambda: any(e["event"] == "ready" for e in heard) or worker.outcome)

    def ask(x: float, y: float) -> float:
        heard.clear()
        begin = time.perf_counter()
        worker.send("predict", request=1, points=[[x, y]], positive=[True], box=None)
        until(lambda: heard or worker.outcome, poll_ms=1)
        if not heard or heard[0]["event"] not in ("masks", "refused"):
            raise SystemExit(f"The assistant did not answer: {heard} {worker.log_tail}")
        for one in heard[0].get("candidates", ()):
            decode_mask(one)
        return (time.perf_counter() - begin) * 1e3

    ask(photo.shape[1] / 2, photo.shape[0] / 2)
    try:
        yield ask
    finally:
        workers.close()


@contextmanager
def company(manner: str, folder: Path) -> Iterator[None]:
    """What else has the processor."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        if "busy" in manner:
            code = BUSY.format(steps=STEPS)
            started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
            time.sleep(1)
        elif "training" in manner:
            started = [training(folder)]
        yield
        if any(process.poll() is not None for process in started):
            raise SystemExit("What was to keep the processor busy ended before its time.")
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def training(folder: Path) -> subprocess.Popen[bytes]:
    """`leafspot train` with the embedded base on drawn leaves, once it takes steps."""
    from core.services.sample import sample_project
    from storage.projects import create_project

    project = sample_project(folder / "drawn", create_project, leaves=24)
    log = folder / "train.log"
    command = [sys.executable, "-m", "core.cli", "train", str(project), "--base", "starter"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--minutes", "10"],
            cwd=ROOT, stdout=out, stderr=out, env=launch.environment(),
        )  # fmt: skip
    end = time.monotonic() + 120
    while b"step" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > end:
            process.terminate()
            raise SystemExit("No training began:\n" + log.read_text("utf-8", "replace")[-2000:])
        time.sleep(0.2)
    return process


if __name__ == "__main__":
    sys.exit(main())
