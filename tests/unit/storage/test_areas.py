"""Areas are the sizes of unions, and severity is lesion over leaf and lesion."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain.ids import DiseaseId
from core.domain.mask import TILE, pack_tile
from core.domain.region import RegionKind
from storage.areas import Areas, count, severity_percent

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
