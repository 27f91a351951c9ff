"""COCO run-length encoding of masks, there and back.

Encoding costs what the mask's box holds, not what the photo holds, and is packed by pycocotools.
Decoding is our own: that library's C code crashes at a size that lies and fills what short runs
leave open with whatever was in memory. Knows masks, no file.

Runs go down the columns: pixel (x, y) of a photo [height, width] has the number x * height + y.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box, TileMask

Rle = dict[str, object]
"""{"size": [height, width], "counts": compressed ASCII string}."""
MAX_PIXELS = 1 << 29
MAX_COUNTS = 1 << 26


def encode(mask: TileMask) -> Rle:
    """The mask on its whole photo."""
    box = mask.box()
    if box is None:
        return encode_cut(np.zeros((0, 0), bool), (0, 0), (mask.width, mask.height))
    return encode_cut(mask.read(box), box[:2], (mask.width, mask.height))


def encode_cut(pixels: NDArray[np.bool_], origin: tuple[int, int], size: tuple[int, int]) -> Rle:
    """``pixels`` [h, w] bool, top left at ``origin`` (x, y) of a photo of (width, height)."""
    from pycocotools import mask as coco

    width, height = size
    if not 0 < width * height <= MAX_PIXELS:
        raise ValueError(f"a photo of {width} × {height} pixels cannot be run-length encoded")
    runs = {"size": [height, width], "counts": _counts(pixels, origin, size)}
    packed: dict[str, Any] = coco.frPyObjects(runs, height, width)
    return {"size": [height, width], "counts": packed["counts"].decode("ascii")}


def _counts(pixels: NDArray[np.bool_], origin: tuple[int, int], size: tuple[int, int]) -> list[int]:
    """Lengths of background and mask in turn, background first, down the columns."""
    width, height = size
    x, y = origin
    h, w = pixels.shape
    if h == 0 or w == 0 or not pixels.any():
        return [width * height]
    # A blank row under each column keeps a run from going on into the next column of the cut.
    column_wise = np.zeros((w, h + 1), np.int8)
    column_wise[:, :h] = pixels.T
    step = np.diff(column_wise.ravel(), prepend=np.int8(0))
    starts, ends = np.flatnonzero(step == 1), np.flatnonzero(step == -1)

    def on_photo(index: NDArray[np.intp]) -> NDArray[np.int64]:
        column, row = np.divmod(index.astype(np.int64), h + 1)
        return np.asarray((x + column) * height + y + row)

    first, last = on_photo(starts), on_photo(ends)
    # Where the cut is as high as the photo, the end of one column is the start of the next.
    apart = first[1:] != last[:-1]
    first = first[np.concatenate(([True], apart))]
    last = last[np.concatenate((apart, [True]))]
    edges = np.empty(2 * len(first) + 2, np.int64)
    edges[0], edges[-1] = 0, width * height
    edges[1:-1:2], edges[2:-1:2] = first, last
    counts: list[int] = np.diff(edges).tolist()
    return counts if counts[-1] else counts[:-1]


def check(rle: object, size: tuple[int, int]) -> Rle:
    """``rle`` if it can be decoded onto a photo of ``size`` (width, height); else ValueError."""
    width, height = size
    if not 0 < width * height <= MAX_PIXELS:
        raise ValueError(f"{width} × {height} pixels are more than a mask may have")
    if not isinstance(rle, dict) or rle.get("size") != [height, width]:
        raise ValueError("the mask is not of its photo's size")
    counts = rle.get("counts")
    if not isinstance(counts, str) or len(counts) > MAX_COUNTS or not counts.isascii():
        raise ValueError("the mask has no compressed runs")
    if any(not 48 <= code < 112 for code in counts.encode("ascii")):
        raise ValueError("the mask's runs hold characters that no run has")
    return rle


def run_lengths(counts: str) -> NDArray[np.int64]:
    """The runs of a compressed string, background first. ValueError when it is none.

    Five bits a character, the sixth says that more follow, low bits first, the last one's top bit
    is the sign; from the fourth run on, each is the difference to the one two before.
    """
    code = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    if not code.size or code[-1] & 32:
        raise ValueError("the mask's runs end in the middle of one")
    ends = np.flatnonzero(~code & 32)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if (ends - starts).max() >= 7:
        raise ValueError("the mask's runs are longer than any photo")
    place = np.arange(code.size) - np.repeat(starts, ends - starts + 1)
    value = np.add.reduceat((code & 31) << (5 * place), starts)
    value -= np.where(code[ends] & 16, np.int64(1) << (5 * (ends - starts + 1)), 0)
    value[1::2] = np.cumsum(value[1::2])
    value[2::2] = np.cumsum(value[2::2])
    return value


def decode(rle: object, size: tuple[int, int]) -> NDArray[np.bool_]:
    """[height, width] bool. ValueError for anything but a mask of ``size`` (width, height)."""
    width, height = size
    runs = run_lengths(str(check(rle, size)["counts"]))
    # pycocotools would leave memory as it found it where the runs are too short.
    if (runs < 0).any() or runs.sum() != width * height:
        raise ValueError("the mask's runs do not fill its photo")
    columns = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    return np.ascontiguousarray(columns.reshape(width, height).T)


def bounding(box: Box | None) -> list[float]:
    """A half-open box as COCO writes it: [x, y, width, height]."""
    if box is None:
        return [0.0, 0.0, 0.0, 0.0]
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]
