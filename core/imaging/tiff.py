"""What is particular to TIFF files: the only photos whose pixels come in kinds nobody can show.

Knows tags and first bytes; decodes nothing and refuses nothing itself.
"""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image
from PIL.TiffImagePlugin import BITSPERSAMPLE, PLANAR_CONFIGURATION, PREFIXES, TiffImageFile


def is_tiff(file: BinaryIO) -> bool:
    """Whether the file begins like a TIFF or BigTIFF; it is read from its beginning."""
    file.seek(0)
    return file.read(4) in PREFIXES


def apart(picture: Image.Image) -> bool:
    """Whether it is a TIFF of more than 8 bits whose colours lie in planes of their own."""
    if not isinstance(picture, TiffImageFile):
        return False
    bits = picture.tag_v2.get(BITSPERSAMPLE, (1,))
    return len(bits) > 1 and max(bits) > 8 and picture.tag_v2.get(PLANAR_CONFIGURATION) == 2
