"""An icon of its own in a layout: sharp on every screen, in the theme's colour of the moment.

A label with a pixmap keeps the colour and the resolution it was made with; this paints anew. Knows
the theme; knows nothing of what the icon stands for.
"""

from __future__ import annotations

from PySide6.QtGui import QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import Theme


class Glyph(QWidget):
    """``mdi6.<name>``, ``side`` pixels square, in ``token`` of the theme. "" paints nothing."""

    def __init__(self, theme: Theme, name: str = "", token: str = "", *, side: int) -> None:
        super().__init__()
        self._theme, self.name, self.token = theme, name, token
        self.setFixedSize(side, side)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def put(self, name: str, token: str = "") -> None:
        """Another icon in its place."""
        self.name, self.token = name, token
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self.name:
            mode = QIcon.Mode.Normal if self.isEnabled() else QIcon.Mode.Disabled
            icon = self._theme.icon(self.name, self.token)
            icon.paint(QPainter(self), self.rect(), mode=mode)
