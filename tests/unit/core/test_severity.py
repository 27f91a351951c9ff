"""Severity, grades and agreement are what the definitions say, also where masks are empty."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.scale import BRACOL
from core.geometry.severity import (
    concordance,
    mask_severity,
    overlap,
)
from core.imaging.mask_files import read_mask


def _mask(*pixels: int, size: int = 10) -> np.ndarray:
    out = np.zeros((1, size), bool)
    out[0, list(pixels)] = True
    return out


def test_severity_is_the_lesions_share_of_leaf_and_lesion() -> None:
    around = _mask(0, 1, 2, 3, 4, 5)
    within = _mask(0, 1, 2, 3, 4, 5, 6, 7)
    lesion = _mask(6, 7)
    assert mask_severity(around, lesion) == mask_severity(within, lesion) == 25.0


def test_without_a_leaf_there_is_no_severity() -> None:
    assert mask_severity(None, _mask(1)) is None
    assert mask_severity(_mask(), _mask(1)) is None


def test_overlap_counts_empty_masks_as_agreed() -> None:
    none, some = _mask(), _mask(1, 2)
    assert overlap(none, none).dice == overlap(none, none).iou == 1.0
    assert overlap(some, none).dice == overlap(none, some).dice == 0.0
    assert (overlap(none, some).truth_empty, overlap(none, some).prediction_empty) == (True, False)
    half = overlap(some, _mask(2, 3))
    assert (half.dice, half.iou) == (0.5, pytest.approx(1 / 3))
    with pytest.raises(ValueError, match="cannot be compared"):
        overlap(some, _mask(1, size=11))


@given(st.lists(st.floats(0, 100), min_size=2, max_size=30), st.floats(1, 50))
def test_concordance_punishes_a_constant_error(values: list[float], shift: float) -> None:
    assert concordance(values, values) == pytest.approx(1.0)
    assert concordance(values, [v + shift for v in values]) < 1.0


def test_concordance_agrees_with_the_formula_on_a_known_case() -> None:
    # 2·cov / (var + var + (mean difference)²) = 2·1 / (1.25 + 1.25 + 1) with population moments
    assert concordance([1, 2, 3, 4], [2, 3, 4, 5]) == pytest.approx(2.5 / 3.5)
    assert math.isnan(concordance([1], [1]))


@pytest.mark.bracol
def test_true_masks_give_back_the_graders_grade_as_often_as_reported(bracol: Path) -> None:
    rows = (bracol / "labels.csv").read_text().splitlines()
    header = rows[0].split(",")
    graded = [dict(zip(header, row.split(","), strict=True)) for row in rows[1:]]
    val = [row for row in graded if row["split"] == "val"]
    right = 0
    for row in val:
        values = read_mask(bracol / row["mask"]).values
        found = mask_severity(values == 1, values == 2)
        right += BRACOL.grade(found or 0.0) == row["severity_grade"]
    assert right / len(val) == pytest.approx(0.86, abs=0.005)
