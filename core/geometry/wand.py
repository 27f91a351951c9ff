"""A magic wand: the pixels around a place that are connected to it and look like it.

Colours are compared in Lab, where equal distances look about equally different. The costly part is
done once for a place, so that another tolerance costs a flood alone. Knows pixels; knows no region
and no tool.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box
from core.geometry.stretch import stretch

LEAST, MOST = 1, 100
"""Tolerances, in units of Lab: 2 can just be told apart side by side, 100 is black from white."""
BYTE_PER_L = 255 / 100


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """A piece of a photo, maybe reduced: ``bgra`` [h, w, 4] uint8 shows the photo's ``box``.

    ``scale`` is pixels of ``bgra`` per pixel of the photo, at most 1; ``bgra`` begins at
    ``origin`` (x, y) of the photo reduced so.
    """

    bgra: NDArray[np.uint8]
    box: Box
    scale: tuple[float, float]
    origin: tuple[int, int]


class Wand:
    """Laid down at one place (x, y) in photo pixels, which lies inside ``around.box``."""

    def __init__(self, around: Surroundings, at: tuple[float, float]) -> None:
        self._around = around
        height, width = around.bgra.shape[:2]
        x = int(at[0] * around.scale[0]) - around.origin[0]
        y = int(at[1] * around.scale[1]) - around.origin[1]
        self._at = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
        self._far = self._distance()

    def select(self, tolerance: float) -> tuple[NDArray[np.bool_], tuple[int, int]]:
        """(pixels [h, w] bool at the photo's scale, origin (x, y)): never without the place itself.

        A larger tolerance never takes pixels away, but at edges that are drawn smoother than the
        reduced picture shows them.
        """
        alike = (self._far <= tolerance * tolerance).view(np.uint8)
        _, _, _, (x, y, width, height) = cv2.floodFill(
            alike, None, self._at, 2, flags=4 | cv2.FLOODFILL_FIXED_RANGE
        )
        found = alike[y : y + height, x : x + width] == 2
        ox, oy = self._around.origin
        if self._around.scale == (1.0, 1.0):
            return found, (ox + x, oy + y)
        return self._enlarged(found, (ox + x, oy + y))

    def _distance(self) -> NDArray[np.float32]:
        """From every pixel's colour to the mean one around the place, squared."""
        bgr = cv2.cvtColor(self._around.bgra, cv2.COLOR_BGRA2BGR)
        # A pixel's noise would let the flood leak out and leave holes.
        lab = cv2.cvtColor(cv2.GaussianBlur(bgr, (3, 3), 0), cv2.COLOR_BGR2Lab)
        x, y = self._at
        there = lab[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].reshape(-1, 3).mean(axis=0)
        table = np.empty((1, 256, 3), np.float32)
        for channel, unit in enumerate((BYTE_PER_L, 1.0, 1.0)):
            table[0, :, channel] = ((np.arange(256) - there[channel]) / unit) ** 2
        far = cv2.transform(cv2.LUT(lab, table), np.ones((1, 3), np.float32))
        found: NDArray[np.float32] = far.reshape(lab.shape[:2])
        found[y, x] = 0
        return found

    def _enlarged(
        self, found: NDArray[np.bool_], at: tuple[int, int]
    ) -> tuple[NDArray[np.bool_], tuple[int, int]]:
        """From the reduced picture to the photo, with edges drawn between its pixels."""
        (sx, sy), (left, top, right, bottom) = self._around.scale, self._around.box
        height, width = found.shape
        x0, y0 = max(left, int(at[0] / sx) - 1), max(top, int(at[1] / sy) - 1)
        x1 = min(right, int((at[0] + width) / sx) + 2)
        y1 = min(bottom, int((at[1] + height) / sy) + 2)
        padded = np.full((height + 2, width + 2), -1, np.float32)
        padded[1:-1, 1:-1][found] = 1
        # Across on the few rows of the reduced picture, down only where they differ: a leaf of 15
        # million pixels follows the pointer.
        across = np.array([[sx, 0, (x0 + 0.5) * sx - 0.5 - at[0] + 1], [0, 1, 0]])
        wide = cv2.warpAffine(
            padded,
            across,
            (x1 - x0, height + 2),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        cells = (np.arange(y0, y1) + 0.5) * sy - 0.5 - at[1] + 1
        upper = np.clip(cells.astype(np.intp), 0, height + 1)
        return stretch(wide, upper, np.clip(cells - upper, 0, 1).astype(np.float32)), (x0, y0)
