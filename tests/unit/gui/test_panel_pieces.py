"""What the workspaces' shared widgets promise."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QRadioButton, QWidget

from gui.glyph import Glyph
from gui.panels.numbers import DecimalBox, NumberBox
from gui.panels.pieces import Empty, centred, scrolled
from gui.theme import Theme


def test_an_empty_workspace_shows_its_whole_sentence(qtbot, qapp: QApplication) -> None:
    empty = Empty(Theme(qapp), "mdi6.magnify-scan")
    qtbot.addWidget(empty)
    empty.resize(1200, 770)
    empty.show()
    empty.put("No run yet", "Train a model first, and look here afterwards. " * 4, "Go")
    qtbot.waitUntil(lambda: empty.text.height() >= empty.text.heightForWidth(empty.text.width()))


def test_a_glyph_takes_the_colour_of_the_theme_while_it_is_shown(qtbot, qapp) -> None:
    theme = Theme(qapp, "light")
    mark = Glyph(theme, "mdi6.circle", "muted", side=20)
    qtbot.addWidget(mark)
    mark.show()
    assert mark.grab().toImage().pixelColor(10, 10) == theme.colour("muted")
    theme.apply("dark")
    assert mark.grab().toImage().pixelColor(10, 10) == theme.colour("muted")
    mark.put("mdi6.circle", "danger")
    assert mark.grab().toImage().pixelColor(10, 10) == theme.colour("danger")
    theme.apply("light")


@pytest.mark.parametrize("kind", ["whole", "decimal"])
def test_a_number_does_not_touch_its_frame(qtbot, qapp, kind: str) -> None:
    Theme(qapp, "light")
    box: QAbstractSpinBox = NumberBox(0, 9) if kind == "whole" else DecimalBox(0, 9, 2, 0.5)
    qtbot.addWidget(box)
    box.show()
    line = box.lineEdit()
    assert line.x() + line.textMargins().left() >= 6


def test_one_minute_is_not_minutes_and_the_box_keeps_its_width(qtbot) -> None:
    box = NumberBox(1, 60, lambda n: " minute" if n == 1 else " minutes")
    qtbot.addWidget(box)
    assert box.text() == "1 minute"
    width = box.sizeHint().width()
    box.selectAll()
    qtbot.keyClicks(box, "15")
    assert (box.value(), box.text()) == (15, "15 minutes")
    qtbot.keyClick(box, Qt.Key.Key_Backspace)
    assert (box.value(), box.text()) == (1, "1 minute")
    assert box.sizeHint().width() == width


def test_a_chosen_radio_button_is_a_dot_in_a_disc(qtbot, qapp) -> None:
    theme = Theme(qapp, "light")
    chosen = QRadioButton("Start afresh")
    qtbot.addWidget(chosen)
    chosen.setChecked(True)
    chosen.show()
    image = chosen.grab().toImage()
    middle = image.height() // 2
    assert image.pixelColor(8, middle) == theme.colour("on_accent")
    assert image.pixelColor(2, middle) == theme.colour("accent")
    corner = QColor(image.pixelColor(1, middle - 8))
    assert corner != theme.colour("accent"), "the disc has no corners"


def test_nothing_moves_sideways_when_a_page_begins_to_scroll(qtbot, qapp) -> None:
    Theme(qapp, "light")
    body = QWidget()
    body.setMaximumWidth(300)
    area = scrolled(centred(body), steady=True)
    qtbot.addWidget(area)
    area.resize(500, 200)
    area.show()
    body.setMinimumHeight(100)
    qtbot.waitUntil(lambda: not area.verticalScrollBar().isVisible())
    before = body.mapTo(area, QPoint()).x()
    body.setMinimumHeight(900)
    qtbot.waitUntil(area.verticalScrollBar().isVisible)
    assert body.mapTo(area, QPoint()).x() == before
