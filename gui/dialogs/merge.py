"""Asks whether to merge one disease into another, saying what that changes.

Knows two diseases and how much they are used; merges nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox, QWidget

from core.domain.disease import Disease, DiseaseUse
from core.language import tr, trn
from gui.dialogs.plain_box import show_plainly


def ask_to_merge(
    parent: QWidget, gone: Disease, into: Disease, use: DiseaseUse, merge: Callable[[], None]
) -> None:
    """Ask, without waiting, and call ``merge`` on yes."""
    box = QMessageBox(parent)
    box.setObjectName("merge")
    box.setWindowTitle(tr("Merge diseases"))
    box.setIcon(QMessageBox.Icon.Question)
    box.setText(tr("Merge “{name}” into “{name_2}”?", name=gone.name, name_2=into.name))
    box.setInformativeText(
        tr(
            "{photos} and {outlines} become “{name}”, which is found by the name "
            "“{name_2}” from then on. Runs that are trained already keep their class "
            "names. Undo takes it back, also after a restart.",
            photos=trn("{n:,} photo", "{n:,} photos", use.photos),
            outlines=trn("{n:,} outline", "{n:,} outlines", use.regions),
            name=into.name,
            name_2=gone.name,
        )
    )
    go = box.addButton(tr("Merge"), QMessageBox.ButtonRole.AcceptRole)
    keep = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)
    go.clicked.connect(merge)
    box.finished.connect(box.deleteLater)
    show_plainly(box)
    box.open()
