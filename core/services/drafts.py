"""Predictions of a trained model as drafts that a person takes or leaves.

Each 8-connected piece of the predicted lesions is one draft, and so is the predicted leaf; the
score is the mean probability inside. Knows predictions and candidates; knows no model, no project.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.region import RegionKind
from core.engines.base import Candidate
from core.services.review import Prediction

SMALLEST = 12
"""Pixels of the photo that a draft has at least: less is the grain of the mask head."""
MOST = 200


@dataclass(frozen=True, slots=True, eq=False)
class Drafted:
    """A draft and what it is of."""

    candidate: Candidate
    kind: RegionKind


def drafts(prediction: Prediction) -> list[Drafted]:
    """The leaf first, then lesions, the surest first; at most ``MOST``."""
    found = []
    leaf = prediction.leaf_mask()
    if leaf is not None and prediction.leaf is not None:
        pieces = _pieces(leaf, prediction.leaf)
        found = [Drafted(one, RegionKind.LEAF) for one in _largest(pieces)]
    lesions = _pieces(prediction.lesion_mask(), prediction.lesions)
    surest = sorted(lesions, key=lambda one: -one.score)[:MOST]
    return found + [Drafted(one, RegionKind.LESION) for one in surest]


def _largest(pieces: list[Candidate]) -> list[Candidate]:
    return sorted(pieces, key=lambda one: -int(one.pixels.sum()))[:1]


def _pieces(mask: NDArray[np.bool_], chance: NDArray[np.uint8]) -> list[Candidate]:
    """``mask`` [height, width] in photo pixels, ``chance`` on the head's grid."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    down, across = chance.shape[0] / mask.shape[0], chance.shape[1] / mask.shape[1]
    found = []
    for number in range(1, count):
        left, top, width, height, area = (int(n) for n in stats[number])
        if area < SMALLEST:
            continue
        pixels = labels[top : top + height, left : left + width] == number
        rows = ((np.arange(top, top + height) + 0.5) * down).astype(int)
        cols = ((np.arange(left, left + width) + 0.5) * across).astype(int)
        score = float(chance[np.ix_(rows, cols)][pixels].mean()) / 255
        found.append(Candidate(pixels, (left, top), score))
    return found
