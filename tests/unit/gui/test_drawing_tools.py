"""Polygon, lasso, wand and knife promise: what is drawn is what is saved, one undo a shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from whole_window import _spot, bare_project, click, drag, label_page, on_disk, saved, window

from core.domain.mask import TileMask
from core.domain.region import RegionKind
from core.errors import DiskFull
from core.ports import ImageQuery
from gui.controllers.saver import SaveState

LEFT, ALT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.AltModifier
SQUARE = ((100, 80), (160, 80), (160, 140), (100, 140))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return bare_project(tmp_path)


@pytest.fixture
def page(qtbot, project: Path):
    with window(qtbot, project) as program:
        found = label_page(qtbot, program)
        found.canvas.zoom_to(2.0, (200, 150))
        yield found


def keys(page, text: str) -> None:
    QTest.keyClicks(page.canvas, text)


def key(page, which: Qt.Key) -> None:
    QTest.keyClick(page.canvas, which)


def undo(page) -> None:
    QTest.keyClick(page.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)


def masks(page) -> list[TileMask]:
    return [r.mask for r in page.controller.session.regions]


def square(x0: int, y0: int, x1: int, y1: int) -> TileMask:
    return TileMask.from_array(np.ones((y1 - y0, x1 - x0), bool), (x0, y0), (400, 300))


def corners(page, points=SQUARE, how=Qt.KeyboardModifier.NoModifier) -> None:
    for point in points:
        QTest.mouseClick(page.canvas, LEFT, how, _spot(page, *point))


@pytest.fixture
def said(page, monkeypatch) -> list[str]:
    """The sentences that the person is told."""
    heard: list[str] = []
    page.canvas.refused.connect(heard.append)
    monkeypatch.setattr(page._context.notices, "info", heard.append)
    return heard


def test_a_polygon_is_closed_by_enter_and_is_on_disk_pixel_by_pixel(qtbot, page, project) -> None:
    keys(page, "g")
    corners(page)
    assert masks(page) == []
    key(page, Qt.Key.Key_Return)
    assert masks(page) == [square(100, 80, 160, 140)]
    saved(qtbot, page)
    with on_disk(project) as store:
        (region,) = store.regions(store.image_ids(ImageQuery())[0])
    assert region.mask == square(100, 80, 160, 140)
    assert page.controller.edits.undo_title == "Polygon"
    undo(page)
    assert masks(page) == []


def test_a_double_click_and_a_click_on_the_first_corner_close_as_well(page) -> None:
    keys(page, "g")
    corners(page, SQUARE[:3])
    QTest.mouseClick(page.canvas, LEFT, pos=_spot(page, *SQUARE[3]))
    QTest.mouseDClick(page.canvas, LEFT, pos=_spot(page, *SQUARE[3]))
    QTest.mouseRelease(page.canvas, LEFT, pos=_spot(page, *SQUARE[3]))
    assert masks(page) == [square(100, 80, 160, 140)]
    key(page, Qt.Key.Key_Escape)
    corners(page, ((220, 80), (260, 80), (260, 120), (220, 120), (220, 80)))
    assert masks(page)[1] == square(220, 80, 260, 120)


def test_backspace_takes_corners_back_one_by_one_and_esc_all_of_them(page) -> None:
    keys(page, "g")
    corners(page, (*SQUARE[:3], (300, 290)))
    key(page, Qt.Key.Key_Backspace)
    corners(page, SQUARE[3:])
    key(page, Qt.Key.Key_Return)
    assert masks(page) == [square(100, 80, 160, 140)], "and no region was deleted by it"
    corners(page, ((220, 80), (260, 80), (260, 120)))
    key(page, Qt.Key.Key_Escape)
    key(page, Qt.Key.Key_Return)
    assert masks(page) == [square(100, 80, 160, 140)]
    assert page.controller.edits.active is not None, "the first Esc is the polygon's"


def test_undo_takes_corners_back_and_leaves_what_is_on_the_photo(page) -> None:
    keys(page, "g")
    corners(page, ((220, 80), (260, 80), (260, 120)))
    undo(page)
    assert masks(page) == [], "with nothing on the photo yet"
    corners(page, ((260, 120), (220, 120)))
    key(page, Qt.Key.Key_Return)
    key(page, Qt.Key.Key_Escape)
    corners(page, (*SQUARE[:3], (300, 290)))
    undo(page)
    page._context.actions["edit.undo"].trigger()  # from the menu, or the button
    assert masks(page) == [square(220, 80, 260, 120)]
    corners(page, SQUARE[2:])
    key(page, Qt.Key.Key_Return)
    assert masks(page)[1] == square(100, 80, 160, 140)
    undo(page)
    undo(page)
    assert masks(page) == []


@pytest.mark.parametrize("tool", ["b", "s"])
def test_undo_gives_up_a_stroke_under_way_and_no_other(page, tool) -> None:
    keys(page, "g")
    corners(page)
    key(page, Qt.Key.Key_Return)
    key(page, Qt.Key.Key_Escape)
    keys(page, tool)
    QTest.mousePress(page.canvas, LEFT, pos=_spot(page, 220, 80))
    for point in ((260, 80), (260, 120)):
        QTest.mouseMove(page.canvas, _spot(page, *point))
    undo(page)
    QTest.mouseRelease(page.canvas, LEFT, pos=_spot(page, 260, 120))
    assert masks(page) == [square(100, 80, 160, 140)]


def test_an_empty_polygon_and_a_lasso_of_one_point_say_what_to_do(page, said) -> None:
    keys(page, "g")
    corners(page, ((50, 50), (90, 50)))
    key(page, Qt.Key.Key_Return)
    keys(page, "s")
    click(page, 50, 50)
    assert masks(page) == []
    assert len(said) >= 2
    assert all("encloses no pixel" in sentence for sentence in said)


def test_another_tool_closes_a_polygon_that_was_begun_and_loses_no_corner(page) -> None:
    keys(page, "g")
    corners(page)
    keys(page, "b")
    assert masks(page) == [square(100, 80, 160, 140)]


def test_looking_at_another_window_leaves_a_polygon_as_it_is(page) -> None:
    from PySide6.QtCore import QEvent

    keys(page, "g")
    corners(page, SQUARE[:3])
    QApplication.sendEvent(page.canvas, QEvent(QEvent.Type.WindowDeactivate))
    assert masks(page) == []
    corners(page, SQUARE[3:])
    key(page, Qt.Key.Key_Return)
    assert masks(page) == [square(100, 80, 160, 140)]


def test_alt_and_the_switch_take_away_from_the_chosen_region(page, said) -> None:
    keys(page, "g")
    corners(page, how=ALT)
    assert "Choose the region" in said[0]
    corners(page)
    key(page, Qt.Key.Key_Return)
    corners(page, ((130, 60), (200, 60), (200, 200), (130, 200)), how=ALT)
    key(page, Qt.Key.Key_Return)
    assert masks(page) == [square(100, 80, 130, 140)]
    keys(page, "ts")
    drag(page, (90, 110), (170, 110), (170, 150), (90, 150), (90, 110))
    assert masks(page) == [square(100, 80, 130, 110)]
    assert page.controller.edits.undo_title == "Lasso: take away"
    keys(page, "t")


def test_a_lasso_adds_to_the_chosen_region_and_its_right_button_takes_away(page) -> None:
    keys(page, "s")
    drag(page, *SQUARE)
    assert masks(page) == [square(100, 80, 160, 140)]
    drag(page, (160, 80), (180, 80), (180, 140), (160, 140))
    assert masks(page) == [square(100, 80, 180, 140)]
    QTest.mousePress(page.canvas, Qt.MouseButton.RightButton, pos=_spot(page, 140, 80))
    for point in ((180, 80), (180, 140), (140, 140)):
        QTest.mouseMove(page.canvas, _spot(page, *point))
    end = _spot(page, 140, 140)
    QTest.mouseRelease(page.canvas, Qt.MouseButton.RightButton, pos=end)
    assert masks(page) == [square(100, 80, 140, 140)]


# -- the wand


@pytest.fixture
def spotted(page):
    """A photo with a dark spot and a slightly darker ring around it."""
    rgb = np.full((300, 400, 3), (60, 140, 50), np.uint8)
    rgb[60:160, 100:220] = (70, 125, 50)
    rgb[80:140, 120:200] = (120, 70, 40)
    page.canvas.set_photo(rgb, size=(400, 300), same=True)
    QTest.qWait(200)
    page.canvas.surface.set_tolerance(5)
    return page


def test_the_wand_takes_what_looks_alike_and_is_one_step(spotted) -> None:
    keys(spotted, "w")
    click(spotted, 160, 110)
    (mask,) = masks(spotted)
    inner = square(122, 82, 198, 138).to_array()
    assert not (inner & ~mask.to_array()).any()
    assert not (mask.to_array() & ~square(119, 79, 201, 141).to_array()).any()
    assert spotted.controller.edits.undo_title == "Magic wand"
    undo(spotted)
    assert masks(spotted) == []


def test_dragging_shows_a_larger_tolerance_before_it_is_taken(spotted) -> None:
    canvas = spotted.canvas
    keys(spotted, "w")
    at = _spot(spotted, 210, 70)
    QTest.mousePress(canvas, LEFT, pos=at)
    few = canvas.regions._masks.stroke.painted
    QTest.mouseMove(canvas, at + QPoint(60, 0))
    more = canvas.regions._masks.stroke.painted
    assert canvas.surface.tolerance == 17
    assert sum(t.sum() for t in more.values()) > sum(t.sum() for t in few.values())
    assert masks(spotted) == []
    QTest.mouseRelease(canvas, LEFT, pos=at + QPoint(60, 0))
    assert masks(spotted)[0].area() == sum(t.sum() for t in more.values())


def test_the_wheel_changes_the_tolerance_while_the_button_is_down_and_zooms_otherwise(spotted):
    canvas = spotted.canvas
    keys(spotted, "w")

    def turn(steps: int) -> None:
        at = QPointF(_spot(spotted, 210, 70))
        QApplication.sendEvent(
            canvas,
            QWheelEvent(
                at, canvas.mapToGlobal(at), QPoint(), QPoint(0, 120 * steps),
                Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
                Qt.ScrollPhase.NoScrollPhase, False,
            ),
        )  # fmt: skip

    zoom = canvas.zoom
    QTest.mousePress(canvas, LEFT, pos=_spot(spotted, 210, 70))
    turn(1)
    turn(1)
    assert (canvas.surface.tolerance, canvas.zoom) == (7, zoom)
    QTest.mouseRelease(canvas, LEFT, pos=_spot(spotted, 210, 70))
    turn(1)
    assert (canvas.surface.tolerance, canvas.zoom > zoom) == (7, True)


def test_the_bracket_keys_and_the_slider_set_the_wands_tolerance(spotted) -> None:
    keys(spotted, "w]]")
    assert spotted.canvas.surface.tolerance == 7
    assert spotted.bar.radius.text() == "± 7"
    spotted.bar.slider.setValue(30)
    assert spotted.canvas.surface.tolerance == 30
    radius = spotted.canvas.brush_radius
    keys(spotted, "b")
    assert spotted.bar.radius.text() == f"{2 * radius:.0f} px"


def test_the_wand_outside_the_photo_says_so_and_does_nothing(spotted, said) -> None:
    spotted.canvas.fit()
    keys(spotted, "w")
    QTest.mouseClick(spotted.canvas, LEFT, pos=QPoint(3, 3))
    assert masks(spotted) == []
    assert "on the photo" in said[0] or "click on it" in said[0]


def test_the_wand_reaches_no_further_than_what_is_seen(spotted) -> None:
    spotted.canvas.zoom_to(8.0, (30, 270))
    keys(spotted, "w")
    click(spotted, 30, 270)
    box = masks(spotted)[0].box()
    seen = spotted.canvas.camera.visible_box()
    assert box[2] <= seen[2]
    assert box[1] >= seen[1]


# -- the knife, and what is done to chosen regions


def test_the_knife_makes_two_regions_of_one_in_one_step(qtbot, page, project) -> None:
    keys(page, "s")
    drag(page, *SQUARE)
    keys(page, "k")
    drag(page, (130, 60), (130, 160))
    assert len(masks(page)) == 2
    assert sum(m.area() for m in masks(page)) == 3600
    undo(page)
    assert masks(page) == [square(100, 80, 160, 140)]


def test_actions_change_the_chosen_region_and_undo_gives_it_back(page) -> None:
    keys(page, "s")
    drag(page, *SQUARE)
    actions = page._context.actions
    for action in ("region.grow", "region.shrink", "region.smooth"):
        before = masks(page)[0].copy()
        actions[action].trigger()
        assert masks(page)[0] != before
        undo(page)
        assert masks(page)[0] == before


def test_several_regions_chosen_in_the_list_become_one(page, said) -> None:
    keys(page, "s")
    drag(page, *SQUARE)
    key(page, Qt.Key.Key_Escape)
    drag(page, (200, 80), (240, 80), (240, 140), (200, 140))
    merge = page._context.actions["region.merge"]
    assert not merge.isEnabled()
    view = page.regions.view
    view.setFocus()
    for row, how in ((0, Qt.KeyboardModifier.NoModifier), (1, Qt.KeyboardModifier.ControlModifier)):
        at = view.visualRect(page.regions.model.index(row)).center()
        QTest.mouseClick(view.viewport(), LEFT, how, at)
    assert merge.isEnabled()
    merge.trigger()
    assert len(masks(page)) == 1
    assert masks(page)[0].area() == 6000
    page._context.actions["region.split"].trigger()
    assert len(masks(page)) == 2


def test_an_action_that_would_leave_nothing_is_refused_in_one_sentence(page, said) -> None:
    keys(page, "s")
    drag(page, *SQUARE)
    page._context.preferences.put("label.grow", 100)
    page._context.actions["region.shrink"].trigger()
    assert masks(page)[0].area() == 3600
    assert "leave nothing" in said[-1]


def test_lesions_stay_inside_the_leaf_while_the_switch_is_on(page, said) -> None:
    keys(page, "ls")
    drag(page, (50, 50), (150, 50), (150, 250), (50, 250))
    keys(page, "l")
    page._context.actions["lesions.inside"].trigger()
    drag(page, *SQUARE)
    assert masks(page)[-1] == square(100, 80, 150, 140)
    key(page, Qt.Key.Key_Escape)
    drag(page, (200, 80), (240, 80), (240, 140), (200, 140))
    assert len(masks(page)) == 2
    assert "rules" in said[-1]
    page._context.actions["lesions.inside"].trigger()


def test_a_large_region_is_worked_on_beside_the_window(qtbot, tmp_path) -> None:
    project = bare_project(tmp_path / "large", photos=1, size=(2600, 2000))
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        keys(page, "ls")
        drag(page, (50, 50), (2500, 50), (2500, 1900), (50, 1900))
        before = masks(page)[0].copy()
        page._context.actions["region.grow"].trigger()
        qtbot.waitUntil(lambda: masks(page)[0] != before, timeout=10_000)
        assert masks(page)[0].area() > before.area()
        saved(qtbot, page)


# -- when the disk is full, and after a restart


@pytest.mark.parametrize("tool", ["g", "s", "w"])
def test_a_full_disk_in_the_middle_of_a_shape_loses_nothing(
    qtbot, page, project, monkeypatch, tool: str
) -> None:
    store = page._context.project._store
    commit = store.commit
    full = True

    def refuse(edit):
        if full:
            raise DiskFull("The disk is full.")
        return commit(edit)

    monkeypatch.setattr(store, "commit", refuse)
    keys(page, tool)
    if tool == "g":
        corners(page)
        key(page, Qt.Key.Key_Return)
    elif tool == "s":
        drag(page, *SQUARE)
    else:
        click(page, 120, 120)
    drawn = [m.copy() for m in masks(page)]
    assert drawn
    saver = page.controller.edits.saver
    qtbot.waitUntil(lambda: saver.state is SaveState.FAILED, timeout=10_000)
    assert masks(page) == drawn
    full = False
    saver.retry_now()
    saved(qtbot, page)
    with on_disk(project) as other:
        found = other.regions(other.image_ids(ImageQuery())[0])
    assert [r.mask for r in found] == drawn


def test_undo_goes_on_where_it_was_after_the_program_was_closed(qtbot, project) -> None:
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        keys(page, "s")
        drag(page, *SQUARE)
        drag(page, (160, 80), (180, 80), (180, 140), (160, 140))
        kinds = [r.info.kind for r in page.controller.session.regions]
        saved(qtbot, page)
    assert kinds == [RegionKind.LESION]
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        qtbot.waitUntil(lambda: page.controller.edits.undo_title == "Lasso", timeout=10_000)
        undo(page)
        undo(page)
        assert masks(page) == []
        saved(qtbot, page)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        qtbot.waitUntil(lambda: page.controller.edits.redo_title == "Lasso", timeout=10_000)
        page.controller.edits.redo()
        page.controller.edits.redo()
        assert masks(page)[0].area() > 3600
        saved(qtbot, page)
