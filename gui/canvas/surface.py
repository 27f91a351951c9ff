"""What the canvas lends to its tools, and what the hand is set to.

Knows the view and its layers; knows no event and no tool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.mask import Box
from core.geometry.wand import LEAST, MOST, Surroundings
from gui.canvas.document import CanvasDocument
from gui.canvas.stroke import Stroke
from gui.canvas.surroundings import surroundings
from gui.canvas.tools.base import Band, Path

if TYPE_CHECKING:
    from gui.canvas.view import CanvasView


class CanvasSurface:
    """A `Surface` of one canvas. ``radius`` is in photo pixels."""

    def __init__(self, view: CanvasView) -> None:
        self._view = view
        self.radius = 12.0
        self._subtracts = False
        self._tolerance = 12.0

    @property
    def document(self) -> CanvasDocument | None:
        return self._view.document

    @property
    def brush_radius(self) -> float:
        return self.radius

    @property
    def subtracts(self) -> bool:
        return self._subtracts

    def set_subtracts(self, on: bool) -> None:
        """Whether shapes take away from the region."""
        self._subtracts = on

    @property
    def tolerance(self) -> float:
        return self._tolerance

    def set_tolerance(self, tolerance: float) -> None:
        """Whole units, from 1 to 100."""
        wanted = float(min(MOST, max(LEAST, round(tolerance))))
        if wanted != self._tolerance:
            self._tolerance = wanted
            self._view.toleranceChanged.emit(wanted)

    def surroundings(self) -> Surroundings | None:
        pyramid = self._view.pyramid
        return None if pyramid is None else surroundings(pyramid, self._view.camera.visible_box())

    def show_path(self, path: Path | None) -> None:
        self._view.marks.show_path(path)

    def show_stroke(self, stroke: Stroke | None, box: Box | None) -> None:
        self._view.regions.show_stroke(stroke, box)

    def show_band(self, band: Band | None) -> None:
        self._view.marks.show_band(band)

    def pan_by(self, dx: float, dy: float) -> None:
        self._view.camera.pan_by(dx, dy)
