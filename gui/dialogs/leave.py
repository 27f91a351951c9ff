"""Asks whether to go although something would be lost.

Knows sentences; what they are about is their author's business.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox, QWidget

from core.language import tr
from gui.dialogs.plain_box import show_plainly


def ask_to_leave(parent: QWidget, losses: list[str], leave: Callable[[], None]) -> None:
    """Ask, without waiting, whether to leave although ``losses`` (sentences) would follow."""
    box = QMessageBox(parent)
    box.setWindowTitle("Leafspot")
    box.setIcon(QMessageBox.Icon.Warning)
    box.setText("\n".join(losses))
    go = box.addButton(tr("Leave anyway"), QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(tr("Stay"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    go.clicked.connect(leave)
    box.finished.connect(box.deleteLater)
    show_plainly(box)
    box.open()
