"""Dashes that tell diseases apart where only their outlines are drawn, as patterns do when filled.

Each pattern of `gui.canvas.hatching` has its own dashes; a disease without one has a plain line.
Dashes are counted from the photo's corner, so that they move with it, and along the outline: by
columns where it runs level, by rows where it runs upright. Lists show a piece of the line. Knows
pixels; knows no region and no widget.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter

from gui.canvas.hatching import PATTERNS, PLAIN, bit, pattern_of
from gui.canvas.sampling import Window

THICK = 2
"""Thin lines side by side: dashes of one alone are too faint to be told apart."""
PERIOD = 16
"""Thin lines from one dash to the same one again."""
DASHES: tuple[tuple[int, ...], ...] = (
    (8, 8),
    (2, 2, 2, 2, 2, 2, 2, 2),
    (8, 3, 2, 3),
    (3, 13),
    (12, 4),
    (4, 4, 4, 4),
)
"""By pattern: how much of the line, how much of the gap, and so on; ``PERIOD`` in all."""


LIGHT = 110
"""Lightness (HSL, 0–255) above which a colour stands off from dark gaps, else from white ones."""
EDGE = QColor("#808080")
"""Around a piece of line in a list: white gaps end on a light ground, dark ones on a dark."""


@cache
def _gaps() -> NDArray[np.uint8]:
    """[PERIOD]: bit n is set where the line of pattern n has a gap."""
    out = np.zeros(PERIOD, np.uint8)
    for pattern in range(len(PATTERNS)):
        lengths = DASHES[pattern]
        in_gap = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
        out[in_gap] |= bit(pattern)
    return out


def gaps(
    numbers: NDArray[np.uint8], lines: NDArray[np.uint8], window: Window, line: int
) -> NDArray[np.intp]:
    """Flat places in ``lines`` that are in the gaps of their own dashes.

    ``lines`` [h, w] has at each pixel of an outline the ``bit`` of its pattern, else 0; ``numbers``
    [h, w] what the outlines are of; ``window`` is of both. Outlines are ``THICK`` times ``line``
    device pixels wide. What is less than so many from the window's border may be wrong.
    """
    import cv2

    at = np.flatnonzero(lines != 0)
    if not len(at):
        return at
    # So that a line's inner pixels know as well which way it runs.
    numbers = cv2.blur(numbers, (2 * THICK * line - 1,) * 2)
    across, along = (g.ravel()[at] for g in cv2.spatialGradient(numbers))
    rows, columns = np.divmod(at, lines.shape[1])
    level = np.abs(along) >= np.abs(across)
    steps = np.where(level, columns + window.x0, rows + window.y0) // line % PERIOD
    found: NDArray[np.intp] = at[(_gaps()[steps] & lines.ravel()[at]) != 0]
    return found


def paint_line(painter: QPainter, place: QRect, colour: str, *, dashed: bool = True) -> None:
    """A piece of the outline along the middle of ``place``, for lists: its dashes, once over.

    Not ``dashed``: whole, as outlines are where patterns are off, and a leaf's always.
    """
    pattern = pattern_of(colour) if dashed else PLAIN
    strokes = DASHES[pattern] if pattern != PLAIN else (PERIOD, 0)
    gap = QColor("#3c3c3c") if QColor(colour).lightness() > LIGHT else QColor("#ffffff")
    top, x = place.center().y() - THICK + 1, place.x() + (place.width() - PERIOD) // 2
    painter.fillRect(QRect(x - 1, top - 1, PERIOD + 2, 2 * THICK + 2), EDGE)
    painter.fillRect(QRect(x, top, PERIOD, 2 * THICK), gap)
    for n, length in enumerate(strokes):
        if n % 2 == 0:
            painter.fillRect(QRect(x, top, length, 2 * THICK), QColor(colour))
        x += length
