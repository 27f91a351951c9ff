"""Several leaves on a photo: told apart by where they lie, never by a speck."""

from __future__ import annotations

import numpy as np

from core.domain.ids import ImageId
from core.domain.region import RegionKind
from core.geometry import leaves
from core.importers.mask_folder import Meaning, regions_of

NONE = np.zeros((200, 300), bool)


def drawn(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """[200, 300] bool with boxes (x0, y0, x1, y1) set."""
    pixels = NONE.copy()
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = True
    return pixels


def test_leaves_that_lie_apart_are_several_the_largest_first() -> None:
    small, large = drawn((10, 10, 60, 60)), drawn((100, 10, 280, 180))
    found = leaves.apart(small | large, NONE)
    assert [np.array_equal(*pair) for pair in zip(found, (large, small), strict=True)] == [True] * 2


def test_a_speck_is_no_leaf_and_belongs_to_the_nearest() -> None:
    left, right = drawn((10, 10, 90, 90)), drawn((110, 10, 280, 180))
    near_left, near_right = drawn((94, 40, 95, 41)), drawn((284, 100, 287, 103))
    one, two = leaves.apart(left | right | near_left | near_right, NONE)
    assert np.array_equal(one, right | near_right)
    assert np.array_equal(two, left | near_left)


def test_one_leaf_with_specks_is_one() -> None:
    pixels = drawn((10, 10, 150, 150), (200, 100, 204, 104), (290, 190, 291, 191))
    (found,) = leaves.apart(pixels, NONE)
    assert np.array_equal(found, pixels)


def test_a_lesion_across_a_leaf_does_not_part_it() -> None:
    halves, lesion = drawn((10, 10, 100, 90), (120, 10, 200, 90)), drawn((100, 10, 120, 90))
    assert len(leaves.apart(halves, NONE)) == 2
    (found,) = leaves.apart(halves, lesion)
    assert np.array_equal(found, halves)


def test_nothing_is_no_leaf_more_than_it_was() -> None:
    (found,) = leaves.apart(NONE, NONE)
    assert not found.any()


def test_a_mask_picture_of_two_leaves_brings_two() -> None:
    values = np.zeros((200, 300), np.uint8)
    values[drawn((10, 10, 90, 90), (110, 10, 280, 180))] = 1
    values[drawn((150, 10, 160, 180), (95, 95, 96, 96))] = 2  # across the second; beside both
    values[drawn((97, 97, 98, 98))] = 1
    meanings = {1: Meaning(RegionKind.LEAF, None), 2: Meaning(RegionKind.LESION, None)}
    found = regions_of(values, meanings, ImageId(1))
    outlined = [r.mask.area() for r in found if r.info.kind is RegionKind.LEAF]
    assert outlined == [170 * 170 - 10 * 170, 80 * 80 + 1]
    assert sum(outlined) == (values == 1).sum()
