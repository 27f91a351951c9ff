"""Areas are the sizes of unions, and severity is lesion over leaf and lesion."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain.ids import DiseaseId
from core.domain.mask import TILE, pack_tile
from core.domain.region import RegionKind
from core.geometry.areas import Areas, count
from core.geometry.severity import severity_percent

LEAF, RUST, UNNAMED = (
    (RegionKind.LEAF, None),
    (RegionKind.LESION, DiseaseId(1)),
    (RegionKind.LESION, None),
)


def square(x0: int, x1: int) -> np.ndarray:
    tile = np.zeros((TILE, TILE), bool)
    tile[:10, x0:x1] = True
    return pack_tile(tile)


def test_overlaps_count_once() -> None:
    found = count([[(LEAF, square(0, 20)), (LEAF, square(10, 30)), (RUST, square(25, 35)),
                    (UNNAMED, square(30, 40))]])  # fmt: skip
    assert found.groups == {LEAF: 300, RUST: 100, UNNAMED: 100}
    assert (found.leaf, found.lesion, found.cover) == (300, 150, 400)
    assert found.severity == pytest.approx(100 * 150 / 400)


def test_disjoint_tiles_add_up_and_take_away() -> None:
    one = count([[(LEAF, square(0, 10))]])
    two = count([[(RUST, square(0, 10))]])
    assert count([[(LEAF, square(0, 10))], [(RUST, square(0, 10))]]) == one.plus(two)
    assert one.plus(two).plus(two, -1) == one
    assert one.plus(one, -1) == Areas()


def test_no_leaf_no_severity() -> None:
    assert severity_percent(leaf=0, lesion=5, cover=5) is None
    assert severity_percent(leaf=5, lesion=0, cover=5) == 0.0
    assert severity_percent(leaf=5, lesion=5, cover=5) == 100.0
    assert count([]).severity is None


def test_each_disease_is_measured_against_the_same_whole() -> None:
    found = count([[(LEAF, square(0, 20)), (RUST, square(10, 20)), (UNNAMED, square(15, 25))]])
    assert found.diseases == {DiseaseId(1): 100, None: 100}
    assert found.severity_of(DiseaseId(1)) == found.severity_of(None) == pytest.approx(40.0)
    assert found.severity == pytest.approx(60.0)
    assert count([[(RUST, square(0, 5))]]).severity_of(DiseaseId(1)) is None


def test_packed_bits_and_plain_pixels_count_alike() -> None:
    pixels = np.zeros((TILE, TILE), bool)
    pixels[3:50, 7:91] = True
    for group in (LEAF, RUST):
        assert count([[(group, pixels)]]) == count([[(group, pack_tile(pixels))]])
