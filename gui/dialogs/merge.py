"""Asks whether to merge one disease into another, saying what that changes.

Knows two diseases and how much they are used; merges nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox, QWidget

from core.domain.disease import Disease, DiseaseUse
from core.wording import count


def ask_to_merge(
    parent: QWidget, gone: Disease, into: Disease, use: DiseaseUse, merge: Callable[[], None]
) -> None:
    """Ask, without waiting, and call ``merge`` on yes."""
    box = QMessageBox(parent)
    box.setObjectName("merge")
    box.setWindowTitle("Merge diseases")
    box.setIcon(QMessageBox.Icon.Question)
    box.setText(f"Merge “{gone.name}” into “{into.name}”?")
    box.setInformativeText(
        f"{count(use.photos, 'photo')} and {count(use.regions, 'outline')} become “{into.name}”, "
        f"which is found by the name “{gone.name}” from then on. Runs that are trained already "
        "keep their class names. This can be undone until the list is closed."
    )
    go = box.addButton("Merge", QMessageBox.ButtonRole.AcceptRole)
    keep = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)
    go.clicked.connect(merge)
    box.finished.connect(box.deleteLater)
    box.open()
