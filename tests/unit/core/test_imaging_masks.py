"""A mask's values are classes: they come back as they are stored, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageUnreadable
from core.imaging.mask_files import read_mask
from tests.faults.photo_files import marked, write_mask

VALUES = np.array([[0, 1, 2], [7, 255, 0]], np.uint8)


@pytest.mark.parametrize("palette", [True, False])
def test_values_are_read_not_the_colours_a_palette_gives_them(
    tmp_path: Path, palette: bool
) -> None:
    mask = read_mask(write_mask(tmp_path / "m.png", VALUES, palette=palette))
    assert np.array_equal(mask.values, VALUES)
    assert mask.present == (0, 1, 2, 7, 255)


def test_black_and_white_masks_hold_0_and_1(tmp_path: Path) -> None:
    Image.fromarray(np.eye(9, dtype=bool)).save(tmp_path / "m.png")
    mask = read_mask(tmp_path / "m.png")
    assert np.array_equal(mask.values, np.eye(9, dtype=np.uint8))


def test_values_beyond_255_survive(tmp_path: Path) -> None:
    wide = np.array([[0, 300], [65535, 2]], np.uint16)
    Image.fromarray(wide).save(tmp_path / "m.png")
    assert np.array_equal(read_mask(tmp_path / "m.png").values, wide)


def test_a_grey_mask_saved_as_rgb_is_still_grey(tmp_path: Path) -> None:
    Image.fromarray(np.repeat(VALUES[..., None], 3, axis=2)).save(tmp_path / "m.png")
    assert np.array_equal(read_mask(tmp_path / "m.png").values, VALUES)


def test_a_colour_picture_is_no_mask(tmp_path: Path) -> None:
    marked().save(tmp_path / "m.png")
    with pytest.raises(ImageUnreadable, match=r"colour picture\. Save it as a palette or grey PNG"):
        read_mask(tmp_path / "m.png")


def test_a_grey_photo_is_no_mask(tmp_path: Path) -> None:
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)).save(tmp_path / "m.png")
    with pytest.raises(ImageUnreadable, match="4096 different values"):
        read_mask(tmp_path / "m.png")


def test_a_mask_that_changed_after_it_was_checked_is_not_used(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "m.png", VALUES)
    before = read_mask(path).sha256
    write_mask(path, VALUES[::-1].copy())
    with pytest.raises(ImageUnreadable, match="changed while it was read"):
        read_mask(path, expected_sha256=before)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_a_broken_mask_gets_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.png").write_bytes(content)
    with pytest.raises(ImageUnreadable, match=r"mask cannot be read\. Save it again"):
        read_mask(tmp_path / "m.png")
