"""The one decoder: display, outlining, training and export all see the same pixels.

Takes JPEG (and the JPEG in MPO), PNG, TIFF, WebP, HEIC and RAW, nothing else, and returns the photo
as people see it: EXIF orientation applied (for HEIC, the rotation in the file itself, as its
standard says), transparency over white, CMYK and palettes turned into RGB. 16-bit greys and colours
lose their low bits by the same shift for every photo of the same depth: the depth is the smallest
of 8, 10, 12, 14 and 16 bits that holds the brightest value, so that cameras that fill 12 of 16 bits
do not come out black. A stretch by percentile would show more, but would give the same leaf another
colour in another photo. Embedded colour profiles are applied (`core.imaging.colours`), RAW photos
developed (`core.imaging.raw`) where the optional library for them is there.

Knows files and pixels; knows no project. Everything that a decoder may throw at a hostile file
becomes ImageUnreadable. It may still be slow or crash: `core.workers.decode` is the place for
files that nobody has opened yet.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from core.errors import ImageUnreadable
from core.imaging import raw, tiff
from core.imaging.colours import in_srgb
from core.imaging.depth import DEEP, depth, eight_bits, exchanged
from core.imaging.exif import read_capture
from core.language import tr

SUFFIXES = raw.RAW_SUFFIXES | frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif")
)
"""Lower-case endings of files that import looks into."""
MAX_PIXELS = 200_000_000
MAX_BYTES = 500_000_000
THUMBNAIL_SIDE = 256

_ODD_TIFF = tr(
    "is a TIFF of a kind that is not read here (colours with decimals, more than four bands), or "
    "damaged. Save it as RGB with 8 or 16 bits"
)
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "HEIF")
# Pillow's own alarm starts at 89 megapixels, which a good camera reaches; ours is checked below.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS

FLAWS = (
    # What Pillow's plug-ins have been seen to raise on damaged files.
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


_FLIPS = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}
"""Row and column steps after rows and columns changed places (5–8)."""

P = TypeVar("P", bound=np.generic)


@dataclass(frozen=True, slots=True)
class PhotoHeader:
    """What a file says of itself. ``width`` and ``height`` are displayed pixels.

    ``orientation`` is the EXIF value 1–8 that decoding applies; ``format`` one of JPEG, PNG,
    TIFF, WEBP, HEIF, RAW; ``captured_at`` ISO 8601 local time or ""; ``gps`` (latitude,
    longitude) in degrees or None.
    """

    width: int
    height: int
    orientation: int = 1
    format: str = ""
    captured_at: str = ""
    gps: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """A photo opened for the first time: header, digest and number of its bytes, JPEG thumbnail."""

    header: PhotoHeader
    sha256: str
    thumbnail: bytes
    size: int = 0


def file_bytes(path: Path) -> bytes:
    """The whole file. Raises ImageUnreadable when it is gone, forbidden, no file or too large."""
    try:
        if not path.is_file():
            if path.exists():
                raise _refusal(path, tr("is a folder, pipe or device and no photo. Leave it out"))
            raise _refusal(
                path,
                tr("is not there any more. Put the photo back, or import it from its new place"),
            )
        if path.stat().st_size > MAX_BYTES:
            raise _refusal(path, tr("is larger than 500 MB. Save a smaller copy and take that"))
        return path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise _refusal(
            path, tr("cannot be read ({why}). Check the drive and the file's permissions", why=why)
        ) from error


def digest(data: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises ImageUnreadable as ``file_bytes`` does."""
    return digest(file_bytes(path))


def read_header(path: Path) -> PhotoHeader:
    """Size, orientation, date and place, without decoding. Raises ImageUnreadable."""
    try:
        small = path.is_file() and path.stat().st_size <= MAX_BYTES
        if small and not _is_raw(path):
            with path.open("rb") as file, _opened(path, file) as picture:
                return _header(path, picture)
    except FLAWS as error:
        raise _damaged(path, error) from error
    return _header_of(path, file_bytes(path))


