"""Figures, dates and typed numbers in the window follow the language of the person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtTest import QTest

from core import language
from gui.controllers import wording
from gui.gallery.cell import percent
from gui.panels.charts import Axis
from gui.panels.numbers import DecimalBox
from gui.panels.photo_info import megabytes, taken_at


@pytest.fixture
def portuguese(qapp) -> Iterator[None]:
    before = QLocale()
    language.use("pt_BR")
    QLocale.setDefault(QLocale("pt_BR"))
    yield
    language.use("en")
    QLocale.setDefault(before)


@pytest.mark.usefixtures("portuguese")
def test_figures_have_a_decimal_comma() -> None:
    assert wording.dice(0.5) == "0,50"
    assert wording.percent(0.125, 1) == "12,5 %"
    assert (percent(3.24), percent(0.01)) == ("3,2 %", "<0,1 %")
    assert megabytes(1_300_000) == "1,3 MB"


@pytest.mark.usefixtures("portuguese")
def test_moments_are_said_in_portuguese() -> None:
    assert wording.when("2026-11-21T14:05:00") == "21/11, 14:05"
    assert taken_at("2026-11-21T14:05:00") == "21/11/2026, 14:05"


def test_moments_are_said_in_english() -> None:
    assert wording.when("2026-11-21T14:05:00") == "21 Nov, 14:05"
    assert wording.when("before the war") == "before the war"
    assert taken_at("2026-11-21T14:05:00") == "2026-11-21, 14:05"


@pytest.mark.usefixtures("portuguese")
def test_a_chart_counts_with_a_decimal_comma(qtbot) -> None:
    assert Axis("left").tickStrings([0.0, 0.5], 1.0, 0.5) == ["0", "0,5"]


@pytest.mark.parametrize("typed", ["0.25", "0,25"])
@pytest.mark.parametrize("locale", ["en", "pt_BR"])
def test_a_decimal_is_typed_with_a_point_or_a_comma(qtbot, typed: str, locale: str) -> None:
    box = DecimalBox(0.0, 1.0, 2, 0.01)
    box.setLocale(QLocale(locale))
    qtbot.addWidget(box)
    box.selectAll()
    QTest.keyClicks(box, typed)
    assert box.value() == 0.25
    assert box.text() == f"0{QLocale(locale).decimalPoint()}25"
