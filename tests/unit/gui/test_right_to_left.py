"""In a window that reads from right to left words turn round and photos do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QImage, QTextLayout, QTextOption
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QPushButton, QStyleOptionMenuItem
from whole_window import label_page, labelled_project, window

from core.domain.ids import RunId
from core.domain.run import Run, RunState
from core.services.severity import sizes
from gui.controllers import wording
from gui.dialogs.keys import KeysDialog
from gui.dialogs.measures import Histogram
from gui.direction import apart, isolated, reads, turned
from gui.gallery.cell import percent
from gui.keys_shown import Menu, written
from gui.panels.pieces import BAR, Elided, scrolled
from gui.panels.train_history import History

ISOLATES = "\u2066\u2067\u2069"
RIGHT, LEFT = Qt.LayoutDirection.RightToLeft, Qt.LayoutDirection.LeftToRight


@pytest.fixture
def program(qtbot, qapp: QApplication, tmp_path: Path):
    qapp.setLayoutDirection(RIGHT)
    try:
        with window(qtbot, labelled_project(tmp_path)) as made:
            yield made
    finally:
        qapp.setLayoutDirection(LEFT)


def ink(image: QImage, place: QRect) -> int:
    """How many pixels of ``place`` differ from the image's corner."""
    paper = image.pixelColor(0, 0)
    return sum(
        image.pixelColor(x, y) != paper
        for x in range(place.left(), place.right())
        for y in range(place.top(), place.bottom())
    )


def test_the_photo_is_not_mirrored(qtbot, program) -> None:
    page = label_page(qtbot, program)
    qtbot.waitUntil(lambda: page.canvas.photo_complete)
    page.canvas.grab()
    middle = QPointF(page.canvas.rect().center())
    here, there = (page.canvas.image_at(middle + QPointF(by, 0))[0] for by in (0, 30))
    assert there > here
    from_the_left = page.canvas.grab().toImage()
    page.canvas.setLayoutDirection(LEFT)
    assert page.canvas.grab().toImage() == from_the_left
    assert (
        page.gallery.mapTo(page, page.gallery.pos()).x()
        > page.canvas.mapTo(page, page.canvas.pos()).x()
    )  # the rest of the window is