def decode_rgb(
    path: Path, *, expected_sha256: str | None = None, max_side: int | None = None
) -> NDArray[np.uint8]:
    """The photo as [height, width, 3] uint8 RGB in displayed orientation.

    ``max_side`` asks for a reduced picture whose longer side is at most that many pixels (JPEGs
    are then decoded at a fraction of the cost). Raises ImageUnreadable when the file is missing,
    damaged, too large, or when its bytes do not have ``expected_sha256`` any more.
    """
    data = file_bytes(path)
    if expected_sha256 is not None and digest(data) != expected_sha256:
        raise _refusal(
            path,
            tr(
                "has been changed since it was imported, so its outlines may no longer fit. "
                "Put the original back, or import the changed photo as a new one"
            ),
        )
    return np.array(_decoded(path, data, max_side))  # a copy, so that the caller may write


def inspect(path: Path) -> Inspection:
    """Open an unknown file completely. Raises ImageUnreadable. Only within a limited process."""
    data = file_bytes(path)
    header = _header_of(path, data)
    picture = _decoded(path, data, None)
    return Inspection(header, digest(data), thumbnail_of(picture), len(data))


def thumbnail_of(picture: Image.Image | NDArray[np.uint8]) -> bytes:
    """JPEG bytes of a displayed RGB picture, its longest side at most 256 px."""
    small = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return out.getvalue()


def turned(pixels: NDArray[P], orientation: int) -> NDArray[P]:
    """[h, w] pixels as stored to displayed orientation, by EXIF value 1–8."""
    if orientation >= 5:
        pixels = pixels.T
    rows, columns = _FLIPS.get(orientation, (1, 1))
    return np.ascontiguousarray(pixels[::rows, ::columns])


# -- inside


@cache
def _with_heif() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()


def _refusal(path: Path, rest: str) -> ImageUnreadable:
    return ImageUnreadable(tr("{name}: This file {rest}.", name=path.name, rest=rest))


def _damaged(path: Path, error: Exception) -> ImageUnreadable:
    if isinstance(error, ImageUnreadable):
        return error
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return _too_many_pixels(path)
    if isinstance(error, MemoryError):
        return _refusal(path, tr("needs more memory than it may have. Save a smaller copy"))
    if isinstance(error, UnidentifiedImageError):
        return _refusal(
            path,
            tr(
                "is not a JPEG, PNG, TIFF, WebP or HEIC photo, whatever its name says. "
                "Leave it out, or save it again from the program that made it"
            ),
        )
    return _refusal(
        path, tr("is damaged or incomplete. Copy it again from the camera or open and re-save it")
    )


def _too_many_pixels(path: Path) -> ImageUnreadable:
    return _refusal(path, tr("has more than 200 megapixels. Cut it up or save a smaller copy"))


