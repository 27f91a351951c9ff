"""Embedded colour profiles: what a camera means by its numbers, said in sRGB.

A phone that takes pictures in Display P3 or a camera set to Adobe RGB would otherwise show duller
leaves than were photographed, and a model would learn two greens. Knows Pillow's colour engine;
knows no file. A profile that is broken, or of another kind of picture, counts as absent.
"""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageCms

LARGEST = 4 << 20
"""Bytes of a profile; those of cameras have a few thousand."""
_FLAWS = (OSError, ValueError, TypeError, LookupError, RuntimeError, MemoryError)


def in_srgb(picture: Image.Image, profile: object) -> Image.Image:
    """``picture`` (mode RGB) with the colours that ``profile`` gives its numbers.

    ``profile`` is what Pillow found in the file: bytes of an ICC profile, or None. The picture
    itself comes back where there is none, where it is sRGB already, and where it is of no use.
    """
    if not isinstance(profile, bytes) or not 128 <= len(profile) <= LARGEST:
        return picture
    try:
        meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if meant.profile.xcolor_space.strip() != "RGB" or _is_srgb(meant):
            return picture
        change = ImageCms.buildTransform(
            meant, _srgb(), "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
        # Relative with black-point compensation off: what lies outside sRGB is cut, the rest exact.
        return ImageCms.applyTransform(picture, change) or picture
    except (ImageCms.PyCMSError, *_FLAWS):
        return picture


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return "srgb" in ImageCms.getProfileDescription(profile).casefold()
