"""What the gallery promises about many photos: filters, orders, selections, one step for all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QInputDialog
from whole_window import bare_project, drag, label_page, labelled_project, on_disk, saved, window

from core.domain.ids import RunId
from core.domain.image import ImageState, Split
from core.domain.run import Run, RunState, Score
from core.ports import ImageOrder, ImageQuery
from gui.dialogs.import_photos import ImportDialog
from gui.keys_shown import Menu
from gui.notices import Level
from storage import open_project

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
PATIENCE = 10_000


@pytest.fixture
def program(qtbot, tmp_path: Path):
    with window(qtbot, labelled_project(tmp_path, leaves=9)) as program:
        yield program


@pytest.fixture
def page(qtbot, program):
    page = label_page(qtbot, program)
    page.resize(1200, 760)
    qtbot.waitUntil(lambda: page.gallery.index.card(8) is not None, timeout=PATIENCE)
    return page


def click(page, row: int, keys=Qt.KeyboardModifier.NoModifier) -> None:
    view = page.gallery.view
    spot = view.grid.cell_rect(row).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, keys, spot)


def selected(page) -> list[int]:
    return [page.gallery.index.row(i) for i in page.gallery.view.selection.ids]


def listed(qtbot, page, count: int) -> None:
    qtbot.waitUntil(lambda: len(page.gallery.index) == count, timeout=PATIENCE)


def states(page, program) -> list[ImageState]:
    store = program.context.project.store
    return [store.image(page.gallery.index.id(r)).state for r in range(len(page.gallery.index))]


def test_ctrl_adds_shift_extends_and_ctrl_a_takes_all(qtbot, page) -> None:
    click(page, 1)
    click(page, 3, CONTROL)
    assert selected(page) == [1, 3]
    click(page, 5, SHIFT)
    assert selected(page) == [3, 4, 5]
    click(page, 4, CONTROL)
    assert selected(page) == [3, 5]
    page.gallery.view.setFocus()
    QTest.keyClick(page.gallery.view, Qt.Key.Key_A, CONTROL)
    assert selected(page) == list(range(9))
    assert page.gallery._count.text() == "9 selected, 9 photos"
    click(page, 2)
    assert selected(page) == [2]


def test_shift_and_an_arrow_select_from_the_keyboard(page) -> None:
    view = page.gallery.view
    click(page, 0)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Right, SHIFT)
    QTest.keyClick(view, Qt.Key.Key_Right, SHIFT)
    assert selected(page) == [0, 1, 2]
    QTest.keyClick(view, Qt.Key.Key_Left, SHIFT)
    assert selected(page) == [0, 1]


def test_a_rubber_band_selects_what_it_touches_and_opens_nothing(page) -> None:
    view, viewport = page.gallery.view, page.gallery.view.viewport()
    before = page.controller.current.wanted
    start = view.grid.cell_rect(1).center()
    end = view.grid.cell_rect(2).center()
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(viewport, left, pos=start)
    QTest.mouseMove(viewport, end - QPoint(1, 1))
    QTest.mouseMove(viewport, end)
    QTest.mouseRelease(viewport, left, pos=end)
    assert {1, 2} <= set(selected(page))
    assert page.controller.current.wanted == before


def test_an_action_on_many_is_one_step_that_undo_takes_back(qtbot, page, program) -> None:
    before = states(page, program)
    program.context.preferences.put("label.author", "Ben")
    page.gallery.view.selection.all()
    page.controller.bulk.mark(page.gallery.view.selection.ids, ImageState.CHECKED)
    qtbot.waitUntil(lambda: set(states(page, program)) == {ImageState.CHECKED}, timeout=PATIENCE)
    qtbot.waitUntil(lambda: page.controller.bulk.undo_title != "", timeout=PATIENCE)
    undo = program.context.actions["edit.undo"]
    assert undo.isEnabled()
    assert "checked" in undo.text()
    undo.trigger()
    qtbot.waitUntil(lambda: states(page, program) == before, timeout=PATIENCE)
    qtbot.waitUntil(lambda: page.controller.bulk.redo_title != "", timeout=PATIENCE)
    program.context.actions["edit.redo"].trigger()
    qtbot.waitUntil(lambda: set(states(page, program)) == {ImageState.CHECKED}, timeout=PATIENCE)


def test_the_open_photo_follows_what_was_done_to_many(qtbot, page) -> None:
    healthy = page.diseases.healthy
    rust = next(d for d in page.diseases.all if not d.healthy)
    wanted = rust if page.controller.session.image.disease != rust.id else healthy
    page.controller.bulk.name(tuple(page.gallery.view.selection.ids), wanted)
    qtbot.waitUntil(
        lambda: (
            page.controller.session is not None
            and page.controller.session.image.disease == wanted.id
        ),
        timeout=PATIENCE,
    )


def test_an_edit_after_it_is_undone_before_it(qtbot, page, program) -> None:
    bulk, ids = page.controller.bulk, page.gallery.view.selection.ids
    bulk.split(ids, Split.IGNORED)
    qtbot.waitUntil(lambda: bulk.undo_title != "", timeout=PATIENCE)
    qtbot.wait(100)
    page.controller.mark(ImageState.IN_PROGRESS)
    assert bulk.undo_title == ""
    program.context.actions["edit.undo"].trigger()
    assert bulk.undo_title != ""


def test_what_was_drawn_before_it_can_still_be_undone_also_after_a_restart(
    qtbot, tmp_path: Path
) -> None:
    project = bare_project(tmp_path)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        QTest.keyClicks(page.canvas, "b")
        drag(page, (50, 100), (150, 110))
        saved(qtbot, page)
        before = page.controller.session
        page.controller.bulk.mark([page.controller.current.wanted], ImageState.DONE)
        qtbot.waitUntil(lambda: page.controller.session is not before, timeout=PATIENCE)
        qtbot.waitUntil(lambda: page.controller.edits.undo_title != "", timeout=PATIENCE)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        qtbot.waitUntil(program.context.actions["edit.undo"].isEnabled, timeout=PATIENCE)
        assert page.controller.session.image.state is ImageState.DONE
        undo = program.context.actions["edit.undo"]
        # The last thing first: that it is done. Then the stroke, which was before.
        assert undo.text() == "Undo mark as done, 1 photo"
        done = page.controller.session
        undo.trigger()
        qtbot.waitUntil(lambda: page.controller.session is not done, timeout=PATIENCE)
        qtbot.waitUntil(lambda: "brush stroke" in undo.text(), timeout=PATIENCE)
        assert page.controller.session.image.state is ImageState.IN_PROGRESS
        assert len(page.controller.session.regions) == 1
        undo.trigger()
        assert page.controller.session.regions == []
        assert page.controller.session.image.state is ImageState.UNSEEN
        saved(qtbot, page)


def test_what_was_done_to_many_is_undone_and_redone_after_a_restart(qtbot, tmp_path: Path) -> None:
    project = labelled_project(tmp_path, leaves=4)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        page.gallery.view.selection.all()
        ids = page.gallery.view.selection.ids
        before = states(page, program)
        page.controller.bulk.mark(ids, ImageState.IN_PROGRESS)
        qtbot.waitUntil(lambda: page.controller.bulk.undo_title != "", timeout=PATIENCE)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        undo = program.context.actions["edit.undo"]
        qtbot.waitUntil(undo.isEnabled, timeout=PATIENCE)
        assert undo.text() == "Undo mark as in progress, 4 photos"
        undo.trigger()
        qtbot.waitUntil(lambda: states(page, program) == before, timeout=PATIENCE)
        said = "Undone: Mark as in progress, 4 photos."
        notices = program.context.notices
        qtbot.waitUntil(lambda: said in [n.text for n in notices.recent], timeout=PATIENCE)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        redo = program.context.actions["edit.redo"]
        qtbot.waitUntil(redo.isEnabled, timeout=PATIENCE)
        redo.trigger()
        wanted = {ImageState.IN_PROGRESS}
        qtbot.waitUntil(lambda: set(states(page, program)) == wanted, timeout=PATIENCE)


def test_the_undo_of_a_notice_is_about_its_own_action_and_only_once(qtbot, page, program) -> None:
    bulk, store = page.controller.bulk, program.context.project.store
    ids = [page.gallery.index.id(row) for row in range(9)]
    bulk.group(ids, "a")
    bulk.crop(ids, "coffee")
    qtbot.waitUntil(lambda: len(bulk._steps) == 2, timeout=PATIENCE)
    offered = [n for n in program.context.notices.recent if n.action_text == "Undo"]
    for _ in range(2):
        offered[0].action()
    qtbot.waitUntil(lambda: store.image(ids[0]).group == "", timeout=PATIENCE)
    qtbot.waitUntil(lambda: "Undone" in program.context.notices.recent[-1].text, timeout=PATIENCE)
    assert store.image(ids[0]).crop == "coffee"
    assert [n for n in program.context.notices.recent if n.level is Level.ERROR] == []


def test_two_quick_undos_are_about_two_actions(qtbot, page, program) -> None:
    bulk, undo = page.controller.bulk, program.context.actions["edit.undo"]
    ids = [page.gallery.index.id(row) for row in range(9)]
    store = program.context.project.store
    before = [store.image(i) for i in ids]
    for group in ("a", "b"):
        bulk.group(ids, group)
    qtbot.waitUntil(lambda: len(bulk._steps) == 2, timeout=PATIENCE)
    qtbot.waitUntil(undo.isEnabled, timeout=PATIENCE)
    undo.trigger()
    undo.trigger()
    qtbot.waitUntil(lambda: all(s.undone for s in store.many_steps()), timeout=PATIENCE)
    assert [store.image(i) for i in ids] == before
    said = [n for n in program.context.notices.recent if n.level is Level.ERROR]
    assert said == []


def test_a_photo_edited_since_bars_no_other_from_undoing_what_was_done_to_many(
    qtbot, page, program
) -> None:
    bulk, edited = page.controller.bulk, page.controller.current.wanted
    ids = [page.gallery.index.id(row) for row in range(9)]
    bulk.mark(ids, ImageState.IN_PROGRESS)
    begun = ImageState.IN_PROGRESS
    qtbot.waitUntil(lambda: page.controller.session.image.state is begun, timeout=PATIENCE)
    page.controller.mark(ImageState.DONE)
    assert bulk.undo_title == "", "here the later one goes first"
    program.context.actions["photo.next"].trigger()
    qtbot.waitUntil(lambda: page.controller.session.image.id == ids[1], timeout=PATIENCE)
    qtbot.waitUntil(lambda: bulk.undo_title != "", timeout=PATIENCE)
    saved(qtbot, page)
    program.context.actions["edit.undo"].trigger()
    qtbot.waitUntil(lambda: set(states(page, program)) == {ImageState.DONE}, timeout=PATIENCE)
    with on_disk(program.context.project.info.folder) as store:
        assert store.image(edited).state is ImageState.DONE, "said after it, so it stays"


def test_merging_is_undone_before_what_was_done_to_many_before_it(qtbot, page, program) -> None:
    gone, into = (d for d in page.diseases.all if not d.healthy)
    bulk, undo = page.controller.bulk, program.context.actions["edit.undo"]
    ids = [page.gallery.index.id(row) for row in range(9)]
    store = program.context.project.store

    def named() -> list[object]:
        return [store.image(i).disease for i in ids]

    before = named()
    bulk.name(ids, gone)
    qtbot.waitUntil(lambda: bulk.undo_title != "", timeout=PATIENCE)
    bulk.merge(gone, into)
    qtbot.waitUntil(lambda: "Merge" in bulk.undo_title, timeout=PATIENCE)
    assert undo.text() == f"Undo merge “{gone.name}” into “{into.name}”, 9 photos"
    undo.trigger()
    qtbot.waitUntil(lambda: set(named()) == {gone.id}, timeout=PATIENCE)
    qtbot.waitUntil(lambda: "name the disease" in undo.text(), timeout=PATIENCE)
    undo.trigger()
    qtbot.waitUntil(lambda: named() == before, timeout=PATIENCE)


def test_removed_photos_leave_the_list_the_next_opens_and_they_can_be_put_back(
    qtbot, page, program
) -> None:
    gone = page.controller.current.wanted
    follower = page.gallery.index.id(1)
    page.controller.bulk.remove((gone,))
    listed(qtbot, page, 8)
    qtbot.waitUntil(lambda: page.controller.current.wanted == follower, timeout=PATIENCE)
    assert "files stay" in program.context.notices.recent[-1].text
    page.gallery.filters.removed.setChecked(True)
    listed(qtbot, page, 1)
    assert page.gallery.index.id(0) == gone
    page.controller.bulk.remove((gone,), back=True)
    listed(qtbot, page, 0)
    page.gallery.clear()
    listed(qtbot, page, 9)


def test_checking_needs_a_name_and_says_when_it_is_the_authors_own(qtbot, page, program) -> None:
    actions, preferences = program.context.actions, program.context.preferences
    preferences.put("label.author", "")
    actions["photo.checked"].trigger()
    assert page.controller.session.image.state is not ImageState.CHECKED
    assert program.context.notices.recent[-1].action_text == "Preferences…"
    preferences.put("label.author", "Anna")
    preferences.put("label.advance", False)
    page.controller.mark(ImageState.DONE)
    qtbot.waitUntil(lambda: not page.controller.edits.saver.pending(page.controller.current.wanted))
    page.controller.mark(ImageState.IN_PROGRESS)
    page.controller.mark(ImageState.DONE)
    actions["photo.checked"].trigger()
    assert page.controller.session.image.checked_by == "Anna"
    warned = [n.text for n in program.context.notices.recent if n.level is Level.WARNING]
    assert any("second person" in text for text in warned)
    program.context.notices.recent.clear()
    preferences.put("label.author", "Ben")
    actions["photo.checked"].trigger()
    assert page.controller.session.image.done_by == "Anna"
    assert page.controller.session.image.checked_by == "Ben"
    assert [n for n in program.context.notices.recent if n.level is Level.WARNING] == []


def test_filters_combine_and_clear_together(qtbot, page) -> None:
    filters = page.gallery.filters
    filters.split.setCurrentIndex(filters.split.findData(Split.VAL))
    filters.split.activated.emit(filters.split.currentIndex())
    listed(qtbot, page, 2)
    filters.severity.high.setValue(0.0)
    filters.severity.on.setChecked(True)
    qtbot.waitUntil(lambda: len(page.gallery.index) < 2, timeout=PATIENCE)
    assert page.gallery.more.text() == "2"
    assert page.gallery._count.text().endswith("of 9")
    filters.clear.click()
    listed(qtbot, page, 9)
    assert page.gallery.more.text() == ""


def test_sorting_by_severity_and_the_other_way_round(qtbot, page) -> None:
    box = page.gallery.order
    box.setCurrentIndex(box.findData(ImageOrder.SEVERITY))
    box.activated.emit(box.currentIndex())

    def figures() -> list[float]:
        cards = [page.gallery.index.card(row) for row in range(9)]
        return [c.severity for c in cards if c is not None and c.severity is not None]

    qtbot.waitUntil(lambda: figures() == sorted(figures()) and len(figures()) == 9)
    page.gallery.reverse.setChecked(True)
    qtbot.waitUntil(lambda: figures() == sorted(figures(), reverse=True) and len(figures()) == 9)


def test_the_newest_runs_dice_shows_on_the_pictures_at_once(qtbot, tmp_path: Path) -> None:
    project = labelled_project(tmp_path, leaves=3)
    store = open_project(project)
    ids = store.image_ids(ImageQuery())
    run = Run(RunId("a"), "First", "starter", RunState.FINISHED, "2026-11-21T12:00:00", "runs/a")
    store.put_run(run)
    said = Score(run.id, ids[0], "val", 0.25, (), "rust", "rust", (), 3.5, None, "p.png")
    store.put_scores([said])
    store.close()
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        index = page.gallery.index
        qtbot.waitUntil(lambda: index.query.run == run.id, timeout=PATIENCE)
        qtbot.waitUntil(lambda: index.card(0) is not None, timeout=PATIENCE)
        qtbot.waitUntil(lambda: index.card(0).dice == 0.25, timeout=PATIENCE)
        assert page.gallery._count.text() == "3 photos", "a run filters nothing"


def test_notes_are_kept_when_the_information_is_closed(qtbot, page, program) -> None:
    program.context.actions["photo.info"].trigger()
    qtbot.waitUntil(lambda: page.info.dialog is not None, timeout=PATIENCE)
    dialog = page.info.dialog
    assert dialog.values["Place (GPS)"].text() == "not known"
    assert "240 × 180" in dialog.values["Size"].text()
    dialog.notes.setPlainText("wet <b>morning</b>")
    dialog.reject()
    store, image = program.context.project.store, page.controller.current.wanted
    qtbot.waitUntil(lambda: store.image(image).notes == "wet <b>morning</b>", timeout=PATIENCE)
    qtbot.waitUntil(lambda: page.gallery.index.card(0).has_notes, timeout=PATIENCE)


def test_a_path_is_copied_as_it_is_however_it_was_broken(qtbot, page, program) -> None:
    program.context.actions["photo.info"].trigger()
    qtbot.waitUntil(lambda: page.info.dialog is not None, timeout=PATIENCE)
    folder = page.info.dialog.values["Folder"]
    store = program.context.project.store
    where = store.resolve(store.image(page.controller.current.wanted)).parent
    assert folder.text() != str(where), "a long name may be broken"
    for start in (lambda: folder.setSelection(0, len(folder.text())), lambda: None):
        QGuiApplication.clipboard().clear()
        start()
        QTest.keySequence(folder, QKeySequence(QKeySequence.StandardKey.Copy))
        assert QGuiApplication.clipboard().text() == str(where)
    page.info.dialog.reject()


def test_lost_small_pictures_are_made_again_from_the_photos(qtbot, tmp_path: Path) -> None:
    project = labelled_project(tmp_path, leaves=5)
    (project / "thumbs.db").unlink()
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        view, thumbs = page.gallery.view, page.gallery.thumbs
        qtbot.waitUntil(
            lambda: all(thumbs.pixmap(i) is not None for i in view.ids_in_sight()),
            timeout=PATIENCE,
        )

        def kept() -> int:
            connection = sqlite3.connect(project / "thumbs.db")
            (count,) = connection.execute("SELECT count(*) FROM thumbnail").fetchone()
            connection.close()
            return int(count)

        qtbot.waitUntil(lambda: kept() == 5, timeout=PATIENCE)


def test_a_digit_names_the_selected_photos_while_the_keyboard_is_on_them(
    qtbot, page, program
) -> None:
    click(page, 1)
    click(page, 3, SHIFT)
    miner = next(d for d in page.diseases.all if d.hotkey == 2)
    QTest.keyClick(page.gallery.view, Qt.Key.Key_2)

    def named() -> list[bool]:
        store = program.context.project.store
        index = page.gallery.index
        return [store.image(index.id(row)).disease == miner.id for row in (1, 2, 3)]

    qtbot.waitUntil(lambda: named() == [True, True, True], timeout=PATIENCE)
    qtbot.waitUntil(lambda: bool(page.controller.bulk.undo_title), timeout=PATIENCE)
    program.context.actions["edit.undo"].trigger()
    qtbot.waitUntil(lambda: named() != [True, True, True], timeout=PATIENCE)


@pytest.mark.parametrize(
    ("key", "keys", "state"),
    [
        (Qt.Key.Key_D, Qt.KeyboardModifier.NoModifier, ImageState.DONE),
        (Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, ImageState.DONE),
        (Qt.Key.Key_D, SHIFT, ImageState.CHECKED),
    ],
)
def test_keys_mark_the_selected_photos_while_the_keyboard_is_on_them_and_undo_takes_it_back(
    qtbot, tmp_path: Path, key: Qt.Key, keys: Qt.KeyboardModifier, state: ImageState
) -> None:
    with window(qtbot, bare_project(tmp_path, photos=6)) as program:
        page = label_page(qtbot, program)
        page.resize(1200, 760)
        program.context.preferences.put("label.author", "Ben")
        listed(qtbot, page, 6)
        before, opened = states(page, program), page.controller.current.wanted
        assert set(before) == {ImageState.UNSEEN}
        page.gallery.view.selection.take((2, 5))  # the open one is not among them
        page.gallery.view.setFocus()
        QTest.keyClick(page.gallery.view, key, keys)
        wanted = [state if row in (2, 5) else old for row, old in enumerate(before)]
        qtbot.waitUntil(lambda: states(page, program) == wanted, timeout=PATIENCE)
        assert page.controller.current.wanted == opened
        assert selected(page) == [2, 5], "and they stay selected for what comes next"
        qtbot.waitUntil(lambda: page.controller.bulk.undo_title != "", timeout=PATIENCE)
        program.context.actions["edit.undo"].trigger()
        qtbot.waitUntil(lambda: states(page, program) == before, timeout=PATIENCE)


def test_d_marks_the_open_photo_while_the_keyboard_is_on_its_outlines(qtbot, page, program) -> None:
    click(page, 0)
    qtbot.waitUntil(lambda: page.controller.session is not None, timeout=PATIENCE)
    page.controller.mark(ImageState.UNSEEN)
    saved(qtbot, page)
    before = states(page, program)
    click(page, 2, CONTROL)
    page.canvas.setFocus()
    QTest.keyClick(page.canvas, Qt.Key.Key_D)
    saved(qtbot, page)
    wanted = [ImageState.DONE, *before[1:]]
    qtbot.waitUntil(lambda: states(page, program) == wanted, timeout=PATIENCE)


def test_h_says_no_lesions_of_the_selected_photos_and_undo_takes_it_back(
    qtbot, tmp_path: Path
) -> None:
    with window(qtbot, bare_project(tmp_path, photos=6)) as program:
        page = label_page(qtbot, program)
        listed(qtbot, page, 6)
        store, healthy = program.context.project.store, page.diseases.healthy
        ids = [page.gallery.index.id(row) for row in range(6)]
        before = store.images(ids)
        page.gallery.view.selection.take((2, 5))  # the open one is not among them
        page.gallery.view.setFocus()
        QTest.keyClick(page.gallery.view, Qt.Key.Key_H)

        def free() -> list[int]:
            photos = store.images(ids)
            return [n for n, p in enumerate(photos) if p.disease == healthy.id and p.mask_known]

        qtbot.waitUntil(lambda: free() == [2, 5], timeout=PATIENCE)
        assert [store.image(ids[n]).state for n in (2, 5)] == [ImageState.IN_PROGRESS] * 2
        said = "2 photos have no lesions now."
        notices = program.context.notices
        qtbot.waitUntil(lambda: said in [n.text for n in notices.recent], timeout=PATIENCE)
        qtbot.waitUntil(lambda: page.controller.bulk.undo_title != "", timeout=PATIENCE)
        program.context.actions["edit.undo"].trigger()
        qtbot.waitUntil(lambda: store.images(ids) == before, timeout=PATIENCE)


def test_h_takes_no_outlined_lesions_away_where_one_does_not_look(qtbot, page, program) -> None:
    store = program.context.project.store
    ids = [page.gallery.index.id(row) for row in range(9)]
    drawn = store.images(ids)
    page.gallery.view.selection.take((3, 4))
    page.gallery.view.setFocus()
    QTest.keyClick(page.gallery.view, Qt.Key.Key_H)
    left = "2 photos with outlined lesions were left as they are: open each and press H."
    notices = program.context.notices
    qtbot.waitUntil(lambda: left in [n.text for n in notices.recent], timeout=PATIENCE)
    assert [n.text for n in notices.recent if "no lesions now" in n.text] == []
    assert store.images(ids) == drawn


def test_the_crop_of_many_photos_is_set_from_their_menu_and_undone(qtbot, page, program) -> None:
    store = program.context.project.store
    click(page, 1)
    click(page, 3, SHIFT)
    menu = page.bulk_menu.menu(page)
    next(a for a in menu.actions() if a.text() == "Crop…").trigger()
    dialog = program.shell.findChild(QInputDialog)
    dialog.setTextValue("  coffee ")
    dialog.accept()

    def crops() -> list[str]:
        return [store.image(page.gallery.index.id(row)).crop for row in range(5)]

    qtbot.waitUntil(lambda: crops() == ["", "coffee", "coffee", "coffee", ""], timeout=PATIENCE)
    qtbot.waitUntil(lambda: "crop, 3 photos" in page.controller.bulk.undo_title, timeout=PATIENCE)
    program.context.actions["edit.undo"].trigger()
    qtbot.waitUntil(lambda: crops() == [""] * 5, timeout=PATIENCE)


@pytest.mark.parametrize("how", ["menu key", "action"])
def test_the_menu_of_the_selected_photos_needs_no_mouse(
    qtbot, monkeypatch, page, program, how: str
) -> None:
    view, shown = page.gallery.view, []
    monkeypatch.setattr(Menu, "popup", lambda menu, place: shown.append((menu, place)))
    click(page, 1)
    click(page, 3, SHIFT)
    if how == "action":
        page.canvas.setFocus()
        QTest.keyClick(page.canvas, Qt.Key.Key_M, SHIFT)
    else:
        spot = QPoint(1, 1)
        reason = QContextMenuEvent.Reason.Keyboard
        QApplication.sendEvent(view, QContextMenuEvent(reason, spot, view.mapToGlobal(spot)))
    ((menu, place),) = shown
    assert view.rect().contains(view.mapFromGlobal(place))
    assert menu.actions()[0].text() == "3 photos"
    states = next(a.menu() for a in menu.actions() if a.text() == "State")
    next(a for a in states.actions() if a.text() == "In progress").trigger()
    wanted = [False, True, True, True, False]
    store = program.context.project.store
    ids = [page.gallery.index.id(row) for row in range(5)]
    qtbot.waitUntil(
        lambda: [store.image(i).state is ImageState.IN_PROGRESS for i in ids] == wanted,
        timeout=PATIENCE,
    )


def test_a_right_click_opens_one_menu(monkeypatch, page) -> None:
    view, shown = page.gallery.view, []
    monkeypatch.setattr(Menu, "popup", lambda menu, place: shown.append(place))
    spot = view.grid.cell_rect(2).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.RightButton, pos=spot)
    reason = QContextMenuEvent.Reason.Mouse
    event = QContextMenuEvent(reason, spot, view.viewport().mapToGlobal(spot))
    QApplication.sendEvent(view.viewport(), event)
    assert len(shown) == 1


def test_photos_imported_into_a_project_of_one_crop_carry_it(qtbot, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "a.png"), np.full((60, 80, 3), 90, np.uint8))
    with window(qtbot, bare_project(tmp_path, photos=0)) as program:
        project = program.context.project
        program.controller.create(tmp_path / "hill.leafspot", ["coffee"])
        qtbot.waitUntil(lambda: project.info.name == "hill", timeout=PATIENCE)
        qtbot.waitUntil(lambda: bool(program.shell.findChildren(ImportDialog)), timeout=PATIENCE)
        dialog = program.shell.findChild(ImportDialog)
        qtbot.waitUntil(lambda: dialog.crop.currentText() == "coffee", timeout=PATIENCE)
        dialog.photos.line.setText(str(photos))
        dialog.start.click()
        qtbot.waitUntil(lambda: project.store.count(ImageQuery()) == 1, timeout=60_000)
        (image,) = project.store.image_ids(ImageQuery())
        assert project.store.image(image).crop == "coffee"
        dialog.close()


def test_a_group_that_is_filtered_by_stays_chosen_when_its_last_photo_has_left_it(
    qtbot, page
) -> None:
    gallery, group = page.gallery, page.gallery.filters.group
    ids = (gallery.index.id(0), gallery.index.id(1))
    page.controller.bulk.group(ids, "plot A")
    qtbot.waitUntil(lambda: group.findData("plot A") > 0, timeout=PATIENCE)
    group.setCurrentIndex(group.findData("plot A"))
    group.activated.emit(group.currentIndex())
    listed(qtbot, page, 2)
    page.controller.bulk.group(ids, "plot B")
    qtbot.waitUntil(lambda: group.findData("plot B") > 0, timeout=PATIENCE)
    assert group.currentText() == "plot A", "of which the list is, until somebody says otherwise"
    assert gallery.more.text() == "1"
    gallery.filters.clear.click()
    listed(qtbot, page, 9)


def test_what_a_run_is_asked_can_be_set_once_there_is_a_run(qtbot, page, program) -> None:
    filters = page.gallery.filters
    of_runs = (filters.run, filters.dice.on, filters.dice, filters.verdict)
    qtbot.waitUntil(lambda: not any(part.isEnabled() for part in of_runs), timeout=PATIENCE)
    run = Run(RunId("a"), "First", "starter", RunState.FINISHED, "2026-11-21T12:00:00", "runs/a")
    program.context.project.change(lambda store: store.put_run(run))
    qtbot.waitUntil(lambda: all(part.isEnabled() for part in of_runs), timeout=PATIENCE)
