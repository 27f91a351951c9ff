"""Runs beside one another by disease: Dice, recall and precision of each, or how they differ.

Shows a `Comparison`. Knows a table of figures; knows no store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from core.language import tr
from core.services.comparison import letter
from gui.panels.pieces import Switch, column, label, row
from gui.panels.whiskers import Line, Whiskers

if TYPE_CHECKING:
    from gui.controllers.run_comparison import Comparison
    from gui.theme import Theme

FIGURES, CHANGES = 0, 1


class ClassTable(QWidget):
    """Under each disease a line for each run; ``switch`` chooses figures or differences."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._found: Comparison | None = None
        self._colours: Sequence[str] = ()
        self.switch = Switch((tr("Figures"), tr("Differences")))
        self.switch.chosen.connect(lambda _number: self._show())
        self.table = Whiskers(theme, in_full=True)
        self.note = label("", "muted", wrap=True)
        head = row(label(tr("By disease"), "heading"), None, self.switch)
        self.setLayout(column(head, self.table, self.note, spacing=10))

    def put(self, found: Comparison, colours: Sequence[str]) -> None:
        """``colours`` of the runs, in their order."""
        self._found, self._colours = found, colours
        differ = any(one.changes is not None for one in found.runs)
        self.switch.button(CHANGES).setEnabled(differ)
        if not differ:
            self.switch.button(FIGURES).setChecked(True)
        self._show()

    def _show(self) -> None:
        if self._found is None:
            return
        changes = self.switch.value == CHANGES
        titles = (tr("Dice"), tr("Recall"), tr("Precision"))
        lines = self._changes(self._found) if changes else self._figures(self._found)
        self.table.put(titles, lines, changes=changes)
        self.note.setText(self._note(self._found, changes=changes))

    def _figures(self, found: Comparison) -> list[Line]:
        lines: list[Line] = []
        for name in _classes(found):
            lines.append(Line(name, 0, (), found.colours.get(name, "")))
            for k, one in enumerate(found.runs):
                mine = next((c for c in one.figures.classes if c.name == name), None)
                cells = (mine.dice, mine.recall, mine.precision) if mine else (None,) * 3
                leaves = mine.leaves if mine else 0
                lines.append(Line(letter(k), leaves, cells, self._colours[k]))
        return lines

    def _changes(self, found: Comparison) -> list[Line]:
        lines: list[Line] = []
        for name in _classes(found):
            lines.append(Line(name, 0, (), found.colours.get(name, "")))
            for k, one in enumerate(found.runs):
                mine = next(
                    (c for c in (one.changes.classes if one.changes else ()) if c.name == name),
                    None,
                )
                if mine is not None:
                    cells = (mine.dice, mine.recall, mine.precision)
                    lines.append(Line(letter(k), mine.leaves, cells, self._colours[k]))
        return lines

    @staticmethod
    def _note(found: Comparison, *, changes: bool) -> str:
        if not _classes(found):
            return tr("No held-out leaf carries a disease.")
        if changes:
            return tr(
                "Each run minus {run}, leaf by leaf on the same leaves. Grey may be chance. Of so "
                "many intervals one in twenty lies beside 0 by chance alone.",
                run=letter(found.figures.reference),
            )
        return tr(
            "Recall: how many of the leaves with a disease are called so. Precision: how many of "
            "those called so have it."
        )


def _classes(found: Comparison) -> list[str]:
    """Those that some held-out leaf has, or is called."""
    there = [c.name for one in found.runs for c in one.figures.classes if c.leaves or c.precision]
    order = [c.name for one in found.runs[:1] for c in one.figures.classes]
    return [name for name in order if name in there]
