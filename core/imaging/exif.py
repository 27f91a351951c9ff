"""When, where and which way up a photo was taken, out of its EXIF block.

Knows EXIF as Pillow reads it; a block that makes no sense counts as absent, never as an error.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags, Image

_NONSENSE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Capture:
    """``orientation`` 1–8; ``taken_at`` ISO 8601 local time or ""; ``gps`` degrees or None."""

    orientation: int = 1
    taken_at: str = ""
    gps: tuple[float, float] | None = None


def read_capture(picture: Image.Image) -> Capture:
    """What an opened picture's EXIF says. Call it before the pixels are loaded."""
    try:
        return capture_of(picture.getexif())
    except _NONSENSE:
        return Capture()


def capture_of(exif: Image.Exif) -> Capture:
    """What an EXIF block says."""
    try:
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        more: Mapping[int, object] = exif.get_ifd(ExifTags.IFD.Exif)
        place: Mapping[int, object] = exif.get_ifd(ExifTags.IFD.GPSInfo)
        taken = more.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    except _NONSENSE:
        return Capture()
    upright = not isinstance(orientation, int) or not 1 <= orientation <= 8
    return Capture(1 if upright else orientation, _iso(taken), _position(place))


def _iso(text: object) -> str:
    try:
        return datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return ""


def _position(place: Mapping[int, object]) -> tuple[float, float] | None:
    latitude = _degrees(place.get(ExifTags.GPS.GPSLatitude), place.get(ExifTags.GPS.GPSLatitudeRef))
    longitude = _degrees(
        place.get(ExifTags.GPS.GPSLongitude), place.get(ExifTags.GPS.GPSLongitudeRef)
    )
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return latitude, longitude


def _degrees(parts: object, ref: object) -> float | None:
    """Degrees, minutes and seconds to signed degrees with seven places (about a centimetre)."""
    try:
        d, m, s = (float(p) for p in parts)  # type: ignore[attr-defined]
        value = d + m / 60 + s / 3600
    except _NONSENSE:
        return None
    if not math.isfinite(value):
        return None
    return round(-value if str(ref).strip("\0 ").upper() in ("S", "W") else value, 7)
