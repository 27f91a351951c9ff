"""How far an answer of the engine ``leaf`` reaches: the levels at which its readings of a lesion
end, and the pieces that somebody pointed at.

Knows planes of logits and clicks; knows no network and no photo.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

TIGHTER, WIDER = 1.5, -1.5
"""Logits at which the second and third reading of a lesion end."""
UNDER_CLICK = 0.7
"""A lesion that was clicked on reaches this far, in logits, below what the click lies on."""
FAINTEST = -4.0
"""A lesion that would have to reach below this is not under the click."""

Place = tuple[float, float]
Plane = NDArray[np.float32]
Clicks = tuple[tuple[float, float, bool], ...]
Rect = tuple[int, int, int, int]


def reach(
    plane: Plane, unit: int, origin: tuple[int, int], clicks: Clicks, *, slack: float = 0.0
) -> Rect:
    """(x0, y0, x1, y1) in network pixels of what may be taken from ``plane`` [h, w], ``unit``
    pixels a cell, its first one at ``origin`` (x, y): the widest reading, ``slack`` logits wider
    still, of the pieces with a plus click, or all of it where no piece has one."""
    plus = [(x, y) for x, y, positive in clicks if positive]
    (left, top), (rows, cols) = origin, plane.shape
    whole = left, top, left + cols * unit, top + rows * unit
    if not plus:
        return whole
    under = level_under(plane, unit, origin, plus)
    level = min(WIDER, FAINTEST if under is None else under) - slack
    return around(plane, unit, origin, clicks, level) or whole


def level_under(
    plane: Plane, unit: int, origin: tuple[int, int], plus: Sequence[Place]
) -> float | None:
    """The logit at which a lesion ends that reaches every plus click under which there is one; None
    where there is under none. A click beside the lesion takes nothing from the others."""
    levels = (at(plane, unit, origin, place) - UNDER_CLICK for place in plus)
    return min((level for level in levels if level >= FAINTEST), default=None)


def around(
    plane: Plane, unit: int, origin: tuple[int, int], clicks: Clicks, level: float
) -> Rect | None:
    """As ``reach``, of the pieces above ``level``; None where none of them has a plus click."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        (plane > level).astype(np.uint8), connectivity=8
    )
    plus = [(x, y) for x, y, positive in clicks if positive]
    named = {int(at(labels, unit, origin, place)) for place in plus} - {0}
    if not named:
        return None
    boxes, (left, top) = [stats[n] for n in named], origin
    x0, y0 = (min(int(box[n]) for box in boxes) for n in (0, 1))
    x1, y1 = (max(int(box[n] + box[n + 2]) for box in boxes) for n in (0, 1))
    return left + x0 * unit, top + y0 * unit, left + x1 * unit, top + y1 * unit


def at(plane: Plane, stride: int, origin: tuple[int, int], place: Place) -> float:
    """The value under ``place`` (x, y) in network pixels, the nearest one where it lies outside."""
    y = int(np.clip((place[1] - origin[1]) / stride, 0, plane.shape[0] - 1))
    x = int(np.clip((place[0] - origin[0]) / stride, 0, plane.shape[1] - 1))
    return float(plane[y, x])
