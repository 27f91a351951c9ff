"""A small square in a disease's colour, for boxes and menus. Knows colours and patterns only."""

from __future__ import annotations

from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from gui.canvas.hatching import paint_swatch


def swatch(colour: str, side: int = 12) -> QIcon:
    """A small square in a disease's colour, with its pattern."""
    pixmap = QPixmap(side, side)
    pixmap.fill(QColor(colour))
    painter = QPainter(pixmap)
    paint_swatch(painter, pixmap.rect(), colour)
    painter.end()
    icon = QIcon(pixmap)
    # In a chosen row Qt would tint it, and it would no longer be the colour on the photo.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
