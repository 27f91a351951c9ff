"""A region's pixels as sparse 256-pixel tiles.

Raster first: holes, islands, overlaps and one-pixel lesions survive every operation. The same
tiles are what storage writes and what undo keeps, so a stroke on a 50-megapixel photo costs what it
touched and no more. Knows numpy only.

Coordinates are displayed pixels, x to the right, y down. A box is (x0, y0, x1, y1), half open.
Arrays are indexed [y, x].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

TILE = 256
Box = tuple[int, int, int, int]
TileKey = tuple[int, int]
"""(row, column) of a tile; its top left pixel is (column * TILE, row * TILE)."""
Tiles = Mapping[TileKey, NDArray[np.uint8]]
"""Bit-packed tiles: uint8 arrays of TILE * TILE / 8 bytes, ``np.packbits`` order, row-major."""
PACKED = TILE * TILE // 8


def pack_tile(tile: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(TILE, TILE) bool to PACKED bytes."""
    return np.packbits(tile, axis=None)


def unpack_tile(packed: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """PACKED bytes to a writable (TILE, TILE) bool array."""
    return np.unpackbits(packed).reshape(TILE, TILE).view(np.bool_)


def clip_box(box: Box, width: int, height: int) -> Box:
    """``box`` cut to the image; empty boxes come back with x1 <= x0 or y1 <= y0."""
    x0, y0, x1, y1 = box
    return max(0, x0), max(0, y0), min(width, x1), min(height, y1)


@dataclass(slots=True)
class TileMask:
    """Pixels of one region on a photo of ``width`` × ``height``. Absent tiles are empty.

    Tiles at the right and bottom edge are full-sized; bits beyond the photo are always 0.
    """

    width: int
    height: int
    tiles: dict[TileKey, NDArray[np.bool_]] = field(default_factory=dict)

    @classmethod
    def from_array(
        cls,
        pixels: NDArray[np.bool_],
        origin: tuple[int, int] = (0, 0),
        size: tuple[int, int] | None = None,
    ) -> TileMask:
        """From an [h, w] bool array whose top left pixel sits at ``origin`` (x, y).

        ``size`` is the photo's (width, height); without it the array is the whole photo.
        Pixels outside the photo are dropped.
        """
        width, height = size or (pixels.shape[1], pixels.shape[0])
        mask = cls(width, height)
        x, y = origin
        mask.write((x, y, x + pixels.shape[1], y + pixels.shape[0]), pixels)
        return mask

    @classmethod
    def from_packed(cls, width: int, height: int, tiles: Tiles) -> TileMask:
        """From bit-packed tiles, as storage keeps them."""
        return cls(width, height, {key: unpack_tile(data) for key, data in tiles.items()})

    def packed(self) -> dict[TileKey, NDArray[np.uint8]]:
        """Bit-packed tiles, empty ones left out."""
        return {key: pack_tile(tile) for key, tile in self.tiles.items() if tile.any()}

    def _overlaps(
        self, box: Box
    ) -> Iterator[tuple[TileKey, tuple[slice, slice], tuple[slice, slice]]]:
        """(tile key, slices in the tile, slices in the box) for every tile the box meets."""
        x0, y0, x1, y1 = box
        for row in range(y0 // TILE, (y1 - 1) // TILE + 1):
            for col in range(x0 // TILE, (x1 - 1) // TILE + 1):
                top, left = row * TILE, col * TILE
                a0, a1 = max(y0, top), min(y1, top + TILE)
                b0, b1 = max(x0, left), min(x1, left + TILE)
                yield (
                    (row, col),
                    (slice(a0 - top, a1 - top), slice(b0 - left, b1 - left)),
                    (slice(a0 - y0, a1 - y0), slice(b0 - x0, b1 - x0)),
                )

    def read(self, box: Box) -> NDArray[np.bool_]:
        """A fresh [y1-y0, x1-x0] array; pixels outside the photo are False."""
        x0, y0, x1, y1 = box
        out = np.zeros((max(0, y1 - y0), max(0, x1 - x0)), bool)
        cut = clip_box(box, self.width, self.height)
        if cut[2] <= cut[0] or cut[3] <= cut[1]:
            return out
        dx, dy = cut[0] - x0, cut[1] - y0
        for key, inner, outer in self._overlaps(cut):
            tile = self.tiles.get(key)
            if tile is not None:
                ys, xs = outer
                out[ys.start + dy : ys.stop + dy, xs.start + dx : xs.stop + dx] = tile[inner]
        return out

    def write(self, box: Box, pixels: NDArray[np.bool_]) -> None:
        """Replace the pixels of ``box``; what lies outside the photo is dropped."""
        cut = clip_box(box, self.width, self.height)
        if cut[2] <= cut[0] or cut[3] <= cut[1]:
            return
        part = pixels[cut[1] - box[1] : cut[3] - box[1], cut[0] - box[0] : cut[2] - box[0]]
        for key, inner, outer in self._overlaps(cut):
            piece = part[outer]
            tile = self.tiles.get(key)
            if tile is None:
                if not piece.any():
                    continue
                tile = self.tiles[key] = np.zeros((TILE, TILE), bool)
            tile[inner] = piece
            if not piece.any() and not tile.any():
                del self.tiles[key]

    def add(self, box: Box, pixels: NDArray[np.bool_]) -> None:
        """Union with ``pixels`` inside ``box``."""
        self.write(box, self.read(box) | pixels)

    def subtract(self, box: Box, pixels: NDArray[np.bool_]) -> None:
        """Difference with ``pixels`` inside ``box``."""
        self.write(box, self.read(box) & ~pixels)

    def to_array(self) -> NDArray[np.bool_]:
        """The whole photo as a [height, width] bool array."""
        return self.read((0, 0, self.width, self.height))

    def copy(self) -> TileMask:
        """An independent mask with the same pixels."""
        return TileMask(self.width, self.height, {k: t.copy() for k, t in self.tiles.items()})

    def area(self) -> int:
        """Number of set pixels."""
        return int(sum(np.count_nonzero(t) for t in self.tiles.values()))

    def contains(self, x: int, y: int) -> bool:
        """Whether the pixel is set; False outside the photo."""
        tile = self.tiles.get((y // TILE, x // TILE))
        return tile is not None and bool(tile[y % TILE, x % TILE])

    def box(self) -> Box | None:
        """The tight bounding box, or None when empty."""
        found = [self._tile_box(key, tile) for key, tile in self.tiles.items() if tile.any()]
        if not found:
            return None
        x0s, y0s, x1s, y1s = zip(*found, strict=True)
        return min(x0s), min(y0s), max(x1s), max(y1s)

    @staticmethod
    def _tile_box(key: TileKey, tile: NDArray[np.bool_]) -> Box:
        rows = np.flatnonzero(tile.any(axis=1))
        cols = np.flatnonzero(tile.any(axis=0))
        top, left = key[0] * TILE, key[1] * TILE
        return (
            left + int(cols[0]),
            top + int(rows[0]),
            left + int(cols[-1]) + 1,
            top + int(rows[-1]) + 1,
        )

    def delta(self, other: TileMask) -> dict[TileKey, NDArray[np.uint8]]:
        """Bit-packed XOR of every tile in which the two masks differ: what undo keeps."""
        out: dict[TileKey, NDArray[np.uint8]] = {}
        blank = np.zeros((TILE, TILE), bool)
        for key in self.tiles.keys() | other.tiles.keys():
            xor = self.tiles.get(key, blank) ^ other.tiles.get(key, blank)
            if xor.any():
                out[key] = pack_tile(xor)
        return out

    def apply_delta(self, delta: Tiles) -> None:
        """XOR the packed tiles in. Applying the same delta twice is the identity."""
        for key, packed in delta.items():
            tile = self.tiles.get(key)
            xored = unpack_tile(packed) if tile is None else tile ^ unpack_tile(packed)
            if xored.any():
                self.tiles[key] = xored
            else:
                self.tiles.pop(key, None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TileMask):
            return NotImplemented
        return (self.width, self.height) == (other.width, other.height) and not self.delta(other)
