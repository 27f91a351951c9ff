"""A region's mask made into another: filled, cleaned, grown, shrunk, smoothed, cut into pieces.

Every function works on the mask's own box, so that a lesion on a large photo costs what a lesion
costs, gives a new `TileMask` and leaves the one it was given as it is. Knows tiles and pixels;
knows no region and no edit.

Pieces are connected along sides and corners (8 neighbours), holes and gaps along sides only. What
lies beyond the photo is not known: a mask that is cut off by the photo's edge does not withdraw
from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box, TileMask, clip_box
from core.geometry import leaves

Pixels = NDArray[np.bool_]
Point = tuple[float, float]
NEAR = 1e-3
"""Distances are square roots of whole numbers: two of them never lie so close."""
FAR = 1 << 15
BAND = 256
"""Rows looked up at a time."""


def fill_holes(mask: TileMask) -> TileMask:
    """Everything that the mask encloses belongs to it. Filling twice is filling once."""
    pixels, box = _cut(mask, 1)
    if pixels is None:
        return mask.copy()
    return _made(mask, box, pixels | _enclosed(pixels))


def drop_specks(mask: TileMask, smallest: int) -> TileMask:
    """Without the pieces of fewer than ``smallest`` pixels. Larger ones keep every pixel."""
    pixels, box = _cut(mask, 0)
    if pixels is None:
        return mask.copy()
    _, labels, stats, _ = cv2.connectedComponentsWithStats(_bytes(pixels), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= smallest
    keep[0] = False
    return _made(mask, box, _looked_up(keep, labels))


def grow(mask: TileMask, by: int) -> TileMask:
    """With every pixel of the photo whose centre is within ``by`` pixels of one of the mask's."""
    pixels, box = _cut(mask, by + 1)
    if pixels is None or by <= 0:
        return mask.copy()
    return _made(mask, box, _distance(~pixels) <= by + NEAR)


def shrink(mask: TileMask, by: int) -> TileMask:
    """Without the pixels whose centre is within ``by`` pixels of one that is not the mask's.

    May be empty. Shrinking what was grown by as much loses nothing of what there was.
    """
    pixels, box = _cut(mask, by + 1)
    if pixels is None or by <= 0:
        return mask.copy()
    pixels |= _beyond(box, mask)
    return _made(mask, box, _distance(pixels) > by + NEAR)


def smooth(mask: TileMask, radius: float) -> TileMask:
    """With an outline that bends no tighter than about ``radius`` pixels.

    Each pixel goes with the majority around it. No piece and no hole is lost: one that would be is
    kept as it was.
    """
    margin = math.ceil(3 * radius) + 1
    pixels, box = _cut(mask, margin)
    if pixels is None or radius <= 0:
        return mask.copy()
    x0, y0, x1, y1 = clip_box(box, mask.width, mask.height)
    inside = pixels[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]]
    blurred = cv2.GaussianBlur(
        inside.astype(np.uint8) * 255, (0, 0), radius, borderType=cv2.BORDER_REPLICATE
    )
    found = blurred > 127
    found |= _lost(inside, found, connectivity=8)
    holes = _enclosed(np.pad(inside, 1))[1:-1, 1:-1]
    found &= ~_lost(holes, ~found, connectivity=4)
    return _made(mask, (x0, y0, x1, y1), found)


def pieces(mask: TileMask) -> list[TileMask]:
    """The connected pieces, largest first; together they are the mask."""
    pixels, box = _cut(mask, 0)
    if pixels is None:
        return []
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_bytes(pixels), connectivity=8)
    order = sorted(range(1, count), key=lambda n: (-int(stats[n, cv2.CC_STAT_AREA]), n))
    return [_piece(mask, box, labels, stats[n], n) for n in order]


def leaves_of(mask: TileMask, lesions: Iterable[TileMask]) -> list[TileMask]:
    """The leaves that an outline of leaf is of, largest first; together they are the mask.

    ``lesions`` connect what they lie between.
    """
    pixels, box = _cut(mask, 0)
    if pixels is None:
        return []
    spots = union(lesions, (mask.width, mask.height)).read(box)
    return [_made(mask, box, part) for part in leaves.apart(pixels, spots)]


def count_pieces(mask: TileMask) -> int:
    """How many there are, without making them."""
    pixels, _ = _cut(mask, 0)
    if pixels is None:
        return 0
    return int(cv2.connectedComponents(_bytes(pixels), connectivity=8)[0]) - 1


def cut(mask: TileMask, path: Sequence[Point]) -> list[TileMask]:
    """What is left of the mask, and the parts that a line along ``path`` (photo points) cuts off.

    Of every piece that the line parts, the largest part stays. The line takes nothing away: its
    own pixels go to parts they touch. Only the mask itself when the line parts nothing.
    """
    pixels, box = _cut(mask, 1)
    if pixels is None or len(path) < 2:
        return [mask.copy()]
    line = pixels & _line(path, box, pixels.shape)
    if not line.any():
        return [mask.copy()]
    _, whole = cv2.connectedComponents(_bytes(pixels), connectivity=8)
    crossed = np.zeros(int(whole.max()) + 1, bool)
    crossed[whole[line]] = True
    parted = _looked_up(crossed, whole)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        _bytes(parted & ~line), connectivity=8
    )
    _hand_out(labels, line)
    owner = np.zeros(count, np.int32)
    owner[labels[parted]] = whole[parted]
    sizes = stats[:, cv2.CC_STAT_AREA]
    largest: set[int] = set()
    off = []
    for n in sorted(range(1, count), key=lambda n: (-int(sizes[n]), n)):
        if int(owner[n]) in largest:
            off.append(labels == n)
        largest.add(int(owner[n]))
    for part in off:
        pixels &= ~part
    return [_made(mask, box, part) for part in (pixels, *off)]


