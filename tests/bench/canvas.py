"""How fast the canvas is at 24 and 50 megapixels, beside a QGraphicsView in the same run.

    python tests/bench/canvas.py [--json FILE] [--megapixels 24 50] [--steps 60]

A drawn leaf with 500 lesions on a 1400 × 900 canvas. A step is one event (a drag, a wheel notch, a
brush move) and all the painting that follows it; figures are milliseconds by the clock, median and
p95. On a machine that does other work, "of it ours" is the time this thread was running. Runs
offscreen unless QT_QPA_PLATFORM says otherwise.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QApplication, QGraphicsPixmapItem, QGraphicsScene, QGraphicsView

from core.domain.ids import ImageId, RegionId
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from gui.canvas.document import CanvasDocument
from gui.canvas.view import CanvasView

VIEW = (1400, 900)
RADIUS = 20
TARGETS = {"pan p95": 16.7, "brush p95": 5.0}
BUSY: dict[int, list[float]] = {}
Flags = NDArray[np.bool_]


def leaf(megapixels: float) -> tuple[NDArray[np.uint8], Flags, list[tuple[int, int, int]]]:
    """A 4:3 photo of a drawn leaf, its mask, and 500 lesions as (x, y, radius)."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = round(width * 3 / 4)
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 24, (height // 4, width // 4, 3), dtype=np.uint8)
    photo = cv2.resize(noise, (width, height)) + np.array([196, 190, 180], np.uint8)
    shape = np.zeros((height, width), np.uint8)
    centre, axes = (width // 2, height // 2), (int(width * 0.44), int(height * 0.36))
    cv2.ellipse(shape, centre, axes, 8, 0, 360, 1, -1)
    photo[shape > 0] = (photo[shape > 0] * np.array([0.35, 0.66, 0.24])).astype(np.uint8)
    spots = []
    for angle, far in zip(
        rng.uniform(0, 6.283, 500), rng.uniform(0, 0.92, 500) ** 0.5, strict=True
    ):
        x = int(centre[0] + axes[0] * far * np.cos(angle) * 0.97)
        y = int(centre[1] + axes[1] * far * np.sin(angle) * 0.97)
        spots.append((x, y, int(rng.integers(width // 800, width // 110))))
        cv2.circle(photo, (x, y), spots[-1][2], (104, 66, 30), -1, cv2.LINE_AA)
    return photo, shape > 0, spots


def document(
    shape: Flags, spots: list[tuple[int, int, int]], palette: tuple[str, ...]
) -> CanvasDocument:
    """The leaf and its lesions as regions; the first lesion is active."""
    size = (shape.shape[1], shape.shape[0])
    info = RegionInfo(RegionId(1), ImageId(1), RegionKind.LEAF)
    regions = [Region(info, TileMask.from_array(shape))]
    for number, (x, y, radius) in enumerate(spots):
        yy, xx = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        disc = xx**2 + yy**2 <= radius**2
        mask = TileMask.from_array(disc, (x - radius, y - radius), size)
        lesion = RegionInfo(RegionId(2**60 + number), ImageId(1), RegionKind.LESION)
        regions.append(Region(lesion, mask))
    colours = {r.info.id: palette[i % len(palette)] for i, r in enumerate(regions)}
    result = CanvasDocument(size, regions, palette=lambda i: colours[i.id])
    result.set_active(RegionId(2**60))
    return result


def drain() -> None:
    QApplication.sendPostedEvents()
    QApplication.processEvents()


def timed(steps: Iterator[Callable[[], object]]) -> list[float]:
    """Milliseconds of each step, painting included; ``BUSY`` keeps the thread's own time."""
    out: list[float] = []
    busy: list[float] = []
    for step in steps:
        drain()
        start, worked = time.perf_counter(), time.thread_time()
        step()
        drain()
        out.append((time.perf_counter() - start) * 1e3)
        busy.append((time.thread_time() - worked) * 1e3)
    BUSY[id(out)] = busy
    return out


def mouse(
    view: CanvasView | QGraphicsView, kind: QEvent.Type, at: QPointF, *, middle: bool
) -> None:
    target = view.viewport() if isinstance(view, QGraphicsView) else view
    button = Qt.MouseButton.MiddleButton if middle else Qt.MouseButton.LeftButton
    pressed = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
    caused = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else button
    modifiers = Qt.KeyboardModifier.NoModifier
    where = QPointF(target.mapToGlobal(at))
    QApplication.sendEvent(target, QMouseEvent(kind, at, where, caused, pressed, modifiers))


def circle(step: int, radius: float = 180) -> QPointF:
    return QPointF(VIEW[0] / 2 + radius * np.cos(step / 7), VIEW[1] / 2 + radius * np.sin(step / 5))


def dragging(view: CanvasView, steps: int, *, middle: bool) -> list[float]:
    """A drag along a curve of some 30 pixels a step."""
    mouse(view, QEvent.Type.MouseButtonPress, circle(0), middle=middle)
    figures = timed(
        (lambda i=i: mouse(view, QEvent.Type.MouseMove, circle(i), middle=middle))
        for i in range(1, steps + 1)
    )
    mouse(view, QEvent.Type.MouseButtonRelease, circle(steps), middle=middle)
    drain()
    return figures


def rest(view: CanvasView) -> None:
    """Until the picture is complete and sharp."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        drain()
        if view.photo_complete and view.smooth and view.regions.settled:
            return
        time.sleep(0.005)
    raise SystemExit("the canvas did not come to rest in 20 s")


def ours(photo: NDArray[np.uint8], doc: CanvasDocument, steps: int) -> dict[str, list[float]]:
    out: dict[str, list[float]] = {}
    view = CanvasView()
    view.resize(*VIEW)
    view.show()
    drain()
    reduced = photo[::4, ::4].copy()
    size = (photo.shape[1], photo.shape[0])
    start = time.perf_counter()
    view.set_photo(reduced, size=size)
    view.set_document(doc)
    drain()
    out["picture, reduced"] = [(time.perf_counter() - start) * 1e3]
    start = time.perf_counter()
    view.set_photo(photo)
    out["longest stall while the full picture is built"] = [longest_turn(view)]
    out["picture, full"] = [(time.perf_counter() - start) * 1e3]
    rest(view)
    middle = (size[0] / 2, size[1] / 2)
    for name, go in places(view.zoom, lambda z: view.zoom_to(z, middle), view.fit):
        go()
        rest(view)
        out[f"pan {name}"] = dragging(view, steps, middle=True)
    view.fit()
    rest(view)
    out["zoom sweep"] = timed(
        (lambda i=i: view.zoom_by(1.12 if i < steps // 2 else 1 / 1.12, QPointF(500, 400)))
        for i in range(steps)
    )
    view.strokeFinished.connect(lambda region, delta: _apply(doc, region, delta))
    view.set_tool("brush")
    view.brush_radius = RADIUS
    for name, go in places(view.zoom, lambda z: view.zoom_to(z, middle), view.fit):
        if name == "4:1":
            continue
        go()
        rest(view)
        out[f"brush {name}"] = dragging(view, steps, middle=False)
        rest(view)
    view.close()
    return out


def _apply(doc: CanvasDocument, region: RegionId, delta: dict) -> None:
    found = doc.region(region)
    assert found is not None
    found.mask.apply_delta(delta)
    doc.tiles_changed(delta)


def longest_turn(view: CanvasView) -> float:
    """The longest turn of the event loop until the full picture is there, in milliseconds."""
    longest = 0.0
    while not view.photo_complete:
        start = time.perf_counter()
        drain()
        longest = max(longest, (time.perf_counter() - start) * 1e3)
        time.sleep(0.002)
    return longest


def places(
    fit: float, zoom: Callable[[float], object], whole: Callable[[], object]
) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "fit", whole
    yield "1:1", lambda: zoom(1.0)
    yield "4:1", lambda: zoom(4.0)


class Peer(QGraphicsView):
    """What most annotation programs do: a pixmap, and an ARGB overlay of the same size."""

    def __init__(self, photo: NDArray[np.uint8], doc: CanvasDocument) -> None:
        super().__init__()
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        scene = QGraphicsScene(self)
        height, width = photo.shape[:2]
        picture = QImage(photo.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        scene.addPixmap(QPixmap.fromImage(picture))
        self.overlay = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
        self.overlay.fill(0)
        painter = QPainter(self.overlay)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        for region in doc.regions:
            box = region.mask.box()
            if box is None:
                continue
            flags = region.mask.read(box)
            colour = 0x28325432 if region.info.kind is RegionKind.LEAF else 0x73472D6B
            pixels = np.where(flags, np.uint32(colour), np.uint32(0))
            image = QImage(
                pixels.data, *flags.shape[::-1], QImage.Format.Format_ARGB32_Premultiplied
            )
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
            painter.drawImage(box[0], box[1], image)
        painter.end()
        self.item = OverlayItem(self.overlay)
        scene.addItem(self.item)
        self.setScene(scene)
        self.setSceneRect(QRectF(-width, -height, 3 * width, 3 * height))

    def brush(self, a: QPointF, b: QPointF) -> None:
        """One brush move, repainting what it touched."""
        painter = QPainter(self.overlay)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        pen = QPen(QColor(213, 94, 0, 115), 2 * RADIUS)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLine(a, b)
        painter.end()
        edge = RADIUS + 2
        self.item.update(QRectF(a, b).normalized().adjusted(-edge, -edge, edge, edge))

    def pan(self, dx: int, dy: int) -> None:
        for bar, step in ((self.horizontalScrollBar(), dx), (self.verticalScrollBar(), dy)):
            bar.setValue(bar.value() - step)


class OverlayItem(QGraphicsPixmapItem):
    """Draws a QImage without copying it."""

    def __init__(self, image: QImage) -> None:
        super().__init__()
        self.image = image

    def boundingRect(self) -> QRectF:
        return QRectF(self.image.rect())

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        exposed = painter.clipBoundingRect() if painter.hasClipping() else self.boundingRect()
        exposed = exposed.adjusted(-2, -2, 2, 2).intersected(self.boundingRect())
        painter.drawImage(exposed, self.image, exposed)


def peers(photo: NDArray[np.uint8], doc: CanvasDocument, steps: int) -> dict[str, list[float]]:
    out: dict[str, list[float]] = {}
    start = time.perf_counter()
    view = Peer(photo, doc)
    view.resize(*VIEW)
    view.show()
    whole = QRectF(0, 0, photo.shape[1], photo.shape[0])

    def fit() -> None:
        view.fitInView(whole, Qt.AspectRatioMode.KeepAspectRatio)

    def zoom(factor: float) -> None:
        view.resetTransform()
        view.scale(factor, factor)
        view.centerOn(whole.center())

    fit()
    drain()
    out["picture, full"] = [(time.perf_counter() - start) * 1e3]
    moves = [circle(i + 1) - circle(i) for i in range(steps)]
    for name, go in places(1, zoom, fit):
        go()
        drain()
        out[f"pan {name}"] = timed(
            (lambda m=m: view.pan(round(m.x()), round(m.y()))) for m in moves
        )
    fit()
    out["zoom sweep"] = timed(
        (lambda f=f: view.scale(f, f)) for f in [1.12] * (steps // 2) + [1 / 1.12] * (steps // 2)
    )
    for name, go in (("fit", fit), ("1:1", lambda: zoom(1.0))):
        go()
        drain()
        points = [view.mapToScene(circle(i).toPoint()) for i in range(steps + 1)]
        out[f"brush {name}"] = timed(
            (lambda a=a, b=b: view.brush(a, b)) for a, b in itertools.pairwise(points)
        )
    view.close()
    return out


def summary(figures: list[float]) -> tuple[float, float]:
    ordered = sorted(figures)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = [v for v in info.read_text().splitlines() if v.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    platform_name = QApplication.platformName()
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Qt {platform_name}{load}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[24, 50])
    parser.add_argument("--steps", type=int, default=60)
    args = parser.parse_args()
    app = QApplication([])
    app.setStyle("Fusion")
    rows: list[dict] = []
    keep: list[list[float]] = []  # so that no id is used twice
    for megapixels in args.megapixels:
        photo, shape, spots = leaf(megapixels)
        doc = document(shape, spots, ("#e69f00", "#56b4e9", "#cc79a7", "#d55e00"))
        for design, measure in (("canvas", ours), ("QGraphicsView", peers)):
            gc.collect()
            for what, figures in measure(photo, doc, args.steps).items():
                median, p95 = summary(figures)
                busy = summary(BUSY.get(id(figures), figures))[1]
                row = {"mp": megapixels, "design": design, "what": what}
                rows.append(row | {"p50": median, "p95": p95, "cpu_p95": busy})
                keep.append(figures)
    print(machine())
    print(table(rows, args.megapixels))
    verdicts = judge(rows, args.megapixels)
    print("\n".join(f"{'ok  ' if v['ok'] else 'MISS'} {v['text']}" for v in verdicts))
    if args.json:
        args.json.write_text(
            json.dumps({"machine": machine(), "rows": rows, "targets": verdicts}, indent=1)
        )


def table(rows: list[dict], sizes: list[float]) -> str:
    names = list(dict.fromkeys(r["what"] for r in rows))
    heads = [f"{d} {mp:g} MP" for mp in sizes for d in ("canvas", "QGraphicsView")]
    lines = [f"{'ms, p50 / p95':46}" + "".join(f"{h:>24}" for h in heads)]
    for name in names:
        cells = []
        for mp in sizes:
            for design in ("canvas", "QGraphicsView"):
                hit = [r for r in rows if (r["mp"], r["design"], r["what"]) == (mp, design, name)]
                cells.append(f"{hit[0]['p50']:.1f} / {hit[0]['p95']:.1f}" if hit else "–")
        lines.append(f"{name:46}" + "".join(f"{c:>24}" for c in cells))
    return "\n".join(lines)


def judge(rows: list[dict], sizes: list[float]) -> list[dict]:
    """The targets: p95 at the largest size, and no growth from the smallest to it."""
    mine = {(r["mp"], r["what"]): r for r in rows if r["design"] == "canvas"}
    large, small = max(sizes), min(sizes)
    out = []
    for kind, limit in TARGETS.items():
        for what in [w for mp, w in mine if mp == large and w.startswith(kind.split()[0])]:
            p95 = mine[large, what]["p95"]
            busy = mine[large, what]["cpu_p95"]
            text = (
                f"{what} at {large:g} MP: p95 {p95:.1f} ms (at most {limit}), {busy:.1f} of it ours"
            )
            out.append({"text": text, "ok": p95 <= limit})
            growth = mine[large, what]["p50"] / mine[small, what]["p50"]
            text = f"{what}: median {growth:.2f} × from {small:g} to {large:g} MP (at most 1.25)"
            out.append({"text": text, "ok": growth <= 1.25})
    return out


if __name__ == "__main__":
    main()
