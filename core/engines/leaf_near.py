"""One turn of a conversation with ``leaf`` where a click costs what the lesion does, not the photo.

The network's coarse steps see a few hundred pixels around a place and no further, so that a lesion
comes out the same from a part of the look that holds it with that much around. A leaf, and whatever
turns out to reach the part's edge, is asked of the whole look. Knows looks and turns; knows no
photo.
"""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from core.domain.region import RegionKind
from core.engines.leaf_look import GRAIN, Answer, Look, Turn, meant
from core.engines.leaf_reach import Rect, around, reach
from core.engines.threads import half_the_cores

Place = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in network pixels."""
CONTEXT = 160
"""Network pixels around what was pointed at."""
CLEAR = 48
"""So many of them lie between an answer that is kept and the part's edge."""
LIKELY = -1.0
"""The logit above which the coarse answer is taken at its word about how far a lesion reaches."""
TRIES = 2
"""Parts that are asked before the whole look is."""
BRIEF = 400 * 400
"""Pixels of a part whose answer is there before a second thread has gained anything."""
WORTH = 0.6
"""A part that is more than this share of the look costs as much as all of it."""


def step(look: Look, turn: Turn, before: Answer | None, wanted: RegionKind | None) -> Answer:
    """As ``Look.step``."""
    place = None if wanted is RegionKind.LEAF else _pointed_at(turn, before)
    for _ in range(TRIES):
        part = None if place is None else _part(look, place)
        if place is None or part is None:
            break
        small = (part[2] - part[0]) * (part[3] - part[1]) <= BRIEF
        with half_the_cores() if small else nullcontext():
            found = _in_part(look, part, turn, before, wanted)
        if isinstance(found, Answer):
            return found
        place = None if found is None else _hull(place, found)
    return look.step(turn, before, wanted)


def _pointed_at(turn: Turn, before: Answer | None) -> Place:
    """What holds the clicks, the box and the mask before."""
    xs, ys = [x for x, *_ in turn.clicks], [y for _, y, _ in turn.clicks]
    if turn.box is not None:
        xs, ys = [*xs, turn.box[0], turn.box[2]], [*ys, turn.box[1], turn.box[3]]
    if before is not None:
        said = before.chance[0, 0].cpu().numpy() > 0
        rows = np.flatnonzero(said.any(1)) + before.corner[1]
        cols = np.flatnonzero(said.any(0)) + before.corner[0]
        if rows.size:
            xs, ys = [*xs, cols[0], cols[-1]], [*ys, rows[0], rows[-1]]
    return min(xs), min(ys), max(xs), max(ys)


def _part(look: Look, place: Place) -> Rect | None:
    """What holds ``place`` and its context, in multiples of ``GRAIN``; None where all of the look
    costs no more."""
    height, width = look.photo.shape[2:]
    (x0, x1), (y0, y1) = _ends(place[0], place[2], width), _ends(place[1], place[3], height)
    return (x0, y0, x1, y1) if (x1 - x0) * (y1 - y0) <= WORTH * width * height else None


def _ends(low: float, high: float, size: int) -> tuple[int, int]:
    first = max(0, int(low - CONTEXT) // GRAIN * GRAIN)
    return first, min(size, -(-int(high + CONTEXT + 1) // GRAIN) * GRAIN)


def _in_part(
    look: Look, part: Rect, turn: Turn, before: Answer | None, wanted: RegionKind | None
) -> Answer | Rect | None:
    """The answer; or how far it reaches at least, where that is too near the part's edge; or None
    where it has to be asked of the whole look."""
    x0, y0, x1, y1 = part
    clicks = tuple((x - x0, y - y0, plus) for x, y, plus in turn.clicks)
    box = turn.box
    if box is not None:
        box = (box[0] - x0, box[1] - y0, box[2] - x0, box[3] - y0)
    if before is not None:
        before = before.seen_from(x0, y0, x1, y1)
    inside = look.part(x0, y0, x1, y1)
    glance = inside.glance(Turn(clicks, box), before, wanted)
    # Most of what is too large shows it here already, before most of the work.
    sure = around(glance.logits[0], 8, (0, 0), clicks, LIKELY)
    if sure is not None and not _roomy(look, part, _moved(sure, x0, y0)):
        return _moved(sure, x0, y0)
    found = inside.refined(glance)
    far = _moved(reach(found.logits[0], found.stride, found.origin, clicks), x0, y0)
    origin = (found.origin[0] + x0, found.origin[1] + y0)
    if meant(found.logits, found.stride, origin, turn, wanted) != 0:
        return None
    if not _roomy(look, part, far):
        return far
    return Answer(turn, found.logits, found.stride, origin, found.chance, (x0, y0))


def _roomy(look: Look, part: Rect, inner: Rect) -> bool:
    """Whether ``inner`` keeps clear of the edges of ``part`` that are not the look's own."""
    height, width = look.photo.shape[2:]
    return (
        (inner[0] - part[0] >= CLEAR or part[0] == 0)
        and (inner[1] - part[1] >= CLEAR or part[1] == 0)
        and (part[2] - inner[2] >= CLEAR or part[2] == width)
        and (part[3] - inner[3] >= CLEAR or part[3] == height)
    )


def _moved(rect: Rect, x: int, y: int) -> Rect:
    return rect[0] + x, rect[1] + y, rect[2] + x, rect[3] + y


def _hull(place: Place, far: Rect) -> Place:
    """What holds both."""
    (x0, y0, x1, y1), (left, top, right, bottom) = place, far
    return min(x0, left), min(y0, top), max(x1, right), max(y1, bottom)
