"""Line patterns that tell diseases apart where colours cannot.

Seven patterns, the first of which is none; a colour of the palette always has the same one. Lines
are counted from the photo's corner, so that they move with it. Knows colours and pixels; knows no
region and no widget.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from core.domain.disease import HEALTHY_COLOUR, PALETTE, UNNAMED_LESION_COLOUR
from core.language import tr
from gui.canvas.sampling import Window

STEP = 8
"""Device pixels from line to line, on a screen of plain density."""
Grid = NDArray[np.intp]
Pattern = Callable[[Grid, Grid], NDArray[np.bool_]]

PATTERNS: tuple[tuple[str, Pattern], ...] = (
    (tr("falling lines"), lambda x, y: (x - y) % STEP < 2),
    (tr("rising lines"), lambda x, y: (x + y) % STEP < 2),
    (tr("level lines"), lambda x, y: (y % STEP < 2) & (x >= 0)),
    (tr("upright lines"), lambda x, y: (x % STEP < 2) & (y >= 0)),
    ("dots", lambda x, y: (x % STEP < 3) & ((y + x // STEP % 2 * (STEP // 2)) % STEP < 3)),
    (tr("crossed lines"), lambda x, y: ((x + y) % STEP < 1) | ((x - y) % STEP < 1)),
)
PLAIN = -1
"""The number of no pattern."""
FIELD = 512
"""Pixels: patterns are laid out once for windows up to the next multiple of it."""


def pattern_of(colour: str) -> int:
    """Which of `PATTERNS` goes with ``#rrggbb``, or `PLAIN`.

    Colours of the palette have theirs by their place in it, any other by its own figures.
    """
    colour = colour.lower()
    if colour in (UNNAMED_LESION_COLOUR, HEALTHY_COLOUR):
        return PLAIN
    if colour in PALETTE:
        return PALETTE.index(colour) % (len(PATTERNS) + 1) - 1
    return int(colour[1:], 16) % len(PATTERNS)


def bit(pattern: int) -> int:
    """The bit of a pattern in what ``lines`` gives; 0 for `PLAIN`."""
    return 0 if pattern == PLAIN else 1 << pattern


@cache
def _tile(scale: int) -> NDArray[np.uint8]:
    side = 2 * STEP * scale
    y, x = np.mgrid[:side, :side] // scale
    out = np.zeros((side, side), np.uint8)
    for number, (_name, drawn) in enumerate(PATTERNS):
        out[drawn(x, y)] |= bit(number)
    return out


def lines(window: Window, scale: int) -> NDArray[np.uint8]:
    """[h, w] of the window: bit n is set where a line of pattern n runs. Not to be written to.

    ``scale`` is the thickness in device pixels that a thin line has on this screen.
    """
    side = 2 * STEP * scale
    height, width = window.y1 - window.y0, window.x1 - window.x0
    rows, columns = (-(-(length + side) // FIELD) for length in (height, width))
    top, left = window.y0 % side, window.x0 % side
    return _field(scale, rows, columns)[top : top + height, left : left + width]


@lru_cache(4)
def _field(scale: int, rows: int, columns: int) -> NDArray[np.uint8]:
    """The tile repeated over so many times `FIELD` pixels each way."""
    tile = _tile(scale)
    side = len(tile)
    field = np.tile(tile, (-(-rows * FIELD // side), -(-columns * FIELD // side)))
    field.setflags(write=False)
    return field


def paint_swatch(painter: QPainter, place: QRect, colour: str, *, plain: bool = False) -> None:
    """A square of the colour with its pattern, for lists; without it where ``plain``."""
    painter.save()
    painter.setClipRect(place)
    painter.fillRect(place, QColor(colour))
    pattern = PLAIN if plain else pattern_of(colour)
    if pattern != PLAIN:
        image = _ink(pattern, QColor(colour).lightness() > 110)
        for x in range(place.left(), place.right() + 1, image.width()):
            for y in range(place.top(), place.bottom() + 1, image.height()):
                painter.drawImage(x, y, image)
    painter.restore()


@cache
def _ink(pattern: int, dark: bool) -> QImage:
    tile = _tile(1)
    image = QImage(tile.shape[1], tile.shape[0], QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    ink = QColor(0, 0, 0, 165) if dark else QColor(255, 255, 255, 190)
    for y, x in zip(*np.nonzero(tile & bit(pattern)), strict=True):
        image.setPixelColor(int(x), int(y), ink)
    return image
