"""Which run Review and Export look at, so that "Review" on a finished run leads to that run.

Knows one run's id; knows no run.
"""

from __future__ import annotations

from PySide6.QtCore import Signal

from core.domain.ids import RunId
from gui.context import Context
from gui.controllers.shared import Shared


class Focus(Shared):
    """``changed`` fires when another run is looked at. None: whichever is newest."""

    changed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.run: RunId | None = None
        context.project.opened.connect(lambda: self.put(None))

    def put(self, run: RunId | None) -> None:
        if run != self.run:
            self.run = run
            self.changed.emit()
