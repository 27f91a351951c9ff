"""Suggestions: things on a photo that nobody pointed at, for a person to take or leave.

Knows candidates, regions and the labelling session; knows neither who suggests nor how they are
shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.domain.edits import Change, Edit, ImageRelabelled
from core.domain.ids import RegionId
from core.domain.mask import Box
from core.domain.region import Region, RegionKind
from core.engines.base import Candidate
from core.language import tr
from core.services.annotate import Draft, LabellingSession

KNOWN = 0.5
"""A suggestion of which more than this share lies on regions of its kind says nothing new."""

TWIN = 0.7
"""Two outlines with this IoU or more are of one thing."""


@dataclass(frozen=True, slots=True, eq=False)
class Suggestion:
    """``source`` is what the region will say it came from ("engine:leaf", "run:…")."""

    candidate: Candidate
    kind: RegionKind
    source: str

    def meets(self, box: Box) -> bool:
        """Whether any of its box lies in ``box``."""
        (x, y), (height, width) = self.candidate.origin, self.candidate.pixels.shape
        return _meet((x, y, x + width, y + height), box)


def news(suggestions: Iterable[Suggestion], regions: Iterable[Region]) -> list[Suggestion]:
    """Those that are not outlined yet, in the order given."""
    regions = list(regions)
    return [one for one in suggestions if not _known(one, regions)]


def without(suggestions: Iterable[Suggestion], rejected: Sequence[Candidate]) -> list[Suggestion]:
    """Those that are not another outline of what was rejected."""
    return [s for s in suggestions if not any(_same(s.candidate, one) for one in rejected)]


def twin(candidate: Candidate, kind: RegionKind, regions: Iterable[Region]) -> RegionId | None:
    """The region of this kind that the candidate is another outline of, None when there is none."""
    (x, y), (height, width) = candidate.origin, candidate.pixels.shape
    box = (x, y, x + width, y + height)
    area, best, found = int(candidate.pixels.sum()), TWIN, None
    for region in regions:
        there = region.mask.box() if region.info.kind is kind else None
        if there is None or not _meet(box, there):
            continue
        both = int((region.mask.read(box).astype(bool) & candidate.pixels).sum())
        either = area + region.mask.area() - both
        if both >= best * either:
            best, found = both / either, region.info.id
    return found


def accept_all(
    session: LabellingSession, wanted: Sequence[Suggestion], draft: Draft
) -> Edit | None:
    """One edit that makes a region of each; ``draft`` gives disease and author. None for none."""
    edits = []
    for one in wanted:
        own = replace(draft, kind=one.kind, source=one.source)
        edit = session.accept(one.candidate, into=None, draft=own)
        if edit is not None:
            edits.append((one.kind is RegionKind.LESION, edit))
    if not edits:
        return None
    # What the photo's label becomes, a lesion decides: that its lesions are known, their disease.
    _, deciding = max(edits, key=lambda pair: pair[0])
    changes: list[Change] = [
        c for _, edit in edits for c in edit.changes if not isinstance(c, ImageRelabelled)
    ]
    changes += [c for c in deciding.changes if isinstance(c, ImageRelabelled)]
    many = len(edits) > 1
    title = tr("Accept {count} suggestions", count=len(edits)) if many else tr("Accept suggestion")
    return Edit(session.image.id, title, tuple(changes))


def _known(one: Suggestion, regions: list[Region]) -> bool:
    pixels, (x, y) = one.candidate.pixels, one.candidate.origin
    height, width = pixels.shape
    covered = np.zeros(pixels.shape, bool)
    for region in regions:
        box = region.mask.box() if region.info.kind is one.kind else None
        if box is None or not _meet((x, y, x + width, y + height), box):
            continue
        covered |= region.mask.read((x, y, x + width, y + height)).astype(bool)
    return bool((covered & pixels).sum() > KNOWN * pixels.sum())


def _same(one: Candidate, other: Candidate) -> bool:
    (x, y), (height, width) = one.origin, one.pixels.shape
    (u, v), (rows, columns) = other.origin, other.pixels.shape
    left, right = max(x, u), min(x + width, u + columns)
    top, bottom = max(y, v), min(y + height, v + rows)
    if left >= right or top >= bottom:
        return False
    mine = one.pixels[top - y : bottom - y, left - x : right - x]
    both = int((mine & other.pixels[top - v : bottom - v, left - u : right - u]).sum())
    return both >= TWIN * (int(one.pixels.sum()) + int(other.pixels.sum()) - both)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