@contextmanager
def _opened(path: Path, file: BinaryIO) -> Iterator[Image.Image]:
    """Pillow warns of odd tags, which is no reason to refuse a photo: it does so quietly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _open(path, file) as picture:
            yield picture


def _open(path: Path, file: BinaryIO) -> Image.Image:
    _with_heif()
    try:
        picture = Image.open(file, formats=_FORMATS)
    except UnidentifiedImageError as error:
        if tiff.is_tiff(file):
            raise _refusal(path, _ODD_TIFF) from error
        raise
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_many_pixels(path)
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format not in ("JPEG", "MPO", "HEIF"):
        # A camera's JPEG or HEIC may carry depth or gain maps behind the photo itself; elsewhere
        # nobody can know which of the pages is meant.
        raise _refusal(
            path, tr("holds {frames} pictures. Save each as a file of its own", frames=frames)
        )
    if tiff.apart(picture):
        # Pillow reads these as if they had 8 bits: pixels that nobody took.
        raise _refusal(path, tr("keeps its 16-bit colours in three layers. Save it interleaved"))
    return picture


def _is_raw(path: Path) -> bool:
    return path.suffix.lower() in raw.RAW_SUFFIXES


@contextmanager
def _raw_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except raw.RawMissing as error:
        raise _refusal(path, raw.MISSING) from error
    except raw.RawDamaged as error:
        raise _refusal(path, raw.DAMAGED) from error


def _raw_header(path: Path, data: bytes) -> PhotoHeader:
    with _raw_errors(path):
        width, height, orientation = raw.raw_size(data)
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(path)
    capture = raw.raw_capture(data)
    return PhotoHeader(width, height, orientation, "RAW", capture.taken_at, capture.gps)


def _raw_picture(path: Path, data: bytes, max_side: int | None) -> Image.Image:
    header = _raw_header(path, data)
    half = max_side is not None and max(header.width, header.height) >= 2 * max_side
    with _raw_errors(path):
        return Image.fromarray(raw.raw_pixels(data, half=half))


def _header_of(path: Path, data: bytes) -> PhotoHeader:
    if _is_raw(path):
        return _raw_header(path, data)
    try:
        with _opened(path, io.BytesIO(data)) as picture:
            return _header(path, picture)
    except FLAWS as error:
        raise _damaged(path, error) from error


def _header(path: Path, picture: Image.Image) -> PhotoHeader:
    capture = read_capture(picture)
    width, height = picture.size
    # Pillow turns TIFFs itself and reports the turned size; libheif does so for HEIC.
    if capture.orientation >= 5 and picture.format not in ("TIFF", "HEIF"):
        width, height = height, width
    name = "JPEG" if picture.format == "MPO" else str(picture.format)
    if not width or not height:
        raise _refusal(path, tr("holds no pixels. Leave it out"))
    return PhotoHeader(width, height, capture.orientation, name, capture.taken_at, capture.gps)


def _decoded(path: Path, data: bytes, max_side: int | None) -> Image.Image:
    """RGB, displayed orientation."""
    if _is_raw(path):
        return _reduced(_raw_picture(path, data, max_side), max_side)
    try:
        with _opened(path, io.BytesIO(data)) as picture:
            deep = _has_low_bits(picture)  # asked first: reading EXIF may load the pixels
            orientation = read_capture(picture).orientation
            turns_itself = picture.format in ("TIFF", "HEIF")
            if max_side:
                picture.draft("RGB", (max_side, max_side))
            picture.load()
            profile = picture.info.get("icc_profile")
            flat = _with_low_bits(path, data, picture) if deep else _flattened(path, picture)
        flat = in_srgb(_reduced(flat, max_side), profile)
        if orientation in _TURNS and not turns_itself:
            flat = flat.transpose(_TURNS[orientation])
    except FLAWS as error:
        raise _damaged(path, error) from error
    return flat


def _reduced(flat: Image.Image, max_side: int | None) -> Image.Image:
    if max_side and max(flat.size) > max_side:
        flat.thumbnail((max_side, max_side), Image.Resampling.BOX, reducing_gap=2.0)
    return flat


def _flattened(path: Path, picture: Image.Image) -> Image.Image:
    """To mode RGB without EXIF or file behind it."""
    mode = picture.mode
    if mode == "RGB" and "transparency" not in picture.info:
        return picture.copy()
    if mode.startswith("I"):
        return Image.fromarray(eight_bits(np.asarray(picture))).convert("RGB")
    if mode == "F":
        raise _refusal(path, tr("holds measured values, not a photo. Save it as 8 or 16 bits"))
    if "A" in mode or "a" in mode or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        paper = Image.new("RGBA", seen.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, seen).convert("RGB")
    return picture.convert("RGB")


def _has_low_bits(picture: Image.Image) -> bool:
    if picture.mode not in ("RGB", "RGBA") or not isinstance(picture, ImageFile.ImageFile):
        return False
    return any(DEEP.search(str(tile.args)) for tile in picture.tile)


def _with_low_bits(path: Path, data: bytes, high: Image.Image) -> Image.Image:
    """16-bit colours by the rule for greys, flattened. Pillow gives their high bytes, ``high``.

    How clear a pixel is, is no brightness: of that the high byte is taken as it is.
    """
    brightest = max(most for _, most in high.getextrema()[:3])  # type: ignore[misc]
    if depth(brightest << 8) == 16:
        return _flattened(path, high)
    with _opened(path, io.BytesIO(data)) as picture:
        assert isinstance(picture, ImageFile.ImageFile)
        # Read with its bytes exchanged, the same file gives the low ones.
        picture.tile = [tile._replace(args=exchanged(tile.args)) for tile in picture.tile]
        picture.load()
        low = np.asarray(picture)[..., :3]
    shift = depth(brightest << 8 | (0xFF if brightest else int(low.max(initial=0)))) - 8
    # In bytes throughout: at 200 megapixels anything wider would not fit the process.
    bright = Image.fromarray((np.asarray(high)[..., :3] << (8 - shift)) | (low >> shift))
    if high.mode == "RGBA":
        bright.putalpha(high.getchannel("A"))
    return _flattened(path, bright)
