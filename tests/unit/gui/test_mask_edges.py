"""Seen at its largest, a mask begins and ends exactly where its pixels do, on every screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.domain.ids import ImageId, RegionId
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from gui.canvas.compare import CompareView
from gui.canvas.difference_layer import Role
from gui.canvas.document import CanvasDocument
from gui.canvas.mask_layer import MaskMode
from gui.canvas.pyramid import PhotoPyramid
from gui.canvas.view import CanvasView
from gui.canvas.viewport import PhotoView

SIZE = (200, 160)
MIDDLE = (100.0, 80.0)
PAPER = 128
RATIO = float(os.environ.get("QT_SCALE_FACTOR", "1"))
Flags = NDArray[np.bool_]


def blot() -> Flags:
    """A lesion with a ragged border, a hole and a pixel that stands alone."""
    yy, xx = np.mgrid[: SIZE[1], : SIZE[0]]
    flags: Flags = np.hypot(xx - 100, yy - 80) < 7 + 3 * np.sin(xx * 1.7 + yy)
    flags[79, 99] = False
    flags[69, 112] = True
    return flags


def photo() -> PhotoPyramid:
    return PhotoPyramid.from_rgb(np.full((SIZE[1], SIZE[0], 3), PAPER, np.uint8))


@pytest.fixture
def canvas(qtbot: QtBot) -> CanvasView:
    view = CanvasView()
    qtbot.addWidget(view)
    view.resize(480, 360)
    view.show()
    view.set_photo(photo())
    return view


def pixels(widget: QWidget) -> NDArray[np.uint8]:
    """What the widget shows, [h, w, 3] of device pixels."""
    QApplication.processEvents()
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), np.uint8).copy()  # the image is gone in a moment
    return flat.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), 2::-1]


def drawn_on(view: PhotoView) -> Flags:
    """Device pixels over the photo that anything was drawn on."""
    found: Flags = (pixels(view) != PAPER).any(axis=-1)
    return found


def due(view: PhotoView, mask: Flags) -> Flags:
    """Device pixels whose middle lies in a pixel of ``mask``, worked out the slow way."""
    t = view.camera.transform
    width, height = view.camera.view
    rows = np.floor((np.arange(height) + 0.5 - t.oy) / t.scale).astype(int)
    columns = np.floor((np.arange(width) + 0.5 - t.ox) / t.scale).astype(int)
    shown: Flags = mask[rows][:, columns]
    return shown


def show(canvas: CanvasView, what: str, mask: Flags) -> None:
    tiles = TileMask.from_array(mask)
    if what in ("region", "active region", "outline"):
        info = RegionInfo(RegionId(1), ImageId(1), RegionKind.LESION)
        document = CanvasDocument(SIZE, [Region(info, tiles)])
        document.set_active(RegionId(1) if what == "active region" else None)
        canvas.mask_mode = MaskMode.OUTLINE if what == "outline" else MaskMode.FILL
        canvas.set_document(document)
    elif what == "proposal":
        canvas.show_candidate(mask[60:100, 80:180], (80, 60), "#aa2288")
    elif what == "waiting":
        canvas.show_waiting(tiles)
    else:
        canvas.marks.show_hover(tiles)


FILLED = ("region", "active region", "proposal")
OUTLINED = ("outline", "waiting", "hovered")


@pytest.mark.parametrize("zoom", [8.0, 23.7, 32.0])
@pytest.mark.parametrize("what", FILLED)
def test_what_is_filled_covers_its_pixels_and_no_other(
    canvas: CanvasView, what: str, zoom: float
) -> None:
    canvas.zoom_to(zoom, MIDDLE)
    show(canvas, what, blot())
    assert np.array_equal(drawn_on(canvas), due(canvas, blot()))


@pytest.mark.parametrize("zoom", [8.0, 23.7, 32.0])
@pytest.mark.parametrize("what", OUTLINED)
def test_an_outline_is_the_rim_of_the_mask_and_lies_inside_it(
    canvas: CanvasView, what: str, zoom: float
) -> None:
    canvas.zoom_to(zoom, MIDDLE)
    show(canvas, what, blot())
    drawn, mask = drawn_on(canvas), due(canvas, blot())
    assert not (drawn & ~mask).any()
    beside = np.pad(mask, 1, mode="edge")  # what has a neighbour outside is the rim
    inside = beside[:-2, 1:-1] & beside[2:, 1:-1] & beside[1:-1, :-2] & beside[1:-1, 2:]
    assert drawn[mask & ~inside].all()


@pytest.mark.parametrize("what", ["proposal", "waiting", "hovered"])
def test_an_edge_is_as_thick_to_the_eye_on_every_screen(canvas: CanvasView, what: str) -> None:
    canvas.zoom_to(16.0, MIDDLE)
    half = np.zeros(SIZE[::-1], bool)
    half[:, 100:] = True
    show(canvas, what, half)
    line = pixels(canvas)[pixels(canvas).shape[0] // 2]
    white = int((line.min(axis=-1) > 220).sum())
    assert white / RATIO == pytest.approx(2, abs=0.7)


@pytest.mark.parametrize("zoom", [0.7, 8.0, 23.7])
def test_a_difference_is_one_of_the_photos_pixels(qtbot: QtBot, zoom: float) -> None:
    view = CompareView()
    qtbot.addWidget(view)
    view.resize(1200, 360)
    view.show()
    view.set_photo(photo())
    # A probability that falls off across the border, as a mask head's does.
    yy, xx = np.mgrid[: SIZE[1], : SIZE[0]]
    chance = np.clip(255 - 14 * np.hypot(xx - 100, yy - 80), 0, 255).astype(np.uint8)
    truth = chance >= 128
    view.set_masks(truth, None)
    view.set_probability(chance, 128)
    pane = view.panes[Role.DIFFERENCE]
    pane.zoom_to(zoom, MIDDLE)
    over = pixels(pane)
    veil = over[over.shape[0] // 2, over.shape[1] // 2]
    shown = {tuple(int(v) for v in c) for c in over[drawn_on(pane)].reshape(-1, 3)}
    back = pane.background()
    backdrop = (back.red(), back.green(), back.blue())
    assert shown - {backdrop} == {tuple(int(v) for v in veil)}, "missed or extra where all agrees"


@pytest.mark.skipif("LEAFSPOT_SCALED" in os.environ, reason="this is the scaled screen")
@pytest.mark.parametrize("factor", ["2", "1.5"])
def test_all_of_this_holds_on_dense_screens(repo: Path, factor: str) -> None:
    environment = dict(os.environ, QT_SCALE_FACTOR=factor, LEAFSPOT_SCALED="1")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", __file__],
        cwd=repo, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
