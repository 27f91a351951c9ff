"""Paints into the active region, or into a new one when none is active."""

from __future__ import annotations

from core.domain.ids import RegionId
from core.language import tr
from gui.canvas.stroke import Point, Stroke
from gui.canvas.tools.base import (
    Pointer,
    Result,
    StrokeFinished,
    StrokeStarted,
    Surface,
    ToolSpec,
)


class BrushTool:
    """A stroke along the pointer's path. No gaps, however fast the pointer moves."""

    erase = False
    done = tr("Brush stroke")
    """What undo calls it."""

    def __init__(self) -> None:
        self._stroke: Stroke | None = None
        self._last: Point = (0.0, 0.0)

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        document = surface.document
        if document is None:
            return None
        region = document.active
        return self._begin(at, surface, None if region is None else region.info.id)

    def _begin(self, at: Pointer, surface: Surface, region: RegionId | None) -> Result | None:
        document = surface.document
        assert document is not None
        self._stroke = Stroke(document.size, region, erase=self.erase)
        self._last = (at.x, at.y)
        self._extend(at, surface)
        return StrokeStarted(region)

    def move(self, at: Pointer, surface: Surface) -> Result | None:
        self._extend(at, surface)
        return None

    def release(self, at: Pointer, surface: Surface) -> Result | None:
        stroke, document = self._stroke, surface.document
        if stroke is None or document is None:
            return None
        if (at.x, at.y) != self._last:
            self._extend(at, surface)
        self._stroke = None
        surface.show_stroke(None, None)
        region = None if stroke.region_id is None else document.region(stroke.region_id)
        if region is None and stroke.erase:
            return None
        # A region that went away in mid-stroke leaves the stroke to a new one: nothing is lost.
        delta = stroke.delta(None if region is None else region.mask)
        if not delta:
            return None
        return StrokeFinished(None if region is None else region.info.id, delta, self.done)

    def cancel(self, surface: Surface) -> None:
        self._stroke = None
        surface.show_stroke(None, None)

    def _extend(self, at: Pointer, surface: Surface) -> None:
        if self._stroke is None:
            return
        to = (at.x, at.y)
        box = self._stroke.line(self._last, to, surface.brush_radius)
        self._last = to
        surface.show_stroke(self._stroke, box)


SPECS = (
    ToolSpec(
        id="brush",
        title=tr("Brush"),
        icon="mdi6.brush",
        shortcut="B",
        hint=tr("Paint the region. [ and ] change the size."),
        place=20,
        make=BrushTool,
        brush=True,
    ),
)
