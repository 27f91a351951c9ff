"""A leaf has the colour that was photographed, whatever colours the camera counts in."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.imaging.decode import decode_rgb, inspect

GREEN = (40, 200, 60)


def wide_profile() -> bytes:
    """A profile with the primaries of Display P3: sRGB's own with three tags exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for tag in range(struct.unpack_from(">I", data, 128)[0]):
        name, offset, _ = struct.unpack_from(">4sII", data, 132 + 12 * tag)
        if name in primaries:
            values = [round(v * 65536) for v in primaries[name]]
            struct.pack_into(">3i", data, offset + 8, *values)
    return bytes(data).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))


def photo(path: Path, profile: bytes | None, **more: object) -> Path:
    picture = Image.new("RGB", (64, 48), GREEN)
    picture.save(path, icc_profile=profile, **more)
    return path


@pytest.mark.parametrize("ending", [".png", ".tif", ".jpg", ".webp", ".heic"])
def test_a_wider_green_comes_out_as_the_stronger_green_it_stands_for(
    tmp_path: Path, ending: str
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    best = {".jpg": {"quality": 98, "subsampling": 0}, ".webp": {"lossless": True}}
    path = photo(tmp_path / f"leaf{ending}", wide_profile(), **best.get(ending, {}))
    red, green, blue = (int(v) for v in decode_rgb(path)[24, 32])
    assert red < GREEN[0] - 10, "less red is in it than in the same numbers of sRGB"
    assert green >= GREEN[1]
    small = decode_rgb(path, max_side=24)[8, 12]
    assert np.abs(small.astype(int) - (red, green, blue)).max() <= 3, "the preview is the same"
    seen = Image.open(io.BytesIO(inspect(path).thumbnail)).getpixel((32, 24))
    assert np.abs(np.subtract(seen, (red, green, blue))).max() <= 6, "and so is the small picture"


def test_numbers_that_are_srgb_already_are_left_alone(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in (("with", srgb), ("without", None)):
        path = photo(tmp_path / f"{name}.png", profile)
        assert tuple(decode_rgb(path)[0, 0]) == GREEN


@pytest.mark.parametrize(
    "profile",
    [
        b"no profile at all",
        wide_profile()[:200],
        wide_profile()[:140] + b"\xff" * 400,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    ],
    ids=["text", "cut short", "garbage", "of another kind"],
)
def test_a_broken_profile_costs_no_photo(tmp_path: Path, profile: bytes) -> None:
    path = photo(tmp_path / "leaf.png", profile)
    assert tuple(decode_rgb(path)[0, 0]) == GREEN
