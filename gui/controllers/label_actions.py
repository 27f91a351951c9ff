"""What the Label workspace's actions do: menu, keys and buttons all end here.

Knows action ids and the controllers behind them; keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QActionGroup

from core.domain.ids import ImageId
from core.domain.image import ImageState
from core.domain.region import RegionKind
from core.engines.base import PromptKind
from core.language import tr
from core.services.annotate import own_check
from gui.actions import line, spec
from gui.canvas.tools.base import all_tools
from gui.canvas.view import CanvasView
from gui.context import Context
from gui.controllers.bulk import own_check_sentence
from gui.controllers.label import LabelController
from gui.controllers.saver import SaveState
from gui.controllers.suggestions import Suggestions
from gui.gallery.panel import GalleryPanel
from gui.models.disease_keys import NINE, DiseaseKeys
from gui.models.diseases import DiseaseList
from gui.plain import plain_tip

LOOKING_TOOLS = ("hand",)


def add_actions(context: Context, diseases: DiseaseList) -> list[str]:
    """Put the tools and the number keys in the action table; gives the tools' action ids."""
    tools = []
    for tool in all_tools().values():
        needs = "label image" if tool.id in LOOKING_TOOLS else "label image writable"
        action = context.actions.add(
            spec(
                f"tool.{tool.id}", tool.title, "Label", tool.shortcut,
                icon=tool.icon, needs=needs, checkable=True,
                separator=tool.place == min(t.place for t in all_tools().values()),
            )
        )  # fmt: skip
        action.setToolTip(plain_tip(f"{action.toolTip()}\n{tool.hint}"))
        tools.append(f"tool.{tool.id}")
    for prefix, keys, sheet in (
        ("name", "", tr("Disease of the region, or of the leaf")),
        ("leaf", "Alt+", tr("Disease of the leaf")),
    ):
        for number in range(1, NINE + 1):
            title = tr("Disease {number}", number=number)
            context.actions.add(
                spec(
                    f"{prefix}.{number}", title, "", f"{keys}{number}",
                    needs="label image writable", sheet=sheet,
                )
            )  # fmt: skip
    context.actions.add(
        line("disease.more", "Digits for the next nine diseases", "Label", "0",
             needs="label image writable many_diseases", separator=True)
    )  # fmt: skip
    context.actions.add(
        line("disease.find", "Find a disease by its name", "Label", "Ctrl+E",
             needs="label image writable many_diseases")
    )  # fmt: skip
    return tools


