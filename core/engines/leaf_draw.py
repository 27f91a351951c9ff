"""An answer of the engine ``leaf`` as masks on the photo.

Knows logits on a window and where they lie; knows no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box
from core.domain.region import RegionKind
from core.engines.base import Before, Candidate
from core.engines.leaf_look import Answer, Look, meant
from core.engines.leaf_reach import TIGHTER, WIDER, Place, Plane, at, level_under
from core.geometry.stretch import stretch

EDGE = 128.5
"""Where a mask ends between two cells, in sixteenths of a logit from −8."""
NONE = float("inf")
"""The level that nothing reaches."""
SAME = 0.92
"""Candidates that overlap more than this are one."""


def candidates(
    look: Look,
    answer: Answer,
    wanted: RegionKind | None,
    box: Box | None,
    stays: Before | None = None,
) -> Iterator[Candidate]:
    """Distinct readings: what is likeliest meant, tighter, wider, and the other kind of thing,
    which is never offered to somebody who said which kind is wanted. ``stays`` is part of all that
    are of the kind that is meant."""
    plus = [(x, y) for x, y, positive in answer.turn.clicks if positive]
    channel = meant(answer.logits, answer.stride, answer.origin, answer.turn, wanted)
    kept: list[Candidate] = []
    readings = [(channel, 0.0), (0, TIGHTER), (0, WIDER), (1 - channel, 0.0)]
    if wanted is not None:
        readings = [(which, level) for which, level in readings if which == channel]
    for which, level in readings:
        plane = answer.logits[which]
        if which == 0 and plus:
            # What was clicked on as a lesion is one, however faint it looks.
            under = level_under(plane, answer.stride, answer.origin, plus)
            level = NONE if under is None else min(level, under)
        one = on_photo(look, plane - level, answer, plus)
        if box is not None and which == 0:
            one = within(one, box)
        if stays is not None and which == channel:
            one = joined(one, stays, look.size)
        if one.pixels.any() and not any(overlap(one, other) > SAME for other in kept):
            # What the person more likely means comes first, so it counts as no worse.
            ceiling = kept[-1].score if kept else 1.0
            kept.append(replace(one, score=min(one.score, ceiling)))
    yield from kept


def joined(one: Candidate, stays: Before, size: tuple[int, int]) -> Candidate:
    """It and what ``stays`` of a mask, on a photo of ``size`` (h, w)."""
    other = within(Candidate(stays.pixels, stays.origin, one.score), (0, 0, size[1], size[0]))
    parts = [part for part in (one, other) if part.pixels.any()]
    if len(parts) < 2:
        return parts[0] if parts else one
    x0, y0 = (min(part.origin[n] for part in parts) for n in (0, 1))
    y1, x1 = (max(part.origin[1 - n] + part.pixels.shape[n] for part in parts) for n in (0, 1))
    pixels = np.zeros((y1 - y0, x1 - x0), bool)
    for part in parts:
        x, y = part.origin[0] - x0, part.origin[1] - y0
        pixels[y : y + part.pixels.shape[0], x : x + part.pixels.shape[1]] |= part.pixels
    return Candidate(pixels, (x0, y0), one.score)


def within(one: Candidate, box: Box) -> Candidate:
    """The part of it inside ``box`` (x0, y0, x1, y1)."""
    x, y = one.origin
    left, top = max(0, box[0] - x), max(0, box[1] - y)
    right, bottom = max(left, box[2] - x), max(top, box[3] - y)
    pixels = np.ascontiguousarray(one.pixels[top:bottom, left:right])
    return Candidate(pixels, (x + left, y + top), one.score)


def on_photo(look: Look, plane: Plane, answer: Answer, plus: list[Place]) -> Candidate:
    """Where ``plane`` is positive, at the photo's scale; pieces nobody pointed at left out."""
    small = pieces(plane > 0, answer, plus)
    if not small.any():
        return Candidate(np.zeros((0, 0), bool), (0, 0), 0.0)
    chance = 1 / (1 + np.exp(-plane))
    score = float(chance[small].sum() / np.maximum(chance, small).sum())
    kept = np.where(cv2.dilate(small.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, plane, -8)
    rows, cols = np.flatnonzero(small.any(1)), np.flatnonzero(small.any(0))
    unit, (ox, oy) = answer.stride / look.scale, answer.origin
    left, top = ox / look.scale, oy / look.scale
    x0, y0 = max(0, int(left + (cols[0] - 1) * unit)), max(0, int(top + (rows[0] - 1) * unit))
    x1 = min(look.size[1], int(left + (cols[-1] + 2) * unit) + 1)
    y1 = min(look.size[0], int(top + (rows[-1] + 2) * unit) + 1)
    levels = np.clip(kept * 16 + 128, 0, 255).astype(np.uint8)
    # Linear in both directions, as cell centres lie in the photo.
    cells = np.maximum((np.arange(y0, y1) + 0.5 - top) / unit - 0.5, 0.0)
    upper = np.minimum(cells.astype(np.intp), len(levels) - 1)
    first, end = int(upper[0]), min(len(levels), int(upper[-1]) + 2)
    across = np.array([[1 / unit, 0, (x0 + 0.5 - left) / unit - 0.5], [0, 1, 0]])
    wide = cv2.warpAffine(
        levels[first:end].astype(np.float32) - EDGE,
        across,
        (x1 - x0, end - first),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    drawn = stretch(wide, upper - first, (cells - upper).astype(np.float32))
    return Candidate(drawn, (x0, y0), min(1.0, score))


def pieces(found: NDArray[np.bool_], answer: Answer, plus: list[Place]) -> NDArray[np.bool_]:
    """The pieces with a plus click, or where there is none, the largest and all nearly as large."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        found.astype(np.uint8), connectivity=8
    )
    if count <= 2:
        return found
    named = {int(at(labels, answer.stride, answer.origin, place)) for place in plus} - {0}
    if not named:
        sizes = stats[1:, cv2.CC_STAT_AREA]
        named = set((np.flatnonzero(sizes >= 0.3 * sizes.max()) + 1).tolist())
    return np.isin(labels, sorted(named))


def overlap(a: Candidate, b: Candidate) -> float:
    """Their IoU."""
    (ax, ay), (bx, by) = a.origin, b.origin
    x0, y0 = max(ax, bx), max(ay, by)
    x1 = min(ax + a.pixels.shape[1], bx + b.pixels.shape[1])
    y1 = min(ay + a.pixels.shape[0], by + b.pixels.shape[0])
    if x1 <= x0 or y1 <= y0:
        return 0.0
    both = int(
        (
            a.pixels[y0 - ay : y1 - ay, x0 - ax : x1 - ax]
            & b.pixels[y0 - by : y1 - by, x0 - bx : x1 - bx]
        ).sum()
    )
    return both / max(1, int(a.pixels.sum()) + int(b.pixels.sum()) - both)
