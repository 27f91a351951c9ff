"""Who finds without a click what the chosen assistant cannot: an engine with no weights to open.

It has a worker of its own, so that clicks stay with the chosen assistant and its looks stay in
memory; the worker goes when it has not been asked for a while. Knows the wire's words for finding;
outlines nothing that was pointed at.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer

from gui.context import Context
from gui.controllers.ahead import where_kept
from gui.controllers.engine_choice import EngineChoice
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
        self.unused.stop()
        super().rest()

    def _woken(self) -> None:
        """What was prepared of the project's photos for this engine serves it here too."""
        self.tell("keep", **where_kept(self._context))
        self.unused.start()

    def _answered(self, event: dict[str, Any]) -> None:
        if event.get("request") is not None:
            self.unused.start()
