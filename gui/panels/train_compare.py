"""Several runs side by side: curves on one chart, figures with intervals, what was set otherwise.

Shows a `Comparison`. Knows charts and widgets; knows no store.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from core.domain.disease import PALETTE
from core.domain.run import Run
from core.language import tr, trn
from core.services import run_titles
from core.services.bootstrap import Interval
from gui.context import Context
from gui.controllers import run_comparison, wording
from gui.controllers.run_comparison import Compared, Comparison
from gui.panels.charts import Chart
from gui.panels.pieces import Elided, card, column, label, row, scrolled
from gui.panels.whiskers import Line, Whiskers

COLOURS = tuple(c for c in PALETTE if c != "#f0e442")
"""Without the yellow, which is hardly seen as a line on white."""
MOST = len(COLOURS)
"""More curves than colours cannot be told apart."""
WIDEST = 1080


class CompareView(QWidget):
    """``show_runs`` works the comparison out and shows it; at most ``MOST`` runs."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        theme = context.theme
        self.comparison: Comparison | None = None
        self._wanted: tuple[str, ...] = ()
        self.title = label("", "title")
        self.which = label("", "muted", wrap=True)
        self._dice = _Lines(Chart(theme, tr("step")))
        self._accuracy = _Lines(Chart(theme, tr("step")))
        self.figures = Whiskers(theme)
        self.against = label("", wrap=True)
        self.table = QWidget()
        self.table.setLayout(QGridLayout())
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
        figures = card(label(tr("Figures"), "heading"), self.figures, self.against, self.which)
        others = card(label(tr("Set otherwise"), "heading"), self.table)
        body = QWidget()
        body.setMaximumWidth(WIDEST)
        body.setLayout(column(self.title, figures, charts, others, None, spacing=12, margin=20))
        self.setLayout(column(scrolled(body)))

    def show_runs(self, runs: Sequence[Run]) -> None:
        """The first of ``runs`` is what the others are held against."""
        shown = list(runs)[:MOST]
        self._wanted = tuple(r.id for r in shown)
        self.title.setText(trn("Comparing {n} run", "Comparing {n} runs", len(shown)))

        def got(found: Comparison) -> None:
            if self._wanted == tuple(r.id for r in shown):
                self.put(found)

        run_comparison.load(self._context, shown, got)

    def put(self, found: Comparison) -> None:
        self.comparison = found
        colours = COLOURS[: len(found.runs)]
        self.title.setText(trn("Comparing {n} run", "Comparing {n} runs", len(found.runs)))
        self._dice.put([(c, _curve(r, "dice")) for c, r in zip(colours, found.runs, strict=True)])
        self._accuracy.put(
            [(c, _curve(r, "accuracy")) for c, r in zip(colours, found.runs, strict=True)]
        )
        self.figures.put(
            (tr("Dice"), tr("Diseases right"), tr("Severity CCC")),
            [
                Line(_name(r.run), found.leaves, (r.dice, r.accuracy, r.ccc), colour)
                for colour, r in zip(colours, found.runs, strict=True)
            ],
        )
        self.which.setText(
            trn(
                "On the {n} held-out leaf that all of them have scored.",
                "On the {n} held-out leaves that all of them have scored.",
                found.leaves,
            )
            if found.leaves
            else tr("No held-out leaf has been scored by all of them.")
        )
        said = [_against(r) for r in found.runs]
        self.against.setText("\n".join(text for text in said if text))
        self.against.setVisible(any(said))
        self._fill(found, colours)

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
            old.addWidget(_head(_name(one.run), colours[k]), 0, k + 1)
            old.setColumnStretch(k + 1, 1)
        for line, (name, values) in enumerate(found.differences, start=1):
            title = label(name.replace("_", " "), "muted")
            title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
            old.addWidget(title, line, 0)
            for k, value in enumerate(values):
                old.addWidget(Elided(value), line, k + 1)


def _head(name: str, colour: str) -> QWidget:
    spot = QWidget()
    spot.setFixedSize(9, 9)
    spot.setStyleSheet(f"background: {colour}; border-radius: 4px;")
    words = Elided(name)
    words.setStyleSheet("font-weight: 600;")
    made = QWidget()
    made.setLayout(row(spot, words, spacing=6))
    return made


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


def _curve(one: Compared, figure: str) -> tuple[list[float], list[float]]:
    known = [(float(e.step), getattr(e, figure)) for e in one.looks]
    pairs = [(s, float(v)) for s, v in known if v is not None]
    return [s for s, _ in pairs], [v for _, v in pairs]


def _name(run: Run) -> str:
    return f"{wording.when(run.created_at)} · {run_titles.title(run)}"


def _against(one: Compared) -> str:
    """“Dice +0.02 (−0.01 to +0.05) against the first”."""
    if one.against is None or one.against.dice is None or not one.against.dice.known:
        return ""
    dice = one.against.dice
    named = one.against.accuracy
    text = tr(
        "{name} against the first: Dice {change}",
        name=_name(one.run),
        change=_signed(dice),
    )
    if named is not None and named.known:
        text = tr("{text}, diseases right {change}", text=text, change=_signed(named))
    sure = dice.above_zero or dice.high < 0
    return tr("{text}.", text=text) if sure else tr("{text}: may be chance.", text=text)


def _signed(found: Interval) -> str:
    return tr(
        "{value:+.3f} ({low:+.3f} to {high:+.3f})",
        value=found.value,
        low=found.low,
        high=found.high,
    )
