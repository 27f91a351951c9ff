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
# The isolates of Unicode's bidirectional algorithm: left to right, right to left, and their end.
_MARKS, _END = ("\u2066", "\u2067"), "\u2069"


def reads(text: str) -> Qt.LayoutDirection:
    """The direction of the first letter that has one; left to right where none has."""
    for letter in text:
        kind = unicodedata.bidirectional(letter)
        if kind in ("R", "AL"):
            return Qt.LayoutDirection.RightToLeft
        if kind == "L":
            break
    return Qt.LayoutDirection.LeftToRight


def isolated(text: str) -> str:
    """``text`` as a piece of a line that Qt writes itself: in its own direction and whole.

    For figures with a unit and for names: in a window that reads from the right "blight 15 %"
    would be shown as "% blight 15", and "15 %" as "% 15". Else the text as it is.
    """
    if not QGuiApplication.isRightToLeft() or text.startswith(_MARKS):
        return text
    mark = _MARKS[reads(text) == Qt.LayoutDirection.RightToLeft]
    return f"{mark}{text}{_END}" if text else text


def apart(*parts: str) -> str:
    """The parts as one line, each in its own direction."""
    return "   ".join(map(isolated, parts))


def turned(widget: QWidget, place: QRect) -> QRect:
    """``place`` as it is meant in a window that reads from the left, for the way this one reads."""
    return QStyle.visualRect(widget.layoutDirection(), widget.rect(), place)


def draw_words(painter: QPainter, widget: QWidget, place: QRect, text: str, side: Side) -> None:
    """Draw ``text`` in ``place``, both as they are meant in a window that reads from the left."""
    seen = QStyle.visualAlignment(widget.layoutDirection(), side)
    put_words(painter, turned(widget, place), text, seen)


def put_words(painter: QPainter, place: QRect, text: str, side: Side) -> None:
    """Draw ``text`` in its own direction in ``place``, at the ``side`` where it is seen."""
    painter.save()
    painter.setLayoutDirection(reads(text))
    painter.drawText(place, int(side | Side.AlignAbsolute), text)
    painter.restore()
