"""Masks survive COCO's run-length encoding, and no lie about a size reaches C code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from core.domain.mask import TileMask
from core.geometry import rle

MASKS = st.tuples(st.integers(1, 20), st.integers(1, 20)).flatmap(lambda s: arrays(bool, s))


@settings(max_examples=150, deadline=None)
@given(MASKS)
def test_a_mask_comes_back_as_it_was_and_as_coco_writes_it(pixels: np.ndarray) -> None:
    made = rle.encode(TileMask.from_array(pixels))
    theirs = coco.encode(np.asfortranarray(pixels.astype(np.uint8)))
    assert made["counts"] == theirs["counts"].decode()
    height, width = pixels.shape
    assert made["size"] == [height, width]
    assert np.array_equal(rle.decode(made, (width, height)), pixels)


@settings(max_examples=60, deadline=None)
@given(MASKS, st.integers(0, 30), st.integers(0, 30))
def test_a_cut_lies_where_its_origin_says(pixels: np.ndarray, x: int, y: int) -> None:
    size = (x + pixels.shape[1] + 3, y + pixels.shape[0] + 2)
    whole = np.zeros((size[1], size[0]), bool)
    whole[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    assert np.array_equal(rle.decode(rle.encode_cut(pixels, (x, y), size), size), whole)


def test_a_mask_over_several_tiles_comes_back() -> None:
    mask = TileMask(700, 600)
    mask.add((200, 100, 650, 580), np.random.default_rng(1).random((480, 450)) < 0.5)
    assert np.array_equal(rle.decode(rle.encode(mask), (700, 600)), mask.to_array())


@pytest.mark.parametrize(
    "lie",
    [
        {"size": [2147483647, 2147483647], "counts": "01"},
        {"size": [5, 4], "counts": "01"},
        {"size": [4, 5], "counts": ""},
        {"size": [4, 5], "counts": "0"},
        {"size": [4, 5], "counts": "01"},
        {"size": [4, 5], "counts": "o" * 100},
        {"size": [4, 5], "counts": "~"},
        {"size": [4, 5], "counts": "PPPPPPPPP0"},
        {"size": [4, 5], "counts": "é"},
        {"size": [4, 5], "counts": [20]},
        {"size": [4, 5]},
        {"size": "x"},
        [],
        None,
    ],
)
def test_runs_that_do_not_fill_the_photo_are_refused(lie: object) -> None:
    with pytest.raises(ValueError, match="mask"):
        rle.decode(lie, (5, 4))


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(min_codepoint=48, max_codepoint=111), max_size=40))
def test_no_string_of_runs_does_harm(counts: str) -> None:
    try:
        found = rle.decode({"size": [4, 5], "counts": counts}, (5, 4))
    except ValueError:
        return
    assert found.shape == (4, 5)


def test_a_photo_without_pixels_has_no_mask() -> None:
    with pytest.raises(ValueError, match="0"):
        rle.encode(TileMask(0, 5))
