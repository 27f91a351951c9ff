"""One leaf of a run: three pictures, the threshold, the classes, the targets, the verdict.

Shows a `Score` at once and a `Leaf` when its masks have come. Knows no list and no project.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QGridLayout,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpacerItem,
    QWidget,
)

from core.changes import Changes
from core.domain.disease import colours_by_name
from core.domain.run import Score, TargetScore, Verdict
from core.imaging.probability import THRESHOLD
from core.language import tr, trn
from gui.canvas.compare import CompareView
from gui.context import Context
from gui.controllers import wording
from gui.controllers.review import LEAF, LESIONS, Hard, Leaf
from gui.panels.bars import Bar, Bars
from gui.panels.pieces import Elided, button, card, column, label, row
from gui.plain import plain_tip

MOST_BARS = 6
VERDICT_KEYS = ((Verdict.LABEL_WRONG, "1"), (Verdict.MODEL_WRONG, "2"), (Verdict.UNSURE, "3"))
TARGETS = ((LESIONS, tr("Lesions")), (LEAF, tr("Leaf")))


class DetailView(QWidget):
    """``show_score`` for another leaf, ``show_leaf`` when its masks are there."""

    verdict_given = Signal(object)
    """A `Verdict`, or None to take it back."""
    open_wanted = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        context.project.changed.connect(self._changed)
        self.leaf: Leaf | None = None
        self._colours: dict[str, str] = {}
        self._score: Score | None = None
        self.name = Elided("", "title", middle=True)
        self.sentence = label("", "muted")
        self.open = button(tr("Correct it in Label"), self.open_wanted.emit)
        self.compare = CompareView()
        for pane in self.compare.panes.values():
            pane.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # arrows go through the leaves
        self.target = QComboBox()
        self.target.setAccessibleName(tr("Target"))
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.cut = label("", "muted")
        self.bars = Bars(context.theme)
        self.more_bars = label("", "muted")
        self.classes = Elided()
        self.targets = TargetTable()
        self.severity = label("", "muted")
        self.verdicts: dict[Verdict, QPushButton] = {}
        self._group = QButtonGroup(self)
        self._assemble()

    def _assemble(self) -> None:
        self.open.setIcon(self._context.theme.icon("mdi6.pencil-outline"))
        self.open.setToolTip(tr("Open the leaf in the Label workspace  (Enter)"))
        for target, text in TARGETS:
            self.target.addItem(text, target)
        self.target.setAccessibleName(tr("What is compared"))
        self.target.currentIndexChanged.connect(lambda _index: self._show_overlay())
        self.threshold.setRange(1, 255)
        self.threshold.setValue(THRESHOLD)
        self.threshold.setMaximumWidth(320)
        self.threshold.setAccessibleName(tr("Probability from which a pixel counts"))
        self.threshold.valueChanged.connect(self._cut)
        head = row(self.name, self.sentence, self.open, spacing=14)
        head.setStretch(0, 1)
        line = row(
            self.target,
            label(tr("Counts from"), "muted"),
            self.threshold,
            self.cut,
            None,
            spacing=10,
        )
        layout = column(head, self.compare, line, self._facts(), spacing=10, margin=16)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def _facts(self) -> QWidget:
        classes = card(self.classes, self.bars, self.more_bars, None, margin=12, spacing=6)
        targets = card(
            label(tr("Overlap with the outlines"), "heading"),
            self.targets,
            self.severity,
            None,
            margin=12,
            spacing=6,
        )
        judge = card(label(tr("What is wrong here?"), "heading"), margin=12, spacing=6)
        inner = judge.layout()
        assert inner is not None
        for verdict, key in VERDICT_KEYS:
            inner.addWidget(self._verdict_button(verdict, key))
        inner.addItem(QSpacerItem(0, 0, vData=QSizePolicy.Policy.Expanding))
        judge.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        facts = QWidget()
        layout = row(classes, targets, judge, spacing=10)
        layout.setStretch(0, 4)
        layout.setStretch(1, 3)
        facts.setLayout(layout)
        facts.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        return facts

    def _verdict_button(self, verdict: Verdict, key: str) -> QPushButton:
        made = button(
            f"{key}   {wording.VERDICTS[verdict]}",
            lambda: self.verdict_given.emit(verdict if made.isChecked() else None),
        )
        made.setCheckable(True)
        made.setToolTip(
            plain_tip(
                tr(
                    "{verdicts}  ({key}); again takes it back",
                    verdicts=wording.VERDICTS[verdict],
                    key=key,
                )
            )
        )
        self.verdicts[verdict] = made
        return made

    def _changed(self, changes: Changes) -> None:
        """A disease may have another colour."""
        if changes.diseases or changes.everything:
            self._context.project.ask(
                lambda store: colours_by_name(store.diseases()),
                on_done=self.set_colours,
                owner=self,
            )

    def set_colours(self, colours: dict[str, str]) -> None:
        """Class name to ``#rrggbb``; a leaf that is shown takes them on."""
        self._colours = colours
        if self._score is not None:
            self._show_classes(self._score)

    def show_score(self, line: Hard, *, writable: bool) -> None:
        """Everything that is known before the masks are there."""
        score = self._score = line.score
        self.leaf = None
        self.name.setText(line.name)
        seen = tr("held out") if score.split == "val" else tr("learnt from")
        self.sentence.setText(tr("Dice {dice} · {seen}", dice=wording.dice(score.dice), seen=seen))
        self.show_verdict(score.verdict)
        for made in self.verdicts.values():
            made.setEnabled(writable)
        self._show_classes(score)
        self.targets.put(score.targets)
        true = wording.severity(score.true_severity)
        self.severity.setText(
            tr(
                "Severity {severity} predicted, {true} outlined",
                severity=wording.severity(score.severity),
                true=true,
            )
        )
        self.compare.wait()

    def show_verdict(self, verdict: Verdict | None) -> None:
        for each, made in self.verdicts.items():
            made.setChecked(each is verdict)

    def show_leaf(self, leaf: Leaf) -> None:
        """The masks of the leaf that ``show_score`` announced."""
        self.leaf = leaf
        self._show_overlay()

    def _show_classes(self, score: Score) -> None:
        truth = score.truth or tr("not named")
        right = score.truth == score.predicted
        rest = (
            tr("and the model agrees")
            if right
            else tr("but the model says {predicted}", predicted=score.predicted)
        )
        self.classes.setText(f"{truth}, {rest}")
        shown = score.probabilities[:MOST_BARS]
        self.bars.put(
            [
                Bar(n, p, wording.percent(p), self._colours.get(n, ""), marked=n == score.truth)
                for n, p in shown
            ]
        )
        left_out = len(score.probabilities) - len(shown)
        self.more_bars.setVisible(left_out > 0)
        self.more_bars.setText(
            trn("and {n:,} class less likely", "and {n:,} classes less likely", left_out)
        )

    def _show_overlay(self) -> None:
        if self.leaf is None:
            return
        overlay = self.leaf.overlays[str(self.target.currentData())]
        self.compare.set_masks(overlay.truth, None)
        self.compare.set_probability(overlay.probability, self.threshold.value())
        self._cut(self.threshold.value())

    def _cut(self, threshold: int) -> None:
        self.compare.set_threshold(threshold)
        text = wording.percent(threshold / 255)
        leaf = self.leaf
        if leaf is not None:
            curve = leaf.overlays[str(self.target.currentData())].curve
            if curve is not None:
                text = tr(
                    "{what}: Dice {dice}", what=text, dice=wording.dice(float(curve[threshold]))
                )
            elif leaf.problem:
                text = leaf.problem
        self.cut.setText(text)


class TargetTable(QWidget):
    """Dice and IoU of each target; targets that are empty on one side say so."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        self.rows: list[tuple[str, str, str]] = []

    def minimumSizeHint(self) -> QSize:
        return QSize(180, 60)

    def put(self, targets: tuple[TargetScore, ...]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.rows = [(t.target, wording.dice(t.dice), wording.dice(t.iou)) for t in targets]
        right = Qt.AlignmentFlag.AlignRight
        for index, text in enumerate(("", tr("Dice"), "IoU")):
            self._grid.addWidget(label(text, "muted"), 0, index, right)
        names: dict[str, str] = dict(TARGETS)
        for line, target in enumerate(targets, 1):
            name = Elided(names.get(target.target, target.target) + _note(target))
            self._grid.addWidget(name, line, 0)
            self._grid.addWidget(label(wording.dice(target.dice)), line, 1, right)
            self._grid.addWidget(label(wording.dice(target.iou)), line, 2, right)


def _note(target: TargetScore) -> str:
    if target.truth_empty and target.prediction_empty:
        return tr(" (none, none found)")
    if target.truth_empty:
        return tr(" (none, some found)")
    return tr(" (nothing found)") if target.prediction_empty else ""
