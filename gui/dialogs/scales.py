"""The project's severity scales: choose one, change its grades, add one's own.

Knows scales and what is wrong with them (`core.domain.scale`); writes nothing itself.
"""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from core.domain.scale import LONGEST, PUBLISHED, Grade, Scales, one_more, scales_problem
from core.language import number_text, tr
from gui.panels.pieces import button, column, label, row

HINT = tr(
    "Each grade holds the severities above the one before it, up to its limit in %. "
    "A limit written as <0.1 belongs to the next grade."
)


class ScalesDialog(QDialog):
    """``chosen`` carries the `Scales` to keep; nothing is kept before."""

    chosen = Signal(object)

    def __init__(self, scales: Scales, parent: QWidget, *, writable: bool = True) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Severity scale"))
        self.resize(480, 560)
        self._all = list(scales.all)
        self.choice = QComboBox()
        self.choice.setAccessibleName(tr("Scale"))
        self.title = QLineEdit()
        self.title.setMaxLength(LONGEST)
        self.title.setAccessibleName(tr("Name of the scale"))
        self.table = QTableWidget(0, 2)
        self.table.setAccessibleName(tr("Grades of the scale"))
        self.table.setHorizontalHeaderLabels([tr("Grade"), tr("Up to, %")])
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.source = label("", "muted", wrap=True)
        self._problem = label("", "danger", wrap=True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.keep = self._buttons.addButton(tr("Keep"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self._keep)
        self._buttons.rejected.connect(self.reject)
        self._filling = False
        self._writable = writable
        self._assemble(writable)
        self._connect()
        self._list(scales.chosen.title)

    def _assemble(self, writable: bool) -> None:
        self.new = button(tr("Copy"), self.copy_scale)
        self.new.setToolTip(tr("A copy of this scale to change"))
        self.drop = button(tr("Remove"), self.remove_scale)
        self.restore = button(tr("As published"), self.as_published)
        choose = row(self.choice, self.new, self.drop)
        choose.setStretch(0, 1)
        more, less = (
            button(tr("Add grade"), self.add_grade),
            button(tr("Remove grade"), self.remove_grade),
        )
        below = row(more, less, None, self.restore)
        layout = column(
            choose, row(label(tr("Name")), self.title), label(HINT, "muted", wrap=True), self.table,
            below, self.source, self._problem, self._buttons, spacing=10, margin=14,
        )  # fmt: skip
        layout.setStretch(3, 1)
        self.setLayout(layout)
        for each in (self.title, self.table, self.new, self.choice, more, less, self.restore):
            each.setEnabled(writable)

    def _connect(self) -> None:
        self.choice.activated.connect(lambda _i: self._show())
        self.title.textEdited.connect(lambda _text: self._edited())
        self.table.itemChanged.connect(lambda _item: self._edited())

    @property
    def scales(self) -> Scales:
        """As they are in the dialog now; the scale in front is the one in use."""
        return Scales(tuple(self._all), self._all[self._place].title.strip())

    @property
    def _place(self) -> int:
        return max(0, self.choice.currentIndex())

    # -- what the buttons do

    def copy_scale(self) -> None:
        """Another scale with the same grades."""
        scale = self._all[self._place]
        titles = {s.title for s in self._all}
        names = (f"{scale.title[: LONGEST - 8]}, mine {n}".removesuffix(" 1") for n in range(1, 99))
        title = next(name for name in names if name not in titles)
        self._all.append(replace(scale, title=title, source=""))
        self._list(title)

    def remove_scale(self) -> None:
        """The last one stays."""
        if len(self._all) > 1:
            del self._all[self._place]
            self._list(self._all[0].title)

    def as_published(self) -> None:
        """The grades of the published scale of that name."""
        scale = self._all[self._place]
        known = next((s for s in PUBLISHED if s.title == scale.title), None)
        if known is not None:
            self._all[self._place] = known
            self._show()

    def add_grade(self) -> None:
        """One more near the end. Where the limits leave no room, what is shown as wrong with them
        says why.
        """
        self._replace(list(one_more(self._all[self._place].grades)))

    def remove_grade(self) -> None:
        """The chosen one, or the last."""
        grades = list(self._all[self._place].grades)
        at = self.table.currentRow()
        if len(grades) > 1:
            del grades[at if at >= 0 else -1]
            self._replace(grades)

    # -- showing and reading

    def _replace(self, grades: list[Grade]) -> None:
        self._all[self._place] = replace(self._all[self._place], grades=tuple(grades))
        self._show()

    def _list(self, title: str) -> None:
        self.choice.clear()
        self.choice.addItems([s.title for s in self._all])
        self.choice.setCurrentIndex(max(0, self.choice.findText(title)))
        self._show()

    def _show(self) -> None:
        scale = self._all[self._place]
        self._filling = True
        self.title.setText(scale.title)
        self.table.setRowCount(len(scale.grades))
        for line, grade in enumerate(scale.grades):
            limit = f"{'<' if grade.under else ''}{number_text(grade.upto, 'g')}"
            for place, text in enumerate((grade.name, limit)):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.table.setItem(line, place, item)
        self._filling = False
        self._check()

    def _edited(self) -> None:
        if self._filling:
            return
        grades = tuple(self._grade(line) for line in range(self.table.rowCount()))
        scale = replace(self._all[self._place], title=self.title.text(), grades=grades)
        self._all[self._place] = scale
        self.choice.setItemText(self._place, scale.title)
        self._check()

    def _grade(self, line: int) -> Grade:
        texts = [i.text().strip() if (i := self.table.item(line, c)) else "" for c in (0, 1)]
        limit = texts[1].removesuffix("%").strip()
        return Grade(texts[0], _number(limit.removeprefix("<")), limit.startswith("<"))

    def _check(self) -> None:
        scale = self._all[self._place]
        text = scales_problem(self.scales)
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        self.keep.setEnabled(not text and self._writable)
        known = next((s for s in PUBLISHED if s.title == scale.title), None)
        changed = known is not None and known.grades != scale.grades
        self.restore.setVisible(changed)
        self.source.setText(tr("Changed from what was published.") if changed else scale.source)
        self.drop.setEnabled(len(self._all) > 1 and self._writable)

    def _keep(self) -> None:
        self.chosen.emit(self.scales)
        self.accept()


def _number(text: str) -> float:
    """With a point or a comma; NaN, which every check refuses, for anything else."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan
