"""What people see is what every part of the program gets, whatever the camera wrote."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from core.errors import ImageUnreadable
from core.imaging.decode import decode_rgb, inspect, read_header, sha256_of, turned
from core.imaging.depth import eight_bits
from tests.faults.photo_files import (
    ENDINGS,
    UPRIGHT_SIZE,
    marked,
    red_corner,
    stored,
    write_photo,
)

TURNED_BY_EXIF = [kind for kind in ENDINGS if kind != "HEIF"]


@pytest.mark.parametrize("kind", TURNED_BY_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_upright_however_the_camera_was_held(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    path = write_photo(tmp_path / f"leaf{ENDINGS[kind]}", kind=kind, orientation=orientation)
    header = read_header(path)
    rgb = decode_rgb(path)
    assert red_corner(rgb)
    assert (header.width, header.height) == UPRIGHT_SIZE == (rgb.shape[1], rgb.shape[0])
    assert header.orientation == orientation
    assert header.format == kind
    small = decode_rgb(path, max_side=24)
    assert small.shape == (16, 24, 3)
    assert red_corner(small)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_in_stored_size_is_turned_like_its_photo(orientation: int) -> None:
    upright = np.asarray(marked().convert("L"))
    asleep = np.asarray(stored(marked().convert("L"), orientation))
    assert np.array_equal(turned(asleep, orientation), upright)


def test_a_heic_photo_is_shown_as_its_own_rotation_says_not_turned_twice(tmp_path: Path) -> None:
    path = tmp_path / "leaf.heic"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    marked((64, 48)).save(path, "HEIF", exif=exif, quality=95)
    assert (read_header(path).width, read_header(path).height) == (64, 48)
    assert read_header(path).format == "HEIF"
    assert red_corner(decode_rgb(path))


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        *((mode, ".png") for mode in ("L", "P", "1", "RGBA", "LA")),
        *(("CMYK", ".jpg"), ("CMYK", ".tif"), ("YCbCr", ".jpg"), ("RGBA", ".webp")),
    ],
)
def test_every_colour_mode_comes_out_as_rgb(tmp_path: Path, mode: str, ending: str) -> None:
    path = tmp_path / f"leaf{ending}"
    marked().convert(mode).save(path, **({"lossless": True} if ending == ".webp" else {}))
    rgb = decode_rgb(path)
    assert rgb.shape == (32, 48, 3)
    assert rgb.dtype == np.uint8
    if mode in ("P", "RGBA", "CMYK", "YCbCr"):
        assert red_corner(rgb)


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    clear.save(tmp_path / "leaf.png")
    assert (decode_rgb(tmp_path / "leaf.png") == 255).all()


@pytest.mark.parametrize("ending", [".tif", ".png"])
@pytest.mark.parametrize(("brightest", "bits"), [(65535, 16), (4095, 12), (255, 8)])
def test_a_16_bit_grey_keeps_its_brightness_whatever_depth_the_camera_fills(
    tmp_path: Path, ending: str, brightest: int, bits: int
) -> None:
    ramp = np.linspace(0, brightest, 64).round().astype(np.uint16).reshape(8, 8)
    path = tmp_path / f"leaf{ending}"
    Image.fromarray(ramp).save(path)
    assert np.array_equal(decode_rgb(path)[..., 0], ramp >> (bits - 8))


def test_a_jpeg_can_be_had_smaller_without_decoding_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "leaf.jpg"
    marked((1600, 1000)).save(path, quality=95)
    small = decode_rgb(path, max_side=320)
    assert small.shape == (200, 320, 3)
    assert red_corner(small)


def test_the_caller_may_write_into_the_pixels(tmp_path: Path) -> None:
    rgb = decode_rgb(write_photo(tmp_path / "leaf.jpg"))
    rgb[0, 0] = 7
    assert rgb.flags.c_contiguous


def test_date_and_place_come_from_the_camera(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2025:06:30 14:05:09"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {1: "S", 2: (20.0, 15.0, 0.0), 3: "W", 4: (40, 30, 0)}
    )
    marked().save(tmp_path / "leaf.jpg", exif=exif)
    header = read_header(tmp_path / "leaf.jpg")
    assert header.captured_at == "2025-06-30T14:05:09"
    assert header.gps == (-20.25, -40.5)


@pytest.mark.parametrize("date", ["0000:00:00 00:00:00", "yesterday", ""])
def test_a_camera_without_a_clock_is_no_error(tmp_path: Path, date: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = date
    exif[ExifTags.Base.Orientation] = 77
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (200.0, 0.0, 0.0), 3: "E", 4: (1, 2, 3)})
    marked().save(tmp_path / "leaf.jpg", exif=exif)
    header = read_header(tmp_path / "leaf.jpg")
    assert (header.captured_at, header.gps, header.orientation) == ("", None, 1)


@pytest.mark.parametrize("name", ["Blätter №3.jpg", "叶子.jpg", "ورقة.jpg", "leaf 🍃 #1%.jpg"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    assert red_corner(decode_rgb(write_photo(tmp_path / name)))


def test_the_thumbnail_is_a_small_upright_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "leaf.png"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    stored(marked((1200, 800)), 6).save(path, exif=exif)
    found = inspect(path)
    with Image.open(io.BytesIO(found.thumbnail)) as thumb:
        assert thumb.format == "JPEG"
        assert thumb.size == (256, 171)
        assert red_corner(np.asarray(thumb))
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == sha256_of(path)


def test_a_changed_photo_is_noticed_before_its_outlines_are_used(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "leaf.jpg")
    before = sha256_of(path)
    assert red_corner(decode_rgb(path, expected_sha256=before))
    write_photo(path, shade=90)
    with pytest.raises(
        ImageUnreadable, match=r"leaf\.jpg.*changed since it was imported.*original"
    ):
        decode_rgb(path, expected_sha256=before)


def test_a_photo_moved_away_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "leaf.jpg")
    path.rename(tmp_path / "elsewhere.jpg")
    for opening in (decode_rgb, read_header, sha256_of):
        with pytest.raises(ImageUnreadable, match=r"leaf\.jpg.*not there any more.*Put the photo"):
            opening(path)


def test_a_picture_with_pages_is_refused_rather_than_guessed(tmp_path: Path) -> None:
    pages = [marked(shade=s) for s in (50, 90)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ImageUnreadable, match="holds 2 pictures"):
        decode_rgb(tmp_path / "pages.tif")


def test_a_camera_jpeg_with_a_second_picture_behind_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    marked().save(path, "MPO", save_all=True, append_images=[marked(shade=60)], quality=95)
    assert read_header(path).format == "JPEG"
    assert red_corner(decode_rgb(path))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("how", ["plain", "big-endian", "deflate", "png"])
def test_colours_of_any_depth_in_16_bits_are_as_bright_as_they_were_taken(
    tmp_path: Path, bits: int, how: str
) -> None:
    values = np.random.default_rng(bits).integers(0, 1 << bits, (6, 8, 3)).astype(np.uint16)
    values[0, 0] = (1 << bits) - 1
    path = tmp_path / ("leaf.png" if how == "png" else "leaf.tif")
    if how == "png":
        cv2.imwrite(str(path), values[..., ::-1])
    else:
        tifffile.imwrite(
            path,
            values,
            photometric="rgb",
            byteorder=">" if how == "big-endian" else "<",
            compression="zlib" if how == "deflate" else None,
        )
    assert np.array_equal(decode_rgb(path), values >> (bits - 8))


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("ending", [".tif", ".png"])
def test_colours_with_a_clear_ground_are_as_bright_as_those_without(
    tmp_path: Path, bits: int, ending: str
) -> None:
    values = np.full((6, 8, 4), 0xFFFF, np.uint16)
    values[..., :3] = np.random.default_rng(bits).integers(0, 1 << bits, (6, 8, 3))
    values[0, 0, :3] = (1 << bits) - 1
    values[5, :, 3] = 0
    path = tmp_path / f"leaf{ending}"
    if ending == ".png":
        cv2.imwrite(str(path), values[..., [2, 1, 0, 3]])
    else:
        tifffile.imwrite(path, values, photometric="rgb", extrasamples=["unassalpha"])
    rgb = decode_rgb(path)
    assert np.array_equal(rgb[:5], values[:5, :, :3] >> (bits - 8))
    assert (rgb[5] == 255).all(), "paper where the picture is clear"


def test_16_bit_colours_in_layers_are_refused_and_not_misread(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 1 << 16, (3, 6, 8)).astype(np.uint16)
    path = tmp_path / "leaf.tif"
    tifffile.imwrite(path, values, photometric="rgb", planarconfig="separate")
    with pytest.raises(ImageUnreadable, match="three layers"):
        decode_rgb(path)


@pytest.mark.parametrize(
    ("values", "more"),
    [
        (np.zeros((6, 8, 3), np.float32), {"photometric": "rgb"}),
        (np.zeros((6, 8, 5), np.uint16), {"photometric": "minisblack", "planarconfig": "contig"}),
    ],
    ids=["decimals", "five bands"],
)
def test_a_tiff_of_another_kind_is_not_said_to_be_none(tmp_path: Path, values, more) -> None:
    path = tmp_path / "drone.tif"
    tifffile.imwrite(path, values, **more)
    for look in (decode_rgb, read_header, inspect):
        with pytest.raises(ImageUnreadable, match=r"kind that is not read.*RGB with 8 or 16 bits"):
            look(path)


@pytest.mark.parametrize("kind", ["<u2", ">u2", "<i4"])
def test_deep_greys_need_little_more_memory_than_they_take(kind: str) -> None:
    grey = np.full((1000, 1000), 0x0ABC, kind)
    grey[0, 0] = 0x0FFF
    tracemalloc.start()
    seen = eight_bits(grey)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (seen[0, 0], seen[0, 1]) == (0xFF, 0xAB)
    assert most < 2.5 * grey.nbytes
