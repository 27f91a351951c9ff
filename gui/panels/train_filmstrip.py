"""The same few leaves at every evaluation, with the lesions that the model saw there.

A slider goes through the evaluations, the untuned base first; at the newest one it stays with the
newest. Under each leaf a small curve has its Dice at all of them. Pictures are put together in the
free lane. Knows thumbnails and probability pictures; knows no run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QLayout, QSizePolicy, QSlider, QWidget

from core.files import real
from core.language import tr
from core.training.events import Evaluated
from gui.context import Context
from gui.controllers import wording
from gui.gallery.thumbs import image_of, pixels
from gui.panels.pieces import Elided, column, label, row
from gui.theme import Theme

SIDE = 256
"""Longest side of a picture, as thumbnails have it."""
MOST_BYTES = 16 << 20
OUTLINE = "#ff5ea8"
TILE_GAP = 10
WORDS = 26
"""Height of the line under a picture."""
CURVE = 44
"""Height of the curve under that line, 8 pixels of it above and below the axis' ends."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One leaf at one evaluation; ``dice`` is None where the leaf's lesions are not outlined.

    ``past`` are its Dice at all evaluations as (share of the steps, Dice), both in [0, 1]; ``at``
    is the share of the one in front.
    """

    image: str
    name: str
    dice: float | None
    picture: QImage | None = None
    past: tuple[tuple[float, float], ...] = ()
    at: float = 0.0


def outlined(thumbnail: bytes, probability: Path | None) -> QImage | None:
    """The thumbnail with the outline of ``probability`` >= 128 drawn on it.

    ``probability`` is a grey PNG of any size, stretched over the photo. None when the thumbnail
    cannot be read; without an outline when the probability cannot. Runs off the GUI thread.
    """
    found = pixels(thumbnail)
    if found is None:
        return None
    picture = image_of(found)
    grid = read_grey(probability) if probability is not None else None
    if grid is None:
        return picture
    size = (picture.width(), picture.height())
    mask = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR) >= 128
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    path = outline_path(np.asarray(mask, np.uint8))
    for colour, width in (("#000000", 3.2), (OUTLINE, 1.8)):
        pen = QPen(QColor(colour), width)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(path, pen)
    painter.end()
    return picture


def read_grey(file: Path) -> NDArray[np.uint8] | None:
    """[h, w] uint8 of a grey picture; None when it is missing, too large or no picture."""
    try:
        if file.stat().st_size > MOST_BYTES:
            return None
        data = np.frombuffer(file.read_bytes(), np.uint8)
    except OSError:
        return None
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    return None if grey is None else np.asarray(grey, np.uint8)


def outline_path(mask: NDArray[np.uint8]) -> QPainterPath:
    """The borders of a [h, w] 0/1 mask, holes included, as one path in its pixels."""
    path = QPainterPath()
    found, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for contour in found:
        points = contour.reshape(-1, 2) + 0.5
        path.moveTo(*points[0])
        for x, y in points[1:]:
            path.lineTo(x, y)
        path.closeSubpath()
    return path


class Strip(QWidget):
    """Paints the frames side by side, each with its Dice and how that went."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._frames: tuple[Frame, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.update)

    @property
    def frames(self) -> tuple[Frame, ...]:
        return self._frames

    def put(self, frames: tuple[Frame, ...]) -> None:
        self._frames = frames
        self.setAccessibleDescription(
            "; ".join(
                tr("{name} Dice {dice}", name=f.name, dice=wording.dice(f.dice)) for f in frames
            )
        )
        self._fit()
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(900, self._side() + WORDS + CURVE)

    def minimumSizeHint(self) -> QSize:
        return QSize(320, 84 + CURVE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Take no more height than the pictures need at this width."""
        self.setMaximumHeight(int(self._wide()) + WORDS + CURVE)

    def _wide(self) -> float:
        """The side of a picture for which there is width."""
        each = (self.width() + TILE_GAP) / max(1, len(self._frames)) - TILE_GAP
        return min(SIDE, max(60.0, each))

    def _side(self) -> int:
        return int(max(60.0, min(self._wide(), self.height() - WORDS - CURVE)))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side = self._side()
        for index, frame in enumerate(self._frames):
            self._paint(painter, QRect(index * (side + TILE_GAP), 0, side, side), frame)

    def _paint(self, painter: QPainter, tile: QRect, frame: Frame) -> None:
        theme = self._theme
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(tile), 6, 6)
        painter.fillPath(clip, theme.colour("canvas"))
        if frame.picture is not None:
            painter.save()
            painter.setClipPath(clip)
            size = frame.picture.size().scaled(
                tile.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding
            )
            target = QRect(tile.topLeft(), size)
            target.moveCenter(tile.center())
            painter.drawImage(target, frame.picture)
            painter.restore()
        words = QRect(tile.left(), tile.bottom() + 4, tile.width(), 20)
        figure = "" if frame.dice is None else wording.dice(frame.dice)
        metrics = painter.fontMetrics()
        room = words.width() - metrics.horizontalAdvance(figure) - 6
        painter.setPen(theme.colour("muted"))
        left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        stem = frame.name.rpartition(".")[0] or frame.name  # what tells photos apart
        name = metrics.elidedText(stem, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(words, left, name)
        painter.setPen(theme.colour("text"))
        painter.drawText(words, right, figure)
        if len(frame.past) > 1:
            top = QRectF(tile.left(), words.bottom() + 8, tile.width(), CURVE - 16)
            self._paint_curve(painter, top, frame)

    def _paint_curve(self, painter: QPainter, area: QRectF, frame: Frame) -> None:
        """Dice from 0 at the bottom to 1 at the top, the evaluation in front as a dot."""
        area = area.adjusted(4, 0, -4, 0)  # room for the dot at either end

        def point(share: float, dice: float) -> QPointF:
            return QPointF(area.left() + share * area.width(), area.bottom() - dice * area.height())

        painter.setPen(QPen(self._theme.colour("border"), 1))
        painter.drawLine(area.topLeft(), area.topRight())
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(QPen(self._theme.colour("accent"), 2))
        painter.drawPolyline(QPolygonF([point(*one) for one in frame.past]))
        if frame.dice is not None:
            painter.setBrush(self._theme.colour("accent"))
            painter.drawEllipse(point(frame.at, frame.dice), 3, 3)
            painter.setBrush(Qt.BrushStyle.NoBrush)


class Filmstrip(QWidget):
    """The strip with its slider. Feed it with ``show_run`` and ``show_evaluations``."""

    stepped = Signal(int)
    """Index of the evaluation in front, when it changes."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._root, self._continued = Path(), False
        self._looks: list[Evaluated] = []
        self._thumbnails: dict[str, bytes] = {}
        self._names: dict[str, str] = {}
        self._made: dict[tuple[str, int], QImage] = {}
        self._asked: set[tuple[str, int]] = set()
        # Shown until the right one is there: a strip that goes black at every step flickers.
        self._latest: dict[str, QImage] = {}
        self.strip = Strip(context.theme)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Evaluation"))
        self.slider.setPageStep(1)
        self.slider.setMaximumWidth(360)
        self.slider.setMinimumWidth(120)
        self.slider.valueChanged.connect(self._show)
        self.caption = Elided("", "muted")
        top = QWidget()
        top.setLayout(
            row(label(tr("What it sees"), "heading"), self.slider, self.caption, spacing=14)
        )
        top.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setLayout(layout := column(top, self.strip, spacing=8))
        layout.setStretch(1, 1)
        layout.setSizeConstraint(QLayout.SizeConstraint.SetMinAndMaxSize)

    def show_run(
        self,
        root: Path,
        thumbnails: Mapping[str, bytes],
        names: Mapping[str, str],
        *,
        continued: bool = False,
    ) -> None:
        """Another run: its folder, and JPEG thumbnails and file names by image id. ``continued``:
        it began with an adapter, so its first look is not at the base."""
        self._root, self._continued = root, continued
        self._thumbnails, self._names = dict(thumbnails), dict(names)
        self._looks, self._made, self._asked, self._latest = [], {}, set(), {}
        self.slider.setRange(0, 0)
        self._show()

    def show_evaluations(self, looks: list[Evaluated]) -> None:
        """The evaluations so far. A slider at the newest one goes along."""
        looks = sorted(looks, key=lambda e: e.step)
        if looks == self._looks:
            return
        follow = self.slider.value() == self.slider.maximum()
        self._looks = looks
        self.slider.setMaximum(max(0, len(looks) - 1))
        self.slider.setEnabled(len(looks) > 1)
        if follow:
            self.slider.setValue(self.slider.maximum())
        self._show()

    def _show(self) -> None:
        if not self._looks:
            self.caption.setText(tr("After the first evaluation"))
            self.strip.put(tuple(self._frame(i, None) for i in self._thumbnails))
            return
        at = min(self.slider.value(), len(self._looks) - 1)
        look = self._looks[at]
        first = (
            tr("the adapter it began with")
            if self._continued
            else tr("the base, before any training")
        )
        step = tr("after step {step:,}", step=look.step) if look.step else first
        self.caption.setText(
            tr("{at} of {count}: {step}", at=at + 1, count=len(self._looks), step=step)
        )
        self.strip.put(tuple(self._frame(i, look) for i in look.watch))
        for image in look.watch:
            self._make(image, look)
        self.stepped.emit(at)

    def _frame(self, image: str, look: Evaluated | None) -> Frame:
        name = self._names.get(image, image)
        if look is None:
            return Frame(image, name, None, self._latest.get(image))
        picture = self._made.get((image, look.step), self._latest.get(image))
        whole = max(1, self._looks[-1].step)
        past = tuple(
            (one.step / whole, dice)
            for one in self._looks
            if (dice := one.watch_dice.get(image)) is not None
        )
        return Frame(image, name, look.watch_dice.get(image), picture, past, look.step / whole)

    def _make(self, image: str, look: Evaluated) -> None:
        """Put the picture together in the free lane, unless it is there already."""
        thumbnail = self._thumbnails.get(image)
        if (image, look.step) in self._asked or thumbnail is None:
            return
        self._asked.add((image, look.step))
        file = inside(self._root, look.watch[image])

        def done(picture: QImage | None) -> None:
            if picture is None or look not in self._looks:
                return
            self._made[image, look.step] = self._latest[image] = picture
            at = min(self.slider.value(), len(self._looks) - 1)
            if self._looks[at] is look:
                self.strip.put(tuple(self._frame(i, look) for i in look.watch))

        self._context.tasks.run(lambda: outlined(thumbnail, file), on_done=done, owner=self)


def inside(root: Path, relative: str) -> Path | None:
    """``root / relative``, or None when that would leave ``root``."""
    file = real(root / relative)
    return file if file.is_relative_to(real(root)) else None
