"""A small square in a disease's colour, for boxes and menus, or a piece of its outline.

Knows colours and patterns only.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from gui.canvas.dashes import PERIOD, paint_line
from gui.canvas.hatching import paint_swatch

PIECE = QSize(PERIOD + 2, 12)
"""What a piece of an outline takes, its dashes once over."""


def swatch(colour: str, side: int = 12) -> QIcon:
    """A small square in a disease's colour, with its pattern."""
    pixmap = QPixmap(side, side)
    pixmap.fill(QColor(colour))
    painter = QPainter(pixmap)
    paint_swatch(painter, pixmap.rect(), colour)
    painter.end()
    return _untinted(pixmap)


def piece(colour: str, *, outlined: bool, patterned: bool) -> QIcon:
    """What a region looks like on the photo, ``PIECE`` in size: a square, or a piece of line where
    it is ``outlined``; with its pattern or its dashes where it is ``patterned``.
    """
    pixmap = QPixmap(PIECE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    if outlined:
        paint_line(painter, pixmap.rect(), colour, dashed=patterned)
    else:
        square = QRect(0, 0, PIECE.height(), PIECE.height())
        square.moveCenter(pixmap.rect().center())
        paint_swatch(painter, square, colour, plain=not patterned)
    painter.end()
    return _untinted(pixmap)


def _untinted(pixmap: QPixmap) -> QIcon:
    icon = QIcon(pixmap)
    # In a chosen row Qt would tint it, and it would no longer be the colour on the photo.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
