"""Asks whether to write over a file that is in an export's way.

Knows a sentence; writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox, QWidget

from core.language import tr
from gui.dialogs.plain_box import show_plainly


def ask_to_replace(parent: QWidget, fact: str, replace: Callable[[], None]) -> None:
    """Ask, without waiting, whether to ``replace`` what ``fact`` (a sentence) is about."""
    box = QMessageBox(parent)
    box.setWindowTitle("Leafspot")
    box.setIcon(QMessageBox.Icon.Warning)
    box.setText(fact)
    box.setInformativeText(tr("What is in it will be lost if you replace it."))
    go = box.addButton(tr("Replace it"), QMessageBox.ButtonRole.DestructiveRole)
    keep = box.addButton(tr("Keep it"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)
    go.clicked.connect(replace)
    box.finished.connect(box.deleteLater)
    show_plainly(box)
    box.open()
