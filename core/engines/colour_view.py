"""Windows into a photo at working size: what the colour engine looks at.

A window is made of square cells. A cell covers ``unit`` × ``unit`` photo pixels when the window is
large, or one photo pixel covers ``1 / unit`` cells when it is tiny; the ratio is a whole number
either way, so that a mask goes back to the photo without a seam. Knows pixels; knows no prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box, clip_box

Plane = NDArray[np.floating[Any]]
LEVELS = 5
MAX_ZOOM = 3


class Photo:
    """A photo as a pyramid of halves, so that a window of any size costs the same."""

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        """``rgb`` [h, w, 3] uint8. Is not kept when its sides need padding."""
        self.height, self.width = rgb.shape[:2]
        levels = [np.ascontiguousarray(rgb)]
        for _ in range(LEVELS):
            last = levels[-1]
            if min(last.shape[:2]) < 64:
                break
            # Odd sides lose nothing: the last row and column are repeated before halving.
            h, w = last.shape[:2]
            if h % 2 or w % 2:
                last = cv2.copyMakeBorder(last, 0, h % 2, 0, w % 2, cv2.BORDER_REPLICATE)
            half = (last.shape[1] // 2, last.shape[0] // 2)
            levels.append(cv2.resize(last, half, interpolation=cv2.INTER_AREA))
        self._levels = levels

    def window(self, box: tuple[float, float, float, float], cells: int) -> Window:
        """The part of ``box`` on the photo, its longer side about ``cells`` cells.

        ``box`` is (x0, y0, x1, y1) in photo pixels and may reach beyond the photo.
        """
        side = max(box[2] - box[0], box[3] - box[1], 1.0)
        cell = max(1, round(side / cells))
        level = min(max(0, cell.bit_length() - 2), len(self._levels) - 1)
        cell = max(1, cell >> level) << level
        x0, y0, x1, y1 = self._snap(box, cell)
        crop = self._levels[level][y0 >> level : -(-y1 >> level), x0 >> level : -(-x1 >> level)]
        zoom = 1
        if cell == 1:
            zoom = min(MAX_ZOOM, max(1, round(cells / max(crop.shape[:2]))))
            if zoom > 1:
                crop = cv2.resize(crop, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
        crop = _reduce(crop, cell >> level)
        lab = cv2.cvtColor(crop.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
        return Window(lab, (x0, y0), cell, zoom, (self.width, self.height))

    def _snap(self, box: tuple[float, float, float, float], cell: int) -> Box:
        """``box`` grown to whole cells and cut to the photo; at least two cells a side."""
        x0, y0 = int(max(0.0, box[0])) // cell * cell, int(max(0.0, box[1])) // cell * cell
        x1, y1 = -int(-box[2] // cell) * cell, -int(-box[3] // cell) * cell
        x0, y0 = min(x0, (self.width - 1) // cell * cell), min(y0, (self.height - 1) // cell * cell)
        return clip_box((x0, y0, max(x1, x0 + cell), max(y1, y0 + cell)), self.width, self.height)


def _reduce(crop: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Means of ``step`` × ``step`` pixels; the last row and column are repeated to fill a cell."""
    if step == 1:
        return crop
    down, right = -crop.shape[0] % step, -crop.shape[1] % step
    if down or right:
        crop = cv2.copyMakeBorder(crop, 0, down, 0, right, cv2.BORDER_REPLICATE)
    size = (crop.shape[1] // step, crop.shape[0] // step)
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class Window:
    """``lab`` [h, w, 3] float32 (L 0–100), its top left at ``origin`` (x, y) in photo pixels.

    ``cell`` photo pixels make a cell, ``zoom`` cells make a photo pixel; one of them is 1.
    """

    lab: Plane
    origin: tuple[int, int]
    cell: int
    zoom: int
    photo: tuple[int, int]

    @property
    def unit(self) -> float:
        """Photo pixels per cell."""
        return self.cell / self.zoom

    @cached_property
    def xs(self) -> Plane:
        """Photo x of every column's centre, [1, w]."""
        steps = np.arange(self.lab.shape[1], dtype=np.float32) + 0.5
        return (steps * np.float32(self.unit) + np.float32(self.origin[0]))[None, :]

    @cached_property
    def ys(self) -> Plane:
        """Photo y of every row's centre, [h, 1]."""
        steps = np.arange(self.lab.shape[0], dtype=np.float32) + 0.5
        return (steps * np.float32(self.unit) + np.float32(self.origin[1]))[:, None]

    def cell_at(self, x: float, y: float) -> tuple[int, int]:
        """(row, column) of the cell that holds a photo pixel, the nearest when it is outside."""
        col = int((x - self.origin[0]) / self.unit)
        row = int((y - self.origin[1]) / self.unit)
        height, width = self.lab.shape[:2]
        return min(max(row, 0), height - 1), min(max(col, 0), width - 1)

    def to_photo(self, odds: Plane) -> tuple[NDArray[np.bool_], tuple[int, int]]:
        """Where ``odds`` [h, w] is positive, in photo pixels: (pixels, origin), cropped.

        Interpolated between cells, so that the outline of a large region is smooth.
        """
        rows = np.flatnonzero((odds > 0).any(axis=1))
        if not rows.size:
            return np.zeros((0, 0), bool), self.origin
        cols = np.flatnonzero((odds > 0).any(axis=0))
        zoom = self.zoom
        # One cell around, on whole photo pixels.
        top, left = max(0, rows[0] - 1) // zoom * zoom, max(0, cols[0] - 1) // zoom * zoom
        part = odds[top : rows[-1] + 2, left : cols[-1] + 2]
        inside = _shrunk(part, zoom) if zoom > 1 else _grown(part, self.cell)
        x = self.origin[0] + int(left * self.unit)
        y = self.origin[1] + int(top * self.unit)
        return inside[: self.photo[1] - y, : self.photo[0] - x], (x, y)


def _shrunk(odds: Plane, zoom: int) -> NDArray[np.bool_]:
    """Photo pixels of ``zoom`` × ``zoom`` cells that are inside on average."""
    height, width = (-(-n // zoom) for n in odds.shape)
    down, right = height * zoom - odds.shape[0], width * zoom - odds.shape[1]
    # Cells that are missing at the end lay outside the photo or were empty.
    whole = cv2.copyMakeBorder(odds, 0, down, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA) > 0, bool)


def _grown(odds: Plane, cell: int) -> NDArray[np.bool_]:
    """Every cell as ``cell`` × ``cell`` photo pixels, the outline interpolated."""
    if cell == 1:
        return np.asarray(odds > 0, bool)
    # Bytes are four times as fast as floats, and a step of 0.05 is less than the noise.
    levels = np.clip(odds * 20 + 128, 0, 255)
    levels = np.where(odds > 0, np.maximum(levels, 129), np.minimum(levels, 127)).astype(np.uint8)
    size = (odds.shape[1] * cell, odds.shape[0] * cell)
    return np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_LINEAR) > 128, bool)