def test_a_disease_has_its_colour_on_the_right_and_its_key_on_the_left(qtbot, program) -> None:
    page = label_page(qtbot, program)
    disease = page.diseases.all[0]
    row = page.disease_panel.row(disease.id)
    image = row.grab().toImage()
    right = image.pixelColor(image.width() - 14, image.height() // 2)
    left = image.pixelColor(14, image.height() // 2)
    assert right.name() == disease.colour
    assert left.name() != disease.colour


def test_a_file_name_does_not_come_apart(qtbot, program) -> None:
    line = Elided("1.   WWWW")
    qtbot.addWidget(line)
    line.resize(400, 24)
    line.setLayoutDirection(RIGHT)
    image = line.grab().toImage()
    width = line.fontMetrics().horizontalAdvance(line.text())
    first = ink(image, QRect(400 - width, 0, width // 3, 24))
    last = ink(image, QRect(400 - width // 3, 0, width // 3, 24))
    assert ink(image, QRect(0, 0, 200, 24)) == 0
    assert 0 < first < last


def seen(text: str) -> str:
    """The characters of one line as they stand on the screen of this window, left to right.

    Without spaces: where a font has the isolates, Qt counts the spaces beside them to them.
    """
    option = QTextOption()
    option.setTextDirection(QApplication.layoutDirection())
    layout = QTextLayout(text, QApplication.font())
    layout.setTextOption(option)
    layout.beginLayout()
    layout.createLine().setLineWidth(1000)
    layout.endLayout()
    everything = QTextLayout.GlyphRunRetrievalFlag.RetrieveAll
    places = [
        (place.x(), text[index])
        for run in layout.glyphRuns(-1, -1, everything)
        for place, index in zip(run.positions(), run.stringIndexes(), strict=True)
        if text[index] not in (*ISOLATES, " ")
    ]
    return "".join(letter for _, letter in sorted(places))


def test_a_figure_keeps_its_order_beside_a_name(qtbot, program) -> None:
    page = label_page(qtbot, program)
    model = page.regions.model
    qtbot.waitUntil(lambda: model.rowCount() > 1)
    lines = [str(model.index(row).data()) for row in range(model.rowCount())]
    lesions = [line for line in lines if "%" in line]
    assert lesions
    for line in lesions:
        name, figure = page.diseases.all[0].name, line.strip(ISOLATES).rpartition(ISOLATES[0])[2]
        assert name in line
        assert seen(line) == f"{figure}{name}".replace(" ", "")
    assert seen("blight 15 %") == "%blight15"  # what happens to those who forget


@pytest.mark.parametrize("say", [percent, wording.severity, lambda v: wording.percent(v / 100)])
def test_a_figure_by_itself_has_its_sign_behind_it(qtbot, program, say) -> None:
    text = say(15.0)
    assert seen(text) == text.strip(ISOLATES).replace(" ", "")
    QApplication.setLayoutDirection(LEFT)
    assert say(15.0).isprintable()  # nothing is added where nothing turns round
    assert isolated("") == ""


def test_icons_with_a_direction_turn_round_and_others_do_not(qapp, program) -> None:
    def drawn(name: str) -> QImage:
        return program.theme.icon(name).pixmap(QSize(32, 32)).toImage()

    right = {name: drawn(name) for name in ("mdi6.chevron-right", "mdi6.leaf")}
    qapp.setLayoutDirection(LEFT)
    assert drawn("mdi6.leaf") == right["mdi6.leaf"]
    assert drawn("mdi6.chevron-right") != right["mdi6.chevron-right"]


def test_words_read_in_their_own_direction() -> None:
    assert reads("رمز 3") == RIGHT
    assert reads("12 × שלום") == RIGHT
    assert reads("3 leaves שלום") == LEFT
    assert reads("12.5 %") == LEFT


def test_a_figure_behind_a_name_stays_whole_in_a_list(qtbot, program) -> None:
    assert apart("rust", "0.4 %") == "\u2066rust\u2069   \u20660.4 %\u2069"
    QApplication.setLayoutDirection(LEFT)
    assert apart("rust", "0.4 %") == "rust   0.4 %"


def test_an_axis_has_its_small_end_where_the_small_bars_are(qtbot, program) -> None:
    spread = sizes([1.0, 1.0, 2.0, 8.0, 9000.0])
    assert spread is not None
    chart = Histogram(program.theme, "rust", "#e69f00", spread, "px")
    qtbot.addWidget(chart)
    chart.resize(400, 128)
    below = QRect(0, 20, 400, 108)
    chart.setLayoutDirection(LEFT)
    from_the_left = chart.grab(below).toImage()
    chart.setLayoutDirection(RIGHT)
    assert chart.grab(below).toImage() == from_the_left


def test_a_button_with_a_menu_shows_so_at_its_other_end(qtbot, program) -> None:
    page = label_page(qtbot, program)
    find = next(b for b in page.assistant_panel.findChildren(QPushButton) if b.menu() is not None)
    image = find.grab().toImage()
    middle = range(8, image.height() - 8)
    at_the_left = {image.pixelColor(x, y).name() for x in range(8, 22) for y in middle}
    at_the_right = {
        image.pixelColor(image.width() - 1 - x, y).name() for x in range(4, 12) for y in middle
    }
    assert len(at_the_left) > 1
    assert len(at_the_right) == 1


def test_a_run_has_its_state_at_the_right_and_its_figure_at_the_left(qtbot, program) -> None:
    known = (("lesion_dice", 0.84),)
    run = Run(RunId("r"), "Rust", "starter", RunState.FINISHED, "", "", summary=known)
    history = History(program.theme)
    qtbot.addWidget(history)
    history.resize(280, 70)
    history.put([run])
    history.show()
    image = history.grab().toImage()
    dot = program.theme.colour("ok").name()
    found = [
        x
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).name() == dot
    ]
    assert min(found) > image.width() * 0.9


def test_a_form_stands_over_the_button_below_it_with_or_without_a_scroll_bar(qtbot) -> None:
    for high in (40, 4000):
        content = QLabel()
        content.setFixedHeight(high)
        area = scrolled(content, steady=True)
        qtbot.addWidget(area)
        area.setLayoutDirection(RIGHT)
        area.resize(300, 200)
        area.show()
        left = content.mapTo(area, content.rect().topLeft()).x()
        assert (left, content.width()) == (BAR, 300 - 2 * BAR)


def test_places_turn_with_the_window(qtbot) -> None:
    widget = Elided()
    qtbot.addWidget(widget)
    widget.resize(100, 20)
    widget.setLayoutDirection(RIGHT)
    assert turned(widget, QRect(10, 0, 20, 20)) == QRect(70, 0, 20, 20)


def test_the_gallery_begins_on_the_right_and_its_arrows_follow(qtbot, program) -> None:
    page = label_page(qtbot, program)
    gallery = page.gallery
    view = gallery.view
    qtbot.waitUntil(lambda: view.grid.count == 4 and view.grid.columns == 2)
    first, second = view.grid.cell_rect(0), view.grid.cell_rect(1)
    assert first.left() > second.right()
    assert [view.grid.row_at(r.center()) for r in (first, second)] == [0, 1]
    view.setFocus()
    before = view.current
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert view.current != before
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.current == before


def test_a_photos_caption_stands_at_the_side_where_one_reads_from(qtbot, program) -> None:
    page = label_page(qtbot, program)
    view = page.gallery.view
    qtbot.waitUntil(lambda: view.grid.count == 4 and page.gallery.index.card(3) is not None)
    colour = page.diseases.get(page.gallery.index.card(1).disease).colour
    seen: dict[Qt.LayoutDirection, tuple[int, int]] = {}
    for direction in (RIGHT, LEFT):
        view.setLayoutDirection(direction)
        image = view.viewport().grab().toImage()
        cell = view.grid.cell_rect(1)
        name = QRect(cell.left() + 4, cell.bottom() - 38, cell.width() - 8, 16)
        disease = QRect(name.left(), name.top() + 20, name.width(), 8)
        middle = name.center().x()
        inked = [
            x for x in range(name.left(), name.right()) if ink(image, QRect(x, name.top(), 2, 16))
        ]
        at = [
            x
            for x in range(disease.left(), disease.right())
            if image.pixelColor(x, disease.center().y()).name() == colour
        ]
        seen[direction] = (min(inked) - cell.left(), cell.right() - max(inked))
        assert (at[0] > middle) == (direction == RIGHT)
    assert seen[RIGHT][1] < seen[RIGHT][0]
    assert seen[LEFT][0] < seen[LEFT][1]


def test_keys_keep_their_order_wherever_they_are_shown(qtbot, program) -> None:
    page = label_page(qtbot, program)
    actions = program.context.actions
    preferences = actions["app.preferences"]
    assert seen("Ctrl+[") != "Ctrl+["  # what happens to those who forget
    assert seen(written("Ctrl+[")) == "Ctrl+["
    menu = program.window._menus["File"]
    drawn = QStyleOptionMenuItem()
    menu.initStyleOption(drawn, preferences)
    assert seen(drawn.text.partition("\t")[2]) == "Ctrl+,"
    assert written("Ctrl+,") in preferences.toolTip()
    assert written("[") in page.bar._size.toolTip()
    dialog = KeysDialog(program.context, program.shell)
    qtbot.addWidget(dialog)
    shown = [made.text() for made in dialog.findChildren(QLabel) if made.property("role") == "key"]
    keys = {text.strip(ISOLATES): text for text in shown}
    assert {"Ctrl+[", "Ctrl+]", "Ctrl+,"} <= set(keys)
    assert [key for key in ("Ctrl+[", "Ctrl+]", "Ctrl+,") if seen(keys[key]) != key] == []


def test_no_menu_forgets_it(qtbot, program) -> None:
    label_page(qtbot, program)
    everywhere = program.shell.findChildren(QMenu)
    keyed = [m for m in everywhere if any(not a.shortcut().isEmpty() for a in m.actions())]
    assert len(keyed) > 5
    assert [m.title() for m in keyed if not isinstance(m, Menu)] == []
