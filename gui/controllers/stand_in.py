"""Who finds without a click what the chosen assistant cannot: an engine with no weights to open.

It has a worker of its own, so that clicks stay with the chosen assistant and its looks stay in
memory; the worker goes when it has not been asked for a while. Knows the wire's words for finding;
outlines nothing that was pointed at.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.engines.base import PromptKind
from core.language import either, tr
from gui.context import Context
from gui.controllers.ahead import where_kept
from gui.controllers.asked import finds
from gui.controllers.engine_choice import EngineChoice, engines, stand_in_for
from gui.controllers.segment import Assistant

REST_MS = 90_000
"""Who looks for lesions photo after photo asks again sooner; others want the memory back."""


class StandIn(Assistant):
    """``engine`` answers, whichever the person chose for clicks."""

    def __init__(self, context: Context, parent: QObject, engine: str) -> None:
        super().__init__(context, parent, EngineChoice(context.preferences, only=engine))
        self.unused = QTimer(self)
        self.unused.setSingleShot(True)
        self.unused.setInterval(REST_MS)
        self.unused.timeout.connect(self.rest)
        self.awake.connect(self._woken)
        self.heard.connect(self._answered)
        context.project.opened.connect(self.rest)

    def tell(self, do: str, **fields: object) -> None:
        if do == "find":
            self.unused.stop()
        super().tell(do, **fields)

    def rest(self) -> None:
        """Give the worker's memory back; the next question wakes another."""
        self.unused.stop()
        self._let_go()
        self.changed.emit()

    def _woken(self) -> None:
        """What was prepared of the project's photos for this engine serves it here too."""
        self.tell("keep", **where_kept(self._context))
        self.unused.start()

    def _answered(self, event: dict[str, Any]) -> None:
        if event.get("request") is not None:
            self.unused.start()


class Finders(QObject):
    """``chosen`` and whoever stands in for it; what each of them signals is passed on."""

    awake = Signal()
    changed = Signal()
    heard = Signal(object)

    def __init__(self, context: Context, chosen: Assistant, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._chosen = context, chosen
        self.others: dict[str, StandIn] = {}
        self._listen_to(chosen)

    def of(self, what: PromptKind) -> Assistant | None:
        """The chosen one where it finds that, else one that can; None where there is none."""
        if finds(what, self._chosen.choice.spec):
            return self._chosen
        able = stand_in_for(what)
        if able is None:
            return None
        if able.id not in self.others:
            self.others[able.id] = StandIn(self._context, self, able.id)
            self._listen_to(self.others[able.id])
        return self.others[able.id]

    def saying_who(self, looking: str, finder: Assistant) -> str:
        """``looking``, a line, with who does so where that is not the chosen one."""
        spec = finder.choice.spec
        if spec is None or finder is self._chosen:
            return looking
        return tr("With “{title}”: {looking}", title=spec.title,
                  looking=looking[:1].lower() + looking[1:])  # fmt: skip

    def who_could(self, what: PromptKind) -> str:
        """A sentence for where nobody can be asked for that."""
        spec = self._chosen.choice.spec
        return tr(
            "The assistant “{title}” finds nothing by itself; choose {able}.",
            title=spec.title if spec is not None else "",
            able=either([f"“{s.title}”" for s in engines().values() if what in s.prompts]),
        )

    def _listen_to(self, finder: Assistant) -> None:
        finder.awake.connect(self.awake)
        finder.heard.connect(self.heard)
        finder.changed.connect(self.changed)
