"""How sick a leaf is, and how well two masks or two series of figures agree.

Severity is the share of diseased pixels of the whole leaf in percent: lesion / (leaf ∪ lesion). The
union makes it the same whether the leaf was outlined with its lesions or around them. Where several
diseases overlap, each counts its own pixels, so that they may add up to more than the whole.

Grades are those of the coffee leaf scale of Esgario, Krohling and Ventura (2020): 0 healthy
(under 0.1 %), 1 very low (to 5 %), 2 low (to 10 %), 3 high (to 15 %), 4 very high.

Knows arrays and figures; knows no photo and no project.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Mask = NDArray[np.bool_]
K = TypeVar("K", bound=Hashable)

GRADE_LIMITS = (0.1, 5.0, 10.0, 15.0)
"""Upper ends in %; a leaf below the first is healthy, one at another belongs to the lower grade."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Dice = 2|A∩B| / (|A|+|B|) and IoU = |A∩B| / |A∪B|, both in [0, 1].

    Both masks empty: 1. Exactly one empty: 0. The flags say which it was.
    """

    dice: float
    iou: float
    truth_empty: bool
    prediction_empty: bool


def severity_percent(leaf: Mask | None, lesion: Mask) -> float | None:
    """Lesion pixels in % of leaf ∪ lesion, 0–100; masks are [h, w] bool of one size.

    None where no leaf is outlined: without it nobody knows the whole.
    """
    if leaf is None or not leaf.any():
        return None
    return 100.0 * int(np.count_nonzero(lesion)) / int(np.count_nonzero(leaf | lesion))


def severity_by_disease(leaf: Mask | None, lesions: Mapping[K, Mask]) -> dict[K, float | None]:
    """``severity_percent`` of every disease over the same whole: the leaf and all lesions."""
    if leaf is None or not leaf.any():
        return dict.fromkeys(lesions)
    whole = leaf.copy()
    for mask in lesions.values():
        whole |= mask
    pixels = int(np.count_nonzero(whole))
    return {key: 100.0 * int(np.count_nonzero(m)) / pixels for key, m in lesions.items()}


def grade(severity: float) -> int:
    """Severity in % to grade 0–4."""
    if severity < GRADE_LIMITS[0]:
        return 0
    return 1 + sum(severity > limit for limit in GRADE_LIMITS[1:])


def overlap(truth: Mask, prediction: Mask) -> Overlap:
    """Of two [h, w] bool masks of one size. Raises ValueError when the sizes differ."""
    if truth.shape != prediction.shape:
        raise ValueError(f"masks of {truth.shape} and {prediction.shape} cannot be compared")
    a, b = int(np.count_nonzero(truth)), int(np.count_nonzero(prediction))
    both = int(np.count_nonzero(truth & prediction))
    if not a and not b:
        return Overlap(1.0, 1.0, truth_empty=True, prediction_empty=True)
    return Overlap(2 * both / (a + b), both / (a + b - both), not a, not b)


def concordance(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Lin's concordance correlation coefficient (1989) of two series of equal length, in [-1, 1].

    Unlike a correlation it falls for a constant error as well. Population moments, as Lin has it.
    1 for two equal constant series; NaN for fewer than two pairs. Raises ValueError when the
    lengths differ.
    """
    x, y = np.asarray(truth, float), np.asarray(prediction, float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"series of {x.shape} and {y.shape} cannot be compared")
    if len(x) < 2:
        return float("nan")
    covariance = float(((x - x.mean()) * (y - y.mean())).mean())
    spread = float(x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    return 2 * covariance / spread if spread else 1.0
