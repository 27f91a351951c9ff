"""What the gallery promises: every photo in its place at any number, and badges that follow."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from whole_window import bare_project, label_page, labelled_project, window

from core.domain.ids import ImageId
from core.domain.image import ImageState
from core.domain.region import RegionKind
from gui.gallery.cell import percent
from gui.gallery.thumbs import filled


@pytest.fixture
def page(qtbot, tmp_path: Path):
    with window(qtbot, labelled_project(tmp_path, leaves=9)) as program:
        yield label_page(qtbot, program)


def drawn(page) -> QImage:
    return page.gallery.view.viewport().grab().toImage()


def pictures(page, qtbot) -> None:
    view = page.gallery.view
    qtbot.waitUntil(
        lambda: all(page.gallery.thumbs.pixmap(i) is not None for i in view.ids_in_sight()),
        timeout=10_000,
    )


def test_every_row_has_a_cell_of_its_own_and_is_found_again_by_a_point_in_it(page) -> None:
    view = page.gallery.view
    rects = [view.grid.cell_rect(row) for row in range(9)]
    assert all(not a.intersects(b) for n, a in enumerate(rects) for b in rects[:n])
    for row in view.grid.rows_in():
        rect = view.grid.cell_rect(row)
        if view.viewport().rect().contains(rect):
            assert view.grid.row_at(rect.center()) == row
    assert view.grid.row_at(QPoint(view.viewport().width() - 1, 10_000)) == -1


def test_a_click_opens_the_photo_under_it(qtbot, page) -> None:
    view = page.gallery.view
    wanted = page.gallery.index.id(1)
    spot = view.grid.cell_rect(1).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    qtbot.waitUntil(lambda: page.controller.session.image.id == wanted, timeout=10_000)
    assert view.current == wanted


def test_arrow_keys_walk_and_end_brings_the_last_photo_into_sight(qtbot, page) -> None:
    view = page.gallery.view
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.current == page.gallery.index.id(1)
    QTest.keyClick(view, Qt.Key.Key_End)
    assert view.current == page.gallery.index.id(8)
    assert view.viewport().rect().contains(view.grid.cell_rect(8).center())
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert view.current == page.gallery.index.id(0)


def test_pictures_arrive_and_replace_the_placeholders(qtbot, page) -> None:
    pictures(page, qtbot)
    view = page.gallery.view
    place = page.gallery.view._theme.colour("border")
    spot = view.grid.cell_rect(0).center() - QPoint(0, 18)
    assert QColor(drawn(page).pixel(spot)) != place


def test_captions_that_one_frame_cannot_take_come_with_the_next(
    qtbot, page, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(page, qtbot)
    view, whole = page.gallery.view, drawn(page)
    monkeypatch.setattr("gui.gallery.cell.AT_ONCE", 1)
    captions = view._cell._drawn
    captions.clear()
    view.viewport().repaint()
    assert len(captions) == 1
    qtbot.waitUntil(lambda: len(captions) == len(view.ids_in_sight()), timeout=10_000)
    assert drawn(page) == whole


def test_the_state_filter_lists_only_photos_in_that_state(qtbot, page) -> None:
    page.controller.mark(ImageState.CHECKED)
    qtbot.waitUntil(lambda: not page.controller.edits.saver.pending(page.controller.current.wanted))
    box = page.gallery.state
    box.setCurrentIndex(box.findText("Checked"))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: len(page.gallery.index) == 1, timeout=10_000)
    assert page.gallery.index.id(0) == page.controller.current.wanted
    assert page.gallery._count.text() == "1 of 9"


def test_the_disease_filter_follows_the_leafs_disease(qtbot, page) -> None:
    box = page.gallery.disease
    healthy = page.diseases.healthy
    box.setCurrentIndex(box.findData(healthy.id))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: len(page.gallery.index) == 3, timeout=10_000)


def test_text_filters_by_file_name_and_clearing_it_lists_all_again(qtbot, page) -> None:
    page.gallery.text.setText("leaf_07")
    qtbot.waitUntil(lambda: len(page.gallery.index) == 1, timeout=10_000)
    page.gallery.text.clear()
    qtbot.waitUntil(lambda: len(page.gallery.index) == 9, timeout=10_000)


def test_what_is_sorted_is_seen_from_the_first_on_and_what_is_filtered_at_the_open_photo(
    qtbot, page
) -> None:
    panel, view = page.gallery, page.gallery.view
    view.setFixedHeight(200)
    page.controller.current.open(panel.index.id(8))
    qtbot.waitUntil(lambda: view.current == panel.index.id(8), timeout=10_000)
    bar = view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() > 0)
    with qtbot.waitSignal(panel.index.reset):
        panel.text.setText("png")
    assert bar.value() > 0
    with qtbot.waitSignal(panel.index.reset):
        panel.order.setCurrentIndex(1)
        panel.order.activated.emit(1)
    assert bar.value() == 0
    with qtbot.waitSignal(panel.index.reset):
        panel.index.refresh()
    assert bar.value() > 0, "after any other change the open photo is in sight again"


def test_clearing_the_filters_takes_the_search_and_its_button_away(qtbot, page) -> None:
    panel = page.gallery
    empty = panel.text.grab().toImage()
    with qtbot.waitSignal(panel.index.reset):
        panel.text.setText("leaf")
    with qtbot.waitSignal(panel.index.reset):
        panel.clear()
    qtbot.waitUntil(lambda: panel.text.grab().toImage() == empty)


def test_a_choice_that_is_too_long_ends_with_an_ellipsis(qtbot, page) -> None:
    box = page.gallery.disease
    box.addItem("Brown eye spot of coffee, on the upper side")
    box.setCurrentIndex(box.count() - 1)
    box.resize(114, box.height())
    assert box.shown().startswith("Brown")
    assert box.shown().endswith("…")
    box.resize(600, box.height())
    assert box.shown() == box.currentText()


def test_a_photo_that_is_missing_says_so_whatever_is_filtered(qtbot, tmp_path: Path) -> None:
    project = bare_project(tmp_path)
    for photo in tmp_path.glob("photo_*.png"):
        photo.unlink()
    with window(qtbot, project) as program:
        page = program.window.page("label")
        qtbot.waitUntil(lambda: "not there" in page.notice.text.text(), timeout=10_000)
        with qtbot.waitSignal(page.gallery.index.reset):
            page.gallery.text.setText("photo")
        assert "not there" in page.notice.text.text()
        assert page.notice.locate.isVisibleTo(page)


def test_a_saved_edit_shows_in_the_badge_of_its_photo(qtbot, page) -> None:
    index = page.gallery.index
    qtbot.waitUntil(lambda: index.card(0) is not None, timeout=10_000)
    before = index.card(0).severity
    lesion = next(r for r in page.controller.session.regions if r.info.kind is RegionKind.LESION)
    page.controller.edits.set_active(lesion.info.id)
    page.controller.delete_chosen()
    qtbot.waitUntil(lambda: index.card(0).severity == 0, timeout=10_000)
    assert before > 0


def test_a_photo_that_no_longer_matches_stays_until_the_list_is_asked_anew(qtbot, page) -> None:
    box = page.gallery.state
    box.setCurrentIndex(box.findText("Done"))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: page.gallery.index.query.states == {ImageState.DONE}, timeout=10_000)
    QTest.qWait(50)
    page.controller.mark(ImageState.CHECKED)
    QTest.qWait(100)
    assert len(page.gallery.index) == 9
    page.gallery.index.refresh()
    qtbot.waitUntil(lambda: len(page.gallery.index) == 8, timeout=10_000)


def test_a_hundred_thousand_photos_cost_what_is_in_sight(qtbot, page) -> None:
    index, view = page.gallery.index, page.gallery.view
    asked = []
    page.gallery.thumbs.watch(lambda: asked.append(len(view.ids_in_sight())) or ())
    index._take_ids(index.query, [ImageId(n + 1) for n in range(100_000)], 100_000)
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    view.viewport().grab()
    assert view.grid.rows_in().stop == 100_000
    assert len(view.grid.rows_in()) < 100
    assert view.grid.cell_rect(99_999).bottom() <= view.viewport().height()


def test_the_grid_makes_use_of_the_width_it_is_given(page) -> None:
    view = page.gallery.view
    one = view.grid.columns
    view.resize(900, 600)
    assert view.grid.columns > one
    row_of_last_column = view.grid.cell_rect(view.grid.columns - 1)
    assert row_of_last_column.right() < view.viewport().width()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0 %"), (0.01, "<0.1 %"), (3.14159, "3.1 %"), (9.99, "10.0 %"), (45.4, "45 %")],
)
def test_severities_read_as_people_say_them(value: float, text: str) -> None:
    assert percent(value) == text


def test_another_project_replaces_all_photos(qtbot, tmp_path: Path) -> None:
    first = labelled_project(tmp_path)
    (tmp_path / "second").mkdir()
    second = bare_project(tmp_path / "second", photos=2)
    with window(qtbot, first) as program:
        page = label_page(qtbot, program)
        assert len(page.gallery.index) == 4
        program.controller.open(second)
        qtbot.waitUntil(lambda: len(page.gallery.index) == 2, timeout=10_000)
        qtbot.waitUntil(
            lambda: (
                page.controller.session is not None
                and page.controller.session.image.id == page.gallery.index.id(0)
            ),
            timeout=10_000,
        )


def test_a_small_picture_that_claims_to_be_huge_is_made_again_from_its_photo(
    qtbot, tmp_path: Path
) -> None:
    folder = bare_project(tmp_path, photos=2)
    with sqlite3.connect(folder / "thumbs.db") as connection:
        (image, jpeg) = connection.execute("SELECT image_id, jpeg FROM thumbnail").fetchone()
        at = jpeg.index(b"\xff\xc0") + 5  # height and width, two bytes each
        huge = jpeg[:at] + (6000).to_bytes(2) * 2 + jpeg[at + 4 :]
        connection.execute("UPDATE thumbnail SET jpeg = ? WHERE image_id = ?", (huge, image))
    connection.close()
    assert filled(huge, QSize(10, 10)).isNull()
    with window(qtbot, folder) as program:
        thumbs = label_page(qtbot, program).gallery.thumbs
        qtbot.waitUntil(lambda: thumbs.pixmap(image) is not None, timeout=20_000)


def test_a_small_picture_that_breaks_the_decoder_costs_no_other(
    qtbot, tmp_path: Path, monkeypatch
) -> None:
    folder = bare_project(tmp_path, photos=2)
    broken: list[bytes] = []

    def decoded(data: bytes, size: QSize) -> QImage:
        if not broken:
            broken.append(data)
            raise RuntimeError("a damaged picture")
        return filled(data, size)

    monkeypatch.setattr("gui.gallery.thumbs.filled", decoded)
    with window(qtbot, folder) as program:
        page = label_page(qtbot, program)
        thumbs, index = page.gallery.thumbs, page.gallery.index
        qtbot.waitUntil(lambda: len(index) == 2, timeout=20_000)
        qtbot.waitUntil(
            lambda: all(thumbs.pixmap(index.id(row)) for row in range(2)), timeout=20_000
        )


def test_pictures_on_their_way_in_another_size_are_not_kept(
    qtbot, tmp_path: Path, monkeypatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def held(data: bytes, size: QSize) -> QImage:
        begun.set()
        go.wait(20)
        return filled(data, size)

    monkeypatch.setattr("gui.gallery.thumbs.filled", held)
    with window(qtbot, bare_project(tmp_path, photos=2)) as program:
        page = label_page(qtbot, program)
        thumbs, index = page.gallery.thumbs, page.gallery.index
        qtbot.waitUntil(begun.is_set, timeout=20_000)
        program.context.preferences.put("gallery.thumbnail", 200)
        go.set()
        qtbot.waitUntil(
            lambda: all(thumbs.pixmap(index.id(row)) for row in range(2)), timeout=20_000
        )
        assert {thumbs.pixmap(index.id(row)).width() for row in range(2)} == {200}
        qtbot.waitUntil(lambda: thumbs._held == 2 * 200 * 150, timeout=20_000)