def _line(path: Sequence[Point], box: Box, shape: tuple[int, ...]) -> Pixels:
    """The pixels along ``path``. Of four neighbours a step: corners touch through one of eight."""
    line = np.zeros(shape, np.uint8)
    corners = np.array([[(x - box[0], y - box[1]) for x, y in path]])
    corners = np.clip(np.floor(corners), -FAR, FAR).astype(np.int32)
    cv2.polylines(line, list(corners), isClosed=False, color=1, thickness=1, lineType=cv2.LINE_4)
    return line > 0


def union(masks: Iterable[TileMask], size: tuple[int, int]) -> TileMask:
    """Every pixel of any of them, on a photo of ``size`` (width, height)."""
    out = TileMask(*size)
    for mask in masks:
        for key, tile in mask.tiles.items():
            there = out.tiles.get(key)
            out.tiles[key] = tile.copy() if there is None else there | tile
    return out


def inside(mask: TileMask, other: TileMask) -> TileMask:
    """The pixels that both have. May be empty."""
    out = TileMask(mask.width, mask.height)
    for key, tile in mask.tiles.items():
        both = tile & other.tiles[key] if key in other.tiles else None
        if both is not None and both.any():
            out.tiles[key] = both
    return out


def _cut(mask: TileMask, margin: int) -> tuple[Pixels | None, Box]:
    """The mask's pixels in its box with ``margin`` on every side, beyond the photo as well."""
    box = mask.box()
    if box is None:
        return None, (0, 0, 0, 0)
    x0, y0, x1, y1 = box
    wide = (x0 - margin, y0 - margin, x1 + margin, y1 + margin)
    return mask.read(wide), wide


def _made(mask: TileMask, box: Box, pixels: Pixels) -> TileMask:
    return TileMask.from_array(pixels, (box[0], box[1]), (mask.width, mask.height))


def _piece(
    mask: TileMask, box: Box, labels: NDArray[np.int32], stats: NDArray[np.int32], number: int
) -> TileMask:
    x, y, width, height = (int(value) for value in stats[: cv2.CC_STAT_AREA])
    found = labels[y : y + height, x : x + width] == number
    return TileMask.from_array(found, (box[0] + x, box[1] + y), (mask.width, mask.height))


def _bytes(pixels: Pixels) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels).view(np.uint8)


def _distance(pixels: Pixels) -> NDArray[np.float32]:
    """From each set pixel to the nearest one that is not; 0 where not set."""
    found: NDArray[np.float32] = cv2.distanceTransform(
        _bytes(pixels), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return found


def _enclosed(pixels: Pixels) -> Pixels:
    """What is not set and cannot be reached from the rim; ``pixels`` has an empty one."""
    flooded = _bytes(pixels.copy())
    cv2.floodFill(flooded, None, (0, 0), 1, flags=4)
    found: Pixels = flooded == 0
    return found


def _beyond(box: Box, mask: TileMask) -> Pixels:
    """Which pixels of ``box`` lie beyond the photo."""
    x0, y0, x1, y1 = box
    xs, ys = np.arange(x0, x1), np.arange(y0, y1)
    found: Pixels = ((ys < 0) | (ys >= mask.height))[:, None] | ((xs < 0) | (xs >= mask.width))
    return found


def _lost(before: Pixels, after: Pixels, *, connectivity: int) -> Pixels:
    """The pieces of ``before`` of which ``after`` has no pixel."""
    count, labels = cv2.connectedComponents(_bytes(before), connectivity=connectivity)
    gone = np.ones(count, bool)
    gone[0] = False
    gone[labels[before & after]] = False
    return _looked_up(gone, labels)


def _looked_up(table: NDArray[np.bool_], labels: NDArray[np.int32]) -> Pixels:
    """``table[labels]`` in bands: the window may go on between them."""
    out = np.empty(labels.shape, bool)
    for start in range(0, len(labels), BAND):
        np.take(table, labels[start : start + BAND], out=out[start : start + BAND], mode="clip")
    return out


def _hand_out(labels: NDArray[np.int32], open_: Pixels) -> None:
    """Give the pixels ``open_`` the label of one that they touch, in place, from there inwards.

    What touches none, because the line covers a whole piece, has no label.
    """
    ys, xs = np.nonzero(open_)
    while len(ys):
        found = np.zeros(len(ys), np.int32)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                np.maximum(found, labels[ys + dy, xs + dx], out=found)
        if not found.any():
            return
        labels[ys, xs] = found
        ys, xs = ys[found == 0], xs[found == 0]
