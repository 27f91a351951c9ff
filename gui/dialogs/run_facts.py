"""How a run was made, to be read and copied.

Knows text; knows no run.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QWidget

from core.language import tr
from gui.panels.pieces import button, column, row


class RunFactsDialog(QDialog):
    """Modeless in spirit: it only shows."""

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Settings and versions"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.text = QPlainTextEdit(text)
        self.text.setReadOnly(True)
        self.text.setAccessibleName(tr("Settings and versions"))
        self.text.setMinimumSize(560, 460)
        self.copy = button(
            tr("Copy"), lambda: QGuiApplication.clipboard().setText(self.text.toPlainText())
        )
        close = button(tr("Close"), self.accept, primary=True)
        close.setDefault(True)
        self.setLayout(column(self.text, row(self.copy, None, close), spacing=12, margin=16))
