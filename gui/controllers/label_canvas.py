"""Between canvas, session and assistant: gestures go in, regions and proposals come out.

Knows the canvas's signals and what they mean for the two controllers; keeps nothing.
"""

from __future__ import annotations

from PySide6.QtCore import QObject

from gui.canvas.view import CanvasView
from gui.context import Context
from gui.controllers.label import LabelController
from gui.controllers.segment import Assistant


class LabelCanvas(QObject):
    """Made once for the page."""

    def __init__(
        self,
        context: Context,
        controller: LabelController,
        assistant: Assistant,
        canvas: CanvasView,
    ) -> None:
        super().__init__(canvas)
        self._context, self._controller = context, controller
        self._assistant, self._canvas = assistant, canvas
        canvas.strokeFinished.connect(controller.stroke)
        canvas.pointPlaced.connect(lambda x, y, good: assistant.point(x, y, positive=good))
        canvas.boxDrawn.connect(assistant.box)
        canvas.clicked.connect(self._clicked)
        canvas.refused.connect(context.notices.info)
        canvas.toolChanged.connect(self._tool_changed)
        canvas.radiusChanged.connect(self._keep_radius)
        controller.current.leaving.connect(canvas.finish_gesture)
        controller.current.opened.connect(self._opened)
        controller.current.improved.connect(self._improved)
        controller.edits.updated.connect(self._show_candidate)
        assistant.changed.connect(self._show_prompts)
        assistant.view = canvas.camera.visible_box
        assistant.kind = lambda: controller.kind
        context.preferences.changed.connect(self._preference_changed)
        canvas.brush_radius = float(context.preferences.number("label.brush"))
        self._preference_changed("appearance.mask_opacity")

    def _opened(self) -> None:
        photo = self._controller.current.photo
        self._canvas.set_document(self._controller.current.document)
        self._canvas.set_photo(photo.pyramid if photo else None, same=False)
        self._assistant.set_photo(photo)
        self._context.actions.set_flag("image", photo is not None)

    def _improved(self) -> None:
        photo = self._controller.current.photo
        if photo is not None:
            self._canvas.set_photo(photo.pyramid, same=True)

    def _clicked(self, x: float, y: float) -> None:
        document = self._controller.current.document
        region = document.region_at(x, y) if document is not None else None
        self._controller.edits.set_active(region.info.id if region is not None else None)

    def _tool_changed(self, tool: str) -> None:
        assisted = tool in ("point", "box")
        if assisted:
            self._assistant.wake()
        else:
            self._assistant.clear()

    def _show_prompts(self) -> None:
        prompts = self._assistant.prompts
        self._canvas.set_prompts(prompts.points, prompts.positive, prompts.box)
        self._context.actions.set_flag("candidate", self._assistant.candidate is not None)
        self._show_candidate()

    def _show_candidate(self) -> None:
        candidate, session = self._assistant.candidate, self._controller.session
        if candidate is None or session is None:
            self._canvas.clear_candidate()
            return
        self._canvas.show_candidate(
            candidate.pixels, candidate.origin, self._controller.draft_colour
        )

    def _keep_radius(self, radius: float) -> None:
        self._context.preferences.put("label.brush", max(1, round(radius)))

    def _preference_changed(self, key: str) -> None:
        if key == "appearance.mask_opacity":
            self._canvas.mask_opacity = self._context.preferences.number(key) / 100