class LabelActions(QObject):
    """Binds the actions and keeps their flags and texts true."""

    def __init__(
        self,
        context: Context,
        controller: LabelController,
        suggestions: Suggestions,
        canvas: CanvasView,
        *,
        diseases: DiseaseList,
        gallery: GalleryPanel,
    ) -> None:
        super().__init__(canvas)
        self._context, self._controller = context, controller
        self._canvas, self._diseases, self._gallery = canvas, diseases, gallery
        self._suggestions, self._assistant = suggestions, suggestions.assistant
        self.keys = DiseaseKeys(diseases)
        self._bulk = controller.bulk
        self._bind_tools()
        self._bind_view()
        on = context.actions.on
        bound: dict[str, Callable[[], object]] = {
            "edit.undo": self._undo,
            "edit.redo": self._redo,
            "region.delete": controller.delete_chosen,
            "photo.accept_next": self.accept_next,
            "disease.more": self.keys.turn,
            "photo.next": partial(self._step, 1),
            "photo.previous": partial(self._step, -1),
            "photo.next_open": self._next_open,
            "photo.done": partial(self._finish, ImageState.DONE),
            "photo.checked": partial(self._finish, ImageState.CHECKED),
            "photo.no_lesions": self._no_lesions,
            "candidate.accept": self._accept,
            "candidate.extend": partial(self._accept, extend=True),
            "candidate.next": self._next_candidate,
            "candidate.previous": partial(self._next_candidate, -1),
            "candidate.cancel": self._cancel,
            "label.diseases": self.edit_diseases,
        }
        for action, function in (bound | self._findings()).items():
            on(action, function)
        self._bind_digits()
        kinds = (RegionKind.LESION, RegionKind.LEAF)
        context.actions.on_toggled("kind.toggle", lambda leaf: controller.set_kind(kinds[leaf]))
        controller.edits.updated.connect(self._follow)
        self._assistant.changed.connect(self._follow)
        context.project.opened.connect(self._follow)
        canvas.navigation.tapped.connect(context.actions["photo.accept_next"].trigger)
        self._follow()

    def edit_diseases(self) -> None:
        from gui.dialogs.diseases import DiseasesDialog

        saver = self._controller.edits.saver
        dialog = DiseasesDialog(
            self._context,
            self._diseases,
            self._bulk,
            self._canvas.window(),
            unsaved=lambda: saver.state is not SaveState.SAVED,
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _bind_tools(self) -> None:
        group = QActionGroup(self)
        for tool in all_tools():
            action = self._context.actions[f"tool.{tool}"]
            group.addAction(action)
            action.triggered.connect(lambda _checked=False, t=tool: self._canvas.set_tool(t))
        self._canvas.toolChanged.connect(
            lambda tool: self._context.actions[f"tool.{tool}"].setChecked(True)
        )
        self._context.actions[f"tool.{self._canvas.tool_id}"].setChecked(True)

    def _findings(self) -> dict[str, Callable[[], object]]:
        find = self._suggestions.find
        return {
            "candidate.reject": self._suggestions.reject,
            "candidate.all": self._suggestions.accept_all,
            "find.leaf": partial(find, PromptKind.WHOLE_LEAF),
            "find.everything": partial(find, PromptKind.EVERYTHING),
            "find.alike": partial(find, PromptKind.ALIKE),
            "find.model": self._suggestions.from_model,
        }

    def _bind_digits(self) -> None:
        on = self._context.actions.on
        for number in range(1, NINE + 1):
            on(f"name.{number}", partial(self._name, number, leaf=False))
            on(f"leaf.{number}", partial(self._name, number, leaf=True))
        self.keys.changed.connect(self._name_digits)
        self._name_digits()

    def _bind_view(self) -> None:
        on, canvas = self._context.actions.on, self._canvas
        on("view.fit", canvas.fit)
        on("view.actual", partial(canvas.zoom_to, 1.0))
        on("view.zoom_in", partial(canvas.zoom_by, 1.25))
        on("view.zoom_out", partial(canvas.zoom_by, 0.8))
        on("brush.smaller", partial(canvas.gestures.dial, -1))
        on("brush.larger", partial(canvas.gestures.dial, 1))
        on("view.filter", self._gallery.text.setFocus)

    def _undo(self) -> None:
        """What is being drawn or proposed goes first, corner by corner and click by click: it came
        last."""
        if self._canvas.gestures.step_back():
            return
        if self._assistant.prompts:
            self._assistant.step_back()
        elif self._bulk.undo_title:
            self._bulk.undo()
        else:
            self._controller.edits.undo()

    def _redo(self) -> None:
        if self._bulk.redo_title:
            self._bulk.redo()
        else:
            self._controller.edits.redo()

    def _accept(self, *, extend: bool = False) -> None:
        candidate = self._assistant.candidate
        if candidate is None:
            self._suggestions.accept()
            return
        if self._assistant.settling.under_way:
            self._assistant.settling.when_over(partial(self._accept, extend=extend))
            return
        refined = self._assistant.prompts.region
        into = self._controller.edits.active if extend else refined
        instead = refined is not None and not extend
        self._assistant.clear()
        source = self._assistant.choice.source
        self._controller.accept(candidate, source=source, into=into, instead=instead)

    def accept_next(self) -> None:
        """Space: what is proposed is taken; with nothing proposed the photo is done, or those that
        are selected in the gallery.
        """
        if self._context.actions["candidate.accept"].isEnabled() and not self._picked():
            self._accept()
        else:
            self._finish(ImageState.DONE)

    def _name_digits(self) -> None:
        """Menu texts and the sheet of keys name the diseases themselves."""
        actions = self._context.actions
        actions.set_flag("many_diseases", self.keys.pages > 1)
        for number in range(1, NINE + 1):
            disease = self.keys.disease(number)
            for prefix in ("name", "leaf"):
                text = disease.name if disease else tr("Disease {number}", number=number)
                actions[f"{prefix}.{number}"].setText(text.replace("&", "&&"))

    def _cancel(self) -> None:
        """Esc: first the proposal, then the active region."""
        if self._assistant.prompts:
            self._assistant.clear(problem=True)
        elif self._suggestions.current or self._suggestions.busy:
            self._suggestions.clear()
        else:
            self._controller.edits.set_active(None)

    def _next_candidate(self, step: int = 1) -> None:
        if self._assistant.candidate is not None:
            self._assistant.next_candidate(step)
        else:
            self._suggestions.step(step)

    def _picked(self) -> tuple[ImageId, ...]:
        """The photos that are selected where the keyboard is in the gallery: they are what one
        looks at. None where that is the open photo alone.
        """
        view = self._gallery.view
        ids = view.selection.ids if view.hasFocus() else ()
        return () if ids == (self._controller.current.wanted,) else ids

    def _name(self, number: int, *, leaf: bool) -> None:
        disease = self.keys.disease(number)
        if disease is None:
            return
        if picked := self._picked():
            self._bulk.name(picked, disease)
        elif leaf:
            self._controller.name(disease)
        else:
            self._controller.name_chosen(disease)

    def _step(self, step: int) -> bool:
        image = self._gallery.neighbour(self._controller.current.wanted, step)
        if image is not None:
            self._controller.current.open(image)
            self._gallery.view.set_current(image)
        return image is not None

    def _next_open(self) -> None:
        def go_on(image: ImageId | None) -> None:
            if image is None:
                self._context.notices.info(tr("No further photo is waiting in this list."))
                return
            self._controller.current.open(image)
            self._gallery.view.set_current(image)

        self._gallery.index.next_open(self._controller.current.wanted, go_on)

    def _finish(self, state: ImageState) -> None:
        if picked := self._picked():
            self._bulk.mark(picked, state)
            return
        session, by = self._controller.session, self._context.preferences.text("label.author")
        if state is ImageState.CHECKED and session is not None:
            if not by.strip():
                self._bulk.ask_for_name()
                return
            if own_check(session, by.strip()):
                self._context.notices.warning(own_check_sentence())
        self._controller.mark(state)
        advance = bool(self._context.preferences.get("label.advance"))
        if advance and not self._step(1):
            self._context.notices.info(tr("That was the last photo of the list."))

    def _no_lesions(self) -> None:
        if picked := self._picked():
            self._bulk.no_lesions(picked)
        else:
            self._controller.no_lesions()

    def _follow(self) -> None:
        actions, edits = self._context.actions, self._controller.edits
        writable = self._context.project.writable
        actions.set_flag("region", edits.active is not None)
        bulk = self._bulk
        prompts = self._assistant.prompts
        prompt = (tr("Click") if prompts.points else tr("Box")) if prompts else ""
        undo = prompt or bulk.undo_title or edits.undo_title
        redo = bulk.redo_title or edits.redo_title
        for word, title in (("undo", undo), ("redo", redo)):
            actions.set_flag(word, bool(title) and writable)
        what = undo[:1].lower() + undo[1:]
        actions["edit.undo"].setText(tr("Undo {what}", what=what) if undo else tr("Undo"))
        what = redo[:1].lower() + redo[1:]
        actions["edit.redo"].setText(tr("Redo {what}", what=what) if redo else tr("Redo"))
        if not writable and self._canvas.tool_id not in LOOKING_TOOLS:
            self._canvas.set_tool(LOOKING_TOOLS[0])
