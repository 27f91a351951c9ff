"""An outline of points as pixels: what a polygon or a free hand encloses.

A pixel belongs to it when its centre does. Where the outline crosses itself, both loops count.
Knows points and tiles; knows no tool and no region.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box, TileMask, clip_box

Point = tuple[float, float]


def enclosed(points: Sequence[Point], size: tuple[int, int]) -> TileMask:
    """The pixels inside the closed outline ``points`` (x, y) on a photo of ``size`` (w, h).

    Empty for fewer than three points, and for an outline around no pixel's centre. Points may lie
    outside the photo.
    """
    mask = TileMask(*size)
    if len(points) < 3:
        return mask
    xs, ys = np.array(points, float).T
    around = (math.floor(xs.min()), math.floor(ys.min()), math.ceil(xs.max()), math.ceil(ys.max()))
    box = clip_box(around, *size)
    if box[2] > box[0] and box[3] > box[1]:
        mask.write(box, _filled(xs, ys, box))
    return mask


def _filled(xs: NDArray[np.float64], ys: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    """How often the outline winds around each pixel's centre, by adding up crossings row by row."""
    x0, y0, x1, y1 = box
    turns = np.zeros((y1 - y0, x1 - x0 + 1), np.int16)
    next_x, next_y = np.roll(xs, -1), np.roll(ys, -1)
    for ax, ay, bx, by in zip(xs, ys, next_x, next_y, strict=True):
        # The rows whose centre line lies in [low, high): each corner belongs to one of its edges.
        low, high = min(ay, by), max(ay, by)
        first, end = max(y0, math.ceil(low - 0.5)), min(y1, math.ceil(high - 0.5))
        if end <= first:
            continue
        rows = np.arange(first, end)
        crossed = ax + (rows + 0.5 - ay) * ((bx - ax) / (by - ay))
        columns = np.clip(np.ceil(crossed - 0.5), x0, x1).astype(np.intp) - x0
        turns[rows - y0, columns] += 1 if by > ay else -1
    found: NDArray[np.bool_] = np.cumsum(turns, axis=1, dtype=np.int32)[:, :-1] != 0
    return found
