"""The list of diseases: add, rename, colour, choose the key, remove.

Knows the fields of a disease; the store refuses what cannot be (removing one that is in use).
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, new_id
from gui.context import Context
from gui.gallery.panel import swatch
from gui.models.diseases import DiseaseList
from gui.panels.pieces import button, column, label, scrolled


def problem(name: str, others: list[Disease]) -> str:
    """What is wrong with a disease's name, as a sentence; "" when nothing is."""
    if not name.strip():
        return "A disease needs a name."
    if any(d.name.casefold() == name.strip().casefold() for d in others):
        return f"There is already a disease called {name.strip()}."
    return ""


class DiseasesDialog(QDialog):
    """Every change is kept at once."""

    def __init__(self, context: Context, diseases: DiseaseList, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Diseases")
        self.setMinimumWidth(460)
        self._context, self._diseases = context, diseases
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._new = QLineEdit()
        self._new.setPlaceholderText("Name of another disease")
        self._new.returnPressed.connect(self._add_one)
        self._add = button("Add", self._add_one, primary=True)
        row = QHBoxLayout()
        row.addWidget(self._new, 1)
        row.addWidget(self._add)
        self._problem = label("", "danger", wrap=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        # Enter ends the editing of a name; it neither adds another nor closes the list.
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        whole = QVBoxLayout(self)
        whole.setSpacing(12)
        whole.addWidget(self._list(), 1)
        whole.addLayout(row)
        whole.addWidget(self._problem)
        whole.addWidget(buttons)
        diseases.changed.connect(self._fill)
        self._fill()

    def _list(self) -> QScrollArea:
        """The rows, which scroll when there are more than fit on a screen."""
        body = QWidget()
        body.setLayout(column(self._grid, None))
        return scrolled(body)

    def _fill(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for place, text in enumerate(("", "Name", "EPPO code", "Key")):
            self._grid.addWidget(label(text, "heading"), 0, place)
        for row, disease in enumerate(self._diseases.all, 1):
            for place, widget in enumerate(self._editors(disease)):
                self._grid.addWidget(widget, row, place)

    def _editors(self, disease: Disease) -> list[QWidget]:
        theme = self._context.theme
        colour = QToolButton()
        colour.setIcon(swatch(disease.colour, 16))
        colour.setToolTip("Colour")
        colour.clicked.connect(lambda: self._ask_colour(disease))
        name = QLineEdit(disease.name)
        name.setMaxLength(120)
        name.setCursorPosition(0)  # of a long name the beginning tells more than the end
        name.editingFinished.connect(lambda: self._rename(disease, name.text()))
        code = QLineEdit(disease.eppo)
        code.setMaxLength(6)
        code.setFixedWidth(90)
        code.editingFinished.connect(
            lambda: self._put(disease, replace(disease, eppo=code.text().strip().upper()))
        )
        key = QComboBox()
        key.addItem("–", None)
        for number in range(1, 10):
            key.addItem(str(number), number)
        key.setCurrentIndex(key.findData(disease.hotkey))
        key.activated.connect(lambda _i: self._set_key(disease, key.currentData()))
        remove = QToolButton()
        remove.setIcon(theme.icon("mdi6.trash-can-outline"))
        remove.setIconSize(QSize(18, 18))
        remove.setToolTip("Remove; only when no leaf and no lesion has it")
        remove.setEnabled(not disease.healthy)
        remove.clicked.connect(lambda: self._remove(disease))
        return [colour, name, code, key, remove]

    def _add_one(self) -> None:
        name = self._new.text()
        text = problem(name, self._diseases.all)
        self._problem.setText(text)
        if text:
            return
        made = Disease(
            DiseaseId(new_id()),
            name.strip(),
            self._diseases.free_colour(),
            hotkey=self._diseases.free_hotkey(),
        )
        self._new.clear()
        self._context.project.change(lambda store: store.put_disease(made))

    def _rename(self, disease: Disease, name: str) -> None:
        text = problem(name, [d for d in self._diseases.all if d.id != disease.id])
        self._problem.setText(text)
        if not text:
            self._put(disease, replace(disease, name=name.strip()))

    def _set_key(self, disease: Disease, number: int | None) -> None:
        """A key belongs to one disease: it is taken from the one that had it."""
        changed = [replace(disease, hotkey=number)]
        former = self._diseases.with_hotkey(number) if number is not None else None
        if former is not None and former.id != disease.id:
            changed.insert(0, replace(former, hotkey=None))
        for one in changed:
            self._put(None, one)

    def _ask_colour(self, disease: Disease) -> None:
        dialog = QColorDialog(QColor(disease.colour), self)
        dialog.colorSelected.connect(
            lambda chosen: self._put(disease, replace(disease, colour=chosen.name()))
        )
        dialog.open()

    def _put(self, before: Disease | None, after: Disease) -> None:
        if after != before:
            self._context.project.change(lambda store: store.put_disease(after))

    def _remove(self, disease: Disease) -> None:
        self._context.project.change(
            lambda store: store.remove_disease(disease.id),
            on_error=self._context.notices.show,
        )
