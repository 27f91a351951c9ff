"""Pieces are counted, placed and shaped as on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.geometry import pieces


def disc(radius: float, size: int = 200) -> np.ndarray:
    y, x = np.mgrid[:size, :size] + 0.5
    found: np.ndarray = (x - size / 2) ** 2 + (y - size / 2) ** 2 <= radius**2
    return found


def one(pixels: np.ndarray, origin: tuple[int, int] = (0, 0)) -> pieces.Shape:
    labels, count = pieces.label(pixels)
    assert count == 1
    return pieces.shapes(labels, count, origin)[0]


@pytest.mark.parametrize("radius", [10, 25, 80])
def test_a_disc_has_the_perimeter_and_area_of_a_circle(radius: float) -> None:
    found = one(disc(radius), (1000, 500))
    assert found.area == pytest.approx(math.pi * radius**2, rel=0.02)
    assert found.perimeter == pytest.approx(2 * math.pi * radius, rel=0.02)
    assert found.centroid == (1100.0, 600.0)
    assert found.eccentricity == pytest.approx(0, abs=0.05)


def test_a_bar_is_eccentric_and_a_pixel_is_round() -> None:
    bar = np.zeros((40, 40), bool)
    bar[10:12, 5:35] = True
    assert one(bar).eccentricity == pytest.approx(math.sqrt(1 - (2 / 30) ** 2))
    assert one(bar).perimeter == pytest.approx(64, rel=0.1)
    dot = np.zeros((3, 3), bool)
    dot[1, 1] = True
    assert one(dot) == pieces.Shape(1, (1.5, 1.5), pytest.approx(2.68, abs=0.01), 0.0)


def test_corners_connect_and_gaps_part() -> None:
    pixels = np.zeros((5, 7), bool)
    pixels[0, 0] = pixels[1, 1] = pixels[1, 3] = pixels[4, 6] = True
    labels, count = pieces.label(pixels)
    assert count == 3
    assert pieces.areas(labels, count).tolist() == [2, 1, 1]


def test_a_hole_is_filled_and_a_bay_is_not() -> None:
    ring = disc(20, 50) & ~disc(8, 50)
    assert (pieces.filled(ring) == disc(20, 50)).all()
    bay = ring.copy()
    bay[25, 25:] = False
    assert (pieces.filled(bay) == bay).all()
    assert pieces.filled(np.ones((3, 4), bool)).all()
    assert not pieces.filled(np.zeros((3, 4), bool)).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30))
def test_the_pieces_are_the_whole(seed: int, height: int, width: int) -> None:
    pixels = np.random.default_rng(seed).random((height, width)) < 0.3
    labels, count = pieces.label(pixels)
    shapes = pieces.shapes(labels, count)
    assert sum(s.area for s in shapes) == np.count_nonzero(pixels)
    assert pieces.areas(labels, count).tolist() == [s.area for s in shapes]
    assert all(0 <= s.eccentricity < 1 and s.perimeter > 2 for s in shapes)
