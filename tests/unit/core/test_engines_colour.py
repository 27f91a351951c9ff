"""The colour assistant finds what a person means, at once, on any photo."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from core.engines.base import Candidate, Prompt
from core.engines.colour import ColourEngine
from core.engines.colour_view import Photo

LEAF, SPOT, HALO, PAPER = (70, 130, 50), (120, 70, 35), (170, 160, 60), (235, 232, 228)


def _photo(width: int, height: int, *, noise: float = 5.0) -> np.ndarray:
    """A leaf on paper with a vein and a shadow side."""
    rng = np.random.default_rng(2)
    rgb = np.full((height, width, 3), PAPER, np.float32)
    leaf = np.zeros((height, width), np.uint8)
    cv2.ellipse(
        leaf, (width // 2, height // 2), (int(width * 0.45), int(height * 0.4)), 0, 0, 360, 1, -1
    )
    shade = np.linspace(0.75, 1.2, width, dtype=np.float32)[None, :, None]
    rgb = np.where(leaf[:, :, None] > 0, np.array(LEAF, np.float32) * shade, rgb)
    cv2.line(rgb, (0, height // 2), (width, height // 2), (110, 160, 80), max(1, height // 80))
    return np.clip(rgb + rng.normal(0, noise, rgb.shape), 0, 255).astype(np.uint8)


def _spot(
    rgb: np.ndarray, at: tuple[int, int], radius: int, colour: tuple[int, int, int] = SPOT
) -> np.ndarray:
    """Paint a spot with a wavy rim; its mask."""
    yy, xx = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    angle = np.arctan2(yy - at[1], xx - at[0])
    mask = np.hypot(xx - at[0], yy - at[1]) < radius * (1 + 0.15 * np.sin(5 * angle))
    rng = np.random.default_rng(9)
    rgb[mask] = np.clip(colour + rng.normal(0, 6, (int(mask.sum()), 3)), 0, 255)
    return mask


def _iou(candidate: Candidate, truth: np.ndarray) -> float:
    whole = np.zeros_like(truth)
    x, y = candidate.origin
    whole[y : y + candidate.pixels.shape[0], x : x + candidate.pixels.shape[1]] = candidate.pixels
    return float((whole & truth).sum() / (whole | truth).sum())


def _box(mask: np.ndarray, margin: float = 0.0) -> tuple[int, int, int, int]:
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    return (
        int(x - margin * w),
        int(y - margin * h),
        int(x + w + margin * w),
        int(y + h + margin * h),
    )


@pytest.mark.parametrize("radius", [6, 25, 90])
@pytest.mark.parametrize("margin", [0.0, 0.2])
def test_a_box_finds_the_spot_in_it(radius, margin):
    rgb = _photo(800, 600)
    truth = _spot(rgb, (300, 230), radius)
    engine = ColourEngine()
    engine.set_image(rgb)
    assert _iou(engine.predict(Prompt(box=_box(truth, margin)))[0], truth) > 0.85


@pytest.mark.parametrize("radius", [6, 25, 70])
def test_one_click_finds_the_spot_and_its_size(radius):
    rgb = _photo(800, 600)
    truth = _spot(rgb, (300, 230), radius)
    engine = ColourEngine()
    engine.set_image(rgb)
    found = engine.predict(Prompt(((301.0, 229.0),), (True,)))
    assert _iou(found[0], truth) > 0.75


def test_a_box_around_a_leaf_finds_the_leaf():
    rgb = _photo(1600, 1200)
    truth = np.zeros(rgb.shape[:2], np.uint8)
    cv2.ellipse(truth, (800, 600), (720, 480), 0, 0, 360, 1, -1)
    _spot(rgb, (500, 500), 60)
    engine = ColourEngine()
    engine.set_image(rgb)
    assert _iou(engine.predict(Prompt(box=_box(truth > 0, 0.02)))[0], truth > 0) > 0.9


def test_a_minus_click_takes_its_place_out_and_a_plus_click_takes_it_in():
    rgb = _photo(800, 600)
    spots = [_spot(rgb, (300, 230), 30), _spot(rgb, (345, 230), 12, HALO)]
    engine = ColourEngine()
    engine.set_image(rgb)
    box = _box(spots[0] | spots[1])
    # On the halo, in the very middle of the spot, and on the leaf in the box's corner.
    for at, positive in itertools.product(((347, 230), (300, 230), (356, 199)), (False, True)):
        prompt = Prompt(((at[0] + 0.5, at[1] + 0.5),), (positive,), box)
        for candidate in engine.predict(prompt):
            x, y = candidate.origin
            row, col = at[1] - y, at[0] - x
            height, width = candidate.pixels.shape
            inside = 0 <= row < height and 0 <= col < width and bool(candidate.pixels[row, col])
            assert inside is positive


def test_a_click_on_a_spot_with_a_halo_proposes_both():
    rgb = _photo(800, 600)
    halo = _spot(rgb, (300, 230), 45, HALO)
    spot = _spot(rgb, (300, 230), 22)
    engine = ColourEngine()
    engine.set_image(rgb)
    found = engine.predict(Prompt(((300.0, 230.0),), (True,)))
    for truth in (halo, spot):
        assert max(_iou(candidate, truth) for candidate in found) > 0.75


def test_clicks_come_closer_to_what_is_meant():
    """Two leaves of one lesion, of which a click finds one: a plus in the other joins them."""
    rgb = _photo(800, 600)
    truth = _spot(rgb, (300, 230), 30) | _spot(rgb, (365, 245), 22, HALO)
    engine = ColourEngine()
    engine.set_image(rgb)
    points = ((300.0, 230.0), (366.0, 245.0))
    first, second = (
        _iou(engine.predict(Prompt(points[:n], (True,) * n))[0], truth) for n in (1, 2)
    )
    assert second > first
    assert second > 0.75


def test_the_answer_depends_on_the_prompt_alone():
    """Clicking one by one, or sending all clicks at once, is the same."""
    rgb = _photo(800, 600)
    _spot(rgb, (300, 230), 30)
    points = ((300.0, 230.0), (340.0, 230.0), (300.0, 262.0))
    positive = (True, False, True)
    answers = []
    for lengths in ((1, 2, 3), (3,), (2, 1, 3)):
        engine = ColourEngine()
        engine.set_image(rgb)
        for n in lengths:
            found = engine.predict(Prompt(points[:n], positive[:n]))
        answers.append(found)
    for other in answers[1:]:
        assert len(other) == len(answers[0])
        for a, b in zip(answers[0], other, strict=True):
            assert a.origin == b.origin
            assert np.array_equal(a.pixels, b.pixels)


def test_the_proposals_differ_from_each_other():
    rgb = _photo(800, 600)
    _spot(rgb, (300, 230), 45, HALO)
    truth = _spot(rgb, (300, 230), 22)
    engine = ColourEngine()
    engine.set_image(rgb)
    found = engine.predict(Prompt(((300.0, 230.0),), (True,)))
    masks = []
    for candidate in found:
        whole = np.zeros_like(truth)
        x, y = candidate.origin
        height, width = candidate.pixels.shape
        whole[y : y + height, x : x + width] = candidate.pixels
        masks.append(whole)
    for a, b in itertools.combinations(masks, 2):
        assert (a & b).sum() < 0.95 * (a | b).sum()


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), LEAF])
def test_a_photo_of_one_colour_does_no_harm(colour):
    engine = ColourEngine()
    engine.set_image(np.full((120, 160, 3), colour, np.uint8))
    for prompt in (Prompt(((80.0, 60.0),), (True,)), Prompt(box=(40, 30, 120, 90))):
        assert engine.predict(prompt)


@pytest.mark.parametrize("size", [(101, 77), (640, 480), (3001, 2003)])
@pytest.mark.parametrize("share", [0.02, 0.2, 1.0])
def test_a_window_maps_back_to_the_pixels_it_came_from(size, share):
    """Light squares on dark ground: what is light in the window is light in the photo."""
    width, height = size
    rgb = np.zeros((height, width, 3), np.uint8)
    side = max(4, int(min(size) * share / 3))
    x0, y0 = width // 2 - side // 2, height // 2 - side // 2
    rgb[y0 : y0 + side, x0 : x0 + side] = 255
    half = max(6, int(max(size) * share / 2))
    box = (width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)
    window = Photo(rgb).window(box, 64)
    pixels, (x, y) = window.to_photo((window.lab[:, :, 0] - 50) / 10)
    truth = np.zeros((height, width), bool)
    truth[y0 : y0 + side, x0 : x0 + side] = True
    found = np.zeros((height, width), bool)
    found[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    rim = 2 * (2 * side + 2 * side) * max(1.0, window.unit)
    assert (found ^ truth).sum() <= rim
    centre = np.argwhere(found).mean(axis=0)
    assert (
        np.abs(centre - (y0 + (side - 1) / 2, x0 + (side - 1) / 2)).max() <= window.unit / 2 + 0.5
    )


def test_an_answer_looks_at_a_window_not_at_the_photo():
    """What makes it fast on 24 megapixels: no window is larger than a few hundred cells a side."""
    photo = Photo(np.zeros((4000, 6000, 3), np.uint8))
    for half in (5, 50, 500, 5000):
        window = photo.window((3000 - half, 2000 - half, 3000 + half, 2000 + half), 96)
        assert max(window.lab.shape[:2]) <= 160
