"""Clicks for the assistant: what belongs to the region, and what does not."""

from __future__ import annotations

from core.language import tr
from gui.canvas.tools.base import Pointer, PointPlaced, Refused, Result, Surface, ToolSpec

BESIDE = tr("That click was beside the photo: click on a lesion.")


class PointTool:
    """Left click: inside. Right click or Alt + click: outside.

    A click beside the photo is refused with a sentence.
    """

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        document = surface.document
        if document is None:
            return None
        if not (0 <= at.x < document.size[0] and 0 <= at.y < document.size[1]):
            return Refused(BESIDE)
        return PointPlaced(at.x, at.y, positive=not at.second)

    def move(self, at: Pointer, surface: Surface) -> Result | None:
        return None

    def release(self, at: Pointer, surface: Surface) -> Result | None:
        return None

    def cancel(self, surface: Surface) -> None:
        pass


SPECS = (
    ToolSpec(
        id="point",
        title=tr("Assisted: click"),
        icon="mdi6.target",
        shortcut="A",
        hint=tr("Click a lesion; right click or Alt + click what is not part of it."),
        place=40,
        make=PointTool,
        second=True,
    ),
)
