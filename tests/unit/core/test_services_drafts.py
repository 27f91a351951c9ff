"""What a trained model drew, offered piece by piece."""

from __future__ import annotations

import numpy as np

from core.domain.region import RegionKind
from core.services.drafts import SMALLEST, drafts
from core.services.review import Prediction


def _prediction(*, leaf: bool = True) -> Prediction:
    lesions = np.zeros((60, 80), np.uint8)
    lesions[10:20, 10:20] = 250
    lesions[40:44, 50:60] = 180
    lesions[30, 30] = 130
    blade = np.zeros((60, 80), np.uint8)
    blade[5:55, 5:75] = 240
    blade[0:2, 78:80] = 255
    return Prediction(lesions, blade if leaf else None, (160, 120))


def test_each_piece_is_a_draft_and_the_surest_comes_first() -> None:
    found = drafts(_prediction())
    assert [one.kind for one in found] == [
        RegionKind.LEAF,
        RegionKind.LESION,
        RegionKind.LESION,
    ]
    leaf, sure, unsure = (one.candidate for one in found)
    assert sure.score > unsure.score > 0.5
    assert abs(sure.pixels.sum() - 400) < 60
    assert sure.origin[0] in range(18, 22)
    assert leaf.pixels.sum() > 10_000


def test_grains_are_no_drafts() -> None:
    assert all(one.candidate.pixels.sum() >= SMALLEST for one in drafts(_prediction()))


def test_where_no_leaf_was_asked_for_there_is_none() -> None:
    assert {one.kind for one in drafts(_prediction(leaf=False))} == {RegionKind.LESION}
