"""Choosing diseases from the list of common crops.

Knows the shipped list; adds nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from core.domain.disease import Disease
from core.language import tr, trn
from core.services.starter_list import Entry, crops, of_crops
from gui.panels.pieces import column, label
from gui.plain import plain_tip

ENTRY = Qt.ItemDataRole.UserRole
ROW = 22
NOTE = tr(
    "EPPO codes are those of the EPPO Global Database (gd.eppo.int); a code that was not certain "
    "is left empty. Diseases that the project has already are not added again."
)


class StarterListDialog(QDialog):
    """``chosen`` carries a list of `Entry`. A crop's box takes all of its diseases, or of those
    that were searched for."""

    chosen = Signal(object)

    def __init__(self, known: Sequence[Disease], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Diseases of common crops"))
        self.resize(700, 560)
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Find a crop, disease, pathogen or EPPO code"))
        self.search.setAccessibleName(tr("Find a crop, disease, pathogen or EPPO code"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels([tr("Disease"), tr("EPPO code"), tr("Pathogen")])
        self.tree.setColumnWidth(0, 340)
        self.tree.setColumnWidth(1, 100)
        self.tree.setAccessibleName(tr("Crops and their diseases"))
        for crop in crops():
            self.tree.addTopLevelItem(_crop_item(crop, known))
        self.tree.itemChanged.connect(lambda _item, _column: self._follow())
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.add = self._buttons.addButton(tr("Add"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self._take)
        self._buttons.rejected.connect(self.reject)
        layout = column(
            self.search, self.tree, label(NOTE, "muted", wrap=True), self._buttons,
            spacing=10, margin=14,
        )  # fmt: skip
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self._follow()

    @property
    def entries(self) -> list[Entry]:
        """What is checked now."""
        return [
            line.data(0, ENTRY)
            for crop in children(self.tree.invisibleRootItem())
            for line in children(crop)
            if line.checkState(0) is Qt.CheckState.Checked and not line.isDisabled()
        ]

    def _filter(self, text: str) -> None:
        for crop in children(self.tree.invisibleRootItem()):
            shown = [line for line in children(crop) if line.data(0, ENTRY).matches(text)]
            for line in children(crop):
                line.setHidden(line not in shown)
            crop.setHidden(not shown)
            crop.setExpanded(bool(text))

    def _follow(self) -> None:
        number = len(self.entries)
        self.add.setEnabled(number > 0)
        self.add.setText(
            trn("Add {n:,} disease", "Add {n:,} diseases", number) if number else tr("Add")
        )

    def _take(self) -> None:
        self.chosen.emit(self.entries)
        self.accept()


def children(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    """The lines below ``item``."""
    found = (item.child(i) for i in range(item.childCount()))
    return [child for child in found if child is not None]


class _Crop(QTreeWidgetItem):
    """While the list is searched its box is about what was found: nobody takes what is not seen."""

    def setData(self, column: int, role: int, value: Any) -> None:
        searched = any(line.isHidden() for line in children(self))
        if role == Qt.ItemDataRole.CheckStateRole and searched:
            shown = [line for line in children(self) if not line.isHidden()]
            on, wanted = Qt.CheckState.Checked, Qt.CheckState(value)
            if all(line.checkState(0) is on or line.isDisabled() for line in shown):
                wanted = Qt.CheckState.Unchecked  # what is not in sight keeps the box half full
            for line in shown:
                line.setCheckState(0, wanted)
            return
        super().setData(column, role, value)


def _crop_item(crop: str, known: Sequence[Disease]) -> QTreeWidgetItem:
    item = _Crop([crop.capitalize()])
    flags = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsAutoTristate
    item.setFlags(item.flags() | flags)
    item.setSizeHint(0, QSize(0, ROW))
    for entry in of_crops([crop]):
        line = QTreeWidgetItem([entry.name, entry.eppo, entry.synonyms[0]])
        line.setData(0, ENTRY, entry)
        line.setSizeHint(0, QSize(0, ROW))
        line.setToolTip(0, plain_tip(", ".join(entry.synonyms)))
        there = entry.is_in(known)
        line.setDisabled(there)
        if there:
            line.setText(0, tr("{name} (there already)", name=entry.name))
        line.setCheckState(0, Qt.CheckState.Unchecked)
        item.addChild(line)
    item.setCheckState(0, Qt.CheckState.Unchecked)
    return item
