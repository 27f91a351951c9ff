"""Reads class masks out of picture files: palette or grey PNGs whose values are classes.

Knows pixel values; knows no names for them. Values come back as they are stored, never as the
colours a palette gives them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import ImageUnreadable
from core.imaging.decode import FLAWS, MAX_PIXELS, digest, file_bytes
from core.language import tr

MAX_CLASSES = 256
Values = NDArray[np.unsignedinteger]
"""[h, w] uint8 or uint16."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassMask:
    """``values`` as stored; ``present`` the values that occur, rising."""

    values: Values
    present: tuple[int, ...]
    sha256: str


def read_mask(path: Path, *, expected_sha256: str | None = None) -> ClassMask:
    """Raises ImageUnreadable when the file is missing, changed, damaged, too large, a colour
    picture, or holds more than 256 different values (then it is a photo, not a mask)."""
    data = file_bytes(path)
    sha256 = digest(data)
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise ImageUnreadable(
            tr("{name}: The mask changed while it was read. Import it again.", name=path.name)
        )
    try:
        values = _values(path, data)
    except FLAWS as error:
        raise ImageUnreadable(
            tr(
                "{name}: The mask cannot be read. Save it again as a palette or grey PNG.",
                name=path.name,
            )
        ) from error
    present = np.flatnonzero(np.bincount(values.ravel()))
    if len(present) > MAX_CLASSES:
        raise ImageUnreadable(
            tr(
                "{name}: The mask holds {count} different values, as a photo does. Save "
                "one value per class.",
                name=path.name,
                count=len(present),
            )
        )
    return ClassMask(values, tuple(int(v) for v in present), sha256)


def _values(path: Path, data: bytes) -> Values:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise ImageUnreadable(
                tr("{name}: The mask has more than 200 megapixels.", name=path.name)
            )
        picture.load()
        pixels = np.array(picture)
    if pixels.ndim == 3:
        grey = pixels[..., 0]
        if pixels.shape[2] not in (2, 3, 4) or (
            pixels.shape[2] > 2 and (pixels[..., :3] != grey[..., None]).any()
        ):
            raise ImageUnreadable(
                tr(
                    "{name}: The mask is a colour picture. Save it as a palette or grey PNG, "
                    "one value per class.",
                    name=path.name,
                )
            )
        pixels = grey
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8)
    return pixels if pixels.dtype == np.uint8 else np.clip(pixels, 0, 65535).astype(np.uint16)
