"""A packed tile as the bytes of a table row, and the digests that prove them.

Knows tiles, zstd and sha256; knows no table. A tile is 256 × 256 pixels, bit-packed (8192 bytes),
row-major. Its digest also covers which region and which place it belongs to, so that a tile that
ended up in the wrong row is found as surely as a flipped bit.
"""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import zstandard
from numpy.typing import NDArray

from core.domain.mask import PACKED, TILE, TileKey

Packed = NDArray[np.uint8]
EMPTY_MASK = hashlib.sha256(b"").digest()


class TileDamaged(Exception):
    """A tile that does not decompress or does not match its digest."""


class _Coders(threading.local):
    """zstd contexts are not safe to share between threads."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)
        self.decompressor = zstandard.ZstdDecompressor()


_coders = _Coders()


def encode(region: int, key: TileKey, packed: Packed) -> tuple[bytes, bytes]:
    """(sha256, data) of a PACKED-byte tile."""
    raw = packed.tobytes()
    return _digest(region, key, raw), _coders.compressor.compress(raw)


def decode(region: int, key: TileKey, *, sha256: bytes, data: bytes) -> Packed:
    """The tile, read-only; raises TileDamaged."""
    try:
        # The size is checked before anything is inflated: a row may claim gigabytes.
        if zstandard.frame_content_size(data) != PACKED:
            raise TileDamaged("wrong size")
        raw = _coders.decompressor.decompress(data, max_output_size=PACKED)
        own = _digest(region, key, raw)
    except (zstandard.ZstdError, TypeError, struct.error) as error:
        raise TileDamaged(str(error)) from error
    if len(raw) != PACKED or own != sha256:
        raise TileDamaged("checksum")
    return np.frombuffer(raw, np.uint8)


def mask_digest(tiles: Iterable[tuple[TileKey, bytes]]) -> bytes:
    """One digest over the tile digests in key order: a lost tile changes it."""
    return hashlib.sha256(b"".join(sha for _, sha in sorted(tiles))).digest()


def verify_mask(tiles: Iterable[tuple[TileKey, bytes]], sha256: bytes) -> None:
    """Raises TileDamaged when the tiles of a mask are not those it was saved with."""
    if mask_digest(tiles) != sha256:
        raise TileDamaged("a tile is missing or too many")


def fits(key: TileKey, packed: Packed, size: tuple[int, int]) -> bool:
    """Whether a tile is well-formed and holds no pixel outside a photo of ``size`` (w, h)."""
    row, col = key
    width, height = size[0] - col * TILE, size[1] - row * TILE
    if row < 0 or col < 0 or width <= 0 or height <= 0 or packed.shape != (PACKED,):
        return False
    if packed.dtype != np.uint8:
        return False
    if width >= TILE and height >= TILE:
        return True
    return not (packed & _outside(min(width, TILE), min(height, TILE))).any()


def _digest(region: int, key: TileKey, raw: bytes) -> bytes:
    return hashlib.sha256(struct.pack(">qii", region, *key) + raw).digest()


@lru_cache(maxsize=64)
def _outside(width: int, height: int) -> Packed:
    """Packed bits beyond the top left ``width`` × ``height`` pixels of a tile."""
    pixels = np.ones((TILE, TILE), bool)
    pixels[:height, :width] = False
    return np.packbits(pixels, axis=None)
