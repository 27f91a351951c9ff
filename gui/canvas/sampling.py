"""Reads what a rectangle of the screen shows out of large arrays.

Every function computes a device pixel from its own index alone, counted from the photo's top left,
so that a strip painted after a scroll equals the same strip of a full repaint, bit by bit. (Qt's
own image scaling does not promise that.) Knows arrays and the zoom; knows no widget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from core.domain.mask import TILE, TileMask

Axis = NDArray[np.intp]
Levels = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Window:
    """Device pixels [x0, x1) × [y0, y1) counted from the photo's top left, and the zoom.

    ``size`` is the photo's (width, height); ``scale`` device pixels per photo pixel.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    scale: float
    size: tuple[int, int]

    def grown(self, by: int) -> Window:
        """The window with a rim; beyond the photo its border pixels are repeated."""
        return Window(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by, self.scale, self.size)


def nearest(first: int, last: int, step: float, size: int) -> Axis:
    """Array index under the centre of device pixels [first, last); ``step`` is cells per pixel."""
    at: Axis = np.floor((np.arange(first, last) + 0.5) * step).astype(np.intp)
    return np.minimum(np.maximum(at, 0), size - 1)


def spans(first: int, last: int, step: float, size: int) -> tuple[Axis, Axis]:
    """First and last array index that each device pixel covers, for 1 <= ``step`` < 2.

    Every cell belongs to exactly one device pixel, so nothing small falls between two of them.
    """
    if step <= 1:
        at = nearest(first, last, step, size)
        return at, at
    # Rounded: so the cell under a pixel's middle, where a click goes, is one that it shows.
    edges = np.floor(np.arange(first, last + 1) * step + 0.5).astype(np.intp)
    # The last pixel takes a last cell of which it shows a part only.
    ends = np.where(edges[1:] >= size - 1, size, edges[1:])
    low, high = edges[:-1], np.maximum(edges[:-1], ends - 1)
    return np.clip(low, 0, size - 1), np.clip(high, 0, size - 1)


def gather(array: NDArray[np.generic], rows: Axis, columns: Axis) -> NDArray[np.generic]:
    """``array[rows][:, columns]`` for ascending indices, without touching what lies outside."""
    first = int(columns[0])
    strip = array[:, first : int(columns[-1]) + 1]
    if len(columns) == strip.shape[1] and (np.diff(columns) == 1).all():
        return strip[rows]  # one to one
    return _columns(strip[rows], columns - first)


def _columns(strip: NDArray[np.generic], columns: Axis) -> NDArray[np.generic]:
    """``strip[:, columns]`` for indices that exist: numpy looks whether they do more slowly."""
    return strip.take(columns, axis=1, mode="clip")


def sample_classes(levels: Levels, window: Window) -> NDArray[np.uint8]:
    """The highest class that each device pixel covers, from half levels made by maximum.

    ``levels[0]`` is [height, width] of the photo, each further one half of the one before. So a
    one-pixel lesion stays visible at every zoom.
    """
    step = 1 / window.scale
    level = 0
    while step >= 2 and level + 1 < len(levels):
        step, level = step / 2, level + 1
    array = levels[level]
    top, bottom = spans(window.y0, window.y1, step, array.shape[0])
    left, right = spans(window.x0, window.x1, step, array.shape[1])
    if bottom is top and right is left:
        return gather(array, top, left)  # type: ignore[return-value]
    # Whole stretches of memory at once, then one lookup for each pixel: of a cell, or of it and
    # the next one together, which stand behind the cells.
    first = int(left[0])
    strip = array[:, first : int(right[-1]) + 1]
    width = strip.shape[1]
    cells = np.empty((len(top), 2 * width), np.uint8)
    np.maximum(strip[top], strip[bottom], out=cells[:, :width])
    np.maximum(cells[:, : width - 1], cells[:, 1:width], out=cells[:, width:-1])
    return _columns(cells, left - first + width * (right > left))  # type: ignore[return-value]


