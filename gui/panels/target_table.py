"""What is trained, part by part: a table with a row for each part of the model.

Knows the counts of a line; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from core.language import number_text, tr
from core.services.checks import Check, Level
from gui.plain import plain_tip

if TYPE_CHECKING:
    from gui.theme import Theme

MARKS = {
    Level.OK: ("mdi6.check-circle-outline", "ok"),
    Level.WARN: ("mdi6.alert-outline", "warn"),
    Level.FAIL: ("mdi6.alert-circle-outline", "danger"),
    Level.UNKNOWN: ("mdi6.help-circle-outline", "muted"),
}
"""How a level is shown: an icon and its colour."""


class TargetTable(QTableWidget):
    """As tall as its rows; nothing in it can be changed. The arrow keys go from cell to cell, and
    each says its whole row to whoever listens.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__(0, 4)
        self._theme = theme
        self._shown: list[Check] = []
        self.setAccessibleName(tr("What is trained, part by part"))
        heads = (
            (tr("Part of the model"), tr("The mark says whether it learns as it should")),
            (tr("Matched"), tr("Layers that are trained")),
            (tr("Unmatched"), tr("Linear layers that are left as they are")),
            (tr("No gradient"), tr("Layers that are trained but hear nothing of what is learnt")),
        )
        for place, (title, tip) in enumerate(heads):
            head = QTableWidgetItem(title)
            head.setToolTip(plain_tip(tip))
            side = Qt.AlignmentFlag.AlignTrailing if place else Qt.AlignmentFlag.AlignLeading
            head.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self.setHorizontalHeaderItem(place, head)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    @property
    def texts(self) -> list[list[str]]:
        """The cells, a row each."""
        return [
            [item.text() if (item := self.item(row, place)) else "" for place in range(4)]
            for row in range(self.rowCount())
        ]

    def put(self, checks: Sequence[Check]) -> None:
        """Lines with ``targets``; others have no place here."""
        shown = [c for c in checks if c.targets is not None]
        if shown == self._shown:
            return
        self._shown = shown
        self.setRowCount(len(shown))
        for row, check in enumerate(shown):
            self._fill(row, check)
        self.resizeRowsToContents()
        height = self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth()
        self.setFixedHeight(height + sum(self.rowHeight(row) for row in range(len(shown))))

    def _fill(self, row: int, check: Check) -> None:
        found = check.targets
        assert found is not None
        icon, token = MARKS[check.level]
        counts = (found.matched, found.unmatched, found.no_gradient)
        for place, text in enumerate((check.title, *(number_text(n, ",") for n in counts))):
            item = QTableWidgetItem(text)
            item.setToolTip(plain_tip(f"{check.text} {check.remedy}".strip()))
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, f"{check.title}: {check.text}")
            if place:
                item.setTextAlignment(
                    Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter
                )
            else:
                item.setIcon(self._theme.icon(icon, token))
            self.setItem(row, place, item)
