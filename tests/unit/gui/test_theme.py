"""What the look promises: readable in both schemes, every icon there, nothing in another's font."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QWidget

from gui.actions import TABLE
from gui.gallery.wording import STATE_TEXT
from gui.theme import DARK, LIGHT, RESOURCES, Theme, Tokens, has_glyph, stylesheet
from gui.workspaces import WORKSPACES


def luminance(colour: str) -> float:
    parts = QColor(colour).getRgbF()[:3]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_everything_it_stands_on(tokens: Tokens) -> None:
    for ground in (tokens.window, tokens.panel, tokens.field, tokens.raised, tokens.accent_soft):
        assert contrast(tokens.text, ground) >= 7
    for ground in (tokens.window, tokens.panel, tokens.field, tokens.raised):
        assert contrast(tokens.muted, ground) >= 4.5
    for ground in (tokens.accent_soft, tokens.hover):  # chosen, under the pointer
        assert contrast(tokens.text, ground) >= 4.5
        assert contrast(tokens.muted, ground) >= 4.5
    for ground in (tokens.accent, tokens.accent_strong):
        assert contrast(tokens.on_accent, ground) >= 4.5
    for ground in (tokens.window, tokens.panel):
        assert contrast(tokens.danger, ground) >= 4.5  # it is written in as well
    for token in (tokens.ok, tokens.warn, tokens.danger):
        assert contrast(token, tokens.panel) >= 3


@pytest.mark.parametrize("field", [QLineEdit, QPlainTextEdit])
@pytest.mark.parametrize("choice", ["light", "dark"])
def test_what_an_empty_field_says_can_be_read(
    qtbot, qapp: QApplication, field: type[QWidget], choice: str
) -> None:
    theme = Theme(qapp, choice)
    line = field()
    qtbot.addWidget(line)
    line.show()
    said = line.palette().placeholderText().color()
    assert said.alpha() == 255, "the colour that is measured is the one that is seen"
    assert contrast(said.name(), theme.tokens.field) >= 4.5


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_what_has_the_focus_stands_off(tokens: Tokens) -> None:
    for ground in (tokens.window, tokens.panel, tokens.field, tokens.raised, tokens.border):
        assert contrast(tokens.accent, ground) >= 3


def test_the_window_follows_the_system_where_nobody_chose(qapp, monkeypatch) -> None:
    says = [True]
    monkeypatch.setattr("gui.theme.system_is_dark", lambda: says[0])
    theme = Theme(qapp, "auto")
    assert theme.dark
    says[0] = False
    QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert not theme.dark
    theme.apply("dark")
    QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.dark  # chosen by hand
    theme.apply("light")


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_no_token_is_left_unfilled_in_the_stylesheet(tokens: Tokens) -> None:
    text = re.sub(r"/\*.*?\*/", "", stylesheet(tokens), flags=re.DOTALL)
    assert "@" not in text


def test_every_picture_that_the_stylesheet_names_is_there() -> None:
    for path in re.findall(r"url\((.*?)\)", stylesheet(LIGHT)):
        assert (RESOURCES / "icons" / path.rpartition("/")[2]).is_file()


def test_every_icon_of_the_tables_is_in_the_font(qapp) -> None:
    names = [s.icon for s in TABLE if s.icon] + [w.icon for w in WORKSPACES]
    assert [n for n in names if not has_glyph(n)] == []
    assert STATE_TEXT


def test_icons_take_the_colour_of_the_scheme_without_being_made_anew(qapp: QApplication) -> None:
    theme = Theme(qapp, "light")
    icon = theme.icon("mdi6.leaf")

    def ink() -> float:
        image = icon.pixmap(QSize(32, 32)).toImage()
        colours = [image.pixelColor(x, y) for x in range(32) for y in range(32)]
        solid = [c.lightnessF() for c in colours if c.alpha() > 200]
        assert solid
        return sum(solid) / len(solid)

    dark_ink = ink()
    theme.apply("dark")
    assert ink() > dark_ink + 0.5
    theme.apply("light")


def test_auto_falls_back_to_light_where_the_system_says_nothing(qapp: QApplication) -> None:
    theme = Theme(qapp, "auto")
    assert theme.tokens in (LIGHT, DARK)
    theme.apply("dark")
    assert theme.dark
    theme.apply("light")
    assert not theme.dark
