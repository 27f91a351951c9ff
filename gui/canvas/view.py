"""The canvas of the Label workspace: a photo, its regions, and the tools that change them.

Shows a `CanvasDocument` and turns gestures into signals; it changes no label itself. A stroke is
drawn over the region it is meant for and handed out when it is finished, as the XOR tiles that put
it on that region (``PixelsChanged``); whoever owns the regions applies them and tells the document.
Knows widgets, tools and layers; knows no store, no session and no assistant.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from core.domain.ids import RegionId
from core.domain.mask import TileMask
from core.language import tr
from gui.canvas.document import CanvasDocument
from gui.canvas.gestures import Gestures, next_radius
from gui.canvas.marks_layer import MarksLayer
from gui.canvas.mask_layer import MaskMode
from gui.canvas.region_layer import RegionLayer
from gui.canvas.viewport import PhotoView


class CanvasView(PhotoView):
    """Signals, all in photo coordinates:

    ``strokeStarted(region id or None)``, ``strokeFinished(region id or None, {tile: packed XOR},
    title)``: the region itself is unchanged until the receiver applies the delta. None asks for a
    new region whose pixels are the delta. Apply it before returning, and the stroke never flickers.
    ``pointPlaced(x, y, positive)``, ``boxDrawn((x0, y0, x1, y1))``, ``clicked(x, y)`` by the hand,
    ``lineDrawn(points)`` to cut along, ``hovered(x, y)`` and ``hoverLeft()``,
    ``refused(sentence)`` when a gesture can do nothing,
    ``radiusChanged(radius)``, ``toleranceChanged(tolerance)``, ``toolChanged(id)``.
    """

    strokeStarted = Signal(object)
    strokeFinished = Signal(object, object, str)
    pointPlaced = Signal(float, float, bool)
    boxDrawn = Signal(object)
    lineDrawn = Signal(object)
    clicked = Signal(float, float)
    hovered = Signal(float, float)
    hoverLeft = Signal()
    refused = Signal(str)
    radiusChanged = Signal(float)
    toleranceChanged = Signal(float)
    toolChanged = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Photo canvas"))
        self.regions = RegionLayer(self)
        self.marks = MarksLayer(self)
        self.layers = [self.regions, self.marks]
        self.gestures = Gestures(self)
        self.surface = self.gestures.surface
        self.photoShown.connect(lambda _complete: self.show_hand(None))

    @property
    def document(self) -> CanvasDocument | None:
        """What is shown over the photo."""
        return self.regions.document

    def set_document(self, document: CanvasDocument | None) -> None:
        """Show the regions of another photo. A stroke under way is finished and handed out first;
        prompts and proposal of the photo before are gone.
        """
        self.gestures.finish()
        self.clear_candidate()
        self.show_waiting(None)
        self.set_prompts([], [], None)
        self.set_hover(None)
        self.regions.set_document(document)
        self.setAccessibleDescription(_described(document))

    @property
    def tool_id(self) -> str:
        return self.gestures.spec.id

    def set_tool(self, tool_id: str) -> None:
        """Choose a tool of `gui.canvas.tools` ("hand", "brush", "polygon", "point", …)."""
        self.gestures.choose(tool_id)
        self.toolChanged.emit(tool_id)

    def finish_gesture(self) -> None:
        """Hand out a stroke that is under way, before the photo is left, say."""
        self.gestures.finish()

    @property
    def brush_radius(self) -> float:
        """In photo pixels; 0.5 is a single pixel."""
        return self.surface.radius

    @brush_radius.setter
    def brush_radius(self, radius: float) -> None:
        if radius != self.surface.radius:
            self.surface.radius = radius
            self.marks.resize_cursor(radius)
            self.radiusChanged.emit(radius)

    def step_radius(self, step: int) -> None:
        """A larger brush (1) or a smaller one (−1)."""
        self.brush_radius = next_radius(self.surface.radius, step)

    @property
    def mask_opacity(self) -> float:
        """0 (clear) to 1 (solid), of lesions; leaves get a quarter of it."""
        return self.regions.opacity

    @mask_opacity.setter
    def mask_opacity(self, opacity: float) -> None:
        self.regions.opacity = min(1.0, max(0.0, opacity))
        self.regions.restyle()

    @property
    def mask_mode(self) -> MaskMode:
        """Filled, outlines only, or hidden."""
        return self.regions.mode

    @mask_mode.setter
    def mask_mode(self, mode: MaskMode | str) -> None:
        self.regions.mode = MaskMode(mode)
        self.regions.restyle()

    def show_candidate(
        self, pixels: NDArray[np.bool_], origin: tuple[int, int], colour: str
    ) -> None:
        """Preview a proposal: [h, w] bool whose top left is the photo pixel ``origin`` (x, y)."""
        self.marks.show_candidate(pixels, origin, colour)

    def clear_candidate(self) -> None:
        """Take the proposal away."""
        self.marks.show_candidate(None, (0, 0), "")

    def show_waiting(self, mask: TileMask | None) -> None:
        """Outline proposals that wait for an answer; None takes them away."""
        self.marks.show_waiting(mask)

    def set_prompts(
        self,
        points: Iterable[tuple[float, float]],
        positive: Iterable[bool],
        box: tuple[float, float, float, float] | None,
    ) -> None:
        """Mark what the assistant was told: points with their signs, and a box."""
        self.marks.show_prompts(points, positive, box)

    def set_hover(self, region_id: RegionId | None) -> None:
        """Outline a region for a moment (the one under the pointer, or in the list)."""
        document = self.document
        region = document.region(region_id) if document and region_id is not None else None
        self.marks.show_hover(None if region is None else region.mask)

    def show_hand(self, shape: Qt.CursorShape | None) -> None:
        if shape is None and self.pyramid is not None:
            brush = self.gestures.spec.brush
            shape = Qt.CursorShape.BlankCursor if brush else self.gestures.spec.cursor
        elif shape is not None:
            self.marks.show_cursor(None, 0)
        super().show_hand(shape)


def _described(document: CanvasDocument | None) -> str:
    """For screen readers."""
    if document is None:
        return tr("No photo")
    width, height = document.size
    return tr(
        "Photo of {width} by {height} pixels. Regions are in the list beside it.",
        width=width,
        height=height,
    )