def sample_flags(
    pixels: NDArray[np.bool_], window: Window, *, origin: tuple[int, int] = (0, 0)
) -> NDArray[np.bool_]:
    """A bool array whose top left is the photo pixel ``origin`` (x, y); False outside it."""
    step = 1 / window.scale
    big = 1 << 40
    ys = np.floor((np.arange(window.y0, window.y1) + 0.5) * step).astype(np.intp) - origin[1]
    xs = np.floor((np.arange(window.x0, window.x1) + 0.5) * step).astype(np.intp) - origin[0]
    out = np.zeros((len(ys), len(xs)), bool)
    rows = slice(*np.searchsorted(ys, [0, min(big, pixels.shape[0])]))
    cols = slice(*np.searchsorted(xs, [0, min(big, pixels.shape[1])]))
    if rows.start < rows.stop and cols.start < cols.stop:
        out[rows, cols] = gather(pixels, ys[rows], xs[cols])
    return out


def sample_mask(mask: TileMask, window: Window) -> NDArray[np.bool_]:
    """What the window shows of one region, reading only the tiles it meets."""
    step = 1 / window.scale
    ys = nearest(window.y0, window.y1, step, mask.height)
    xs = nearest(window.x0, window.x1, step, mask.width)
    out = np.zeros((len(ys), len(xs)), bool)
    for row in range(int(ys[0]) // TILE, int(ys[-1]) // TILE + 1):
        rows = slice(*np.searchsorted(ys, [row * TILE, (row + 1) * TILE]))
        for col in range(int(xs[0]) // TILE, int(xs[-1]) // TILE + 1):
            tile = mask.tiles.get((row, col))
            cols = slice(*np.searchsorted(xs, [col * TILE, (col + 1) * TILE]))
            if tile is not None and rows.start < rows.stop and cols.start < cols.stop:
                out[rows, cols] = gather(tile, ys[rows] - row * TILE, xs[cols] - col * TILE)
    return out


def sample_colours(
    array: NDArray[np.uint32], window: Window, *, smooth: bool
) -> NDArray[np.uint32]:
    """0xffRRGGBB of each device pixel from an array that shows the whole photo at any size."""
    steps = _steps(array, window)
    if not smooth or (steps[0] == 1 and steps[1] == 1):
        rows = nearest(window.y0, window.y1, steps[1], array.shape[0])
        columns = nearest(window.x0, window.x1, steps[0], array.shape[1])
        return gather(array, rows, columns)  # type: ignore[return-value]
    height, width = array.shape
    channels = array.view(np.uint8).reshape(height, width, 4)
    return _bilinear(channels, window, steps).view(np.uint32)[..., 0]


def sample_field(field: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    """A uint8 field (a probability, say) of any resolution over the photo, bilinear."""
    return _bilinear(field, window, _steps(field, window))


def _steps(array: NDArray[np.generic], window: Window) -> tuple[float, float]:
    width, height = window.size
    return array.shape[1] / (width * window.scale), array.shape[0] / (height * window.scale)


def _bilinear(
    array: NDArray[np.uint8], window: Window, steps: tuple[float, float]
) -> NDArray[np.uint8]:
    """Bilinear with weights of 1/32, from integer coordinates that depend on nothing else."""
    import cv2  # 0.1 s to load; the window is up before the first photo is

    x, fx = _fixed(window.x0, window.x1, steps[0], array.shape[1])
    y, fy = _fixed(window.y0, window.y1, steps[1], array.shape[0])
    left, top = int(x[0]), int(y[0])
    crop = array[top : int(y[-1]) + 2, left : int(x[-1]) + 2]
    where = np.empty((len(y), len(x), 2), np.int16)
    where[..., 0] = x - left
    where[..., 1] = (y - top)[:, None]
    weights = (fy[:, None] * 32 + fx).astype(np.uint16)
    out: NDArray[np.uint8] = cv2.remap(
        crop, where, weights, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return out


def _fixed(first: int, last: int, step: float, size: int) -> tuple[Axis, Axis]:
    at = ((np.arange(first, last) + 0.5) * step - 0.5) * 32
    fixed = np.clip(np.floor(at + 0.5).astype(np.intp), 0, (size - 1) * 32)
    return fixed >> 5, fixed & 31


def to_image(pixels: NDArray[np.uint32], *, opaque: bool) -> QImage:
    """A QImage over ``pixels`` (0xAARRGGBB, premultiplied unless opaque), which it keeps alive."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape
    kind = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
    image = QImage(pixels.data, width, height, 4 * width, kind)
    image.pixels = pixels  # type: ignore[attr-defined]
    return image
