"""The diseases of the open project, kept in memory: there are a handful.

Knows the store's list and when it is out of date; knows no widget.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.changes import Changes
from core.domain.disease import Disease
from core.domain.ids import DiseaseId
from core.services.starter_list import free_colour, free_hotkey
from gui.context import ProjectHolder


class DiseaseList(QObject):
    """``changed`` fires when the list may differ. In the order of hotkeys, then names."""

    changed = Signal()

    def __init__(self, project: ProjectHolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self.all: list[Disease] = []
        self.by_id: dict[DiseaseId, Disease] = {}
        project.opened.connect(self._opened)
        project.changed.connect(self._changed)
        self._ask()

    @property
    def healthy(self) -> Disease | None:
        return next((d for d in self.all if d.healthy), None)

    def with_hotkey(self, number: int) -> Disease | None:
        return next((d for d in self.all if d.hotkey == number), None)

    def get(self, disease: DiseaseId | None) -> Disease | None:
        return None if disease is None else self.by_id.get(disease)

    def free_colour(self) -> str:
        """The first colour of the palette that no disease has, or the one used least."""
        return free_colour(self.all)

    def free_hotkey(self) -> int | None:
        return free_hotkey(self.all)

    def _opened(self) -> None:
        self._take([])
        self._ask()

    def _changed(self, changes: Changes) -> None:
        if changes.diseases or changes.everything:
            self._ask()

    def _ask(self) -> None:
        self._project.ask(lambda store: store.diseases(), on_done=self._take, owner=self)

    def _take(self, found: list[Disease]) -> None:
        self.all = sorted(found, key=lambda d: (d.hotkey or 99, d.name.lower()))
        self.by_id = {d.id: d for d in self.all}
        self.changed.emit()
