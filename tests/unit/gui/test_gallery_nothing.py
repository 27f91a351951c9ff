"""A gallery without a photo says which filters hide them all, and one button brings them back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from whole_window import label_page, labelled_project, window


@pytest.fixture
def page(qtbot, tmp_path: Path):
    with window(qtbot, labelled_project(tmp_path, leaves=3)) as program:
        yield label_page(qtbot, program)


def ask_for_checked(page) -> None:
    """No drawn leaf is."""
    box = page.gallery.state
    box.setCurrentIndex(box.findText("Checked"))
    box.activated.emit(box.currentIndex())


def said(page) -> list[str]:
    return [line.text() for line in page.gallery.nothing.lines]


def test_filters_that_leave_nothing_are_named_and_cleared_by_one_button(qtbot, page) -> None:
    gallery = page.gallery
    assert gallery.view.isVisible()
    gallery.filters.notes.setChecked(True)
    gallery.filters.severity.on.setChecked(True)
    gallery.filters.severity.low.setValue(99.0)
    ask_for_checked(page)
    qtbot.waitUntil(gallery.nothing.isVisible)
    assert not gallery.view.isVisible()
    wanted = ["State: Checked", "Severity in %: 99 to 100", "Has notes"]
    qtbot.waitUntil(lambda: said(page) == wanted)
    assert gallery.nothing.title.text() == "All 3 photos are hidden by:"
    QTest.mouseClick(gallery.nothing.clear, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(gallery.view.isVisible)
    assert len(gallery.index) == 3
    assert not gallery.is_filtered


def test_a_search_without_result_says_what_was_searched(qtbot, page) -> None:
    gallery = page.gallery
    gallery.text.setFocus()
    QTest.keyClicks(gallery.text, "<b>zebra")
    qtbot.waitUntil(gallery.nothing.isVisible)
    assert said(page) == ["Search: “<b>zebra”"]
    assert gallery.text.hasFocus()  # whoever types goes on typing
    QTest.keyClick(gallery.text, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(gallery.text, "leaf")
    qtbot.waitUntil(gallery.view.isVisible)


def test_a_long_search_does_not_widen_the_gallery(qtbot, page) -> None:
    before = page.gallery.minimumSizeHint().width()
    page.gallery.text.setText("x" * 300)
    qtbot.waitUntil(page.gallery.nothing.isVisible)
    assert page.gallery.minimumSizeHint().width() == before


def test_the_wanted_disease_is_named(qtbot, page) -> None:
    box = page.gallery.disease
    box.setCurrentIndex(2)
    box.activated.emit(2)
    ask_for_checked(page)
    wanted = ["State: Checked", f"Disease: {page.diseases.all[0].name}"]
    qtbot.waitUntil(lambda: said(page) == wanted)
