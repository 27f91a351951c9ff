"""Keeps the drawn regions in step with the document, a little at a time.

Small edits are composed at once; opening a photo with hundreds of regions is spread over turns of
the event loop, what is on the screen first. Knows the mask layer and the view it repaints.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QRect, QTimer
from PySide6.QtGui import QImage, QPainter

from core.domain.mask import Box
from gui.canvas.document import CanvasDocument
from gui.canvas.mask_layer import MaskLayer, MaskMode
from gui.canvas.sampling import Window
from gui.canvas.stroke import Stroke
from gui.canvas.transform import Transform
from gui.canvas.viewport import PhotoView

BATCH = 32
"""Tiles composed per turn of the event loop: some ten milliseconds."""


class RegionLayer(QObject):
    """A `Layer` over ``view`` that shows one document, or none."""

    def __init__(self, view: PhotoView) -> None:
        super().__init__(view)
        self._view = view
        self.document: CanvasDocument | None = None
        self.opacity = 0.45
        self.mode = MaskMode.FILL
        self.hatched = True
        self._masks: MaskLayer | None = None
        self._later = QTimer(self, interval=0)
        self._later.timeout.connect(self._work)

    def set_document(self, document: CanvasDocument | None) -> None:
        """Show another document; the one before is listened to no longer."""
        if self.document is not None:
            self.document.changed.disconnect(self._changed)
            self.document.regionsChanged.disconnect(self._listed)
        self.document = document
        self._masks = None if document is None else MaskLayer(document)
        if document is not None:
            document.changed.connect(self._changed)
            document.regionsChanged.connect(self._listed)
        self.restyle()
        self._work()

    def restyle(self) -> None:
        """Opacity, mode or hatching changed."""
        if self._masks is not None:
            self._masks.restyle(opacity=self.opacity, mode=self.mode, hatched=self.hatched)
        self._view.update()

    def show_stroke(self, stroke: Stroke | None, box: Box | None) -> None:
        """Draw ``stroke`` over its region; None takes it away again."""
        if self._masks is None:
            return
        self._masks.show_stroke(stroke, box)
        if box is not None:
            self._view.update_photo(box)
        self._plan()

    @property
    def settled(self) -> bool:
        """Whether everything in the document is drawn."""
        return self._masks is None or not self._masks.pending

    def render(self, window: Window) -> list[QImage]:
        if self._masks is None:
            return []
        self._masks.line = self._view.camera.line
        image = self._masks.render(window)
        return [] if image is None else [image]

    def paint(self, painter: QPainter, transform: Transform, ratio: float) -> None:
        pass

    def fixed_rects(self, transform: Transform, ratio: float) -> list[QRect]:
        return []

    def _changed(self, box: Box) -> None:
        if self._masks is None:
            return
        self._masks.refresh(box)
        self._view.update_photo(box)
        self._plan()

    def _listed(self) -> None:
        if self._masks is None:
            return
        self._masks.sync()
        self._view.update()
        self._work()

    def _plan(self) -> None:
        if self._masks is not None and self._masks.pending:
            self._later.start()

    def _work(self) -> None:
        masks = self._masks
        if masks is None or not masks.pending:
            self._later.stop()
            return
        for box in masks.work(BATCH, visible=self._view.camera.visible_box()):
            self._view.update_photo(box)
        self._plan()
