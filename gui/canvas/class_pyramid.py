"""A uint8 class per photo pixel, with half levels for looking from afar.

Knows arrays; knows no region, no colour and no widget.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.domain.mask import TILE, Box, TileKey, clip_box
from gui.canvas.sampling import Window, sample_classes

Cut = tuple[slice, slice]
SMALLEST = 32
"""Photos are never shown smaller than this, so that one more half level is never asked for."""


def tile_cuts(box: Box) -> Iterator[tuple[TileKey, Cut, Cut]]:
    """(key, slices in the tile, slices in the photo) for every tile that a photo box meets."""
    x0, y0, x1, y1 = box
    for row in range(y0 // TILE, -(-y1 // TILE)):
        top = row * TILE
        ys = slice(max(y0, top), min(y1, top + TILE))
        for col in range(x0 // TILE, -(-x1 // TILE)):
            left = col * TILE
            xs = slice(max(x0, left), min(x1, left + TILE))
            inner = (slice(ys.start - top, ys.stop - top), slice(xs.start - left, xs.stop - left))
            yield (row, col), inner, (ys, xs)


def tile_box(key: TileKey, size: tuple[int, int]) -> Box:
    """Photo pixels of a tile, cut to a photo of (width, height)."""
    row, col = key
    box = (col * TILE, row * TILE, (col + 1) * TILE, (row + 1) * TILE)
    return clip_box(box, *size)


class ClassPyramid:
    """``base`` is [height, width] uint8; write into it, then call ``update`` with the box.

    A cell of a half level has the highest class of the four below it: background hides nothing.
    """

    def __init__(self, base: NDArray[np.uint8], *, filled: bool = True) -> None:
        self.levels = [base]
        while max(self.levels[-1].shape) > SMALLEST:
            rows, columns = self.levels[-1].shape
            self.levels.append(np.zeros((-(-rows // 2), -(-columns // 2)), np.uint8))
        if filled:
            self.update((0, 0, base.shape[1], base.shape[0]))

    @classmethod
    def blank(cls, size: tuple[int, int]) -> ClassPyramid:
        """All background, for a photo of (width, height)."""
        return cls(np.zeros((size[1], size[0]), np.uint8), filled=False)

    @property
    def base(self) -> NDArray[np.uint8]:
        return self.levels[0]

    def update(self, box: Box) -> None:
        """Recompute the cells above the photo pixels of ``box`` in every half level."""
        x0, y0, x1, y1 = clip_box(box, self.base.shape[1], self.base.shape[0])
        if x1 <= x0 or y1 <= y0:
            return
        for below, above in zip(self.levels[:-1], self.levels[1:], strict=True):
            x0, y0, x1, y1 = x0 // 2, y0 // 2, -(-x1 // 2), -(-y1 // 2)
            _halve(below[2 * y0 : 2 * y1, 2 * x0 : 2 * x1], above[y0:y1, x0:x1])

    def sample(self, window: Window) -> NDArray[np.uint8]:
        """The class of each device pixel of ``window``."""
        return sample_classes(self.levels, window)


def _halve(below: NDArray[np.uint8], above: NDArray[np.uint8]) -> None:
    """Maximum of each 2 × 2 block; odd last rows and columns stand alone."""
    rows = np.maximum(below[0 : below.shape[0] // 2 * 2 : 2], below[1::2])
    if below.shape[0] % 2:
        rows = np.concatenate([rows, below[-1:]])
    pairs = below.shape[1] // 2
    np.maximum(rows[:, 0 : 2 * pairs : 2], rows[:, 1::2], out=above[:, :pairs])
    if below.shape[1] % 2:
        above[:, pairs] = rows[:, -1]
