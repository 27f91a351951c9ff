"""How sick a leaf is, and how well two masks or two series of figures agree.

Severity is the share of diseased pixels of the whole leaf in percent: lesion / (leaf ∪ lesion). The
union makes it the same whether the leaf was outlined with its lesions or around them. Where several
diseases overlap, each counts its own pixels, so that they may add up to more than the whole.

Severity as a proportion of the plant unit's area that is visibly diseased is the term of Nutter,
Esker and Coelho Netto (2006), European Journal of Plant Pathology 115, 95–103.

Knows arrays and figures; knows no photo and no project.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Dice = 2|A∩B| / (|A|+|B|) and IoU = |A∩B| / |A∪B|, both in [0, 1].

    Both masks empty: 1. Exactly one empty: 0. The flags say which it was.
    """

    dice: float
    iou: float
    truth_empty: bool
    prediction_empty: bool


def severity_percent(*, leaf: int, lesion: int, cover: int) -> float | None:
    """Lesion pixels in percent of leaf and lesion together; a pixel that is both counts as lesion.

    ``cover`` is the size of the union of both. None where no leaf is outlined: without it nobody
    knows the whole. All of the program's percentages come from here.
    """
    return 100.0 * lesion / cover if leaf > 0 else None


def mask_severity(leaf: Mask | None, lesion: Mask) -> float | None:
    """``severity_percent`` of two [h, w] bool masks of one size."""
    if leaf is None:
        return None
    counts = (int(np.count_nonzero(m)) for m in (leaf, lesion, leaf | lesion))
    return severity_percent(**dict(zip(("leaf", "lesion", "cover"), counts, strict=True)))


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
