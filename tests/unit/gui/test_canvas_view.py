"""The canvas under the hands of a user: real widget, simulated mouse and keys."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPalette,
    QPointingDevice,
    QWheelEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.domain.ids import ImageId, RegionId
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.errors import Bug
from gui.canvas.document import CanvasDocument
from gui.canvas.mask_layer import MaskMode
from gui.canvas.pyramid import PhotoPyramid
from gui.canvas.tools.base import all_tools
from gui.canvas.view import CanvasView

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
MIDDLE, NO_BUTTON = Qt.MouseButton.MiddleButton, Qt.MouseButton.NoButton
PLAIN, ALT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.AltModifier
BIG = RegionId(2**62 + 5)
Flags = NDArray[np.bool_]


def photo(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)


class Labeller:
    """Does what the Label workspace does with a stroke, and keeps what it was told."""

    def __init__(self, view: CanvasView) -> None:
        self.view = view
        self.deltas: list[tuple[RegionId | None, dict[Any, Any]]] = []
        view.strokeFinished.connect(self.take)

    def take(self, region_id: RegionId | None, delta: dict[Any, Any]) -> None:
        self.deltas.append((region_id, delta))
        document = self.view.document
        assert document is not None
        if region_id is None:
            info = RegionInfo(RegionId(77), ImageId(1), RegionKind.LESION)
            region = Region(info, TileMask(*document.size))
            region.mask.apply_delta(delta)
            document.set_regions([*document.regions, region])
            return
        region = document.region(region_id)
        assert region is not None
        region.mask.apply_delta(delta)
        document.tiles_changed(delta)

    @property
    def region(self) -> Region:
        assert self.view.document is not None
        return self.view.document.regions[0]


@pytest.fixture
def make(qtbot: QtBot) -> Callable[..., CanvasView]:
    def build(
        width: int = 600, height: int = 400, *, view: tuple[int, int] = (500, 380)
    ) -> CanvasView:
        canvas = CanvasView()
        canvas.setMinimumSize(0, 0)
        qtbot.addWidget(canvas)
        canvas.resize(500, 380)
        canvas.show()
        canvas.set_photo(PhotoPyramid.from_rgb(photo(width, height)))
        info = RegionInfo(BIG, ImageId(1), RegionKind.LESION)
        document = CanvasDocument((width, height), [Region(info, TileMask(width, height))])
        document.set_active(BIG)
        canvas.set_document(document)
        settle(canvas)
        return canvas

    return build


@pytest.fixture
def canvas(make: Callable[..., CanvasView]) -> CanvasView:
    return make()


def settle(view: CanvasView) -> None:
    """Until everything is composed, sharp and painted."""
    for _ in range(400):
        QApplication.processEvents()
        if view.smooth and view.regions.settled:
            break
        view._sharpen()
    painted()


def painted() -> None:
    QApplication.processEvents()
    if QApplication.platformName() != "offscreen":  # a real window paints at the next frame
        QTest.qWait(40)


def mouse(
    view: CanvasView,
    kind: QEvent.Type,
    at: QPointF,
    *,
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = PLAIN,
) -> None:
    caused = NO_BUTTON if kind == QEvent.Type.MouseMove else button
    down = NO_BUTTON if kind == QEvent.Type.MouseButtonRelease else button
    event = QMouseEvent(kind, at, view.mapToGlobal(at), caused, down, modifiers)
    QApplication.sendEvent(view, event)


def press(view: CanvasView, at: QPointF, **how: Any) -> None:
    mouse(view, QEvent.Type.MouseButtonPress, at, **how)


def move(view: CanvasView, at: QPointF, **how: Any) -> None:
    mouse(view, QEvent.Type.MouseMove, at, **how)


def release(view: CanvasView, at: QPointF, **how: Any) -> None:
    mouse(view, QEvent.Type.MouseButtonRelease, at, **how)


def stroke(view: CanvasView, *path: QPointF) -> None:
    press(view, path[0])
    for at in path[1:]:
        move(view, at)
    release(view, path[-1])
    QApplication.processEvents()


def wheel(view: CanvasView, at: QPointF, notches: float, modifiers: Any = PLAIN) -> None:
    turn = QPoint(0, round(120 * notches))
    event = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), turn, NO_BUTTON, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def key(view: CanvasView, code: Qt.Key, kind: QEvent.Type = QEvent.Type.KeyPress, text: str = "",
        modifiers: Qt.KeyboardModifier = PLAIN) -> None:  # fmt: skip
    QApplication.sendEvent(view, QKeyEvent(kind, code, modifiers, text))


def on_screen(view: CanvasView) -> QImage:
    """What the window holds now, in device pixels, without painting anything again."""
    if QApplication.platformName() == "offscreen":
        image = view.backingStore().paintDevice()  # grabWindow forgets the screen's density here
    else:
        painted()
        image = view.screen().grabWindow(view.winId()).toImage()
    assert isinstance(image, QImage)
    return image.convertToFormat(QImage.Format.Format_RGB32).copy()


def assert_screen_is_right(view: CanvasView) -> None:
    """The pieces on the screen equal a whole repaint, pixel by pixel."""
    before = on_screen(view)
    view.repaint()
    after = on_screen(view)
    a, b = (np.frombuffer(i.constBits(), np.uint32).copy() for i in (before, after))
    different = np.flatnonzero((a ^ b) & 0xFFFFFF)
    wrong = [(int(i) % before.width(), int(i) // before.width()) for i in different[:5]]
    assert not wrong, f"{len(different)} pixels differ, first (x, y): {wrong}"


# -- where one clicks is where it happens ----------------------------------------------------------


@pytest.mark.parametrize("zoom", [0.4, 1.0, 2.7, 9.0, 40.0])
def test_a_pixel_appears_where_one_clicks(make: Callable[..., CanvasView], zoom: float) -> None:
    view = make()
    labeller = Labeller(view)
    view.set_tool("brush")
    view.brush_radius = 0.5
    view.zoom_to(zoom, (301.0, 207.0))
    settle(view)
    for spot in (QPointF(250, 190), QPointF(251, 190), QPointF(228, 170), QPointF(281, 215)):
        stroke(view, spot)
        x, y = view.image_at(spot)
        assert labeller.region.mask.contains(int(x), int(y))
        settle(view)
        got = on_screen(view)
        ratio = view.devicePixelRatioF()
        at = got.pixelColor(int(spot.x() * ratio), int(spot.y() * ratio))
        view.mask_mode = MaskMode.HIDDEN
        painted()
        bare = on_screen(view).pixelColor(int(spot.x() * ratio), int(spot.y() * ratio))
        assert bare != at, "the pixel under the pointer was not painted"
        view.mask_mode = MaskMode.FILL
        settle(view)


@pytest.mark.parametrize("zoom", [0.4, 1.0, 5.0])
def test_a_widget_position_and_its_photo_point_are_one(canvas: CanvasView, zoom: float) -> None:
    canvas.zoom_to(zoom, (300, 200))
    for at in (QPointF(0, 0), QPointF(121, 33), QPointF(499, 379)):
        back = canvas.camera.widget_at(*canvas.image_at(at))
        assert (back - at).manhattanLength() < 1 / canvas.devicePixelRatioF()


def test_a_fast_stroke_has_no_gap(canvas: CanvasView) -> None:
    labeller = Labeller(canvas)
    canvas.set_tool("brush")
    canvas.brush_radius = 2
    canvas.zoom_to(1.0, (300, 200))
    stroke(canvas, QPointF(20, 20), QPointF(470, 350))  # one jump across the view
    import cv2

    count, _ = cv2.connectedComponents(labeller.region.mask.to_array().astype(np.uint8))
    assert count == 2
    box = labeller.region.mask.box()
    assert box is not None
    assert box[2] - box[0] >= 450 - 4


# -- strokes are never lost and always undone ------------------------------------------------------


def test_undo_of_a_stroke_restores_every_pixel_and_the_screen(canvas: CanvasView) -> None:
    labeller = Labeller(canvas)
    canvas.set_tool("brush")
    stroke(canvas, QPointF(100, 100), QPointF(300, 200))
    before, screen = labeller.region.mask.copy(), on_screen(canvas)
    canvas.set_tool("eraser")
    canvas.brush_radius = 30
    stroke(canvas, QPointF(150, 80), QPointF(250, 300))
    assert labeller.region.mask != before
    region_id, delta = labeller.deltas[-1]
    assert region_id == BIG  # ids beyond 32 bits arrive whole
    labeller.take(region_id, delta)
    assert labeller.region.mask == before
    move(canvas, QPointF(-100, -100), button=NO_BUTTON)
    canvas.marks.show_cursor(None, 0)
    settle(canvas)
    canvas.repaint()
    assert on_screen(canvas) == screen or labeller.region.mask == before
    assert_screen_is_right(canvas)


def test_a_stroke_without_a_region_asks_for_a_new_one(canvas: CanvasView, qtbot: QtBot) -> None:
    labeller = Labeller(canvas)
    document = canvas.document
    assert document is not None
    document.set_active(None)
    canvas.set_tool("brush")
    with qtbot.waitSignal(canvas.strokeStarted) as started:
        press(canvas, QPointF(200, 150))
    assert started.args == [None]
    move(canvas, QPointF(260, 180))
    release(canvas, QPointF(260, 180))
    assert labeller.deltas[0][0] is None
    x, y = canvas.image_at(QPointF(230, 165))
    assert document.regions[-1].mask.contains(int(x), int(y))


def test_escape_takes_a_stroke_back_before_it_counts(canvas: CanvasView) -> None:
    labeller = Labeller(canvas)
    canvas.set_tool("brush")
    canvas.marks.show_cursor(None, 0)
    settle(canvas)
    press(canvas, QPointF(200, 150))
    move(canvas, QPointF(300, 180))
    key(canvas, Qt.Key.Key_Escape)
    release(canvas, QPointF(300, 180))
    assert labeller.deltas == []
    assert labeller.region.mask.area() == 0
    settle(canvas)
    assert_screen_is_right(canvas)


@pytest.mark.parametrize("leaving", ["another tool", "another photo", "hidden"])
def test_leaving_in_mid_stroke_keeps_the_stroke(canvas: CanvasView, leaving: str) -> None:
    labeller = Labeller(canvas)
    canvas.set_tool("brush")
    press(canvas, QPointF(200, 150))
    move(canvas, QPointF(260, 180))
    if leaving == "another tool":
        canvas.set_tool("hand")
    elif leaving == "another photo":
        canvas.set_document(CanvasDocument((10, 10)))
    else:
        canvas.hide()
    assert len(labeller.deltas) == 1


def test_a_region_deleted_in_mid_stroke_leaves_the_stroke_to_a_new_one(canvas: CanvasView) -> None:
    labeller = Labeller(canvas)
    canvas.set_tool("brush")
    press(canvas, QPointF(200, 150))
    assert canvas.document is not None
    canvas.document.set_regions([])
    release(canvas, QPointF(210, 150))
    assert labeller.deltas[0][0] is None


def test_the_eraser_says_what_it_needs(canvas: CanvasView, qtbot: QtBot) -> None:
    assert canvas.document is not None
    canvas.document.set_active(None)
    canvas.set_tool("eraser")
    with qtbot.waitSignal(canvas.refused) as refused:
        stroke(canvas, QPointF(200, 150))
    assert "choose the region" in str(refused.args)


def test_a_stroke_that_changes_nothing_is_no_edit(canvas: CanvasView) -> None:
    labeller = Labeller(canvas)
    canvas.set_tool("eraser")
    stroke(canvas, QPointF(200, 150), QPointF(220, 160))
    assert labeller.deltas == []


def test_a_stroke_over_the_edge_of_the_photo_stops_there(canvas: CanvasView) -> None:
    labeller = Labeller(canvas)
    canvas.set_tool("brush")
    canvas.brush_radius = 40
    corner = canvas.camera.widget_at(600, 400)
    stroke(canvas, corner - QPointF(30, 30), corner + QPointF(20, 20))
    box = labeller.region.mask.box()
    assert box is not None
    assert box[2:] == (600, 400)
    assert_screen_is_right(canvas)


def test_an_edit_of_a_50_megapixel_document_touches_only_its_tiles(
    make: Callable[..., CanvasView], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = make()
    size = (8192, 6144)
    info = RegionInfo(BIG, ImageId(1), RegionKind.LESION)
    leaf = Region(RegionInfo(RegionId(1), ImageId(1), RegionKind.LEAF), TileMask(*size))
    document = CanvasDocument(size, [leaf, Region(info, TileMask(*size))])
    document.set_active(BIG)
    view.set_photo(PhotoPyramid.from_rgb(photo(800, 600), size=size))
    view.set_document(document)
    view.zoom_to(1.0, (4000.0, 3000.0))
    settle(view)
    labeller = Labeller(view)
    view.set_tool("brush")
    masks = view.regions._masks
    assert masks is not None
    composed: set[tuple[int, int]] = set()
    original = masks._compose
    monkeypatch.setattr(masks, "_compose", lambda key, *a: (composed.add(key), original(key, *a)))
    stroke(view, QPointF(100, 100), QPointF(160, 140), QPointF(220, 100))
    settle(view)
    assert len(labeller.deltas[0][1]) <= 4
    assert len(composed) <= 4


# -- looking ---------------------------------------------------------------------------------------


def random_walk(view: CanvasView, rng: random.Random, steps: int) -> None:
    """Pans by hand, key and call, zooms, strokes, prompts and proposals, in no order."""
    for _ in range(steps):
        at = QPointF(rng.randrange(view.width()), rng.randrange(view.height()))
        to = at + QPointF(rng.randint(-60, 60), rng.randint(-60, 60))
        match rng.randrange(9):
            case 0 | 1 | 2:
                press(view, at, button=MIDDLE)
                move(view, to, button=MIDDLE)
                release(view, to, button=MIDDLE)
            case 3 if rng.random() < 0.4:
                wheel(view, at, rng.choice([-2, -1, 1, 2]))
            case 4:
                key(view, rng.choice([Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Up]))
            case 5 | 6:
                view.set_tool(rng.choice(["brush", "eraser"]))
                stroke(view, at, to)
            case 7:
                point = view.image_at(at)
                view.set_prompts([point, (9.3, 50.8)], [True, False], (*point, 300.0, 200.0))
            case 8:
                flags = np.random.default_rng(rng.randrange(99)).random((80, 120)) < 0.8
                x, y = view.image_at(at)
                view.show_candidate(flags, (int(x), int(y)), "#56b4e9")
        if rng.random() < 0.6:
            QApplication.processEvents()


@pytest.mark.parametrize("seed", range(3))
def test_scrolled_and_patched_pixels_equal_a_whole_repaint(
    make: Callable[..., CanvasView], seed: int
) -> None:
    rng = random.Random(seed)
    view = make(rng.randint(300, 1400), rng.randint(300, 1400))
    Labeller(view)
    view.brush_radius = rng.choice([1, 6, 30])
    assert view.document is not None
    leaf = Region(
        RegionInfo(RegionId(1), ImageId(1), RegionKind.LEAF),
        TileMask.from_array(np.ones((200, 250), bool), (20, 30), view.document.size),
    )
    width, height = view.document.size
    squares = np.indices((height, width)).sum(axis=0) % 61 < 23  # outlines wherever one looks
    view.document.regions[0].mask.write((0, 0, width, height), squares)
    view.document.pixels_changed((0, 0, width, height))
    view.document.set_regions([*view.document.regions, leaf])
    for _ in range(6):
        random_walk(view, rng, 6)
        settle(view)
        assert_screen_is_right(view)


def test_wheel_zooms_at_the_pointer_and_back(canvas: CanvasView) -> None:
    at = QPointF(333, 111)
    before, zoom = canvas.image_at(at), canvas.zoom
    for _ in range(7):
        wheel(canvas, at, 1)
        x, y = canvas.image_at(at)
        assert abs(x - before[0]) * canvas.zoom <= 1
        assert abs(y - before[1]) * canvas.zoom <= 1
    assert canvas.zoom > 4 * zoom
    for _ in range(7):
        wheel(canvas, at, -1)
    assert canvas.zoom == pytest.approx(zoom, rel=0.03)


def test_pinch_zooms_at_the_fingers(canvas: CanvasView) -> None:
    at = QPointF(200, 150)
    before, zoom = canvas.image_at(at), canvas.zoom
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2,
        at, at, canvas.mapToGlobal(at), 0.5, QPointF(),
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)
    assert canvas.zoom == pytest.approx(1.5 * zoom)
    assert canvas.image_at(at) == pytest.approx(before, abs=1 / canvas.zoom)


@pytest.mark.parametrize("tool", ["hand", "brush", "box"])
def test_space_and_middle_button_pan_with_any_tool(canvas: CanvasView, tool: str) -> None:
    labeller = Labeller(canvas)
    canvas.set_tool(tool)
    canvas.zoom_to(2.0, (300, 200))
    for button in (MIDDLE, LEFT):
        if button == LEFT:
            key(canvas, Qt.Key.Key_Space)
            assert canvas.cursor().shape() == Qt.CursorShape.OpenHandCursor
        held = canvas.image_at(QPointF(200, 150))
        press(canvas, QPointF(200, 150), button=button)
        move(canvas, QPointF(163, 190), button=button)
        release(canvas, QPointF(163, 190), button=button)
        assert canvas.image_at(QPointF(163, 190)) == held
    key(canvas, Qt.Key.Key_Space, QEvent.Type.KeyRelease)
    assert canvas.cursor().shape() != Qt.CursorShape.OpenHandCursor or tool == "hand"
    assert labeller.deltas == []


def test_keys_pan_zoom_and_fit(canvas: CanvasView) -> None:
    canvas.zoom_to(3.0, (300, 200))
    x, y = canvas.camera.centre
    key(canvas, Qt.Key.Key_Right)
    key(canvas, Qt.Key.Key_Down)
    assert canvas.camera.centre[0] > x
    assert canvas.camera.centre[1] > y
    key(canvas, Qt.Key.Key_Plus)
    assert canvas.zoom > 3
    key(canvas, Qt.Key.Key_1, modifiers=Qt.KeyboardModifier.ControlModifier)
    assert canvas.zoom == 1
    key(canvas, Qt.Key.Key_0, modifiers=Qt.KeyboardModifier.ControlModifier)
    left, top, right, bottom = canvas.camera.visible_box()
    assert (left, top, right, bottom) == (0, 0, 600, 400)


def test_a_fitted_photo_stays_fitted_and_a_zoomed_one_stays_in_place(canvas: CanvasView) -> None:
    canvas.resize(700, 300)
    assert canvas.camera.visible_box() == (0, 0, 600, 400)
    canvas.zoom_to(4.0, (150, 99))
    canvas.resize(501, 401)
    assert canvas.camera.centre == pytest.approx((150, 99), abs=0.5)
    assert canvas.zoom == 4


def test_the_full_photo_replaces_the_reduced_one_without_moving(
    canvas: CanvasView, qtbot: QtBot
) -> None:
    full = photo(3000, 2000)
    canvas.set_photo(full[::4, ::4].copy(), size=(3000, 2000))
    assert not canvas.photo_complete
    canvas.zoom_to(1.5, (1000, 700))
    settle(canvas)
    where = canvas.camera.transform
    with qtbot.waitSignal(canvas.photoShown):
        canvas.set_photo(full)
    assert canvas.photo_complete
    assert canvas.camera.transform == where
    canvas.set_photo(photo(3000, 2000))  # another photo of the same size is seen as a whole
    assert canvas.camera.visible_box() == (0, 0, 3000, 2000)
    qtbot.waitUntil(lambda: canvas.photo_complete)


def test_a_photo_overtaken_by_the_next_one_never_shows_up(canvas: CanvasView, qtbot: QtBot) -> None:
    canvas.set_photo(photo(4000, 3000))
    canvas.set_photo(photo(300, 200))
    qtbot.wait(250)
    assert canvas.pyramid is not None
    assert canvas.pyramid.size == (300, 200)


def test_the_picture_gets_sharp_when_the_hand_rests(canvas: CanvasView, qtbot: QtBot) -> None:
    wheel(canvas, QPointF(100, 100), 1)
    assert not canvas.smooth
    qtbot.waitUntil(lambda: canvas.smooth)


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (1, 1), (3, 2), (257, 511)])
def test_photos_of_odd_sizes_are_shown_and_painted(
    make: Callable[..., CanvasView], size: tuple[int, int]
) -> None:
    view = make(*size)
    labeller = Labeller(view)
    view.set_tool("brush")
    view.brush_radius = 0.5
    stroke(view, view.camera.widget_at(size[0] / 2, size[1] / 2))
    assert labeller.region.mask.area() >= 1
    for zoom in (0.1, 1.0, 40.0):
        view.zoom_to(zoom)
        settle(view)
        assert_screen_is_right(view)


# -- the assistant's tools -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("button", "modifiers", "positive"),
    [(LEFT, PLAIN, True), (RIGHT, PLAIN, False), (LEFT, ALT, False)],
)
def test_clicks_tell_the_assistant_what_belongs(
    canvas: CanvasView, qtbot: QtBot, button: Any, modifiers: Any, positive: bool
) -> None:
    canvas.set_tool("point")
    at = QPointF(210, 160)
    with qtbot.waitSignal(canvas.pointPlaced) as placed:
        press(canvas, at, button=button, modifiers=modifiers)
    release(canvas, at, button=button, modifiers=modifiers)
    assert tuple(placed.args[:2]) == canvas.image_at(at)
    assert placed.args[2] is positive


def test_a_click_beside_the_photo_asks_nothing_and_says_so(
    canvas: CanvasView, qtbot: QtBot
) -> None:
    canvas.set_tool("point")
    with qtbot.assertNotEmitted(canvas.pointPlaced), qtbot.waitSignal(canvas.refused) as said:
        stroke(canvas, QPointF(2, 2))
    assert said.args == ["That click was beside the photo: click on a lesion."]


def test_a_box_is_drawn_from_any_corner_and_cut_to_the_photo(
    canvas: CanvasView, qtbot: QtBot
) -> None:
    canvas.set_tool("box")
    canvas.zoom_to(1.0, (300, 200))
    start, end = canvas.camera.widget_at(400.5, 300.5), canvas.camera.widget_at(250.5, 120.5)
    press(canvas, start)
    move(canvas, end)
    assert canvas.marks.shown.band is not None
    with qtbot.waitSignal(canvas.boxDrawn) as drawn:
        release(canvas, end)
    assert drawn.args[0] == (250, 120, 401, 301)
    assert canvas.marks.shown.band is None


@pytest.mark.parametrize(
    ("corners", "sentence"),
    [
        (((300, 200), (300, 200)), "That box was empty: hold the button and drag"),
        (((250, 120), (400, 120.5)), "That box was empty: hold the button and drag"),
        (((-40, -30), (-5, -4)), "That box was beside the photo: drag it around a lesion."),
    ],
)
def test_a_box_without_a_pixel_asks_nothing_and_says_what_to_do(
    canvas: CanvasView, qtbot: QtBot, corners: Any, sentence: str
) -> None:
    canvas.set_tool("box")
    canvas.zoom_to(0.5, (300, 200))
    spots = [canvas.camera.widget_at(*corner) for corner in corners]
    with qtbot.assertNotEmitted(canvas.boxDrawn), qtbot.waitSignal(canvas.refused) as said:
        stroke(canvas, *spots)
    assert said.args[0].startswith(sentence)
    assert canvas.marks.shown.band is None


def test_a_click_of_the_hand_says_where_and_a_drag_does_not(
    canvas: CanvasView, qtbot: QtBot
) -> None:
    canvas.zoom_to(2.0, (300, 200))
    with qtbot.waitSignal(canvas.clicked):
        stroke(canvas, QPointF(200, 150), QPointF(201, 150))
    with qtbot.assertNotEmitted(canvas.clicked):
        stroke(canvas, QPointF(200, 150), QPointF(240, 170))


def test_a_proposal_and_prompts_come_and_go_without_a_trace(canvas: CanvasView) -> None:
    before = on_screen(canvas)
    canvas.show_candidate(np.ones((90, 120), bool), (200, 100), "#56b4e9")
    canvas.set_prompts([(250, 150), (100, 90)], [True, False], (190, 90, 330, 200))
    painted()
    assert on_screen(canvas) != before
    canvas.clear_candidate()
    canvas.set_prompts([], [], None)
    painted()
    assert on_screen(canvas) == before


@pytest.mark.parametrize("first", ["prompts", "candidate"])
def test_no_badge_hides_a_proposal_that_is_as_small_as_the_badge(
    canvas: CanvasView, first: str
) -> None:
    canvas.zoom_to(1.0, (300, 200))

    def shown(*, prompts: bool) -> NDArray[np.uint8]:
        canvas.clear_candidate()
        canvas.set_prompts([], [], None)
        painted()
        if prompts and first == "prompts":
            canvas.set_prompts([(306, 206)], [True], None)
            painted()
        canvas.show_candidate(np.ones((12, 12), bool), (300, 200), "#56b4e9")
        if prompts:
            canvas.set_prompts([(306, 206)], [True], None)
        painted()
        picture = on_screen(canvas).convertToFormat(QImage.Format.Format_RGB32)
        ratio = picture.width() / canvas.width()
        corner = canvas.camera.widget_at(300, 200) * ratio
        side = round(12 * canvas.camera.transform.scale)
        x, y = round(corner.x()), round(corner.y())
        whole = np.frombuffer(picture.constBits(), np.uint32).reshape(picture.height(), -1)
        return whole[y : y + side, x : x + side].copy()

    covered = shown(prompts=True) != shown(prompts=False)
    assert covered.any(), "one sees where it was clicked"
    assert covered.mean() < 0.5, "and still sees what is proposed"


def test_points_and_signs_must_go_together(canvas: CanvasView) -> None:
    with pytest.raises(ValueError, match="signs"):
        canvas.set_prompts([(1, 2)], [], None)


def test_the_region_under_the_pointer_can_be_outlined(canvas: CanvasView) -> None:
    assert canvas.document is not None
    region = canvas.document.regions[0]
    region.mask.write((100, 100, 180, 160), np.ones((60, 80), bool))
    canvas.document.set_active(None)
    canvas.document.pixels_changed((100, 100, 180, 160))
    settle(canvas)
    before = on_screen(canvas)
    canvas.set_hover(BIG)
    painted()
    assert on_screen(canvas) != before
    canvas.set_hover(None)
    painted()
    assert on_screen(canvas) == before


# -- brush size, styles, tools ---------------------------------------------------------------------


def test_brackets_and_alt_wheel_change_the_brush(canvas: CanvasView, qtbot: QtBot) -> None:
    canvas.set_tool("brush")
    start, zoom = canvas.brush_radius, canvas.zoom
    key(canvas, Qt.Key.Key_BracketRight, text="]")
    assert canvas.brush_radius > start
    key(canvas, Qt.Key.Key_BracketLeft, text="[")
    assert canvas.brush_radius == start
    with qtbot.waitSignal(canvas.radiusChanged):
        wheel(canvas, QPointF(100, 100), -1, ALT)
    assert canvas.brush_radius < start
    for _ in range(40):
        key(canvas, Qt.Key.Key_BracketLeft, text="[")
    assert canvas.brush_radius == 0.5
    assert canvas.zoom == zoom


@pytest.mark.parametrize("mode", list(MaskMode))
def test_regions_are_filled_outlined_or_hidden(canvas: CanvasView, mode: MaskMode) -> None:
    assert canvas.document is not None
    bare = on_screen(canvas)
    region = canvas.document.regions[0]
    region.mask.write((100, 100, 300, 260), np.ones((160, 200), bool))
    canvas.document.pixels_changed((100, 100, 300, 260))
    canvas.mask_mode = mode
    settle(canvas)
    got = on_screen(canvas)
    inside = canvas.camera.widget_at(200, 180).toPoint() * round(canvas.devicePixelRatioF())
    changed = got.pixelColor(inside) != bare.pixelColor(inside)
    assert changed == (mode is MaskMode.FILL)
    assert (got == bare) == (mode is MaskMode.HIDDEN)


def test_opacity_is_kept_between_clear_and_solid(canvas: CanvasView) -> None:
    canvas.mask_opacity = 7
    assert canvas.mask_opacity == 1
    canvas.mask_opacity = -1
    assert canvas.mask_opacity == 0


def test_every_tool_says_what_it_is(qapp: QApplication) -> None:
    tools = all_tools()
    assert list(tools) == [
        "hand", "brush", "eraser", "polygon", "lasso", "wand", "knife", "point", "box",
    ]  # fmt: skip
    assert len({t.shortcut for t in tools.values()}) == len(tools)
    for tool in tools.values():
        assert tool.title
        assert tool.hint
        assert tool.icon.startswith("mdi6.")


def test_an_unknown_tool_is_a_bug_that_names_the_known(canvas: CanvasView) -> None:
    with pytest.raises(Bug, match="brush"):
        canvas.set_tool("laser")


# -- nothing to show -------------------------------------------------------------------------------


@pytest.mark.parametrize("window", ["#f2f2f2", "#24272a"], ids=["light", "dark"])
def test_an_empty_canvas_says_so_readably(qtbot: QtBot, window: str) -> None:
    view = CanvasView()
    qtbot.addWidget(view)
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor(window))
    dark = QColor(window).lightness() < 128
    ink = QColor("#eeeeee" if dark else "#202020")
    palette.setColor(QPalette.ColorRole.WindowText, ink)
    view.setPalette(palette)
    view.resize(700, 500)
    image = view.grab().toImage()
    lightness = {
        image.pixelColor(x, y).lightness() for x in range(150, 550, 2) for y in range(150, 350)
    }
    back = view.background().lightness()
    assert max(abs(v - back) for v in lightness) > 100
    assert view.accessibleName()
    press(view, QPointF(300, 200))
    release(view, QPointF(300, 200))
    wheel(view, QPointF(300, 200), 1)
    view.set_tool("brush")
    view.fit()


def test_taking_the_photo_away_brings_the_hint_back(canvas: CanvasView) -> None:
    canvas.set_document(None)
    canvas.set_photo(None)
    canvas.repaint()
    assert canvas.pyramid is None
    assert on_screen(canvas).pixelColor(3, 3).name() == canvas.background().name()
    stroke(canvas, QPointF(100, 100), QPointF(150, 120))


def test_a_document_that_was_left_no_longer_reaches_the_canvas(canvas: CanvasView) -> None:
    old = canvas.document
    assert old is not None
    canvas.set_document(CanvasDocument((600, 400)))
    settle(canvas)
    before = on_screen(canvas)
    old.regions[0].mask.write((100, 100, 300, 260), np.ones((160, 200), bool))
    old.pixels_changed((100, 100, 300, 260))
    old.set_active(None)
    settle(canvas)
    assert on_screen(canvas) == before


# -- screens of other densities --------------------------------------------------------------------


@pytest.mark.skipif("LEAFSPOT_SCALED" in os.environ, reason="this is the scaled screen")
@pytest.mark.parametrize("factor", ["2", "1.5"])
def test_all_of_this_holds_on_dense_screens(repo: Path, factor: str) -> None:
    wanted = "appears_where or equal_a_whole or space_and_middle or odd_sizes"
    environment = dict(os.environ, QT_SCALE_FACTOR=factor, LEAFSPOT_SCALED="1")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-k", wanted, __file__],
        cwd=repo, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
