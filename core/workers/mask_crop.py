"""Masks on the wire: cropped to their box, bit-packed, zstd-compressed, base64.

    {"origin": [x, y], "size": [width, height], "bits": "KLUv/Q..."}

Knows pixels and text; knows no engine and no process. A 12-megapixel photo's typical lesion is a
few KiB. What arrives is checked as if a stranger had sent it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

MAX_SIDE = 100_000
MAX_PIXELS = 1 << 30


def encode_mask(pixels: NDArray[np.bool_], origin: tuple[int, int]) -> dict[str, Any]:
    """``pixels`` [h, w] bool, its top left at ``origin`` (x, y), as a JSON object.

    Empty borders are cut off first; an empty mask becomes size [0, 0].
    """
    rows = np.flatnonzero(pixels.any(axis=1))
    if not rows.size:
        return {"origin": [int(origin[0]), int(origin[1])], "size": [0, 0], "bits": ""}
    cols = np.flatnonzero(pixels.any(axis=0))
    cut = pixels[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    packed = zstandard.ZstdCompressor(level=3).compress(np.packbits(cut, axis=1).tobytes())
    return {
        "origin": [int(origin[0] + cols[0]), int(origin[1] + rows[0])],
        "size": [int(cut.shape[1]), int(cut.shape[0])],
        "bits": base64.b64encode(packed).decode("ascii"),
    }


def decode_mask(found: Mapping[str, Any]) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """(pixels [h, w] bool, origin (x, y)). Raises ValueError when it is not a mask."""
    x, y = _pair(found.get("origin"), -MAX_SIDE)
    width, height = _pair(found.get("size"), 0)
    if not width or not height:
        return np.zeros((height, width), bool), (x, y)
    if width * height > MAX_PIXELS:
        raise ValueError("a mask of more than a gigapixel")
    stride = (width + 7) // 8
    raw = _unpack(found.get("bits"), stride * height)
    bits = np.frombuffer(raw, np.uint8).reshape(height, stride)
    return np.unpackbits(bits, axis=1, count=width).view(bool), (x, y)


def _pair(value: object, low: int) -> tuple[int, int]:
    match value:
        case [int(a), int(b)] if low <= a <= MAX_SIDE and low <= b <= MAX_SIDE:
            return a, b
    raise ValueError("a mask needs two whole numbers for its origin and for its size")


def _unpack(bits: object, length: int) -> bytes:
    if not isinstance(bits, str):
        raise ValueError("a mask without bits")  # noqa: TRY004 - decode_mask promises ValueError
    data = base64.b64decode(bits, validate=True)
    try:
        # The frame states its size: look before anything is allocated.
        if zstandard.frame_content_size(data) != length:
            raise ValueError("a mask whose bits do not fill its size")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=length)
    except zstandard.ZstdError as error:
        raise ValueError(f"a mask whose bits cannot be read: {error}") from error
