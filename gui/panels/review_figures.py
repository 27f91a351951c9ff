"""A run as a whole: its figures with how sure they are, by class, and whether it was worth it.

Shows a `RunReport`; asks for the control by a signal. Knows charts and widgets; knows no model.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from core.changes import Changes
from core.domain.ids import RunId
from core.domain.run import Run
from core.language import number_text, tr, trn
from core.services.bootstrap import Interval
from core.services.figures import Calibration, Severity
from gui.context import Context
from gui.controllers import run_report, wording
from gui.controllers.run_report import RunReport
from gui.panels.charts import Chart
from gui.panels.confusion import ConfusionGrid
from gui.panels.pieces import Figure, button, card, column, label, row, scrolled
from gui.panels.whiskers import Line, Whiskers

WIDEST = 1080
CHART = 240
EASY = 0.75


class FiguresView(QWidget):
    """``show_run`` works a run out and shows it. ``control_wanted`` carries the `Run` to be trained
    without masks.
    """

    control_wanted = Signal(object)

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        theme = context.theme
        self.report: RunReport | None = None
        self._wanted: RunId | None = None
        self._may_train = False
        context.project.changed.connect(self._changed)
        self.heading = label("", "heading")
        self.which = label("", "muted", wrap=True)
        self.dice, self.accuracy = Figure(tr("lesion Dice")), Figure(tr("diseases right"))
        self.ccc, self.bias = (
            Figure(tr("severity, Lin's CCC")),
            Figure(tr("severity bias, % points")),
        )
        self.classes = Whiskers(theme)
        self.confusion = ConfusionGrid(theme)
        self.severity = Chart(theme, tr("true, %"), tr("predicted, %"))
        self.sure = Chart(theme, tr("probability"), tr("share right"))
        self._even, self._leaves = self._curves(self.severity)
        self._honest, self._bins = self._curves(self.sure)
        self.leaves = Chart(theme, tr("Dice before"), tr("Dice after"))
        self._same, self._changes = self._curves(self.leaves)
        self.leaves_text = label("", "muted", wrap=True)
        self.leaves_card: QFrame
        self.severity_text, self.sure_text = (label("", "muted", wrap=True) for _ in range(2))
        self.worth = label("", wrap=True)
        self.helped = label("", wrap=True)
        self.control = button(tr("Did the mask help?"), self._wants_control)
        self.control.setToolTip(
            tr("Trains once more for as long, on the class alone, and compares the naming")
        )
        self.severity_card: QFrame
        self._assemble()

    @staticmethod
    def _curves(chart: Chart) -> tuple[object, object]:
        chart.setMinimumHeight(CHART)
        chart.setMaximumHeight(CHART)
        even = chart.curve("muted", faint=True)
        found = chart.curve("accent", dots=True)
        return even, found

    def _assemble(self) -> None:
        figures = row(self.dice, self.accuracy, self.ccc, self.bias, None, spacing=36)
        for figure in (self.dice, self.accuracy, self.ccc, self.bias):
            figures.setAlignment(figure, Qt.AlignmentFlag.AlignTop)
        head = card(self.heading, figures, self.which)
        table = card(label(tr("By disease"), "heading"), self.classes, None)
        confusions = card(label(tr("Confusion matrix"), "heading"), self.confusion, None)
        confusions.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.severity_card = card(
            label(tr("Severity, predicted against true"), "heading"),
            self.severity,
            self.severity_text,
            None,
        )
        sure = card(
            label(tr("Calibration: how often it is right, and how sure it is"), "heading"),
            self.sure,
            self.sure_text,
            None,
        )
        worth = card(
            label(tr("Was it worth it?"), "heading"),
            self.worth,
            self.helped,
            row(self.control, None),
        )
        self.leaves_card = card(
            label(tr("Dice of each leaf, before and after"), "heading"),
            self.leaves,
            self.leaves_text,
            None,
        )
        charts = row(self.severity_card, sure, spacing=12)
        charts.setStretch(0, 1)
        charts.setStretch(1, 1)
        middle = row(table, confusions, spacing=12)
        middle.setStretch(0, 1)
        body = QWidget()
        body.setMaximumWidth(WIDEST)
        body.setLayout(
            column(head, worth, middle, charts, self.leaves_card, None, spacing=12, margin=16)
        )
        area = scrolled(body)
        area.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        # A matrix of very many diseases may be wider than the window.
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setLayout(column(area))

    def _wants_control(self) -> None:
        if self.report is not None:
            self.control_wanted.emit(self.report.run)

    def _changed(self, changes: Changes) -> None:
        """A disease may have another colour."""
        if (changes.diseases or changes.everything) and self.report is not None:
            self.show_run(self.report.run, may_train=self._may_train)

    def show_run(self, run: Run, *, may_train: bool) -> None:
        """``may_train``: no other run is going on and the project can be written."""
        self._wanted, self._may_train = run.id, may_train

        def got(report: RunReport) -> None:
            if self._wanted == run.id:
                self.put(report, may_train=may_train)

        run_report.load(self._context, run, got, self._context.notices.show)

    def put(self, report: RunReport, *, may_train: bool) -> None:
        """Show what was worked out."""
        self.report = report
        figures = report.figures
        self.heading.setText(
            tr("On leaves it did not learn from")
            if report.held_out
            else tr("On the leaves it learnt from: no leaf was held out")
        )
        untuned = report.untuned
        _put(self.dice, tr("lesion Dice"), figures.dice, untuned.dice if untuned else None)
        _put(
            self.accuracy,
            tr("diseases right"),
            figures.accuracy,
            untuned.accuracy if untuned else None,
        )
        self._put_severity(figures.severity)
        self._put_calibration(figures.calibration)
        self.which.setText(self._which(report))
        titles = (tr("Dice"), tr("Recall"), tr("Precision"))
        self.classes.put(
            titles,
            [
                Line(
                    c.name,
                    c.leaves,
                    (c.dice, c.recall, c.precision),
                    report.colours.get(c.name, ""),
                )
                for c in figures.classes
            ],
        )
        self.confusion.put(figures.confusion)
        self._put_changes(report)
        self.worth.setText("\n".join(_worth(report)))
        self.helped.setText(report.mask)
        self.helped.setVisible(bool(report.mask))
        self.control.setVisible(report.has_masks and report.control is None)
        self.control.setEnabled(may_train)

    @staticmethod
    def _which(report: RunReport) -> str:
        figures = report.figures
        leaves = trn("{n:,} leaf", "{n:,} leaves", figures.leaves)
        if not any(found is not None and found.known for found in (figures.dice, figures.accuracy)):
            if figures.groups:
                leaves = trn(
                    "{leaves} of {n:,} group",
                    "{leaves} of {n:,} groups",
                    figures.groups,
                    leaves=leaves,
                )
            return tr("{leaves}: too few to say how sure a figure is.", leaves=leaves)
        if groups := figures.groups:
            return trn(
                "{leaves} of {n:,} group. 95 %: where the figure would lie in 95 of 100 other "
                "draws of as many groups.",
                "{leaves} of {n:,} groups. 95 %: where the figure would lie in 95 of 100 other "
                "draws of as many groups.",
                groups,
                leaves=leaves,
            )
        return tr(
            "{leaves}. 95 %: where the figure would lie in 95 of 100 other draws of as many.",
            leaves=leaves,
        )

    def _put_severity(self, found: Severity | None) -> None:
        self.severity_card.setVisible(found is not None)
        for figure in (self.ccc, self.bias):
            figure.setVisible(found is not None)
        if found is None:
            return
        _put(self.ccc, tr("severity, Lin's CCC"), found.ccc, None)
        _put_bias(self.bias, found.bias)
        most = float(max(1.0, found.true.max(), found.predicted.max()))
        self._even.setData([0, most], [0, most])  # type: ignore[attr-defined]
        self._leaves.setData(found.true, found.predicted)  # type: ignore[attr-defined]
        self._leaves.setPen(None)  # type: ignore[attr-defined]
        for way in (self.severity.setXRange, self.severity.setYRange):
            way(0, most, padding=0.04)
        error = wording.interval(found.error, ".1f")
        self.severity_text.setText(
            tr(
                "CCC {ccc}; off by {error} percentage points on average.",
                ccc=wording.interval(found.ccc),
                error=error,
            )
        )

    def _put_changes(self, report: RunReport) -> None:
        changes = report.changes
        self.leaves_card.setVisible(bool(changes))
        self._same.setData([0, 1], [0, 1])  # type: ignore[attr-defined]
        self._changes.setData(  # type: ignore[attr-defined]
            np.array([c.before for c in changes]), np.array([c.after for c in changes])
        )
        self._changes.setPen(None)  # type: ignore[attr-defined]
        for way in (self.leaves.setXRange, self.leaves.setYRange):
            way(0, 1, padding=0.04)
        lost = [
            tr(
                "{name} {before:.2f} → {after:.2f}",
                name=report.names.get(c.image, ""),
                before=c.before,
                after=c.after,
            )
            for c in report.worst
        ]
        self.leaves_text.setText(
            tr("Easy leaves that lost most: {leaves}.", leaves=", ".join(lost))
            if lost
            else tr("No easy leaf became worse by more than 0.05.")
        )

    def _put_calibration(self, found: Calibration | None) -> None:
        bins = found.bins if found is not None else ()
        self._honest.setData([0, 1], [0, 1])  # type: ignore[attr-defined]
        self._bins.setData(  # type: ignore[attr-defined]
            np.array([b.confidence for b in bins]), np.array([b.right for b in bins])
        )
        for way in (self.sure.setXRange, self.sure.setYRange):
            way(0, 1, padding=0.04)
        if found is None:
            self.sure_text.setText(tr("No leaf here carries a disease."))
            return
        self.sure_text.setText(
            tr(
                "Calibration error {error}, Brier score {brier}; 0 is best. On the line, 80 % sure "
                "is right in 80 of 100.",
                error=wording.interval(found.error),
                brier=wording.interval(found.brier),
            )
        )


def _put(figure: Figure, caption: str, found: Interval | None, before: Interval | None) -> None:
    """A large number; under it what it is, how sure, and what it was before tuning."""
    lines = [caption]
    if found is not None and found.known:
        lines.append(tr("95 %: {low:.2f} to {high:.2f}", low=found.low, high=found.high))
    if before is not None:
        lines.append(tr("before tuning {value:.2f}", value=before.value))
    figure.put("–" if found is None else wording.dice(found.value), "\n".join(lines))


def _put_bias(figure: Figure, found: Interval | None) -> None:
    lines = [tr("severity bias, % points")]
    if found is not None and found.known:
        lines.append(tr("95 %: {low:+.1f} to {high:+.1f}", low=found.low, high=found.high))
    figure.put("–" if found is None else number_text(found.value, "+z.1f"), "\n".join(lines))


def _worth(report: RunReport) -> list[str]:
    """Sentences: against the untuned base, then against the run that was continued."""
    said, gains = [], []
    tuned = report.tuned
    if tuned is not None and tuned.dice is not None and tuned.dice.known:
        gains.append(
            tr(
                "Dice {value:+.2f} ({low:+.2f} to {high:+.2f})",
                value=tuned.dice.value,
                low=tuned.dice.low,
                high=tuned.dice.high,
            )
        )
    if tuned is not None and tuned.accuracy is not None and tuned.accuracy.known:
        gains.append(
            tr(
                "diseases right {value:+.0%} ({low:+.0%} to {high:+.0%})",
                value=tuned.accuracy.value,
                low=tuned.accuracy.low,
                high=tuned.accuracy.high,
            )
        )
    if gains:
        said.append(
            tr("Against the untuned base, on the same leaves: {gains}.", gains=", ".join(gains))
        )
    if report.stage is not None:
        said.append(
            tr(
                "Against “{before}”: {sentence}",
                before=report.stage.before.title or report.stage.before.id,
                sentence=report.stage.sentence,
            )
        )
        worse = report.stage.gain.worse(above=EASY)
        if worse:
            said.append(
                trn(
                    "{n} easy leaf became worse by more than 0.05.",
                    "{n} easy leaves became worse by more than 0.05.",
                    len(worse),
                )
            )
    if not said and tuned is not None:
        said.append(
            tr("Too little was held out to say whether it is better than the untuned base.")
        )
    return said or [tr("There is nothing to hold it against: the base was not looked at.")]
