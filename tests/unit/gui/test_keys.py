"""The keyboard reaches everything, the sheet says how, and no key does harm where one types."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from whole_window import bare_project, label_page, labelled_project, on_disk, saved, window

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, new_id
from core.domain.image import ImageState
from gui.actions import MENUS
from gui.canvas import navigation
from gui.dialogs.keys import KeysDialog, sheet
from gui.workspaces import WORKSPACES

SCENES = ("label", "train", "review", "export")


@pytest.fixture
def program(qtbot, tmp_path: Path):
    with window(qtbot, labelled_project(tmp_path)) as made:
        label_page(qtbot, made)
        for name in SCENES:
            made.window.page(name)
        yield made


@pytest.fixture
def page(qtbot, program):
    made = label_page(qtbot, program)
    made.canvas.setFocus()
    return made


def test_every_action_has_a_key_of_its_own_or_a_place_in_a_menu(program) -> None:
    for scene in SCENES:
        keys: dict[str, str] = {}
        for line in program.context.actions.specs:
            assert line.shortcuts or line.menu in MENUS, line.id
            other = {w.id for w in WORKSPACES} & line.needs
            if other and scene not in other:
                continue  # cannot be pressed here
            for key in line.shortcuts:
                assert key not in keys, (scene, key, line.id, keys.get(key))
                keys[key] = line.id


def test_the_menus_show_the_keys_of_the_table(program) -> None:
    for name, menu in program.window._menus.items():
        shown = {a.objectName(): a for a in menu.actions() if not a.isSeparator()}
        for line in program.context.actions.specs:
            if line.menu == name:
                texts = [s.toString() for s in shown[line.id].shortcuts()]
                assert len(texts) == len(line.shortcuts)


def test_the_sheet_shows_every_action_with_all_its_keys(qtbot, program) -> None:
    lines = sheet(program.context.actions)
    for spec in program.context.actions.specs:
        text = program.context.actions[spec.id].text() if not spec.menu else spec.text
        (found,) = [
            line
            for line in lines
            if line.text == text.rstrip("…") and line.group == (spec.sheet or spec.menu)
        ]
        assert len(found.keys) == len(spec.shortcuts)
        assert found.keys or found.menu
    dialog = KeysDialog(program.context, program.shell)
    qtbot.addWidget(dialog)
    shown = {made.text() for made in dialog.findChildren(QLabel)}
    assert {line.text for line in lines} <= shown
    assert {key for line in lines for key in line.keys} <= shown


def test_the_sheet_is_searched_by_words_and_by_keys(qtbot, program) -> None:
    dialog = KeysDialog(program.context, program.shell)
    qtbot.addWidget(dialog)

    def found() -> set[str]:
        return {made.text() for made in dialog.findChildren(QLabel) if not made.isHidden()}

    dialog.search.setText("bigger")
    qtbot.waitUntil(lambda: "Undo" not in found())
    assert dialog._nothing.isVisibleTo(dialog)
    dialog.search.setText("BRUSH larger")
    qtbot.waitUntil(lambda: "Larger brush" in found())
    qtbot.waitUntil(lambda: "Smaller brush" not in found())
    dialog.search.setText("ctrl+z")
    qtbot.waitUntil(lambda: "Undo" in found())


@pytest.mark.parametrize("key", [Qt.Key.Key_F1, Qt.Key.Key_Question])
def test_the_sheet_comes_up_by_f1_and_by_the_question_mark(qtbot, page, program, key) -> None:
    QTest.keyClick(page.canvas, key)
    qtbot.waitUntil(lambda: program.shell.findChildren(KeysDialog) != [])
    program.shell.findChildren(KeysDialog)[0].close()


def test_space_finishes_the_photo_and_goes_on(qtbot, page, program) -> None:
    first = page.controller.session.image.id
    QTest.keyClick(page.canvas, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: page.controller.session.image.id != first)
    saved(qtbot, page)
    with on_disk(program.context.project.info.folder) as store:
        assert store.image(first).state is ImageState.DONE


def test_space_that_was_held_or_used_to_drag_is_the_hand_alone(qtbot, page, monkeypatch) -> None:
    first = page.controller.session.image
    middle = page.canvas.rect().center()
    page.canvas.zoom_to(4.0)
    before = page.canvas.camera.centre
    QTest.keyPress(page.canvas, Qt.Key.Key_Space)
    QTest.mousePress(page.canvas, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(page.canvas, middle + QPoint(40, 30))
    QTest.mouseRelease(page.canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 30))
    QTest.keyRelease(page.canvas, Qt.Key.Key_Space)
    assert page.canvas.camera.centre != before
    monkeypatch.setattr(navigation, "TAP", 0.0)
    QTest.keyClick(page.canvas, Qt.Key.Key_Space)
    assert page.controller.session.image.id == first.id
    assert page.controller.session.image.state is first.state


def test_space_presses_the_button_that_has_the_focus(qtbot, page, program) -> None:
    first = page.controller.session.image.id
    button = page.disease_panel.row(page.diseases.all[1].id)
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert page.controller.session.image.disease == page.diseases.all[1].id
    assert page.controller.session.image.id == first


def test_keys_do_nothing_where_one_types(qtbot, page) -> None:
    first = page.controller.session.image
    tool, look = page.canvas.tool_id, page.canvas.look
    page.gallery.text.setFocus()
    QTest.keyClicks(page.gallery.text, "1 bcdhnopqr0,.?[+-")
    assert page.gallery.text.text() == "1 bcdhnopqr0,.?[+-"
    assert (page.canvas.tool_id, page.canvas.look) == (tool, look)
    assert page.controller.session.image.disease == first.disease
    assert page.controller.session.image.state is first.state


def test_esc_gives_the_keys_back_from_every_line_beside_the_photo(qtbot, page, program) -> None:
    program.shell.activateWindow()
    lines = page.gallery.text, page.disease_panel.search, page.assistant_panel.words
    for typed in lines:
        typed.setVisible(True)
        typed.setFocus()
        qtbot.waitUntil(typed.hasFocus)
        QTest.keyClicks(typed, "leaf")
        QTest.keyClick(typed, Qt.Key.Key_Escape)
        assert page.canvas.hasFocus()
        assert typed.text() == "leaf"


def test_enter_goes_from_the_search_to_the_photos_found(qtbot, page, program) -> None:
    program.shell.activateWindow()
    program.context.actions["view.filter"].trigger()
    qtbot.waitUntil(page.gallery.text.hasFocus)
    QTest.keyClick(page.gallery.text, Qt.Key.Key_Return)
    assert page.gallery.view.hasFocus()


def in_sight(page, disease: Disease) -> bool:
    row, area = page.disease_panel.row(disease.id), page.disease_panel.area.viewport()
    top = row.mapTo(area, QPoint(0, 0))
    return area.rect().contains(top) and area.rect().contains(top + QPoint(0, row.height() - 1))


def test_digits_page_through_more_than_nine_diseases(qtbot, tmp_path: Path) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        page.canvas.setFocus()
        for number in range(12):
            digit = page.diseases.free_hotkey()
            made = Disease(
                DiseaseId(new_id()), f"spot {number:02}", page.diseases.free_colour(), digit
            )
            program.context.project.change(lambda store, d=made: store.put_disease(d))
            qtbot.waitUntil(lambda d=made: page.diseases.get(d.id) is not None)
        spare = [d for d in page.diseases.all if d.hotkey is None]
        assert len(spare) > 2
        QTest.keyClicks(page.canvas, "02")
        assert page.controller.session.image.disease == spare[1].id
        row = page.disease_panel.row(spare[1].id)
        assert row.accessibleDescription() == "Key 2"
        assert in_sight(page, spare[0]), "whoever turns the page sees what 1 means now"
        QTest.keyClicks(page.canvas, "02")
        assert in_sight(page, page.diseases.with_hotkey(1))
        assert page.controller.session.image.disease == page.diseases.with_hotkey(2).id


def test_alt_and_the_arrows_walk_through_the_photos(qtbot, page) -> None:
    first = page.controller.session.image.id
    QTest.keyClick(page.canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: page.controller.session.image.id != first)
    QTest.keyClick(page.canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: page.controller.session.image.id == first)


def test_every_workspace_has_its_key(qtbot, page, program) -> None:
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    for number, spec in reversed(list(enumerate(WORKSPACES, 1))):
        QTest.keyClick(program.shell, Qt.Key(Qt.Key.Key_0 + number), both)
        assert program.window.current == spec.id


def test_the_buttons_of_the_page_can_be_reached_by_tab(qtbot, page) -> None:
    """What has a key or a menu need not be on the way; nothing else may be left out."""
    on_the_way, widget = set(), page.canvas
    while (widget := widget.nextInFocusChain()) is not page.canvas:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            on_the_way.add(widget)
    assert page.disease_panel.edit_button in on_the_way
    assert page.display in on_the_way
    assert page.gallery.text in on_the_way
    # A pop-up has a way of its own.
    on_page = [b for b in page.findChildren(QPushButton) if b.window() is page.window()]
    assert [b.text() for b in on_page if "(" not in b.text() and b not in on_the_way] == []


@pytest.mark.parametrize("key", [Qt.Key.Key_Tab, Qt.Key.Key_Backtab])
def test_tab_comes_by_gallery_diseases_and_regions_in_the_order_one_sees(
    qtbot, page, program, key
) -> None:
    program.shell.activateWindow()
    qtbot.waitUntil(page.canvas.hasFocus)
    rows = [page.disease_panel.row(disease.id) for disease in page.diseases.all]
    ring = [
        page.disease_panel.edit_button, *rows, page.regions.view, page.assistant_panel.choice,
        page.gallery.text, page.gallery.view, page.display, page.canvas,
    ]  # fmt: skip
    met = []
    while not met or met[-1] is not page.canvas:
        QTest.keyClick(QApplication.focusWidget(), key)
        met.append(QApplication.focusWidget())
        assert len(met) < 100
        assert met[-1].accessibleName() or met[-1].text(), "a stop without a name"
    forth = key == Qt.Key.Key_Tab
    expected = ring if forth else [*reversed(ring[:-1]), page.canvas]
    assert [widget for widget in met if widget in ring] == expected
