"""A brush stroke in the making: capsules along the pointer's path, kept as tiles.

The stroke is held apart from the region until it is finished, so that cancelling costs nothing, an
undo in mid-stroke cannot spoil it, and the region changes by edits alone. Knows the domain's tiles;
knows no widget.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.domain.ids import RegionId
from core.domain.mask import TILE, Box, TileKey, TileMask, clip_box, pack_tile
from gui.canvas.class_pyramid import tile_cuts

Point = tuple[float, float]
Flags = NDArray[np.bool_]
Extent = NDArray[np.float64]
FINE = 1.5
"""Brushes up to this radius draw from pixel centre to pixel centre, as a pencil would."""
SPOT = 1e-9
"""A line shorter than this many pixels is a dot: its direction would be rounding alone."""


def capsule_rows(a: Point, b: Point, radius: float, rows: Extent) -> tuple[Extent, Extent]:
    """Left and right end of the capsule around the line a–b on each horizontal line y = ``rows``.

    A capsule is convex, so that one interval a row is exact. Rows that miss it get left > right.
    """
    left, right = np.full(len(rows), np.inf), np.full(len(rows), -np.inf)
    for cx, cy in (a, b):
        half = np.sqrt(np.maximum(radius**2 - (rows - cy) ** 2, 0))
        inside = np.abs(rows - cy) <= radius
        left = np.where(inside, np.minimum(left, cx - half), left)
        right = np.where(inside, np.maximum(right, cx + half), right)
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    if length < SPOT:
        return left, right
    nx, ny = (a[1] - b[1]) / length * radius, (b[0] - a[0]) / length * radius
    corners = [
        (a[0] + nx, a[1] + ny), (b[0] + nx, b[1] + ny),
        (b[0] - nx, b[1] - ny), (a[0] - nx, a[1] - ny),
    ]  # fmt: skip
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y0 == y1:
            continue  # its ends belong to the neighbouring edges
        crossed = (rows >= min(y0, y1)) & (rows <= max(y0, y1))
        x = x0 + (rows[crossed] - y0) / (y1 - y0) * (x1 - x0)
        left[crossed] = np.minimum(left[crossed], x)
        right[crossed] = np.maximum(right[crossed], x)
    return left, right


class Stroke:
    """Pixels painted so far, over the region ``region_id`` (None: a region still to be made)."""

    def __init__(self, size: tuple[int, int], region_id: RegionId | None, *, erase: bool) -> None:
        self.size = size
        self.region_id = region_id
        self.erase = erase
        self.painted: dict[TileKey, Flags] = {}

    @classmethod
    def filled(cls, mask: TileMask, region_id: RegionId | None, *, erase: bool) -> Stroke:
        """All the pixels of ``mask``, as if they had been painted at once."""
        stroke = cls((mask.width, mask.height), region_id, erase=erase)
        stroke.painted = mask.tiles
        return stroke

    def line(self, a: Point, b: Point, radius: float) -> Box | None:
        """Paint every pixel whose centre is within ``radius`` of the line a–b, and the pixel at b.

        Gives the photo box that may have changed, or None when all of it lies outside the photo.
        """
        if radius <= FINE:
            a, b = _centre(a), _centre(b)
        ends = (min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
        box = clip_box(
            (
                math.floor(ends[0] - radius),
                math.floor(ends[1] - radius),
                math.ceil(ends[2] + radius) + 1,
                math.ceil(ends[3] + radius) + 1,
            ),
            *self.size,
        )
        if box[2] <= box[0] or box[3] <= box[1]:
            return None
        for top in range(box[1] // TILE * TILE, box[3], TILE):
            self._band((box[0], max(box[1], top), box[2], min(box[3], top + TILE)), a, b, radius)
        self._dot(b)
        return box

    def _band(self, box: Box, a: Point, b: Point, radius: float) -> None:
        """Paint what lies in one row of tiles, visiting only the tiles that the capsule crosses."""
        x0, y0, x1, y1 = box
        left, right = capsule_rows(a, b, radius, np.arange(y0, y1, dtype=np.float64) + 0.5)
        touched = left <= right
        if not touched.any():
            return
        x0 = max(x0, math.floor(left[touched].min()))
        x1 = min(x1, math.ceil(right[touched].max()) + 1)
        if x1 <= x0:
            return
        for key, inner, (_, xs) in tile_cuts((x0, y0, x1, y1)):
            centres = np.arange(xs.start, xs.stop) + 0.5
            piece = (centres >= left[:, None]) & (centres <= right[:, None])
            if piece.any():
                tile = self.painted.setdefault(key, np.zeros((TILE, TILE), bool))
                tile[inner] |= piece

    def _dot(self, at: Point) -> None:
        x, y = math.floor(at[0]), math.floor(at[1])
        if 0 <= x < self.size[0] and 0 <= y < self.size[1]:
            key = (y // TILE, x // TILE)
            tile = self.painted.setdefault(key, np.zeros((TILE, TILE), bool))
            tile[y % TILE, x % TILE] = True

    def shown(self, key: TileKey, tile: Flags | None) -> Flags | None:
        """What a tile of the region looks like with the stroke on it; None is empty."""
        painted = self.painted.get(key)
        if painted is None:
            return tile
        if self.erase:
            return None if tile is None else tile & ~painted
        return painted if tile is None else tile | painted

    def delta(self, mask: TileMask | None) -> dict[TileKey, NDArray[np.uint8]]:
        """Packed XOR tiles that put the stroke on ``mask`` (None: an empty one).

        Only painted tiles are read; tiles without a difference are left out.
        """
        out: dict[TileKey, NDArray[np.uint8]] = {}
        for key, painted in self.painted.items():
            tile = None if mask is None else mask.tiles.get(key)
            if tile is None:
                change = np.zeros_like(painted) if self.erase else painted
            else:
                change = painted & tile if self.erase else painted & ~tile
            if change.any():
                out[key] = pack_tile(change)
        return out


def _centre(point: Point) -> Point:
    return math.floor(point[0]) + 0.5, math.floor(point[1]) + 0.5
