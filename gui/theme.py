"""Colours, the stylesheet and the icons: light, dark, or as the system has it.

Fusion (see `gui.shell`) with our own palettes: Qt's own colour-scheme switch does nothing on
some platforms. The
tokens below are the only colours of the program besides the diseases'. Knows no window.

Icons are glyphs of Material Design Icons 6, painted from the font that ships with qtawesome. That
package is used as data only, because importing it doubles the time to the first window.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QIcon,
    QIconEngine,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import QApplication

DIRECTED = frozenset({"chevron-right", "chevron-left", "skip-next-outline", "undo", "redo"})
"""Icons that point the way one reads: turned where that is from right to left."""
RESOURCES = Path(__file__).resolve().parent.parent / "resources"


@dataclass(frozen=True)
class Tokens:
    """Every colour by what it is for, as ``#rrggbb``."""

    window: str
    panel: str
    field: str
    raised: str
    hover: str
    border: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_strong: str
    on_accent: str
    accent_soft: str
    ok: str
    warn: str
    danger: str
    canvas: str


LIGHT = Tokens(
    window="#f3f5f1", panel="#fbfcfa", field="#ffffff", raised="#ffffff", hover="#e8ede4",
    border="#d8ded3", text="#1c241d", muted="#5d6a5f", disabled="#a3aca4",
    accent="#2e7d4f", accent_strong="#256840", on_accent="#ffffff", accent_soft="#dcecdf",
    ok="#2e9e5b", warn="#c77700", danger="#c2372e", canvas="#dfe3dc",
)  # fmt: skip
DARK = Tokens(
    window="#171b18", panel="#1d221f", field="#141815", raised="#272e29", hover="#2c342e",
    border="#343d36", text="#e6ebe6", muted="#9aa89d", disabled="#5c675f",
    accent="#4fae77", accent_strong="#66c48d", on_accent="#0c1510", accent_soft="#24392c",
    ok="#52c483", warn="#e8a33d", danger="#ef6f65", canvas="#101311",
)  # fmt: skip


def build_palette(t: Tokens) -> QPalette:
    """A full palette; every role that Fusion paints with is set, for all three groups."""
    role, palette = QPalette.ColorRole, QPalette()
    colours = {
        role.Window: t.window, role.WindowText: t.text, role.Base: t.field,
        role.AlternateBase: t.panel, role.Text: t.text, role.Button: t.raised,
        role.ButtonText: t.text, role.BrightText: t.danger, role.Highlight: t.accent,
        role.HighlightedText: t.on_accent, role.Link: t.accent, role.LinkVisited: t.accent,
        role.ToolTipBase: t.raised, role.ToolTipText: t.text, role.PlaceholderText: t.muted,
        role.Light: t.raised, role.Midlight: t.hover, role.Mid: t.border, role.Dark: t.border,
        role.Shadow: t.border, role.Accent: t.accent,
    }  # fmt: skip
    for what, colour in colours.items():
        palette.setColor(what, QColor(colour))
    for what in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, what, QColor(t.disabled))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(t.border))
    return palette


def system_is_dark() -> bool:
    """What the platform says; light where it does not say."""
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


class Theme(QObject):
    """The look of the application. ``changed`` fires after palette and stylesheet are in place."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: str = "auto") -> None:
        super().__init__(app)
        self._app = app
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)
        self.choice = choice
        self.tokens = LIGHT
        self.apply(choice)

    @property
    def dark(self) -> bool:
        return self.tokens is DARK

    def apply(self, choice: str) -> None:
        """``choice``: "light", "dark" or "auto"."""
        self.choice = choice
        dark = choice == "dark" or (choice == "auto" and system_is_dark())
        self.tokens = DARK if dark else LIGHT
        self._app.setPalette(build_palette(self.tokens))
        self._app.setStyleSheet(stylesheet(self.tokens))
        self.changed.emit()

    def icon(self, name: str, token: str = "") -> QIcon:
        """``mdi6.<name>`` in the colour of the text around it, or of ``token``.

        Follows a change of theme without being made anew.
        """
        return QIcon(_GlyphEngine(self, name.removeprefix("mdi6."), token))

    def colour(self, token: str) -> QColor:
        return QColor(str(getattr(self.tokens, token)))

    def _system_changed(self) -> None:
        if self.choice == "auto":
            self.apply("auto")


def stylesheet(t: Tokens) -> str:
    """The one stylesheet, with the tokens put in."""
    text = (RESOURCES / "style.qss").read_text(encoding="utf-8")
    # Longest names first: @accent must not eat the beginning of @accent_soft.
    for field in sorted(fields(Tokens), key=lambda f: -len(f.name)):
        text = text.replace(f"@{field.name}", str(getattr(t, field.name)))
    text = text.replace("@check", "check-dark" if t is DARK else "check")
    return text.replace("@icons", (RESOURCES / "icons").as_posix())


@cache
def _glyphs() -> tuple[str, dict[str, str]]:
    """(font family, name → hexadecimal code point). The family is "" when the font is missing."""
    import json  # only with the first icon

    found = importlib.util.find_spec("qtawesome")
    if found is None or found.origin is None:
        return "", {}
    folder = Path(found.origin).parent / "fonts"
    font = next(iter(sorted(folder.glob("materialdesignicons6-*.ttf"))), None)
    names = next(iter(sorted(folder.glob("materialdesignicons6-*.json"))), None)
    if font is None or names is None:
        return "", {}
    number = QFontDatabase.addApplicationFont(str(font))
    families = QFontDatabase.applicationFontFamilies(number)
    return (families[0] if families else ""), json.loads(names.read_text(encoding="utf-8"))


def has_glyph(name: str) -> bool:
    """Whether the icon font knows ``mdi6.<name>``."""
    return name.removeprefix("mdi6.") in _glyphs()[1]


class _GlyphEngine(QIconEngine):
    """Paints one glyph at any size, in the theme's colour of the moment."""

    def __init__(self, theme: Theme, name: str, token: str) -> None:
        super().__init__()
        self._theme, self._name, self._token = theme, name, token

    def clone(self) -> QIconEngine:
        return _GlyphEngine(self._theme, self._name, self._token)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        family, names = _glyphs()
        code = names.get(self._name)
        if not family or code is None:
            return
        font = QFont(family)
        font.setPixelSize(max(1, round(min(rect.width(), rect.height()) * 0.96)))
        painter.save()
        painter.setFont(font)
        painter.setPen(self._colour(mode, state))
        if QGuiApplication.isRightToLeft() and self._name in DIRECTED:
            painter.translate(2 * rect.x() + rect.width(), 0)
            painter.scale(-1, 1)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, chr(int(code, 16)))
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        if size.isEmpty():  # while a layout finds its feet
            return pixmap
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def _colour(self, mode: QIcon.Mode, state: QIcon.State) -> QColor:
        if mode == QIcon.Mode.Disabled:
            return self._theme.colour("disabled")
        if self._token:
            return self._theme.colour(self._token)
        return self._theme.colour("accent" if state == QIcon.State.On else "text")
