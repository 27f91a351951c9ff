"""How fast the canvas is at 24 and 50 megapixels, beside a QGraphicsView in the same run.

    python tests/bench/canvas.py [--json FILE] [--megapixels 24 50] [--steps 25] [--rounds 6]

A drawn leaf with 500 lesions on a 1400 × 900 canvas. A step is one event (a drag, a wheel notch, a
brush move) and all the painting that follows it; ``tests/bench/figures.py`` says what the columns
are. The sizes take turns, action by action and round by round, so that a busy minute meets them
alike. Growth is judged by the processor time: nothing here waits for anything but a core. Runs
offscreen unless QT_QPA_PLATFORM says otherwise.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
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
from gui.canvas.look import Channel, Look
from gui.canvas.view import CanvasView
from tests.bench.figures import Figure, Watch, fields, machine, table, watched

VIEW = (1400, 900)
RADIUS = 20
TARGETS = {"pan": 16.7, "brush": 5.0}
GROWTH = 1.25
Measured = Iterator[tuple[str, Watch]]
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


def timed(steps: Iterable[Callable[[], object]]) -> Watch:
    """Each step with the painting it causes."""
    watch = Watch()
    for step in steps:
        drain()
        watch(lambda step=step: (step(), drain()))
    return watch


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


def dragging(view: CanvasView, steps: int, *, middle: bool) -> Watch:
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


def ours(photo: NDArray[np.uint8], doc: CanvasDocument, steps: int, rounds: int) -> Measured:
    """Pauses after every action, so that another size can have its turn."""
    view = CanvasView()
    view.resize(*VIEW)
    view.show()
    drain()
    reduced = photo[::4, ::4].copy()
    size = (photo.shape[1], photo.shape[0])
    yield (
        "picture, reduced",
        timed([lambda: (view.set_photo(reduced, size=size), view.set_document(doc))]),
    )
    view.set_photo(photo)
    yield "longest stall while the full picture is built", longest_turn(view)
    view.strokeFinished.connect(lambda region, delta: _apply(doc, region, delta))
    for _ in range(rounds):
        yield from actions(view, size, steps)
    view.close()


def actions(view: CanvasView, size: tuple[int, int], steps: int) -> Measured:
    middle = (size[0] / 2, size[1] / 2)

    def stand(go: Callable[[], object], tool: str) -> None:
        view.set_tool(tool)
        view.brush_radius = RADIUS
        go()
        rest(view)

    for name, go in places(lambda z: view.zoom_to(z, middle), view.fit):
        stand(go, "hand")
        yield f"pan {name}", dragging(view, steps, middle=True)
    view.look = Look(brightness=20, channel=Channel.LAB_A)
    stand(lambda: view.zoom_to(1.0, middle), "hand")
    yield "pan 1:1, one channel", dragging(view, steps, middle=True)
    view.look = Look()
    stand(view.fit, "hand")
    yield (
        "zoom sweep",
        timed(
            (lambda i=i: view.zoom_by(1.12 if i < steps // 2 else 1 / 1.12, QPointF(500, 400)))
            for i in range(steps)
        ),
    )
    for name, go in places(lambda z: view.zoom_to(z, middle), view.fit):
        if name != "4:1":
            stand(go, "brush")
            yield f"brush {name}", dragging(view, steps, middle=False)
            rest(view)


def _apply(doc: CanvasDocument, region: RegionId, delta: dict) -> None:
    found = doc.region(region)
    assert found is not None
    found.mask.apply_delta(delta)
    doc.tiles_changed(delta)


def longest_turn(view: CanvasView) -> Watch:
    """The longest turn of the event loop until the full picture is there."""
    longest = Watch()
    while not view.photo_complete or not longest.clock:
        turn = watched([drain])
        if not longest.clock or turn.clock > longest.clock:
            longest = turn
        time.sleep(0.002)
    return longest


def places(
    zoom: Callable[[float], object], whole: Callable[[], object]
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


def peers(photo: NDArray[np.uint8], doc: CanvasDocument, steps: int) -> Measured:
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

    moves = [circle(i + 1) - circle(i) for i in range(steps)]
    for name, go in places(zoom, fit):
        go()
        drain()
        yield (
            f"pan {name}",
            timed((lambda m=m: view.pan(round(m.x()), round(m.y()))) for m in moves),
        )
    fit()
    yield (
        "zoom sweep",
        timed(
            (lambda f=f: view.scale(f, f))
            for f in [1.12] * (steps // 2) + [1 / 1.12] * (steps // 2)
        ),
    )
    for name, go in (("fit", fit), ("1:1", lambda: zoom(1.0))):
        go()
        drain()
        points = [view.mapToScene(circle(i).toPoint()) for i in range(steps + 1)]
        yield (
            f"brush {name}",
            timed((lambda a=a, b=b: view.brush(a, b)) for a, b in itertools.pairwise(points)),
        )
    view.close()


def measure(
    sizes: list[float], steps: int, rounds: int
) -> dict[tuple[str, float], dict[str, Figure]]:
    """By design and megapixels, what each action took."""
    drawn = {mp: leaf(mp) for mp in sizes}
    docs = {
        mp: document(shape, spots, ("#e69f00", "#56b4e9", "#cc79a7", "#d55e00"))
        for mp, (_, shape, spots) in drawn.items()
    }
    kept: dict[tuple[str, float], dict[str, Watch]] = {}
    for design in ("canvas", "QGraphicsView"):
        gc.collect()
        runs = [
            ours(drawn[mp][0], docs[mp], steps, rounds)
            if design == "canvas"
            else peers(drawn[mp][0], docs[mp], steps)
            for mp in sizes
        ]
        while turn := [found for run in runs if (found := next(run, None)) is not None]:
            for mp, (what, watch) in zip(sizes, turn, strict=True):
                kept.setdefault((design, mp), {}).setdefault(what, Watch()).add(watch)
    last = max(sizes)
    return {
        (design, mp): {
            what: watch.figure(what, limit(what) if (design, mp) == ("canvas", last) else None)
            for what, watch in found.items()
        }
        for (design, mp), found in kept.items()
    }


def limit(what: str) -> float | None:
    return TARGETS.get(what.split()[0])


def growth(small: dict[str, Figure], large: dict[str, Figure]) -> list[dict]:
    """How many times more the larger photo costs: judged by the median processor time, the others
    are there to be compared with it.
    """
    return [
        {
            "what": what,
            "calm": large[what].calm / small[what].calm,
            "cpu": large[what].cpu / small[what].cpu,
            "least": large[what].least / small[what].least,
            "clock": large[what].p50 / small[what].p50,
            "ok": large[what].cpu / small[what].cpu <= GROWTH,
        }
        for what in small
        if what.split()[0] in ("pan", "zoom", "brush")
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[24, 50])
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    where = machine()
    app = QApplication([])
    app.setStyle("Fusion")
    sizes = sorted(args.megapixels)
    found = measure(sizes, args.steps, args.rounds)
    print(f"{where}, Qt {app.platformName()}")
    for (design, mp), figures in found.items():
        print(f"\n{design}, {mp:g} megapixels\n{table(list(figures.values()), 46)}")
    ours_large = found["canvas", sizes[-1]]
    ratios = growth(found["canvas", sizes[0]], ours_large) if len(sizes) > 1 else []
    if ratios:
        heads = "".join(f"{h:>12}" for h in ("cpu p50", "calmest", "least", "p50"))
        print(f"\n{f'{sizes[-1]:g} MP over {sizes[0]:g} MP':46}{heads}   at most {GROWTH}")
    for r in ratios:
        cells = "".join(f"{r[k]:11.2f}×" for k in ("cpu", "calm", "least", "clock"))
        print(f"{r['what']:46}{cells}   {'' if r['ok'] else 'MISSED'}".rstrip())
    if args.json:
        rows = [{"design": d, "mp": mp} | fields(f) for (d, mp), v in found.items()
                for f in v.values()]  # fmt: skip
        args.json.write_text(
            json.dumps({"machine": where, "rows": rows, "growth": ratios}, indent=1)
        )
    return 0 if all(f.met for f in ours_large.values()) and all(r["ok"] for r in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
