"""One disease in full: name, EPPO code, crop, synonyms; and merging it into another.

Knows the fields of a disease and what is wrong with them; writes nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from core.domain.disease import LONGEST_NAME, MOST_SYNONYMS, Disease, clash
from core.language import tr
from core.services.starter_list import with_names
from gui.dialogs.crop import crop_box, crop_in
from gui.forms import Form
from gui.gallery.swatch import swatch
from gui.panels.pieces import button, column, label, row

EPPO = re.compile(r"([A-Z0-9]{5,6})?")
RENAMED = tr("Tables that use the former name still find it: it becomes a synonym.")


def wrong(disease: Disease, others: Sequence[Disease]) -> str:
    """What is wrong with ``disease`` beside ``others``, as a sentence; "" when nothing is."""
    if not disease.name:
        return tr("A disease needs a name.")
    if not EPPO.fullmatch(disease.eppo):
        return tr(
            "An EPPO code has five or six letters or digits, such as HEMIVA; or leave it empty."
        )
    if len(disease.synonyms) > MOST_SYNONYMS:
        return tr(
            "A disease has at most {most_synonyms} synonyms; take some away.",
            most_synonyms=MOST_SYNONYMS,
        )
    if any(len(name) > LONGEST_NAME for name in disease.synonyms):
        return tr(
            "A synonym has at most {longest_name} characters; put each on a line of its own.",
            longest_name=LONGEST_NAME,
        )
    return clash(disease, others)


class DiseaseDialog(QDialog):
    """``kept`` carries the disease as it is to be; ``merging`` the one it is to be merged into."""

    kept = Signal(object)
    merging = Signal(object)

    def __init__(self, disease: Disease, others: Sequence[Disease], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Disease"))
        self.setMinimumWidth(460)
        self._disease, self._others = disease, others
        self.name = QLineEdit(disease.name)
        self.name.setMaxLength(LONGEST_NAME)
        self.eppo = QLineEdit(disease.eppo)
        self.eppo.setMaxLength(6)
        self.eppo.setPlaceholderText(tr("such as HEMIVA"))
        self.crop = crop_box(disease.crop)
        self.synonyms = QPlainTextEdit("\n".join(disease.synonyms))
        self.synonyms.setPlaceholderText(
            tr("One to a line: the pathogen, names in other languages")
        )
        self.synonyms.setTabChangesFocus(True)
        self.synonyms.setFixedHeight(110)
        form = Form()
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("EPPO code"), self.eppo)
        form.addRow(tr("Crop"), self.crop)
        form.addRow(tr("Synonyms"), self.synonyms)
        self._renamed = label(RENAMED, "muted", wrap=True)
        form.addRow("", self._renamed)
        self.into = QComboBox()
        if not disease.healthy and any(not other.healthy for other in others):
            form.addRow(tr("Merge into"), self._merge_row())
        self._problem = label("", "danger", wrap=True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.keep = self._buttons.addButton(tr("Keep"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self._keep)
        self._buttons.rejected.connect(self.reject)
        self.setLayout(column(form, self._problem, self._buttons, spacing=12, margin=14))
        for line in (self.name, self.eppo):
            line.textChanged.connect(lambda _text: self._check())
        self.crop.editTextChanged.connect(lambda _text: self._check())
        self.synonyms.textChanged.connect(self._check)
        self._check()

    def _merge_row(self) -> QHBoxLayout:
        self.into.setAccessibleName(tr("Merge into"))
        for other in self._others:
            if not other.healthy:
                self.into.addItem(swatch(other.colour), other.name, other)
        self.merge = button(tr("Merge…"), self._merge)
        self.merge.setToolTip(tr("Its photos and outlines become those of the other disease"))
        layout = row(self.into, self.merge)
        layout.setStretch(0, 1)
        return layout

    def propose(self, name: str) -> None:
        """Offer to merge into the disease that is called ``name``, if one is."""
        for place in range(self.into.count()):
            if self.into.itemData(place).is_called(name):
                self.into.setCurrentIndex(place)

    @property
    def edited(self) -> Disease:
        """As the fields say now."""
        name = " ".join(self.name.text().split())
        typed = with_names(self._disease, self.synonyms.toPlainText().replace("\n", ";"))
        if name and name != self._disease.name:
            typed = typed.renamed(name)
        return replace(
            typed, name=name, eppo=self.eppo.text().strip().upper(),
            crop=crop_in(self.crop),
        )  # fmt: skip

    def _check(self) -> None:
        text = wrong(self.edited, self._others)
        self.propose(self.name.text())
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        self._renamed.setVisible(self.edited.name not in ("", self._disease.name))
        self.keep.setEnabled(not text)

    def _keep(self) -> None:
        self.kept.emit(self.edited)
        self.accept()

    def _merge(self) -> None:
        self.merging.emit(self.into.currentData())
        self.accept()
