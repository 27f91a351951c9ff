"""A small square in a disease's colour, for boxes and menus. Knows colours only."""

from __future__ import annotations

from PySide6.QtGui import QColor, QIcon, QPixmap


def swatch(colour: str, side: int = 12) -> QIcon:
    """A small square in a disease's colour."""
    pixmap = QPixmap(side, side)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)
