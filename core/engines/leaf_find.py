"""Finds lesions that nobody pointed at: all of them, or those that look like an example.

The network says without any prompt where lesions are (``Encoder.everything``); each piece of that
map is then outlined as if somebody had clicked on its inmost point, in a window of its own, so that
a hundred cost no more than a few dozen clicks. Likeness is in colour, mean and spread in Lab within
the mask, and in the network's features under it. On drawn leaves with two invented diseases colour
alone tells the diseases apart with an area under the curve of 0.91, the best of the network's
features with 0.81.

Knows looks and candidates; knows no project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.region import RegionKind
from core.engines.base import Candidate
from core.engines.leaf_draw import candidates as readings
from core.engines.leaf_draw import overlap
from core.engines.leaf_look import GRAIN, Look, Turn
from core.engines.leaf_reach import Plane
from core.errors import PromptRefused
from core.language import tr

MOST = 200
"""Pieces that are looked at."""
SURE = 0.4
"""Probability from which a cell counts as lesion."""
SMALLEST_LEAF = 0.01
"""Share of the picture below which the box of a leaf is taken for litter."""
ROOM = 96
"""Network pixels around a piece that the network is shown."""
TWICE = 0.5
"""Two findings that overlap more than this, or lie so far in each other, are one."""
COLOUR_UNIT = 12.0
"""Distance in Lab at which the likeness in colour has fallen to 1/e."""


def everything(look: Look) -> list[Candidate]:
    """The lesions of the photo, surest first, none on another."""
    found: list[Candidate] = []
    for at, reach in _pieces(look, 0)[:MOST]:
        one = _outlined(look, at, reach)
        if one is not None and not any(_same(one, other) for other in found):
            found.append(one)
    return sorted(found, key=lambda one: -one.score)


def leaves(look: Look) -> list[Candidate]:
    """The leaves of the photo, largest first, none on another."""
    height, width = look.photo.shape[2:]
    found: list[Candidate] = []
    for at, (x0, y0, x1, y1) in _pieces(look, 1):
        if (x1 - x0) * (y1 - y0) < SMALLEST_LEAF * height * width:
            continue
        answer = look.step(Turn(((*at, True),), None), None, RegionKind.LEAF)
        one = next(readings(look, answer, RegionKind.LEAF, None), None)
        if one is not None and not any(_same(one, other) for other in found):
            found.append(one)
    return sorted(found, key=lambda one: -int(one.pixels.sum()))


def alike(
    look: Look, rgb: NDArray[np.uint8], found: Sequence[Candidate], examples: Sequence[Candidate]
) -> list[Candidate]:
    """Those of ``found`` that lie on no example, most like the examples first."""
    examples = [one for one in examples if one.pixels.any()]
    if not examples:
        raise PromptRefused(tr("Select a lesion first; then others like it can be found."))
    known = [_looks(look, rgb, one) for one in examples]
    ranked = []
    for one in found:
        if any(_same(one, example) for example in examples):
            continue
        seen = _looks(look, rgb, one)
        ranked.append(replace(one, score=max(_likeness(seen, other) for other in known)))
    return sorted(ranked, key=lambda one: -one.score)


def _pieces(
    look: Look, channel: int
) -> list[tuple[tuple[float, float], tuple[int, int, int, int]]]:
    """What the promptless map shows, largest first: (inmost place, reach) in network pixels."""
    import torch

    with torch.inference_mode():
        chance = look.reading.kinds[:, :, channel].float().sigmoid().cpu().numpy()
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (chance > SURE).astype(np.uint8), connectivity=8
    )
    found = []
    for number in 1 + np.argsort(-stats[1:count, cv2.CC_STAT_AREA], kind="stable"):
        left, top, width, height = (int(n) for n in stats[number, :4])
        piece = labels[top : top + height, left : left + width] == number
        depth = cv2.distanceTransform(np.pad(piece.astype(np.uint8), 1), cv2.DIST_L2, 5)
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        at = ((left + float(x) - 0.5) * 4, (top + float(y) - 0.5) * 4)
        found.append((at, (left * 4, top * 4, (left + width) * 4, (top + height) * 4)))
    return found


def _outlined(
    look: Look, at: tuple[float, float], reach: tuple[int, int, int, int]
) -> Candidate | None:
    """The lesion under a click, asked for in a window around ``reach`` (network pixels)."""
    height, width = look.photo.shape[2:]
    x0, y0 = (max(0, (low - ROOM) // GRAIN * GRAIN) for low in reach[:2])
    x1 = min(width, -(-(reach[2] + ROOM) // GRAIN) * GRAIN)
    y1 = min(height, -(-(reach[3] + ROOM) // GRAIN) * GRAIN)
    part = look.part(x0, y0, x1, y1)
    answer = part.step(Turn(((at[0] - x0, at[1] - y0, True),), None), None, RegionKind.LESION)
    moved = tuple((x + x0, y + y0, plus) for x, y, plus in answer.turn.clicks)
    origin = (answer.origin[0] + x0, answer.origin[1] + y0)
    answer = replace(answer, turn=Turn(moved, None), origin=origin)
    return next(readings(look, answer, RegionKind.LESION, None), None)


def _same(one: Candidate, other: Candidate) -> bool:
    smaller = min(int(one.pixels.sum()), int(other.pixels.sum()))
    larger = max(int(one.pixels.sum()), int(other.pixels.sum()))
    iou = overlap(one, other)
    both = iou * (smaller + larger) / (1 + iou)
    return iou > TWICE or both > TWICE * smaller


def _looks(look: Look, rgb: NDArray[np.uint8], one: Candidate) -> tuple[Plane, Plane]:
    """(mean and spread in Lab [6], mean feature [channels] of length 1) under a mask."""
    x, y = one.origin
    height, width = one.pixels.shape
    step = max(1, int(max(height, width) / 256))  # a colour needs no more pixels than that
    inside = one.pixels[::step, ::step]
    if not inside.any():
        step, inside = 1, one.pixels
    part = rgb[y : y + height : step, x : x + width : step]
    lab = cv2.cvtColor(np.ascontiguousarray(part).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    colours = lab[inside]
    colour = np.concatenate([colours.mean(0), colours.std(0)]).astype(np.float32)
    unit = look.scale / 4
    x0, y0 = int(x * unit), int(y * unit)
    x1, y1 = int((x + width) * unit) + 1, int((y + height) * unit) + 1
    seen = look.reading.seen[4][y0:y1, x0:x1].float().cpu().numpy()
    share = cv2.resize(
        one.pixels.astype(np.float32),
        (seen.shape[1], seen.shape[0]),
        interpolation=cv2.INTER_AREA,
    )
    mean = (seen * share[:, :, None]).sum((0, 1))
    return colour, (mean / max(1e-6, float(np.linalg.norm(mean)))).astype(np.float32)


def _likeness(one: tuple[Plane, Plane], other: tuple[Plane, Plane]) -> float:
    """In [0, 1]; 1 for the same."""
    apart = float(np.linalg.norm(one[0] - other[0])) / COLOUR_UNIT
    angle = float(one[1] @ other[1])
    return float(np.clip(0.8 * np.exp(-apart) + 0.2 * max(0.0, angle), 0, 1))
