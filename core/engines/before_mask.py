"""The mask a person already has, as an engine's network sees it.

Knows pixels; knows no engine.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box
from core.engines.base import Before

ISLANDS = 20
"""Pieces of a mask that are pointed at, the largest first."""
Place = tuple[float, float]


def placed(before: Before, scale: float, size: tuple[int, int]) -> NDArray[np.float32]:
    """How much of each cell the mask covers, 0 to 1, on a grid of ``size`` (h, w).

    ``scale`` is cells per photo pixel.
    """
    covered = before.pixels.astype(np.float32)
    if scale < 1:  # the mean over what a cell covers, not a sample of it
        side = max(1, round(1 / scale))
        covered = cv2.blur(covered, (side, side), borderType=cv2.BORDER_CONSTANT)
    x, y = before.origin
    place = np.array(
        [
            [1 / scale, 0, 0.5 / scale - 0.5 - x],
            [0, 1 / scale, 0.5 / scale - 0.5 - y],
        ]
    )
    found: NDArray[np.float32] = cv2.warpAffine(
        covered, place, size[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return found


def middles(before: Before, minus: list[Place]) -> list[Place]:
    """The deepest place (x, y), in photo pixels, of each piece of the mask, away from ``minus``.

    As if the person had clicked there once. A piece that was clicked away has none.
    """
    padded = np.pad(before.pixels, 1).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(padded, connectivity=8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)
    left, top = before.origin[0] - 1, before.origin[1] - 1
    places = []
    order = sorted(range(1, count), key=lambda n: -int(stats[n, cv2.CC_STAT_AREA]))
    for piece in order[:ISLANDS]:
        x, y, width, height = (int(v) for v in stats[piece, : cv2.CC_STAT_AREA])
        cut = (slice(y, y + height), slice(x, x + width))
        inside = np.where(labels[cut] == piece, depth[cut], 0)
        deepest = float(inside.max())
        rows, cols = np.arange(height)[:, None], np.arange(width)
        for mx, my in minus:
            away = np.hypot(cols + x + left + 0.5 - mx, rows + y + top + 0.5 - my)
            inside = np.where(away < max(2.0, deepest / 2), 0, inside)
        if inside.max() >= 0.3 * deepest:
            row, col = divmod(int(inside.argmax()), inside.shape[1])
            places.append((col + x + left + 0.5, row + y + top + 0.5))
    return [(float(x), float(y)) for x, y in places]


def unquestioned(before: Before, minus: list[Place], box: Box | None) -> Before:
    """The pieces of the mask that stay whatever is found: those without a minus click on them, and
    of which ``box`` holds less than half."""
    if not minus and box is None:
        return before
    left, top = before.origin
    count, labels = cv2.connectedComponents(before.pixels.astype(np.uint8), connectivity=8)
    stays = np.ones(count, bool)
    stays[0] = False
    for x, y in minus:
        row, col = int(y) - top, int(x) - left
        if 0 <= row < labels.shape[0] and 0 <= col < labels.shape[1]:
            stays[labels[row, col]] = False
    if box is not None:
        x0, y0, x1, y1 = box
        held = labels[max(0, y0 - top) : max(0, y1 - top), max(0, x0 - left) : max(0, x1 - left)]
        inside, sizes = (np.bincount(part.ravel(), minlength=count) for part in (held, labels))
        stays &= 2 * inside < sizes
    return Before(stays[labels], before.origin)


def holds(box: Box, place: Place) -> bool:
    """Whether ``place`` lies in it."""
    return box[0] <= place[0] < box[2] and box[1] <= place[1] < box[3]


def same(one: Before | None, other: Before | None) -> bool:
    """Whether both are the same mask, or neither is one."""
    if one is None or other is None:
        return one is other
    return one.origin == other.origin and np.array_equal(one.pixels, other.pixels)
