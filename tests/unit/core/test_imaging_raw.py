"""RAW photos are developed the same way every time, or refused with what to do."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from core.errors import ImageUnreadable
from core.imaging.decode import decode_rgb, inspect, read_header
from core.services.import_files import plan

needs_rawpy = pytest.mark.skipif(
    importlib.util.find_spec("rawpy") is None, reason="the extra “raw” is not installed"
)


def negative(path: Path, *, orientation: int = 1) -> Path:
    """A small DNG: green on the whole, a red corner where the stored picture begins."""
    seen = np.empty((64, 96, 3), np.uint16)
    seen[...] = (1500, 4000, 900)
    seen[:24, :24] = (6000, 300, 300)
    mosaic = seen[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = seen[0::2, 0::2, 0], seen[1::2, 1::2, 2]
    one = (1, 1)
    tags = [
        (50706, "B", 4, b"\x01\x04\x00\x00"), (50708, "s", 0, "Made camera"),
        (33421, "H", 2, (2, 2)), (33422, "B", 4, b"\x00\x01\x01\x02"),
        (50721, "2i", 9, (*one, 0, 1, 0, 1, 0, 1, *one, 0, 1, 0, 1, 0, 1, *one)),
        (50728, "2I", 3, (*one, *one, *one)), (50778, "H", 1, 21), (50717, "I", 1, 16383),
        (274, "H", 1, orientation), (306, "s", 0, "2026:05:03 10:11:12"),
    ]  # fmt: skip
    tifffile.imwrite(path, mosaic, photometric="cfa", extratags=tags, metadata=None, datetime=False)
    return path


@needs_rawpy
def test_a_negative_is_shown_upright_with_its_date(tmp_path: Path) -> None:
    path = negative(tmp_path / "leaf.DNG", orientation=6)
    header = read_header(path)
    assert (header.width, header.height, header.orientation) == (64, 96, 6)
    assert (header.format, header.captured_at) == ("RAW", "2026-05-03T10:11:12")
    rgb = decode_rgb(path)
    assert rgb.shape == (96, 64, 3)
    assert rgb[8, 56, 0] > rgb[8, 56, 1], "the red corner is at the top right"
    assert rgb[80, 20, 1] > rgb[80, 20, 0]
    assert max(decode_rgb(path, max_side=32).shape) == 32
    assert inspect(path).header == header


@needs_rawpy
def test_no_negative_is_brightened_by_what_else_is_in_it(tmp_path: Path) -> None:
    plain = decode_rgb(negative(tmp_path / "a.dng"))[50, 80]
    other = tifffile.imread(tmp_path / "a.dng")
    assert plain.max() < 200, "4000 of 16383 is no white"
    assert other.max() == 6000


@needs_rawpy
@pytest.mark.parametrize("kept", [0, 40, 4000])
def test_a_damaged_negative_is_refused_in_one_sentence(tmp_path: Path, kept: int) -> None:
    path = negative(tmp_path / "leaf.nef")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ImageUnreadable, match="RAW"):
        inspect(path)


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    command = f'"{sys.executable}" -m pip install "leafspot[raw]"'
    for open_photo in (inspect, decode_rgb, read_header):
        with pytest.raises(ImageUnreadable, match=re.escape(command)):
            open_photo(negative(tmp_path / "leaf.cr2"))


def test_a_camera_that_writes_both_has_taken_one_photo(tmp_path: Path) -> None:
    for name in ("leaf_1.NEF", "leaf_1.jpg", "leaf_2.NEF", ".leaf_3.nef"):
        (tmp_path / name).touch()
    found = plan([tmp_path])
    assert [c.path.name for c in found.files] == ["leaf_1.jpg", "leaf_2.NEF"]
    assert (found.twins, found.passed_over) == (1, 0)
    assert [c.path.name for c in plan([tmp_path / "leaf_1.NEF"]).files] == ["leaf_1.NEF"]
