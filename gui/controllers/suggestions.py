"""Things on the open photo that nobody pointed at: found by the assistant, or drawn by a model.

Asks for them, keeps those that are not outlined yet, and takes them into the photo one by one or
all at once. Knows the segment worker's and the answer worker's words; draws nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.domain.ids import ImageId
from core.domain.region import RegionKind
from core.domain.run import Run
from core.engines.base import Candidate, PromptKind
from core.language import tr
from core.services.drafts import Drafted
from core.services.suggest import Suggestion, accept_all, news, without
from core.workers.mask_crop import decode_mask
from gui.context import Context
from gui.controllers.asked import Asked, fitting, lesions
from gui.controllers.label import LabelController
from gui.controllers.segment import Assistant
from gui.controllers.stand_in import Finders
from gui.controllers.trained_model import TrainedModel
from gui.controllers.wording import found_line

NO_DRAFT = tr("The model found nothing on this photo that is not outlined yet.")


class Suggestions(QObject):
    """``changed`` fires when the list, the current one or ``busy`` ("" or a line) are others.

    ``assistant`` is the one that is chosen; its own proposals are not these. What it does not find
    another one is asked for, where there is one that needs no weights.
    """

    changed = Signal()

    def __init__(
        self, context: Context, controller: LabelController, assistant: Assistant, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._controller, self.assistant = context, controller, assistant
        self._items: list[Suggestion] = []
        self._chosen = 0
        self._asked: Asked | None = None
        self._rejected: defaultdict[ImageId | None, list[Candidate]] = defaultdict(list)
        self._request = 0
        self._waiting_for = Asked(PromptKind.EVERYTHING)
        self.busy = ""
        self._model = TrainedModel(context, self)
        self._finders = Finders(context, assistant, self)
        self._finder: Assistant | None = None
        self._finders.awake.connect(lambda: QTimer.singleShot(0, self, self._send))
        self._finders.heard.connect(self._heard)
        self._finders.changed.connect(self._assistant_changed)
        controller.current.opened.connect(self.clear)

    # -- what is shown

    @property
    def current(self) -> Suggestion | None:
        return self._items[self._chosen] if self._items else None

    @property
    def others(self) -> list[Suggestion]:
        """All but the current one."""
        return [one for n, one in enumerate(self._items) if n != self._chosen]

    @property
    def status(self) -> str:
        """One line; "" when there is nothing to say."""
        if self.busy or not self._items:
            return self.busy
        leaf = self._items[self._chosen].kind is RegionKind.LEAF
        return found_line(self._chosen + 1, len(self._items), leaf=leaf)

    # -- what the person does

    def find(self, what: PromptKind, words: str = "") -> None:
        """Leaves, every lesion, what is like the chosen lesions, or what is called ``words``."""
        session = self._controller.session
        if session is None:
            return
        self.clear()
        finder = self._finders.of(what)
        if finder is None:
            self._context.notices.info(self._finders.who_could(what))
            return
        what = fitting(what, finder.choice.spec)
        kind = RegionKind.LEAF if what is PromptKind.WHOLE_LEAF else RegionKind.LESION
        asked = Asked(what, self.assistant.kind() if words else kind, words)
        if what in (PromptKind.ALIKE, PromptKind.EXEMPLAR):
            examples = lesions(session, self._controller.edits.chosen)
            if not examples:
                self._context.notices.info(
                    tr("Select a lesion first; then others like it are found.")
                )
                return
            asked = replace(asked, examples=examples)
        self.assistant.clear(problem=True)
        self._finder = finder
        if finder is not self.assistant:
            finder.clear(problem=True)
            finder.set_photo(self._controller.current.photo)
        self._asked = asked
        self._set_busy(self._finders.saying_who(asked.busy, finder))
        finder.wake()
        self._send()

    def from_model(self) -> None:
        """What the newest trained model draws on this photo."""
        session = self._controller.session
        if session is None:
            return
        self.clear()
        self.assistant.clear(problem=True)
        self._set_busy(tr("Asking the trained model…"))
        image, size = session.image.id, (session.image.width, session.image.height)
        asked = self._request

        def take(drawn: list[Drafted], run: Run) -> None:
            source = f"run:{run.id}"
            found = [Suggestion(one.candidate, one.kind, source) for one in drawn]
            self._offer(found, NO_DRAFT)

        self._model.ask(image, size, lambda p, r: self._if_wanted(asked, lambda: take(p, r)),
                        lambda text: self._if_wanted(asked, lambda: self._fail(text)))  # fmt: skip

    def accept(self) -> None:
        """Take the current one; the next one follows."""
        one = self.current
        if one is not None:
            self._take([one])
            self._drop_current()

    def accept_all(self) -> None:
        """Take all that are left, as one step of undo."""
        self._take(self._items)
        self.clear()

    def reject(self) -> None:
        """Not this one: where examples are asked for, it becomes a counter-example."""
        session, one = self._controller.session, self.current
        if one is not None and session is not None:
            self._rejected[session.image.id].append(one.candidate)
            self._drop_current()

    def step(self, by: int) -> None:
        """Another one becomes the current one."""
        if self._items:
            self._chosen = (self._chosen + by) % len(self._items)
            self.changed.emit()

    def clear(self) -> None:
        """Forget them all, and what was asked."""
        self._request += 1
        self._items, self._chosen, self._asked, self.busy = [], 0, None, ""
        self._finder = None
        self.changed.emit()

    # -- inside

    def _take(self, wanted: list[Suggestion]) -> None:
        session = self._controller.session
        if session is not None:
            # By the same rules as what is drawn or clicked.
            self._controller.propose(accept_all(session, wanted, self._controller.lesion_draft()))

    def _drop_current(self) -> None:
        self._items.pop(self._chosen)
        self._chosen = min(self._chosen, max(0, len(self._items) - 1))
        self.changed.emit()

    def _send(self) -> None:
        session, finder = self._controller.session, self._finder
        if self._asked is None or session is None or finder is None or not finder.is_awake:
            return
        self._waiting_for, self._asked = self._asked, None
        view = self.assistant.view()
        self._request += 1
        finder.tell(
            "find",
            request=f"find-{self._request}",
            view=list(view) if view else None,
            **self._waiting_for.fields(self._rejected[session.image.id]),
        )

    def _heard(self, event: dict[str, Any]) -> None:
        finder = self._finder
        if finder is None or event.get("request") != f"find-{self._request}" or not self.busy:
            return
        if event.get("event") != "found":
            self._fail(str(event.get("text", "")) or tr("The assistant could not do that."))
            return
        source, kind = finder.choice.source, self._waiting_for.kind
        try:
            found = [
                Suggestion(Candidate(*decode_mask(one), score=float(one["score"])), kind, source)
                for one in event.get("candidates", [])
            ]
        except (ValueError, KeyError, TypeError):
            self._fail(tr("The assistant gave an answer that cannot be read; ask again."))
            return
        if self._waiting_for.examples:  # what was said to be unlike them is not said again
            found = without(found, self._rejected[self._controller.current.wanted])
        self._offer(found, self._waiting_for.nothing)

    def _offer(self, found: list[Suggestion], nothing: str) -> None:
        session = self._controller.session
        if session is None:
            return
        # What is on the screen first; otherwise in the order given.
        view = self.assistant.view()
        items = news(found, session.regions)
        self._items = sorted(items, key=lambda one: view is not None and not one.meets(view))
        self._chosen = 0
        self.busy = ""
        if not self._items:
            self._context.notices.info(nothing)
        self.changed.emit()

    def _assistant_changed(self) -> None:
        """A click begins something else; a worker that died, or was let go, answers no more."""
        if self.assistant.prompts and self._items:
            self.clear()
        elif not self.busy or self._finder is None:
            return
        elif self._finder.problem:
            self._fail(self._finder.problem)
        elif self._finder.sleeps:
            self.clear()

    def _if_wanted(self, asked: int, then: Callable[[], None]) -> None:
        """Unless another photo was opened since, even if this one is open again, or something else
        was asked for."""
        if self._request == asked and self.busy:
            then()

    def _set_busy(self, text: str) -> None:
        self.busy = text
        self.changed.emit()

    def _fail(self, sentence: str) -> None:
        self.clear()
        if sentence:
            self._context.notices.info(sentence)
