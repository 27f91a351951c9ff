"""One turn of a conversation with ``leaf`` where a click costs what the lesion does, not the photo.

The network's coarse steps see a few hundred pixels around a place and no further, so that a lesion
comes out the same from a part of the look that holds it with that much around. A leaf, and whatever
turns out to reach the part's edge, is asked of the whole look. Knows looks and turns; knows no
photo.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.domain.region import RegionKind
from core.engines.leaf_look import GRAIN, Answer, Look, Turn, meant
from core.engines.leaf_reach import Rect, reach

CONTEXT = 160
"""Network pixels around what was pointed at."""
CLEAR = 64
"""So many of them lie between an answer that is kept and the part's edge."""
WORTH = 0.6
"""A part that is more than this share of the look costs as much as all of it."""


def step(look: Look, turn: Turn, before: Answer | None, wanted: RegionKind | None) -> Answer:
    """As ``Look.step``."""
    part = _part(look, turn, before, wanted)
    if part is not None:
        answer = _in_part(look, part, turn, before, wanted)
        if answer is not None:
            return answer
    return look.step(turn, before, wanted)


def _part(look: Look, turn: Turn, before: Answer | None, wanted: RegionKind | None) -> Rect | None:
    """(x0, y0, x1, y1) in network pixels, multiples of ``GRAIN``; None for the whole look."""
    if wanted is RegionKind.LEAF:
        return None
    xs, ys = [x for x, *_ in turn.clicks], [y for _, y, _ in turn.clicks]
    if turn.box is not None:
        xs, ys = [*xs, turn.box[0], turn.box[2]], [*ys, turn.box[1], turn.box[3]]
    if before is not None:
        said = before.chance[0, 0].cpu().numpy() > 0
        rows, cols = np.flatnonzero(said.any(1)), np.flatnonzero(said.any(0))
        if rows.size:
            xs, ys = [*xs, cols[0], cols[-1]], [*ys, rows[0], rows[-1]]
    height, width = look.photo.shape[2:]
    x0, x1 = _ends(min(xs), max(xs), width)
    y0, y1 = _ends(min(ys), max(ys), height)
    return (x0, y0, x1, y1) if (x1 - x0) * (y1 - y0) <= WORTH * width * height else None


def _ends(low: float, high: float, size: int) -> tuple[int, int]:
    first = max(0, int(low - CONTEXT) // GRAIN * GRAIN)
    return first, min(size, -(-int(high + CONTEXT + 1) // GRAIN) * GRAIN)


def _in_part(
    look: Look, part: Rect, turn: Turn, before: Answer | None, wanted: RegionKind | None
) -> Answer | None:
    """The answer, or None where it has to be asked of the whole look."""
    import torch

    x0, y0, x1, y1 = part
    clicks = tuple((x - x0, y - y0, plus) for x, y, plus in turn.clicks)
    box = turn.box
    if box is not None:
        box = (box[0] - x0, box[1] - y0, box[2] - x0, box[3] - y0)
    if before is not None:
        before = replace(before, chance=before.chance[:, :, y0:y1, x0:x1])
    found = look.part(x0, y0, x1, y1).step(Turn(clicks, box), before, wanted)
    height, width = look.photo.shape[2:]
    left, top, right, bottom = reach(found.logits[0], found.stride, found.origin, clicks)
    roomy = (
        (left >= CLEAR or x0 == 0)
        and (top >= CLEAR or y0 == 0)
        and (x1 - x0 - right >= CLEAR or x1 == width)
        and (y1 - y0 - bottom >= CLEAR or y1 == height)
    )
    origin = (found.origin[0] + x0, found.origin[1] + y0)
    if not roomy or meant(found.logits, found.stride, origin, turn, wanted) != 0:
        return None
    with torch.inference_mode():
        chance = torch.zeros(1, 1, height, width, device=found.chance.device)
        chance[:, :, y0:y1, x0:x1] = found.chance
    return Answer(turn, found.logits, found.stride, origin, chance)
