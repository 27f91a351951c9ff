"""Which disease a digit means: nine at a time.

The first page has the keys that the diseases carry; further pages number those that carry none, in
the order of the list. Knows the diseases; knows no key event and no widget.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.domain.disease import Disease
from gui.models.diseases import DiseaseList

NINE = 9


class DiseaseKeys(QObject):
    """``changed`` fires when digits mean other diseases than before."""

    changed = Signal()

    def __init__(self, diseases: DiseaseList) -> None:
        super().__init__(diseases)
        self._diseases = diseases
        self.page = 0
        diseases.changed.connect(self._follow)

    @property
    def pages(self) -> int:
        """How many there are; at least one."""
        return 1 + -(-len(self._others) // NINE)

    def disease(self, digit: int) -> Disease | None:
        """What ``digit`` (1–9) means on this page."""
        if self.page == 0:
            return self._diseases.with_hotkey(digit)
        place = (self.page - 1) * NINE + digit - 1
        return self._others[place] if place < len(self._others) else None

    def digit(self, disease: Disease) -> int | None:
        """The digit that means ``disease`` on this page, or None."""
        return next((d for d in range(1, NINE + 1) if self.disease(d) == disease), None)

    def turn(self) -> None:
        """To the next page, and from the last one back to the first."""
        if self.pages > 1:
            self.page = (self.page + 1) % self.pages
            self.changed.emit()

    @property
    def _others(self) -> list[Disease]:
        return [d for d in self._diseases.all if d.hotkey is None]

    def _follow(self) -> None:
        self.page = min(self.page, self.pages - 1)
        self.changed.emit()
