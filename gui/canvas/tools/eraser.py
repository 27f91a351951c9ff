"""Takes pixels away from the active region; while none is, from the lesion it is set down on."""

from __future__ import annotations

from core.domain.region import RegionKind
from core.language import tr
from gui.canvas.tools.base import Pointer, Refused, Result, Surface, ToolSpec
from gui.canvas.tools.brush import BrushTool

NOTHING = tr("Nothing to erase there: begin on a lesion, or choose the region in the list first.")


class EraserTool(BrushTool):
    """The brush with the sign turned round; it needs a region to begin on."""

    erase = True
    done = tr("Eraser")

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        document = surface.document
        if document is None or document.active is not None:
            return super().press(at, surface)
        region = document.region_at(at.x, at.y)
        # Nobody means the leaf who misses a lesion by a pixel.
        if region is None or region.info.kind is not RegionKind.LESION:
            return Refused(NOTHING)
        return self._begin(at, surface, region.info.id)


SPECS = (
    ToolSpec(
        id="eraser",
        title=tr("Eraser"),
        icon="mdi6.eraser",
        shortcut="E",
        hint=tr("Erase from the chosen region or a lesion. [ and ] change the size."),
        place=30,
        make=EraserTool,
        brush=True,
    ),
)
