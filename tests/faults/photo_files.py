"""Writes small photos of every kind, good and bad, for the tests of decoding and import.

The good photo shows a red mark in its upper left quarter on grey, so that any turn is seen.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import ExifTags, Image

pillow_heif.register_heif_opener()

UPRIGHT_SIZE = (48, 32)
"""(width, height) of ``marked`` as people see it."""
ENDINGS = {"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp", "HEIF": ".heic"}
_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def marked(size: tuple[int, int] = UPRIGHT_SIZE, shade: int = 128) -> Image.Image:
    """RGB of ``size`` (width, height) with a red upper left quarter."""
    pixels = np.full((size[1], size[0], 3), shade, np.uint8)
    pixels[: size[1] // 2, : size[0] // 2] = (230, 20, 20)
    return Image.fromarray(pixels)


def stored(picture: Image.Image, orientation: int) -> Image.Image:
    """As a camera held that way writes it: with the EXIF value it looks like ``picture``."""
    return picture.transpose(_BACK[orientation]) if orientation in _BACK else picture


def write_photo(path: Path, *, kind: str = "JPEG", orientation: int = 1, shade: int = 128) -> Path:
    """A photo that looks like ``marked`` whatever its orientation."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture = stored(marked(shade=shade), orientation)
    sharp = {"lossless": True} if kind == "WEBP" else {}
    picture.save(path, kind, exif=exif, quality=95, **sharp)
    return path


def red_corner(rgb: np.ndarray) -> bool:
    """Whether the picture [h, w, 3] is red in its upper left quarter and nowhere else."""
    h, w = rgb.shape[:2]
    red = (rgb[..., 0].astype(int) - rgb[..., 1]) > 60
    inside = bool(red[2 : h // 2 - 2, 2 : w // 2 - 2].all())
    red[: h // 2 + 2, : w // 2 + 2] = False
    return inside and not red.any()


def write_bomb(path: Path, side: int = 30_000) -> Path:
    """A PNG of ``side`` × ``side`` pixels in a few hundred kilobytes."""
    # One packed band of black rows, repeated; all its bytes are 0, so Adler-32 needs no pass.
    bands = 100
    packer = zlib.compressobj(9, wbits=-15)
    band = packer.compress(bytes((side + 1) * (side // bands))) + packer.flush(zlib.Z_FULL_FLUSH)
    total = (side + 1) * (side // bands) * bands
    packed = b"\x78\xda" + band * bands + b"\x03\0" + struct.pack(">HH", total % 65521, 1)
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", packed), (b"IEND", b"")]
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, data in chunks:
            crc = zlib.crc32(name + data)
            file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc))
    return path


def write_mask(path: Path, values: np.ndarray, *, palette: bool = True) -> Path:
    """``values`` [h, w] uint8 as a palette PNG, or a grey one."""
    picture = Image.fromarray(values)
    if palette:
        picture.putpalette([c for v in range(256) for c in (v * 37 % 256, v * 91 % 256, v)])
    picture.save(path)
    return path
