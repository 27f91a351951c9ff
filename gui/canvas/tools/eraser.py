"""Takes pixels away from the active region."""

from __future__ import annotations

from core.language import tr
from gui.canvas.tools.base import Pointer, Refused, Result, Surface, ToolSpec
from gui.canvas.tools.brush import BrushTool


class EraserTool(BrushTool):
    """The brush with the sign turned round; it needs an active region."""

    erase = True

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        if surface.document is not None and surface.document.active is None:
            return Refused(tr("Choose the region to erase from first: click it in the list."))
        return super().press(at, surface)


SPECS = (
    ToolSpec(
        id="eraser",
        title=tr("Eraser"),
        icon="mdi6.eraser",
        shortcut="E",
        hint=tr("Erase from the chosen region. [ and ] change the size."),
        place=30,
        make=EraserTool,
        brush=True,
    ),
)
