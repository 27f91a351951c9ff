"""The rarer filters of the gallery in a panel that drops down, and what is sorted by.

Every field that is set must hold. Knows the fields of a query; knows no list and no store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.domain.image import Split
from core.domain.run import Run, Verdict
from core.language import tr, trc
from core.ports import ImageOrder, ImageQuery, Range
from core.services import run_titles
from gui.forms import Form
from gui.gallery.narrow_box import NarrowBox
from gui.gallery.wording import ORDERS, SPLIT_TEXT, VERDICT_TEXT
from gui.panels.numbers import DecimalBox
from gui.panels.pieces import label

ANY = tr("Any")


class RangeEdit(QWidget):
    """From … to, with a tick that says whether it counts at all."""

    changed = Signal()

    def __init__(self, title: str, highest: float, decimals: int, step: float) -> None:
        super().__init__()
        self._title = title
        self.on = QCheckBox(title)
        self.low = DecimalBox(0.0, highest, decimals, step)
        self.high = DecimalBox(0.0, highest, decimals, step)
        self.high.setValue(highest)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(self.low, 1)
        line.addWidget(label(trc("a range", "to"), "muted"))
        line.addWidget(self.high, 1)
        self.low.setAccessibleName(tr("{what}, from", what=title))
        self.high.setAccessibleName(tr("{what}, to", what=title))
        for box in (self.low, self.high):
            box.setKeyboardTracking(False)
            box.setMinimumWidth(92)
            box.valueChanged.connect(lambda _value: self.changed.emit())
        self.on.toggled.connect(self._toggled)
        self._toggled(False)

    @property
    def value(self) -> Range | None:
        """None while the tick is off. The ends may have been typed the wrong way round."""
        low, high = sorted((self.low.value(), self.high.value()))
        return (low, high) if self.on.isChecked() else None

    def _toggled(self, on: bool) -> None:
        self.low.setEnabled(on)
        self.high.setEnabled(on)
        self.changed.emit()


class Filters(QFrame):
    """``changed`` fires when ``applied_to`` gives another query."""

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("panelPopup")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.split = _box(tr("Part of training"), [(ANY, None), *((t, s) for s, t in SPLIT_TEXT)])
        self.group = _box(tr("Group"), [(ANY, "")])
        self.severity = RangeEdit(tr("Severity in %"), 100.0, 1, 1.0)
        self.run = _box(tr("Run"), [(tr("Newest"), None)])
        self.dice = RangeEdit(tr("Dice of the run"), 1.0, 2, 0.05)
        self.verdict = _box(
            tr("Judged in Review"), [(ANY, None), *((t, v) for v, t in VERDICT_TEXT)]
        )
        self.outlined = _box(
            tr("Outlines"), [(ANY, None), (tr("Outlined"), True), (tr("No outlines"), False)]
        )
        self.notes = QCheckBox(tr("Has notes"))
        self.removed = QCheckBox(tr("Removed photos"))
        self.removed.setToolTip(tr("Lists the photos that were removed from the project"))
        self.clear = QPushButton(tr("Clear filters"))
        self._assemble()

    def _assemble(self) -> None:
        form = Form()
        form.setSpacing(8)
        for title, box in (
            (tr("Group"), self.group),
            (tr("Part of training"), self.split),
            (tr("Outlines"), self.outlined),
        ):
            form.addRow(label(title, "muted"), box)
        form.addRow(self.severity.on, self.severity)
        form.addRow(label(tr("Run"), "muted"), self.run)
        form.addRow(self.dice.on, self.dice)
        form.addRow(label(tr("Judged in Review"), "muted"), self.verdict)
        form.addRow("", self.notes)
        form.addRow("", self.removed)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 14, 14, 14)
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(self.clear)
        for box in self._boxes():
            box.activated.connect(lambda _index: self.changed.emit())
        for tick in (self.notes, self.removed):
            tick.toggled.connect(lambda _on: self.changed.emit())
        for edit in (self.severity, self.dice):
            edit.changed.connect(self.changed)

    def _boxes(self) -> tuple[QComboBox, ...]:
        return (self.split, self.group, self.run, self.verdict, self.outlined)

    def applied_to(self, query: ImageQuery) -> ImageQuery:
        """``query`` with what is set here."""
        # Qt keeps these as bare texts.
        split, verdict = self.split.currentData(), self.verdict.currentData()
        newest = self.run.itemData(1) if self.run.count() > 1 else None
        return replace(
            query,
            split=Split(split) if split else None,
            group=str(self.group.currentData() or ""),
            severity=self.severity.value,
            run=self.run.currentData() or newest,
            dice=self.dice.value,
            verdict=Verdict(verdict) if verdict else None,
            outlined=self.outlined.currentData(),
            has_notes=True if self.notes.isChecked() else None,
            removed=self.removed.isChecked(),
        )

    @property
    def active(self) -> int:
        """How many are set."""
        boxes = (self.split, self.group, self.verdict, self.outlined)
        ticks = (self.severity.on, self.dice.on, self.notes, self.removed)
        return sum(b.currentIndex() > 0 for b in boxes) + sum(t.isChecked() for t in ticks)

    def reset(self) -> None:
        """Nothing is set. Fires ``changed`` once."""
        self.blockSignals(True)
        for box in self._boxes():
            box.setCurrentIndex(0)
        for tick in (self.severity.on, self.dice.on, self.notes, self.removed):
            tick.setChecked(False)
        self.blockSignals(False)
        self.changed.emit()

    def offer(self, groups: Sequence[str], runs: Sequence[Run]) -> None:
        """What there is to choose from now; a choice stays. Without runs none is asked of."""
        _refill(self.group, [(group, group) for group in groups])
        _refill(self.run, [(run_titles.title(run), run.id) for run in runs])
        for part in (self.run, self.dice.on, self.dice, self.verdict):
            part.setEnabled(bool(runs))


def _box(title: str, items: Sequence[tuple[str, object]]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(title)
    box.setMinimumWidth(190)
    box.setMaximumWidth(260)
    box.setMaxVisibleItems(16)
    for text, value in items:
        box.addItem(text, value)
    return box


def _refill(box: QComboBox, items: Sequence[tuple[str, object]]) -> None:
    chosen, text = box.currentData(), box.currentText()
    while box.count() > 1:
        box.removeItem(1)
    for name, value in items:
        box.addItem(name, value)
    if chosen and box.findData(chosen) < 0:
        box.addItem(text, chosen)  # no photo has it any more, and the list is of it all the same
    box.setCurrentIndex(max(0, box.findData(chosen)))


def order_box() -> NarrowBox:
    """What the gallery is sorted by."""
    box = NarrowBox(tr("Sorted by"))
    for order, text in ORDERS:
        box.addItem(text, order)
    box.setCurrentIndex(box.findData(ImageOrder.ADDED))
    return box
