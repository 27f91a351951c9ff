"""What the window promises at 1280 × 800: nothing one works with is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from whole_window import bare_project, drag, label_page, window

from core.domain.disease import PALETTE, Disease
from core.domain.ids import DiseaseId, new_id
from core.domain.region import RegionKind
from core.engines.base import Candidate
from core.services.suggest import Suggestion
from gui.canvas.tools.base import all_tools
from gui.dialogs.import_photos import ImportDialog
from storage.projects import open_project

DISEASES = 8


@pytest.fixture
def program(qtbot, tmp_path: Path):
    folder = bare_project(tmp_path)
    store = open_project(folder)
    for number in range(2, DISEASES):
        disease = Disease(DiseaseId(new_id()), f"leaf spot {number}", PALETTE[0], hotkey=number + 1)
        store.put_disease(disease)
    store.close()
    with window(qtbot, folder) as program:
        program.shell.resize(1280, 800)
        yield program


@pytest.fixture
def page(qtbot, program):
    page = label_page(qtbot, program)
    qtbot.waitUntil(lambda: len(page.diseases.all) > DISEASES, timeout=10_000)  # and healthy
    return page


def test_severity_regions_and_a_suggestions_buttons_are_in_sight(qtbot, page) -> None:
    QTest.keyClicks(page.canvas, "b")
    for number in range(3):
        y = 60 + 60 * number
        drag(page, (100, y), (180, y))
        QTest.keyClicks(page.canvas, f"{number + 1}")
        QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    found = [Candidate(np.ones((9, 9), bool), (x, 270), 0.8) for x in (200, 250, 300)]
    page.suggestions._offer([Suggestion(one, RegionKind.LESION, "engine:x") for one in found], "")
    assert "Ctrl+Enter" in page.assistant_panel.status.text()
    for part in (page.severity, page.regions, page.assistant_panel.accept):
        qtbot.waitUntil(lambda p=part: p.visibleRegion().boundingRect() == p.rect())


def test_what_a_tool_is_for_is_not_cut(qtbot, page) -> None:
    for tool in all_tools():
        page.canvas.set_tool(tool)
        qtbot.waitUntil(lambda: page.hint.text() == all_tools()[page.canvas.tool_id].hint)
        assert page.hint.fontMetrics().horizontalAdvance(page.hint.text()) <= page.hint.width()


def test_a_photos_name_is_not_cut_by_what_is_said_of_its_colours(qtbot, page, program) -> None:
    program.context.actions["look.next_channel"].trigger()
    qtbot.waitUntil(lambda: bool(page.view.altered_words))
    program.shell.layout().activate()
    assert page.file.fontMetrics().horizontalAdvance(page.file.text()) <= page.file.width()


def test_the_keyboard_is_on_the_photo_when_the_workspace_comes_up(qtbot, page, program) -> None:
    qtbot.waitUntil(page.canvas.hasFocus)
    program.window.show_workspace("export")
    program.window.show_workspace("label")
    qtbot.waitUntil(page.canvas.hasFocus)


@pytest.mark.parametrize("size", [(1280, 800), (1024, 700)])
def test_the_panel_keeps_still_when_accept_and_drop_come_and_go(qtbot, page, program, size) -> None:
    program.shell.resize(*size)
    panel = page.assistant_panel
    parts = (page.severity, page.regions, panel, panel.choice, panel.status)

    def places() -> list:
        program.shell.layout().activate()
        return [(p.mapTo(page, p.rect().topLeft()), p.size()) for p in parts]

    qtbot.waitUntil(lambda: program.shell.width() == size[0])
    qtbot.wait(300)  # the window has its size, and everything in it its own
    still = places()
    for count in (1, 12, 0):
        found = [Candidate(np.ones((9, 9), bool), (10 * n, 270), 0.8) for n in range(count)]
        page.suggestions._offer([Suggestion(x, RegionKind.LESION, "engine:x") for x in found], "")
        assert panel.accept.isVisible() == panel.drop.isVisible() == bool(count)
        qtbot.wait(50)
        assert places() == still
    page.suggestions._set_busy("Asking the trained model…")
    qtbot.wait(50)
    assert places() == still


@pytest.mark.parametrize("size", [(1024, 700), (1280, 800), (1920, 1080)])
def test_the_boxes_above_the_photos_are_not_cut(qtbot, page, program, size) -> None:
    gallery = page.gallery
    program.shell.resize(*size)
    qtbot.waitUntil(lambda: program.shell.width() == size[0])
    qtbot.wait(300)  # the splitter and the boxes have found their sizes
    for box in (gallery.state, gallery.disease, gallery.order):
        assert box.shown() == box.currentText()
        assert box.visibleRegion().boundingRect() == box.rect()
    text = gallery.text
    room = text.width() - 2 * text.height()  # beside the icon and the button that clears it
    assert text.fontMetrics().horizontalAdvance(text.placeholderText()) <= room
    for button in (gallery.reverse, gallery.more):
        assert button.visibleRegion().boundingRect() == button.rect()


def test_the_boxes_share_a_row_again_when_there_is_room(qtbot, page, program) -> None:
    rows = page.gallery.rows
    for width, narrow in ((1280, False), (1024, True), (1280, False)):
        program.shell.resize(width, 800)
        qtbot.waitUntil(lambda wanted=narrow: rows.narrow == wanted)


def test_a_selection_does_not_widen_a_small_window(qtbot, page, program) -> None:
    program.shell.resize(1024, 700)
    qtbot.waitUntil(lambda: page.gallery.rows.narrow)
    qtbot.waitUntil(lambda: len(page.gallery.index) == 3, timeout=10_000)
    before = page.gallery.width()
    page.gallery.view.selection.all()
    assert page.gallery._count.text() == "3 selected, 3 photos"
    qtbot.wait(100)
    assert (program.shell.width(), page.gallery.width()) == (1024, before)


def test_the_import_dialog_cuts_no_button_where_its_words_take_more_lines(
    qtbot, program, page, tmp_path: Path
) -> None:
    program.importer().ask([tmp_path / "photo_0.png"])
    dialog = program.shell.findChild(ImportDialog)
    note = next(label for label in dialog.findChildren(QLabel) if "JPEG" in label.text())
    note.setText(f"{note.text()} {note.text()}")  # another language says it at more length
    qtbot.waitUntil(lambda: note.height() >= note.heightForWidth(note.width()), timeout=5_000)
    for button in dialog.findChildren(QPushButton):
        if button.isVisible():
            assert button.visibleRegion().boundingRect() == button.rect(), button.text()
    dialog.close()


def test_done_is_read_whole_in_a_language_that_says_it_at_length(qtbot, tmp_path: Path) -> None:
    with window(qtbot) as program:
        program.context.actions["photo.done"].setText("Concluída, e logo a próxima foto")
        program.shell.resize(1024, 640)
        program.controller.open(bare_project(tmp_path))
        page = label_page(qtbot, program)
        done = next(b for b in page.findChildren(QPushButton) if b.text().startswith("Concl"))
        qtbot.waitUntil(lambda: done.width() >= done.sizeHint().width(), timeout=3_000)
