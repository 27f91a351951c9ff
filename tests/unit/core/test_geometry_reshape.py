"""Reshaping keeps what it should: no piece, hole or single pixel goes that was not meant to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.domain.mask import TileMask
from core.geometry import reshape
from core.geometry.outline import enclosed

SHAPE = (40, 300)  # across the border of two tiles
SIDE = 24
ORIGINS = ((0, 0), (245, 8), (276, 16))


@st.composite
def masks(draw: st.DrawFn) -> TileMask:
    """Noise of any density, in a corner, across a tile's border, at the far corner of the photo."""
    noise = draw(arrays.arrays(np.uint8, (SIDE, SIDE), elements=st.integers(0, 9)))
    pixels = noise < draw(st.integers(1, 9))
    return TileMask.from_array(pixels, draw(st.sampled_from(ORIGINS)), SHAPE[::-1])


def dense(mask: TileMask) -> np.ndarray:
    return mask.to_array()


def spots(*boxes: tuple[int, int, int, int]) -> TileMask:
    mask = TileMask(*SHAPE[::-1])
    for x0, y0, x1, y1 in boxes:
        mask.add((x0, y0, x1, y1), np.ones((y1 - y0, x1 - x0), bool))
    return mask


@given(masks(), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_growing_loses_nothing_and_reaches_exactly_so_far(mask: TileMask, by: int) -> None:
    grown = dense(reshape.grow(mask, by))
    ys, xs = np.nonzero(dense(mask))
    rows, columns = np.indices(SHAPE)
    wanted = np.zeros(SHAPE, bool)
    for y, x in zip(ys, xs, strict=True):
        wanted |= (rows - y) ** 2 + (columns - x) ** 2 <= by * by
    assert np.array_equal(grown, wanted)


@given(masks(), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_shrinking_what_was_grown_gives_back_at_least_what_there_was(mask, by) -> None:
    there = dense(mask)
    back = dense(reshape.shrink(reshape.grow(mask, by), by))
    assert not (there & ~back).any()
    assert not (dense(reshape.shrink(mask, by)) & ~there).any(), "shrinking adds nothing"


@given(masks())
@settings(max_examples=60, deadline=None)
def test_filling_holes_twice_is_filling_them_once_and_takes_nothing(mask: TileMask) -> None:
    once = reshape.fill_holes(mask)
    assert reshape.fill_holes(once) == once
    assert not (dense(mask) & ~dense(once)).any()


@given(masks(), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_dropping_specks_takes_whole_pieces_below_the_limit_and_no_others(mask, smallest) -> None:
    kept = [p for p in reshape.pieces(mask) if p.area() >= smallest]
    assert reshape.drop_specks(mask, smallest) == reshape.union(kept, SHAPE[::-1])


@given(masks())
@settings(max_examples=60, deadline=None)
def test_the_pieces_together_are_the_mask_and_share_no_pixel(mask: TileMask) -> None:
    parts = reshape.pieces(mask)
    assert reshape.union(parts, SHAPE[::-1]) == mask
    assert sum(p.area() for p in parts) == mask.area()
    assert len(parts) == reshape.count_pieces(mask)
    assert [p.area() for p in parts] == sorted((p.area() for p in parts), reverse=True)


@given(masks(), st.lists(st.tuples(st.floats(-9, 320), st.floats(-9, 60)), max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_cut_takes_no_pixel_away(mask: TileMask, path: list[tuple[float, float]]) -> None:
    parts = reshape.cut(mask, path)
    assert reshape.union(parts, SHAPE[::-1]) == mask
    assert sum(p.area() for p in parts) == mask.area()


@given(masks(), st.floats(0.5, 4))
@settings(max_examples=60, deadline=None)
def test_smoothing_loses_no_piece_and_no_hole(mask: TileMask, radius: float) -> None:
    after = dense(reshape.smooth(mask, radius))
    for piece in reshape.pieces(mask):
        assert (dense(piece) & after).any()


@given(masks(), masks())
@settings(max_examples=40, deadline=None)
def test_inside_is_what_both_have(one: TileMask, other: TileMask) -> None:
    both = reshape.inside(one, other)
    assert np.array_equal(dense(both), dense(one) & dense(other))


def test_every_function_leaves_the_mask_it_was_given() -> None:
    mask = spots((10, 10, 30, 30), (50, 10, 51, 11))
    before = mask.copy()
    reshape.fill_holes(mask)
    reshape.drop_specks(mask, 5)
    reshape.grow(mask, 3)
    reshape.shrink(mask, 3)
    reshape.smooth(mask, 2)
    reshape.cut(mask, [(0, 20), (60, 20)])
    assert mask == before


def test_a_hole_is_filled_and_a_bay_open_to_the_edge_of_the_photo_is_not() -> None:
    ring = spots((10, 10, 30, 30))
    ring.subtract((15, 15, 20, 20), np.ones((5, 5), bool))
    assert reshape.fill_holes(ring) == spots((10, 10, 30, 30))
    bay = spots((0, 0, 20, 20))
    bay.subtract((0, 5, 10, 10), np.ones((5, 10), bool))
    assert reshape.fill_holes(bay) == bay


def test_a_region_cut_off_by_the_photo_does_not_withdraw_from_its_edge() -> None:
    assert reshape.shrink(spots((0, 0, 20, 20)), 3) == spots((0, 0, 17, 17))


def test_a_line_across_a_square_makes_two_halves() -> None:
    square = spots((10, 10, 30, 30))
    for path in ([(20, 5), (20, 35)], [(5, 5), (35, 35)], [(5, 36), (36, 4)]):
        halves = reshape.cut(square, path)
        assert len(halves) == 2, path
        assert abs(halves[0].area() - halves[1].area()) <= 60


def test_a_line_that_does_not_reach_across_cuts_nothing() -> None:
    square = spots((10, 10, 30, 30))
    assert reshape.cut(square, [(20, 5), (20, 20)]) == [square]


def test_a_cut_leaves_islands_that_the_line_does_not_meet_where_they_are() -> None:
    both = spots((10, 10, 30, 30), (100, 10, 130, 30))
    rest, off = reshape.cut(both, [(115, 5), (115, 35)])
    assert rest.contains(10, 10)
    assert {rest.contains(101, 11), off.contains(101, 11)} == {True, False}


def test_smoothing_a_staircase_straightens_it_and_keeps_a_single_pixel() -> None:
    steps = spots(*((x, 5, x + 1, 15 + x % 2) for x in range(100, 160)), (200, 20, 201, 21))
    after = reshape.smooth(steps, 3)
    assert len({int(np.flatnonzero(column).max()) for column in dense(after).T[110:150]}) == 1
    assert after.contains(200, 20)


def test_smoothing_keeps_a_hole_of_one_pixel() -> None:
    square = spots((100, 10, 130, 35))
    square.subtract((115, 20, 116, 21), np.ones((1, 1), bool))
    assert not reshape.smooth(square, 3).contains(115, 20)


@pytest.mark.parametrize(
    "points", [[], [(3, 3)], [(3, 3), (9, 9)], [(3.1, 3.1), (3.2, 3.1), (3.2, 3.3)]]
)
def test_an_outline_around_nothing_is_empty(points) -> None:
    assert enclosed(points, SHAPE[::-1]).area() == 0


def test_an_outline_has_the_pixels_whose_centres_it_encloses() -> None:
    found = enclosed([(10, 10), (20, 10), (20, 15), (10, 15)], SHAPE[::-1])
    assert found == spots((10, 10, 20, 15))
    wide = enclosed([(-50, -50), (900, -50), (900, 900), (-50, 900)], SHAPE[::-1])
    assert wide == spots((0, 0, 300, 40))


@given(
    st.lists(
        st.tuples(st.floats(-20, 60, width=16), st.floats(-10, 50, width=16)),
        min_size=3,
        max_size=9,
    )
)
@settings(max_examples=60, deadline=None)
def test_an_outline_agrees_with_counting_turns_point_by_point(points) -> None:
    found = dense(enclosed(points, SHAPE[::-1]))[:, :60]
    rows, columns = np.indices((SHAPE[0], 60))
    turns = np.zeros(rows.shape, int)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        if ay == by:
            continue
        y = rows + 0.5
        crosses = (y >= min(ay, by)) & (y < max(ay, by))
        at = ax + (y - ay) * ((bx - ax) / (by - ay))
        turns += crosses * (columns + 0.5 >= at) * (1 if by > ay else -1)
    assert np.array_equal(found, turns != 0)
