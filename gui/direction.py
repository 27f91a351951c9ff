"""Words painted by hand, where the window may read from right to left.

Qt turns what it lays out; what a widget paints itself it has to turn itself. A text reads in its
own direction, whatever the window's: else "leaf.jpg 20 × 10" would come apart. Knows painters and
rectangles; knows no widget of ours.
"""

from __future__ import annotations

import unicodedata

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QGuiApplication, QPainter
from PySide6.QtWidgets import QStyle, QWidget

Side = Qt.AlignmentFlag


def reads(text: str) -> Qt.LayoutDirection:
    """The direction of the first letter that has one; left to right where none has."""
    for letter in text:
        kind = unicodedata.bidirectional(letter)
        if kind in ("R", "AL"):
            return Qt.LayoutDirection.RightToLeft
        if kind == "L":
            break
    return Qt.LayoutDirection.LeftToRight


def apart(*parts: str) -> str:
    """The parts as one line for what Qt writes itself, each in its own direction and whole.

    Else "rust   0.4 %" reads "% rust   0.4" in a window that reads from the right.
    """
    if not QGuiApplication.isRightToLeft():
        return "   ".join(parts)
    marks = {Qt.LayoutDirection.LeftToRight: "\u2066", Qt.LayoutDirection.RightToLeft: "\u2067"}
    return "   ".join(f"{marks[reads(part)]}{part}\u2069" for part in parts)


def turned(widget: QWidget, place: QRect) -> QRect:
    """``place`` as it is meant in a window that reads from the left, for the way this one reads."""
    return QStyle.visualRect(widget.layoutDirection(), widget.rect(), place)


def draw_words(painter: QPainter, widget: QWidget, place: QRect, text: str, side: Side) -> None:
    """Draw ``text`` in ``place``, both as they are meant in a window that reads from the left."""
    painter.save()
    painter.setLayoutDirection(reads(text))
    seen = QStyle.visualAlignment(widget.layoutDirection(), side)
    painter.drawText(turned(widget, place), int(seen | Side.AlignAbsolute), text)
    painter.restore()
