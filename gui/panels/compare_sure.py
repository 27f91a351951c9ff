"""Runs beside one another by how far their probabilities can be taken at their word.

A small reliability diagram for each run: how often it is right, over how sure it was. Shows a
`Comparison`. Knows charts; knows no store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QGridLayout, QWidget

from core.language import tr
from core.services.comparison import Beside, letter
from core.services.figures import Calibration
from gui.controllers import wording
from gui.panels.charts import Chart, Dot
from gui.panels.pieces import column, label, row

if TYPE_CHECKING:
    from gui.controllers.run_comparison import Comparison
    from gui.theme import Theme

HEIGHT = 170
BESIDE = 3
"""Diagrams in a row."""
SMALLEST, LARGEST = 5.0, 15.0
"""Pixels of a dot that stands for few and for all leaves."""


class SureGrid(QWidget):
    """One `SureOf` a run, three in a row, and how they differ below."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.each: list[SureOf] = []
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(14)
        self.against = label("", wrap=True)
        self.note = label("", "muted", wrap=True)
        self.setLayout(column(self._grid, self.against, self.note, spacing=10))

    def put(self, found: Comparison, colours: Sequence[str]) -> None:
        """``colours`` of the runs, in their order."""
        while len(self.each) < len(found.runs):
            k = len(self.each)
            made = SureOf(self._theme, letter(k), colours[k])
            self.each.append(made)
            self._grid.addWidget(made, k // BESIDE, k % BESIDE)
        for k in range(BESIDE):
            self._grid.setColumnStretch(k, 1 if k < len(found.runs) else 0)
        for k, one in enumerate(self.each):
            one.setVisible(k < len(found.runs))
            if k < len(found.runs):
                one.put(found.runs[k])
        known = [one for one in found.runs if one.figures.calibration is not None]
        self.note.setVisible(bool(known))
        self.note.setText(
            tr(
                "On the line, 80 % sure is right in 80 of 100. The larger a dot, the more leaves. "
                "An error never comes out as 0: “by chance” is what probabilities that are exactly "
                "right would show on these leaves."
            )
        )
        said = [_against(k, one, found.figures.reference) for k, one in enumerate(found.runs)]
        self.against.setText("\n".join(filter(None, said)))
        self.against.setVisible(any(said))


class SureOf(QWidget):
    """The diagram of one run, with its error and how sure it is on average."""

    def __init__(self, theme: Theme, name: str, colour: str) -> None:
        super().__init__()
        self._name = name
        self.chart = Chart(theme, tr("probability"), tr("share right"))
        self.chart.setMinimumHeight(HEIGHT)
        self.chart.setMaximumHeight(HEIGHT)
        self._honest = self.chart.curve("muted", faint=True)
        self._bins = self.chart.curve(colour, dots=True)
        for way in (self.chart.setXRange, self.chart.setYRange):
            way(0, 1, padding=0.06)
        self.text = label("", wrap=True)
        head = row(Dot(theme, colour), label(name, "heading"), None, spacing=6)
        self.setLayout(column(head, self.chart, self.text, None, spacing=4))

    def put(self, one: Beside) -> None:
        found = one.figures.calibration
        self.chart.setVisible(found is not None)
        bins = found.bins if found is not None else ()
        self._honest.setData([0, 1], [0, 1])
        leaves = np.array([b.leaves for b in bins], float)
        sizes = SMALLEST + (LARGEST - SMALLEST) * np.sqrt(leaves / max(leaves.sum(initial=0), 1))
        self._bins.setData(
            np.array([b.confidence for b in bins]),
            np.array([b.right for b in bins]),
            symbolSize=sizes,
        )
        self.text.setText(_said(one, found))
        self.chart.setAccessibleName(tr("Calibration of {run}", run=self._name))
        self.chart.setAccessibleDescription(self.text.text())


def _said(one: Beside, found: Calibration | None) -> str:
    if found is None:
        if not one.figures.leaves:
            return tr("No held-out leaf was scored.")
        if not any(s.truth is not None for s in one.scored.held):
            return tr("No leaf here carries a disease.")
        return tr("No probabilities were kept: an older Leafspot scored it.")
    return tr(
        "Calibration error {error}, by chance {chance:.2f}. On average {sure} sure and right "
        "in {right}.",
        error=wording.interval(found.error),
        chance=found.by_chance,
        sure=wording.percent(found.confidence),
        right=wording.percent(found.right),
    )


def _against(place: int, one: Beside, reference: int) -> str:
    """“B minus A: calibration error −0.04 (−0.07 to −0.01), better calibrated.”"""
    found = one.changes.calibration if one.changes is not None else None
    if found is None or not found.known:
        return ""
    run, other, change = letter(place), letter(reference), wording.change(found)
    if found.below_zero:
        return tr(
            "{run} minus {other}: calibration error {change}; {run} is the better calibrated.",
            run=run, other=other, change=change,
        )  # fmt: skip
    if found.above_zero:
        return tr(
            "{run} minus {other}: calibration error {change}; {run} is the worse calibrated.",
            run=run, other=other, change=change,
        )  # fmt: skip
    return tr(
        "{run} minus {other}: calibration error {change}; may be chance.",
        run=run, other=other, change=change,
    )  # fmt: skip
