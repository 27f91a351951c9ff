"""Keeps the marks over the photo, and repaints no more than what changed of them.

Knows the overlays and the view they lie on; knows no tool.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect
from PySide6.QtGui import QImage, QPainter

from core.domain.mask import TileMask
from gui.canvas.overlays import Candidate, Overlays
from gui.canvas.path_mark import path_changes
from gui.canvas.sampling import Window
from gui.canvas.tools.base import Band, Path
from gui.canvas.transform import Transform
from gui.canvas.viewport import PhotoView


class MarksLayer:
    """A `Layer` over ``view``: prompts, boxes, proposal, highlight and the brush's circle."""

    def __init__(self, view: PhotoView) -> None:
        self._view = view
        self.shown = Overlays()

    def show_cursor(self, at: QPointF | None, radius: float) -> None:
        """The brush's circle at a widget position, ``radius`` in photo pixels; None hides it."""
        self._repaint_cursor()
        self.shown.cursor = None if at is None else (at.x(), at.y(), radius)
        self._repaint_cursor()

    def resize_cursor(self, radius: float) -> None:
        """The same place, another radius."""
        if self.shown.cursor is not None:
            x, y, _ = self.shown.cursor
            self.show_cursor(QPointF(x, y), radius)

    def show_band(self, band: Band | None) -> None:
        """The rubber band of a box being drawn."""
        self._repaint_marks()
        self.shown.band = band
        self._repaint_marks()

    def show_path(self, path: Path | None) -> None:
        """The outline of a shape being drawn; only what moves of it is painted again."""
        camera = self._view.camera
        for rect in path_changes(self.shown.path, path, camera.transform, camera.ratio):
            self._view.update(rect)
        self.shown.path = path

    def show_prompts(
        self,
        points: Iterable[tuple[float, float]],
        positive: Iterable[bool],
        box: tuple[float, float, float, float] | None,
    ) -> None:
        """What the assistant was told. Raises ValueError when the lengths differ."""
        points, positive = list(points), list(positive)
        if len(points) != len(positive):
            raise ValueError(f"{len(points)} points, but {len(positive)} signs")
        self._repaint_marks()
        self.shown.points, self.shown.positive, self.shown.box = points, positive, box
        self._repaint_marks()

    def show_candidate(
        self, pixels: NDArray[np.bool_] | None, origin: tuple[int, int], colour: str
    ) -> None:
        """A proposal, [h, w] bool at the photo pixel ``origin``; None takes it away."""
        self._repaint_candidate()
        self.shown.candidate = None if pixels is None else Candidate(pixels, origin, colour)
        self._repaint_candidate()
        self._repaint_marks()  # their badges make way for a small one

    def show_waiting(self, mask: TileMask | None) -> None:
        """The outlines of proposals that wait for an answer; None takes them away."""
        if mask is not self.shown.waiting:
            self.shown.waiting = mask
            self._view.update()

    def show_hover(self, mask: TileMask | None) -> None:
        """Outline one region for a moment; None ends it."""
        if mask is not self.shown.hover:
            self.shown.hover = mask
            self._view.update()

    def show_chosen(self, masks: list[TileMask]) -> None:
        """Outline the regions that are chosen beside the active one."""
        if masks or self.shown.chosen:
            self.shown.chosen = masks
            self._view.update()

    def render(self, window: Window) -> list[QImage]:
        return self.shown.render(window, self._view.camera.line)

    def paint(self, painter: QPainter, transform: Transform, ratio: float) -> None:
        self.shown.paint(painter, transform, ratio)

    def fixed_rects(self, transform: Transform, ratio: float) -> list[QRect]:
        rect = self.shown.cursor_rect(transform, ratio)
        return [] if rect is None else [rect]

    def _repaint_cursor(self) -> None:
        for rect in self.fixed_rects(self._view.camera.transform, self._view.camera.ratio):
            self._view.update(rect)

    def _repaint_marks(self) -> None:
        camera = self._view.camera
        for rect in self.shown.mark_rects(camera.transform, camera.ratio):
            self._view.update(rect)

    def _repaint_candidate(self) -> None:
        if self.shown.candidate is not None:
            self._view.update_photo(self.shown.candidate.box)
