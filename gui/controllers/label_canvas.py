"""Between canvas, session and assistant: gestures go in, regions and proposals come out.

Knows the canvas's signals and what they mean for the two controllers; keeps no label.
"""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.domain.disease import LEAF_COLOUR
from core.domain.mask import TileMask
from core.domain.region import Region, RegionKind
from core.engines.base import Before, PromptKind
from core.services.suggest import Suggestion
from gui.canvas.view import CanvasView
from gui.context import Context
from gui.controllers.label import LabelController
from gui.controllers.segment import Prompts
from gui.controllers.suggestions import Suggestions


class LabelCanvas(QObject):
    """Made once for the page; brings the suggestion that is in turn into sight."""

    def __init__(
        self,
        context: Context,
        controller: LabelController,
        suggestions: Suggestions,
        canvas: CanvasView,
    ) -> None:
        super().__init__(canvas)
        assistant = suggestions.assistant
        self._context, self._controller = context, controller
        self._assistant, self._suggestions, self._canvas = assistant, suggestions, canvas
        self._current: Suggestion | None = None
        canvas.strokeFinished.connect(controller.stroke)
        canvas.pointPlaced.connect(self._point)
        canvas.boxDrawn.connect(assistant.box)
        canvas.clicked.connect(self._clicked)
        canvas.refused.connect(context.notices.info)
        canvas.toolChanged.connect(self._tool_changed)
        canvas.radiusChanged.connect(self._keep_radius)
        canvas.toleranceChanged.connect(
            lambda t: context.preferences.put("label.tolerance", int(t))
        )
        controller.current.leaving.connect(canvas.finish_gesture)
        controller.current.leaving.connect(assistant.settling.over)
        controller.current.opened.connect(self._opened)
        controller.current.improved.connect(self._improved)
        controller.edits.updated.connect(self._show_candidate)
        controller.edits.updated.connect(self._show_chosen)
        assistant.changed.connect(self._show_prompts)
        suggestions.changed.connect(self._show_suggestions)
        assistant.view = canvas.camera.visible_box
        assistant.kind = lambda: controller.kind
        canvas.brush_radius = float(context.preferences.number("label.brush"))
        canvas.surface.set_tolerance(context.preferences.number("label.tolerance"))

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

    def _point(self, x: float, y: float, positive: bool) -> None:
        """The first click decides what it is about: the chosen region, or a new one."""
        spec = self._assistant.choice.spec
        can_refine = spec is not None and PromptKind.BEFORE in spec.prompts
        if can_refine and not self._assistant.prompts:
            region = self._meant(x, y)
            box = None if region is None else region.mask.box()
            if region is not None and box is not None:
                before = Before(region.mask.read(box), box[:2])
                self._assistant.clear()
                self._assistant.prompts = Prompts(region=region.info.id, before=before)
        self._assistant.point(x, y, positive=positive)

    def _meant(self, x: float, y: float) -> Region | None:
        """The active region, where it is of the kind being outlined and the click lies in its box.

        Elsewhere a click begins a new one, so that lesion after lesion needs no key between them.
        """
        document = self._controller.current.document
        region = document.active if document is not None else None
        if region is None or region.info.kind is not self._controller.kind:
            return None
        x0, y0, x1, y1 = region.mask.box() or (0, 0, 0, 0)
        return region if x0 <= x < x1 and y0 <= y < y1 else None

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
        self._show_candidate()

    def _show_suggestions(self) -> None:
        """The edges of those that wait; the current one is shown as a proposal."""
        document, waiting = self._controller.current.document, None
        others = self._suggestions.others
        if document is not None and others:
            waiting = TileMask(*document.size)
            for one in others:
                (x, y), (height, width) = one.candidate.origin, one.candidate.pixels.shape
                waiting.add((x, y, x + width, y + height), one.candidate.pixels)
        self._canvas.show_waiting(waiting)
        self._bring_in(self._suggestions.current)
        self._context.actions.set_flag("suggestion", self._suggestions.current is not None)
        self._show_candidate()

    def _bring_in(self, current: Suggestion | None) -> None:
        """Nobody takes what they do not see: a search looks at more than the view."""
        if current is not None and current is not self._current:
            (x, y), (height, width) = current.candidate.origin, current.candidate.pixels.shape
            self._canvas.camera.bring_in((x, y, x + width, y + height))
        self._current = current

    def _show_candidate(self) -> None:
        candidate, session = self._assistant.candidate, self._controller.session
        colour, suggestion = self._controller.draft_colour, self._suggestions.current
        if candidate is None and suggestion is not None:
            candidate = suggestion.candidate
            colour = LEAF_COLOUR if suggestion.kind is RegionKind.LEAF else colour
        self._context.actions.set_flag("candidate", candidate is not None)
        if candidate is None or session is None:
            self._canvas.clear_candidate()
            return
        self._canvas.show_candidate(candidate.pixels, candidate.origin, colour)

    def _show_chosen(self) -> None:
        """Outline the regions that are chosen beside the active one."""
        session, others = self._controller.session, self._controller.edits.chosen[1:]
        found = [session.region(region) for region in others] if session is not None else []
        self._canvas.marks.show_chosen([r.mask for r in found if r is not None])

    def _keep_radius(self, radius: float) -> None:
        self._context.preferences.put("label.brush", max(1, round(radius)))
