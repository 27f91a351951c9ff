"""What a drawn shape does to the chosen region: its pixels come in, or go.

Knows strokes and documents; knows no pointer and no widget.
"""

from __future__ import annotations

from core.domain.mask import TILE, Box, TileMask
from core.language import tr
from gui.canvas.document import CanvasDocument
from gui.canvas.stroke import Stroke
from gui.canvas.tools.base import Refused, Result, StrokeFinished

NOTHING_TO_TAKE_FROM = tr("Choose the region to take away from first: click it in the list.")


def may_take(document: CanvasDocument, *, minus: bool) -> Refused | None:
    """A sentence when there is no region to take away from."""
    return Refused(NOTHING_TO_TAKE_FROM) if minus and document.active is None else None


def as_stroke(mask: TileMask, document: CanvasDocument, *, minus: bool) -> Stroke:
    """``mask`` over the active region, or as a new one; to be shown or finished."""
    active = document.active
    return Stroke.filled(mask, None if active is None else active.info.id, erase=minus)


def finished(
    mask: TileMask, document: CanvasDocument, *, minus: bool, title: str, nothing: str
) -> Result | None:
    """The end of a gesture that drew ``mask``; ``nothing`` is said when that is empty.

    None when the region has, or lacks, all of it already.
    """
    if not mask.tiles:
        return Refused(nothing)
    stroke, region = as_stroke(mask, document, minus=minus), document.active
    if region is None and minus:
        return Refused(NOTHING_TO_TAKE_FROM)
    delta = stroke.delta(None if region is None else region.mask)
    if not delta:
        return None
    return StrokeFinished(
        stroke.region_id, delta, tr("{title}: take away", title=title) if minus else title
    )


def extent(mask: TileMask) -> Box | None:
    """The tiles of ``mask`` as a photo box, without looking into them."""
    if not mask.tiles:
        return None
    rows, cols = zip(*mask.tiles, strict=True)
    return (
        min(cols) * TILE,
        min(rows) * TILE,
        min(mask.width, (max(cols) + 1) * TILE),
        min(mask.height, (max(rows) + 1) * TILE),
    )
