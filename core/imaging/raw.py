"""RAW photos, by the optional library rawpy: the sensor's numbers made into a picture.

Always in the same way: the camera's white balance, its rotation, sRGB, and no brightening by
content, which would give the same leaf another colour in another photo. Knows rawpy and the bytes
of a file; the limits and the child process are those of every other format.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.imaging.exif import Capture, capture_of
from core.language import tr

T = TypeVar("T")
RAW_SUFFIXES = frozenset(
    (
        ".dng", ".nef", ".nrw", ".cr2", ".cr3", ".arw", ".sr2", ".raf", ".orf", ".rw2", ".pef",
        ".srw", ".iiq", ".3fr", ".x3f",
    )
)  # fmt: skip
"""Lower-case endings of files that are opened as RAW. Their insides look like TIFF or like nothing
known, so only the name tells."""
# The pip that a terminal finds by itself is another Python's.
_INSTALL = f'"{sys.executable}" -m pip install "leafspot[raw]"'
MISSING = tr(
    "is a RAW photo, for which one more library is needed. Install it with "
    "“{command}”, or save the photo as TIFF or JPEG",
    command=_INSTALL,
)
DAMAGED = tr(
    "is damaged or a kind of RAW that is not known. Copy it again from the camera, or save it as "
    "TIFF or JPEG"
)
_ORIENTATION = {3: 3, 5: 8, 6: 6}
"""From LibRaw's turn to the EXIF value; it applies the turn itself."""


class RawMissing(Exception):
    """rawpy is not installed."""


class RawDamaged(Exception):
    """rawpy cannot make a picture of these bytes."""


def raw_size(data: bytes) -> tuple[int, int, int]:
    """(width, height, EXIF orientation) as displayed. Raises RawMissing, RawDamaged."""
    return _with(data, _size)


def raw_pixels(data: bytes, *, half: bool = False) -> NDArray[np.uint8]:
    """[height, width, 3] sRGB as displayed; ``half`` is four times as fast and half as large.

    Raises RawMissing, RawDamaged.
    """

    def develop(photo: Any) -> NDArray[np.uint8]:
        made: NDArray[np.uint8] = photo.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            adjust_maximum_thr=0.0,
            output_bps=8,
            half_size=half,
        )
        return made

    return _with(data, develop)


def raw_capture(data: bytes) -> Capture:
    """Date and place, where the file is built like a TIFF; its orientation is not LibRaw's."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return Capture()
    exif = Image.Exif()
    try:
        exif.load(b"Exif\0\0" + data)
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        return Capture()
    return capture_of(exif)


def _size(photo: Any) -> tuple[int, int, int]:
    sizes = photo.sizes
    width, height = int(sizes.iwidth), int(sizes.iheight)
    if sizes.flip in (5, 6):
        width, height = height, width
    return width, height, _ORIENTATION.get(int(sizes.flip), 1)


def _with(data: bytes, work: Callable[[Any], T]) -> T:
    try:
        import rawpy
    except ImportError as error:
        raise RawMissing from error
    try:
        with rawpy.imread(io.BytesIO(data)) as photo:
            return work(photo)
    except (rawpy.LibRawError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise RawDamaged from error
