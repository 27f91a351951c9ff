"""A box for the assistant, by dragging."""

from __future__ import annotations

import math

from core.domain.mask import clip_box
from core.language import tr
from gui.canvas.tools.base import BoxDrawn, Pointer, Refused, Result, Surface, ToolSpec

EMPTY = tr("That box was empty: hold the button and drag from one corner of a lesion to the other.")
BESIDE = tr("That box was beside the photo: drag it around a lesion.")


class BoxTool:
    """Drag from corner to corner. A box of less than two pixels a side is refused."""

    def __init__(self) -> None:
        self._start: tuple[float, float] | None = None

    def press(self, at: Pointer, surface: Surface) -> Result | None:
        if surface.document is not None:
            self._start = (at.x, at.y)
        return None

    def move(self, at: Pointer, surface: Surface) -> Result | None:
        if self._start is not None:
            surface.show_band((*self._start, at.x, at.y))
        return None

    def release(self, at: Pointer, surface: Surface) -> Result | None:
        start, document = self._start, surface.document
        self.cancel(surface)
        if start is None or document is None:
            return None
        xs, ys = sorted((start[0], at.x)), sorted((start[1], at.y))
        box = (math.floor(xs[0]), math.floor(ys[0]), math.ceil(xs[1]), math.ceil(ys[1]))
        x0, y0, x1, y1 = clip_box(box, *document.size)
        if x1 - x0 >= 2 and y1 - y0 >= 2:
            return BoxDrawn((x0, y0, x1, y1))
        drawn = box[2] - box[0] >= 2 and box[3] - box[1] >= 2
        return Refused(BESIDE if drawn else EMPTY)

    def cancel(self, surface: Surface) -> None:
        self._start = None
        surface.show_band(None)


SPECS = (
    ToolSpec(
        id="box",
        title=tr("Assisted: box"),
        icon="mdi6.selection-drag",
        shortcut="X",
        hint=tr("Drag a box around a lesion to outline it."),
        place=50,
        make=BoxTool,
    ),
)
