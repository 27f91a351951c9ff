"""Where the pointer rests while lesions are clicked on: the worker looks there ahead of the click.

Knows the pointer, the tool and the wire's word for this; draws nothing.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from core.domain.region import RegionKind
from gui.canvas.view import CanvasView
from gui.controllers.segment import Assistant

REST_MS = 100
"""Nobody aims for less; who passes over the photo does not stop so long."""
TOOLS = ("point", "box")
SAME = 4.0
"""Pixels of the screen within which the pointer has not moved."""


class Resting(QObject):
    """Tells a worker that is awake, while no region is being outlined: one that is has its look."""

    def __init__(self, assistant: Assistant, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self._assistant, self._canvas = assistant, canvas
        self._place: tuple[float, float] | None = None
        self._told: tuple[float, float] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._tell)
        canvas.hovered.connect(self._moved)
        canvas.hoverLeft.connect(self._left)
        canvas.viewChanged.connect(self._forget)
        assistant.changed.connect(self._changed)

    def _moved(self, x: float, y: float) -> None:
        self._place = (x, y)
        self._timer.start()

    def _left(self) -> None:
        self._place = None
        self._timer.stop()

    def _forget(self) -> None:
        """Another view: other pixels lie under the pointer, and other looks show them."""
        self._told = None
        self._left()

    def _changed(self) -> None:
        """Enter was pressed with the pointer on the next lesion already."""
        if self._place is not None and not self._assistant.prompts:
            self._timer.start()

    def _tell(self) -> None:
        document, place = self._canvas.document, self._place
        if document is None or place is None or self._canvas.tool_id not in TOOLS:
            return
        if not self._assistant.is_awake or self._assistant.prompts:
            return
        if self._assistant.kind() is not RegionKind.LESION:
            return
        (x, y), (width, height) = place, document.size
        if not (0 <= x < width and 0 <= y < height) or self._is_told(x, y):
            return
        view = self._assistant.view()
        self._told = place
        self._assistant.tell("rest", at=[x, y], view=list(view) if view else None)

    def _is_told(self, x: float, y: float) -> bool:
        if self._told is None:
            return False
        far = max(abs(x - self._told[0]), abs(y - self._told[1]))
        return far * self._canvas.zoom < SAME
