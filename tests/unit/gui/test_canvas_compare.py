"""Truth, prediction and difference: three panes that move as one, in colours that can be told."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from gui.canvas.compare import CompareView
from gui.canvas.difference_layer import Role
from gui.canvas.pyramid import PhotoPyramid

GREY = (90, 110, 70)


def half(side: str, size: tuple[int, int] = (300, 200)) -> NDArray[np.bool_]:
    """True in the left two thirds or in the right two thirds of the photo."""
    flags = np.zeros((size[1], size[0]), bool)
    third = size[0] // 3
    flags[:, : 2 * third] = side == "left"
    flags[:, third:] |= side == "right"
    return flags


@pytest.fixture
def compare(qtbot: QtBot) -> CompareView:
    view = CompareView()
    qtbot.addWidget(view)
    view.resize(1100, 420)
    view.show()
    rgb = np.full((200, 300, 3), GREY, np.uint8)
    view.set_photo(PhotoPyramid.from_rgb(rgb))
    QApplication.processEvents()
    return view


def at(view: CompareView, role: Role, x: float, y: float) -> tuple[int, int, int]:
    """Colour shown by a pane at a photo point."""
    pane = view.panes[role]
    for shown in view.panes.values():
        shown.smooth = True
    image = pane.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    where = pane.camera.widget_at(x, y) * image.devicePixelRatio()
    colour = image.pixelColor(round(where.x()), round(where.y()))
    return colour.red(), colour.green(), colour.blue()


def test_the_difference_tells_missed_extra_and_agreed_apart(compare: CompareView) -> None:
    compare.set_masks(half("left"), half("right"))
    missed, agreed, extra = (at(compare, Role.DIFFERENCE, x, 100) for x in (50, 150, 250))
    assert missed[0] > missed[2] + 80  # vermilion
    assert extra[2] > extra[0] + 40  # sky blue
    assert min(agreed) > max(GREY)  # a white veil
    for one, other in ((missed, extra), (missed, agreed), (extra, agreed)):
        luma = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in (one, other)]
        assert abs(luma[0] - luma[1]) > 15  # apart even without any colour vision


def test_every_pane_shows_its_own_mask(compare: CompareView) -> None:
    compare.set_masks(half("left"), half("right"))
    assert at(compare, Role.TRUTH, 50, 100) != GREY
    assert at(compare, Role.TRUTH, 280, 100) == GREY
    assert at(compare, Role.PREDICTION, 50, 100) == GREY
    assert at(compare, Role.PREDICTION, 280, 100) != GREY


def test_the_threshold_moves_the_prediction_and_the_difference(compare: CompareView) -> None:
    ramp = np.tile(np.linspace(0, 255, 30).astype(np.uint8), (20, 1))  # a tenth of the photo
    compare.set_masks(half("left"), None)
    compare.set_probability(ramp, 128)
    assert at(compare, Role.PREDICTION, 130, 100) == GREY
    assert at(compare, Role.PREDICTION, 170, 100) != GREY
    missed = at(compare, Role.DIFFERENCE, 130, 100)
    compare.set_threshold(64)
    assert at(compare, Role.PREDICTION, 130, 100) != GREY
    assert at(compare, Role.DIFFERENCE, 130, 100) != missed
    compare.set_threshold(255)
    assert at(compare, Role.PREDICTION, 250, 100) == GREY


def test_a_prediction_of_another_resolution_lies_in_its_place(compare: CompareView) -> None:
    compare.set_masks(None, half("right", (75, 50)))
    assert at(compare, Role.PREDICTION, 90, 100) == GREY
    assert at(compare, Role.PREDICTION, 110, 100) != GREY


@pytest.mark.parametrize("leader", list(Role))
def test_all_panes_look_at_the_same_place(compare: CompareView, leader: Role) -> None:
    pane = compare.panes[leader]
    pane.zoom_to(5.0, (77.0, 120.0))
    pane.camera.pan_by(13, -7)
    for other in compare.panes.values():
        assert other.zoom == pane.zoom
        x, y = other.camera.centre
        assert (x, y) == pytest.approx(pane.camera.centre, abs=0.25)
    compare.fit()
    assert {p.camera.visible_box() for p in compare.panes.values()} == {(0, 0, 300, 200)}


def test_the_left_button_drags(compare: CompareView) -> None:
    pane = compare.panes[Role.PREDICTION]
    pane.zoom_to(4.0, (150.0, 100.0))
    held = pane.image_at(QPointF(100, 100))
    none, left = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
    for kind, x, caused, down in (
        (QEvent.Type.MouseButtonPress, 100, left, left),
        (QEvent.Type.MouseMove, 140, none, left),
        (QEvent.Type.MouseButtonRelease, 140, left, none),
    ):
        where = QPointF(x, 100)
        modifiers = Qt.KeyboardModifier.NoModifier
        event = QMouseEvent(kind, where, pane.mapToGlobal(where), caused, down, modifiers)
        QApplication.sendEvent(pane, event)
    assert pane.image_at(QPointF(140, 100)) == held


def test_what_is_missing_is_said(compare: CompareView) -> None:
    def texts() -> str:
        return " ".join(label.text() for label in compare.findChildren(QLabel))

    compare.set_masks(None, None)
    assert "not outlined" in texts()
    assert "no prediction" in texts()
    compare.set_masks(half("left"), half("right"))
    assert "not outlined" not in texts()
    assert all(f"<b>{word}</b>" in texts() for word in ("Missed", "Extra", "Agreed"))
    assert at(compare, Role.DIFFERENCE, 150, 100) != GREY


def test_the_photo_is_kept_once_for_all_panes(compare: CompareView, qtbot: QtBot) -> None:
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 255, (2200, 3000, 3), dtype=np.uint8)
    compare.set_photo(rgb)
    qtbot.waitUntil(lambda: compare.first.photo_complete)
    assert len({id(p.pyramid) for p in compare.panes.values()}) == 1
    compare.set_photo(None)
    assert all(p.pyramid is None for p in compare.panes.values())
    compare.grab()


@pytest.mark.parametrize("width", [1400, 700])
def test_the_whole_photo_stays_in_sight_in_a_window_of_any_size(
    compare: CompareView, qtbot: QtBot, width: int
) -> None:
    compare.resize(width, 420)
    compare.resize(width + 40, 420)  # once more: the panes are made wider one after the other
    QApplication.processEvents()
    for pane in compare.panes.values():
        wide, high = (length * pane.zoom / pane.camera.ratio for length in (300, 200))
        spare = min(pane.width() - wide, pane.height() - high)
        assert 0 <= spare < 40, "all of it, and hardly more room than that"
