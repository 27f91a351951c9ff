"""Several runs side by side: which to take away, figures with intervals and how they differ, by
disease, how sure they are, curves, what was set otherwise.

Shows a `Comparison`. Knows charts and widgets; knows no store.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QSizePolicy, QWidget

from core.domain.disease import PALETTE
from core.domain.run import Run
from core.language import tr, trn
from core.services import compare_words, run_titles
from core.services.comparison import letter
from core.training.events import Evaluated
from gui.context import Context
from gui.controllers import run_comparison, wording
from gui.controllers.run_comparison import Comparison
from gui.panels.charts import Chart, Dot
from gui.panels.compare_classes import ClassTable
from gui.panels.compare_sure import SureGrid
from gui.panels.pieces import Elided, Problems, card, centred, column, label, row, scrolled
from gui.panels.whiskers import Line, Whiskers
from gui.plain import plain_tip

COLOURS = tuple(c for c in PALETTE if c not in ("#f0e442", "#00ffff"))
"""Without the yellow and the cyan, which are hardly seen as lines on white."""
MOST = len(COLOURS)
"""More curves than colours cannot be told apart."""
WIDEST = 1080


class CompareView(QWidget):
    """``show_runs`` works the comparison out and shows it; at most ``MOST`` runs. ``reference`` is
    the choice of the run that the others are held against.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        theme = context.theme
        self.comparison: Comparison | None = None
        self._runs: tuple[Run, ...] = ()
        self._asked = 0
        self.title = label("", "title")
        self.reference = QComboBox()
        self.reference.setAccessibleName(tr("Held against"))
        self.reference.activated.connect(lambda _row: self._load())
        self.choice = label("", "choice", wrap=True)
        self.which = label("", "muted", wrap=True)
        self.unlike = Problems(theme)
        self._dice = _Lines(Chart(theme, tr("step"), counts=True))
        self._accuracy = _Lines(Chart(theme, tr("step"), counts=True))
        self.figures = Whiskers(theme, in_full=True)
        self.changes = Whiskers(theme, in_full=True)
        self.against = label("", "muted", wrap=True)
        self.changes_title = label("", "heading")
        self.changes_card: QWidget
        self._rest: tuple[QWidget, ...]
        self.classes = ClassTable(theme)
        self.sure = SureGrid(theme)
        self.table = QWidget()
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        self.table.setLayout(grid)
        self._assemble()

    def _assemble(self) -> None:
        left = card(label(tr("Lesion Dice"), "heading"), self._dice.chart, margin=12)
        right = card(label(tr("Diseases right"), "heading"), self._accuracy.chart, margin=12)
        charts = row(left, right, spacing=12)
        charts.setStretch(0, 1)
        charts.setStretch(1, 1)
        for lines in (self._dice, self._accuracy):
            lines.chart.setYRange(0, 1, padding=0.04)
            lines.chart.setMinimumHeight(220)
            lines.chart.setMaximumHeight(220)
        figures = card(
            label(tr("Figures"), "heading"), self.choice, self.figures, self.unlike, self.which
        )
        self.changes_card = card(self.changes_title, self.changes, self.against)
        sure = card(
            label(tr("Calibration: how often it is right, and how sure it is"), "heading"),
            self.sure,
        )
        others = card(label(tr("Set otherwise"), "heading"), self.table)
        head = row(self.title, None, label(tr("Held against"), "muted"), self.reference)
        curves = QWidget()
        curves.setLayout(charts)
        self._rest = (self.changes_card, card(self.classes), sure, curves, others)
        body = QWidget()
        body.setMaximumWidth(WIDEST)
        body.setLayout(column(head, figures, *self._rest, None, spacing=12, margin=20))
        self.setLayout(column(scrolled(centred(body))))

    def show_runs(self, runs: Sequence[Run]) -> None:
        """The first of ``runs`` is what the others are held against, until another is chosen."""
        self._runs = tuple(runs)[:MOST]
        self.title.setText(trn("Comparing {n} run", "Comparing {n} runs", len(self._runs)))
        self._offer(self._runs)
        self.figures.put((), [])
        self.unlike.put([])
        for part in (*self._rest, self.which):  # they are of other runs
            part.hide()
        self._load()

    def _offer(self, runs: Sequence[Run], chosen: int = 0) -> None:
        """As what the others can be held against; whose folder has gone is not among them."""
        self.reference.clear()
        for k, run in enumerate(runs):
            self.reference.addItem(letter(k), run.id)
            self.reference.setItemData(k, plain_tip(_name(k, run)), Qt.ItemDataRole.ToolTipRole)
        self.reference.setCurrentIndex(chosen)

    def _load(self) -> None:
        self._asked += 1
        asked = self._asked
        self.choice.setText(tr("Working the figures out…"))

        def got(found: Comparison) -> None:
            if self._asked == asked:
                self.put(found)

        run_comparison.load(self._context, self._runs, self.reference.currentData(), got)

    def put(self, found: Comparison) -> None:
        self.comparison = found
        for part in self._rest:
            part.show()
        colours = COLOURS[: len(found.runs)]
        several = list(zip(colours, found.runs, strict=True))
        self.title.setText(trn("Comparing {n} run", "Comparing {n} runs", len(found.runs)))
        self._dice.put([(c, _curve(x, "dice")) for c, x in zip(colours, found.looks, strict=True)])
        self._accuracy.put(
            [(c, _curve(x, "accuracy")) for c, x in zip(colours, found.looks, strict=True)]
        )
        self._offer([one.run for one in found.runs], found.figures.reference)
        self.choice.setText(found.choice)
        titles = (tr("Dice"), tr("Diseases right"), tr("Severity CCC"))
        lines = []
        for k, (colour, one) in enumerate(several):
            own, severity = one.figures, one.figures.severity
            cells = (own.dice, own.accuracy, severity.ccc if severity is not None else None)
            lines.append(Line(_name(k, one.run), own.leaves, cells, colour))
        self.figures.put(titles, lines)
        which = compare_words.which(found.figures)
        self.which.setText("\n".join(which))
        self.which.setVisible(bool(which))
        gone = len(self._runs) - len(found.runs)
        missing = trn(
            "The folder of {n} run is gone; it is not shown.",
            "The folders of {n} runs are gone; they are not shown.",
            gone,
        )
        self.unlike.put([*([missing] if gone else []), *compare_words.unlike(found.figures)])
        self._put_changes(found, colours)
        self.classes.put(found, colours)
        self.sure.put(found, colours)
        self._fill(found, colours)

    def _put_changes(self, found: Comparison, colours: Sequence[str]) -> None:
        lines = [
            Line(letter(k), c.leaves, (c.dice, c.accuracy, c.ccc), colours[k])
            for k, one in enumerate(found.runs)
            if (c := one.changes) is not None
        ]
        self.changes_card.setVisible(bool(lines))
        self.changes_title.setText(
            tr("Difference from {run}, leaf by leaf", run=letter(found.figures.reference))
        )
        titles = (tr("Dice"), tr("Diseases right"), tr("Severity CCC"))
        self.changes.put(titles, lines, changes=True)
        self.against.setText(compare_words.against(found.figures))

    def _fill(self, found: Comparison, colours: Sequence[str]) -> None:
        """A line for each setting, a column for each run."""
        old = self.table.layout()
        assert isinstance(old, QGridLayout)
        while (item := old.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        old.setHorizontalSpacing(18)
        if not found.differences:
            old.addWidget(label(tr("Nothing: they differ by chance alone."), "muted"), 0, 0)
            return
        for k, one in enumerate(found.runs):
            words = Elided(_name(k, one.run))
            words.setStyleSheet("font-weight: 600;")
            head = QWidget()
            head.setLayout(row(Dot(self._context.theme, colours[k]), words, spacing=6))
            old.addWidget(head, 0, k + 1)
            old.setColumnStretch(k + 1, 1)
        for line, (name, values) in enumerate(found.differences, start=1):
            title = label(name.replace("_", " "), "muted")
            title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
            old.addWidget(title, line, 0)
            for k, value in enumerate(values):
                old.addWidget(Elided(value), line, k + 1)


class _Lines:
    """As many curves on a chart as are wanted."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self._curves: dict[str, object] = {}

    def put(self, lines: Sequence[tuple[str, tuple[list[float], list[float]]]]) -> None:
        """(colour, (steps, values)) of each."""
        for curve in self._curves.values():
            curve.setData([], [])  # type: ignore[attr-defined]
        end = 1.0
        for colour, (steps, values) in lines:
            if colour not in self._curves:
                self._curves[colour] = self.chart.curve(colour, dots=True)
            self._curves[colour].setData(np.array(steps), np.array(values))  # type: ignore[attr-defined]
            end = max([end, *steps])
        self.chart.setXRange(0, end, padding=0.02)


def _curve(looks: Sequence[Evaluated], figure: str) -> tuple[list[float], list[float]]:
    known = [(float(e.step), getattr(e, figure)) for e in looks]
    pairs = [(s, float(v)) for s, v in known if v is not None]
    return [s for s, _ in pairs], [v for _, v in pairs]


def _name(place: int, run: Run) -> str:
    return f"{letter(place)} · {wording.when(run.created_at)} · {run_titles.title(run)}"
