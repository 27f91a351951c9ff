"""What lies under the canvas: transforms, sampling, pyramids, strokes. No window is needed."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.domain.ids import ImageId, RegionId
from core.domain.mask import TILE, TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from gui.canvas.class_pyramid import ClassPyramid
from gui.canvas.document import CanvasDocument
from gui.canvas.mask_layer import MaskLayer
from gui.canvas.pyramid import PhotoPyramid, quick_look
from gui.canvas.sampling import Window, sample_flags, sample_mask, spans
from gui.canvas.stroke import Stroke, capsule_rows
from gui.canvas.transform import Transform


def within(
    size: tuple[int, int], a: tuple[float, float], b: tuple[float, float], radius: float
) -> NDArray[np.bool_]:
    """Pixels whose centre is within ``radius`` of the line a–b, the slow and obvious way."""
    yy, xx = np.mgrid[: size[1], : size[0]] + 0.5
    ab = np.array(b) - a
    length = float(ab @ ab)
    t = np.zeros_like(xx) if length == 0 else ((xx - a[0]) * ab[0] + (yy - a[1]) * ab[1]) / length
    t = np.clip(t, 0, 1)
    near: NDArray[np.bool_] = np.hypot(xx - a[0] - t * ab[0], yy - a[1] - t * ab[1]) <= radius
    return near


def painted(stroke: Stroke) -> NDArray[np.bool_]:
    return TileMask(*stroke.size, dict(stroke.painted)).to_array()


def lesion(mask: TileMask, number: int = 1) -> Region:
    return Region(RegionInfo(RegionId(number), ImageId(1), RegionKind.LESION), mask)


points = st.tuples(st.floats(-40, 640), st.floats(-40, 440))


@settings(max_examples=60, deadline=None)
@given(a=points, b=points, radius=st.floats(1.6, 90))
@example(a=(0.0, 0.0), b=(0.0, 1.1e-308), radius=2.0)
@example(a=(0.0, 0.0), b=(5e-324, 5e-324), radius=30.0)
@example(a=(0.0, 200.0), b=(1e-308, 0.0), radius=2.0)
def test_a_stroke_covers_exactly_what_is_within_its_radius(
    a: tuple[float, float], b: tuple[float, float], radius: float
) -> None:
    stroke = Stroke((600, 400), None, erase=False)
    stroke.line(a, b, radius)
    sure = within((600, 400), a, b, radius - 1e-6)
    possible = within((600, 400), a, b, radius + 1e-6)
    possible[int(b[1] // 1) : int(b[1] // 1) + 1, int(b[0] // 1) : int(b[0] // 1) + 1] = True
    got = painted(stroke)
    assert not (sure & ~got).any()
    assert not (got & ~possible).any()


def test_the_finest_brush_leaves_an_unbroken_line_of_single_pixels() -> None:
    stroke = Stroke((700, 300), None, erase=False)
    stroke.line((3.2, 5.9), (680.4, 211.3), 0.5)
    got = painted(stroke)
    columns = got[:, 3:681].sum(axis=0)
    assert columns.min() >= 1
    assert columns.max() <= 2
    assert got[5, 3]
    assert got[211, 680]


def test_a_capsule_has_no_row_where_it_is_not() -> None:
    left, right = capsule_rows((10, 10), (50, 10), 3, np.array([6.5, 7.5, 12.5, 13.5]))
    assert list(left <= right) == [False, True, True, False]


def test_a_stroke_across_a_50_megapixel_photo_touches_only_its_tiles() -> None:
    stroke = Stroke((8192, 6144), None, erase=False)
    stroke.line((300, 300), (1000, 1000), 8)
    assert len(stroke.painted) <= 10
    assert set(stroke.painted) <= {(r, c) for r in range(4) for c in range(4)}


@pytest.mark.parametrize("erase", [False, True])
def test_the_delta_of_a_stroke_is_its_own_undo(erase: bool) -> None:
    rng = np.random.default_rng(3)
    mask = TileMask.from_array(rng.random((700, 900)) < 0.4)
    before = mask.copy()
    stroke = Stroke((900, 700), RegionId(1), erase=erase)
    stroke.line((20, 30), (850, 660), 25)
    stroke.line((850, 660), (400, 20), 25)
    delta = stroke.delta(mask)
    mask.apply_delta(delta)
    pixels = before.to_array()
    expected = pixels & ~painted(stroke) if erase else pixels | painted(stroke)
    assert np.array_equal(mask.to_array(), expected)
    assert mask != before
    mask.apply_delta(delta)
    assert mask == before
    assert delta.keys() == before.delta(TileMask.from_array(expected)).keys()


def test_a_stroke_never_leaves_the_photo() -> None:
    stroke = Stroke((300, 260), None, erase=False)
    stroke.line((-50, 100), (350, 300), 40)
    mask = TileMask(300, 260)
    mask.apply_delta(stroke.delta(None))
    for (row, col), tile in mask.tiles.items():
        ys, xs = np.nonzero(tile)
        assert ys.max() + row * TILE < 260
        assert xs.max() + col * TILE < 300
    assert stroke.line((-500, -500), (-300, -200), 20) is None


def test_a_region_changed_in_mid_stroke_still_ends_up_with_the_stroke() -> None:
    mask = TileMask(300, 300)
    stroke = Stroke((300, 300), RegionId(1), erase=False)
    stroke.line((50, 50), (200, 200), 10)
    mask.write((0, 0, 300, 120), np.ones((120, 300), bool))  # an undo, say
    expected = mask.to_array() | painted(stroke)
    mask.apply_delta(stroke.delta(mask))
    assert np.array_equal(mask.to_array(), expected)


@given(step=st.floats(1.0, 1.999), size=st.integers(1, 900))
def test_no_cell_falls_between_two_pixels(step: float, size: int) -> None:
    low, high = spans(0, math.ceil(size / step) + 1, step, size)
    middle = np.floor((np.arange(len(low)) + 0.5) * step)
    assert ((low <= middle) & (middle <= high))[middle < size].all()
    covered = np.zeros(size, bool)
    for a, b in zip(low, high, strict=True):
        covered[a : b + 1] = True
    assert covered.all()


@pytest.mark.parametrize("scale", [1.0, 0.73, 0.5, 0.31, 0.1, 0.03])
def test_a_one_pixel_lesion_is_seen_at_every_zoom(scale: float) -> None:
    rng = random.Random(5)
    for _ in range(20):
        size = (rng.randint(300, 1500), rng.randint(300, 1500))
        base = np.zeros((size[1], size[0]), np.uint8)
        base[rng.randrange(size[1]), rng.randrange(size[0])] = 7
        extent = Transform(size, scale).extent
        window = Window(0, 0, *extent, scale, size)
        assert ClassPyramid(base).sample(window).max() == 7


@pytest.mark.parametrize("shape", [(1, 700), (700, 1), (1, 1), (511, 513), (257, 1025)])
def test_half_levels_follow_every_edit_of_odd_shapes(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    classes = ClassPyramid.blank((shape[1], shape[0]))
    for _ in range(12):
        y, x = rng.integers(shape[0]), rng.integers(shape[1])
        part = classes.base[y : y + 40, x : x + 90]
        part[...] = rng.integers(0, 5, part.shape)
        classes.update((int(x), int(y), int(x) + 90, int(y) + 40))
    for got, expected in zip(classes.levels, ClassPyramid(classes.base).levels, strict=True):
        assert np.array_equal(got, expected)


def test_any_part_of_a_window_equals_that_part_of_the_whole() -> None:
    rng = np.random.default_rng(2)
    rgb = rng.integers(0, 255, (731, 977, 3), dtype=np.uint8)
    pyramid = PhotoPyramid.from_rgb(rgb)
    reduced = PhotoPyramid.from_rgb(rgb[::3, ::3], size=(977, 731))
    mask = TileMask.from_array(rng.random((731, 977)) < 0.3)
    flags = rng.random((200, 300)) < 0.5
    for scale in (0.137, 0.5, 0.77, 1.0, 1.9, 3.3):
        size = (977, 731)
        whole = Window(0, 0, *Transform(size, scale).extent, scale, size)
        x, y = whole.x1 // 3, whole.y1 // 4
        part = Window(x, y, x + whole.x1 // 2, y + whole.y1 // 2, scale, size)
        cut = np.s_[part.y0 : part.y1, part.x0 : part.x1]
        for smooth in (False, True):
            for p in (pyramid, reduced):
                assert np.array_equal(
                    p.sample(part, smooth=smooth), p.sample(whole, smooth=smooth)[cut]
                )
        assert np.array_equal(sample_mask(mask, part), sample_mask(mask, whole)[cut])
        one, all_ = (sample_flags(flags, w, origin=(400, 90)) for w in (part, whole))
        assert np.array_equal(one, all_[cut])


@pytest.mark.parametrize("scale", [0.05, 0.2453, 0.6, 1.0, 2.5])
def test_a_rim_around_a_window_changes_nothing_in_it(scale: float) -> None:
    rng = np.random.default_rng(8)
    size = (1088, 1161)
    classes = ClassPyramid(rng.integers(0, 6, (size[1], size[0]), dtype=np.uint8))
    width, height = Transform(size, scale).extent
    for x0, x1 in [(0, width), (0, 7), (width - 9, width), (5, width - 3)]:
        window = Window(x0, 0, x1, height, scale, size)
        for rim in (1, 3, 6):
            grown = classes.sample(window.grown(rim))
            assert np.array_equal(grown[rim:-rim, rim:-rim], classes.sample(window))


def test_at_actual_pixels_the_photo_is_shown_as_it_is() -> None:
    rgb = np.random.default_rng(4).integers(0, 255, (90, 130, 3), dtype=np.uint8)
    pyramid = PhotoPyramid.from_rgb(rgb)
    got = pyramid.sample(Window(0, 0, 130, 90, 1.0, (130, 90)), smooth=True)
    r, g, b = (rgb[..., i].astype(np.uint32) for i in range(3))
    assert np.array_equal(got, 0xFF000000 | r << 16 | g << 8 | b)
    image = pyramid.image()
    assert (image.width(), image.height()) == (130, 90)
    assert image.pixel(7, 11) == int(got[11, 7])


def test_sampling_a_mask_reads_its_tiles_as_if_it_were_one_array() -> None:
    full = np.random.default_rng(6).random((600, 520)) < 0.2
    window = Window(0, 0, 520, 600, 1.0, (520, 600))
    assert np.array_equal(sample_mask(TileMask.from_array(full), window), full)
    assert np.array_equal(sample_flags(full, window), full)


@pytest.mark.parametrize(
    "bad",
    [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)],
    ids=["grey", "with alpha", "empty"],
)
def test_what_is_not_an_rgb_photo_is_refused(bad: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="uint8"):
        PhotoPyramid.from_rgb(bad)


def test_a_quick_look_shows_the_whole_photo_with_few_pixels() -> None:
    rgb = np.zeros((6000, 8000, 3), np.uint8)
    look = quick_look(rgb, (8000, 6000))
    assert look.size == (8000, 6000)
    assert max(look.levels[0].shape) <= 2800
    assert not look.complete


def test_zooming_holds_the_point_under_the_pointer() -> None:
    t = Transform.fitted((4000, 3000), (1200, 800))
    photo = t.to_photo(431.5, 322.5)
    near = t.placed(7.3, photo, (431.5, 322.5))
    x, y = near.to_device(*photo)
    assert abs(x - 431.5) <= 0.5
    assert abs(y - 322.5) <= 0.5


def test_the_photo_cannot_be_lost() -> None:
    far = Transform((4000, 3000), 0.2, ox=99999, oy=-99999).clamped((1200, 800))
    left, top, right, bottom = far.photo_box((0, 0, 1200, 800))
    assert right > left
    assert bottom > top


def test_later_lesions_lie_on_earlier_ones_and_all_on_the_leaf() -> None:
    size = (64, 64)

    def square(a: int, b: int) -> TileMask:
        mask = TileMask(*size)
        mask.write((a, a, b, b), np.ones((b - a, b - a), bool))
        return mask

    leaf = Region(RegionInfo(RegionId(9), ImageId(1), RegionKind.LEAF), square(0, 60))
    first, second = lesion(square(5, 30), 1), lesion(square(20, 50), 2)
    colours = {1: "#ff0000", 2: "#0000ff", 9: "#00ff00"}
    document = CanvasDocument(size, [first, leaf, second], palette=lambda i: colours[i.id])
    layer = MaskLayer(document)
    layer.restyle(opacity=1.0, mode=layer.mode, hatched=False)
    layer.work(10, visible=(0, 0, 64, 64))
    image = layer.render(Window(0, 0, 64, 64, 1.0, size))
    assert image is not None
    assert image.pixelColor(12, 12).name() == "#ff0000"
    assert image.pixelColor(25, 25).name() == "#0000ff"
    assert image.pixelColor(40, 40).name() == "#0000ff"
    assert image.pixelColor(55, 3).green() > 0
    assert image.pixelColor(62, 62).alpha() == 0
    assert document.region_at(25, 25) is second
    assert document.region_at(57.9, 57.9) is leaf
    assert document.region_at(63, 63) is None
    document.set_active(RegionId(1))  # the one being worked on is never covered
    layer.sync()
    layer.work(10, visible=(0, 0, 64, 64))
    image = layer.render(Window(0, 0, 64, 64, 1.0, size))
    assert image is not None
    assert image.pixelColor(24, 24).red() > image.pixelColor(24, 24).blue()


def test_a_removed_region_leaves_no_pixel_behind_even_after_it_grew() -> None:
    size = (900, 700)
    region = lesion(TileMask.from_array(np.ones((20, 20), bool), (10, 10), size))
    document = CanvasDocument(size, [region])
    layer = MaskLayer(document)
    layer.work(99, visible=(0, 0, *size))
    region.mask.write((600, 600, 640, 640), np.ones((40, 40), bool))
    layer.refresh((600, 600, 640, 640))
    document.set_regions([])
    layer.sync()
    while layer.pending:
        layer.work(99, visible=(0, 0, *size))
    assert layer.render(Window(0, 0, *size, 1.0, size)) is None


def test_more_colours_than_numbers_still_draws_every_region() -> None:
    size = (400, 10)
    regions = [
        lesion(TileMask.from_array(np.ones((10, 2), bool), (2 * i, 0), size), i + 1)
        for i in range(200)
    ]
    document = CanvasDocument(size, regions, palette=lambda i: f"#{i.id:06x}")
    layer = MaskLayer(document)
    layer.work(99, visible=(0, 0, *size))
    image = layer.render(Window(0, 0, *size, 1.0, size))
    assert image is not None
    assert all(image.pixelColor(x, 5).alpha() > 0 for x in range(400))


def test_a_point_is_found_in_what_a_stroke_or_another_list_has_just_put_there() -> None:
    mask = TileMask.from_array(np.ones((10, 10), bool), (0, 0), (900, 600))
    region = Region(RegionInfo(RegionId(1), ImageId(1), RegionKind.LESION), mask)
    document = CanvasDocument((900, 600), [region])
    assert document.region_at(640, 40) is None
    before = region.mask.copy()
    region.mask.add((635, 35, 645, 45), np.ones((10, 10), bool))
    document.tiles_changed(before.delta(region.mask))
    assert document.region_at(640, 40) is region
    document.set_regions([])
    assert document.region_at(640, 40) is None
