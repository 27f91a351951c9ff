"""What this program is: name, version, licence.

The texts are here.
"""

from __future__ import annotations

import platform

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from core.version import program_version
from gui.context import Context
from gui.panels.pieces import label
from gui.theme import RESOURCES


class AboutDialog(QDialog):
    """Name, version, licence."""

    def __init__(self, _context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("About Leafspot"))
        row = QHBoxLayout()
        mark = QLabel()
        mark.setPixmap(QIcon(str(RESOURCES / "icons" / "leafspot.svg")).pixmap(72, 72))
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.addWidget(label("Leafspot", "title"))
        text = label(
            tr(
                "Version {program_version} · Python {python_version} · Qt "
                "{qversion}\n\nOutline lesions on leaf photos, train a vision-language model "
                "on them, and take the adapter away. Everything runs on this machine; "
                "nothing leaves it.\n\nApache License 2.0",
                program_version=program_version(),
                python_version=platform.python_version(),
                qversion=qVersion(),
            )
        )
        text.setWordWrap(True)
        text.setMinimumWidth(380)
        words.addWidget(text)
        row.addSpacing(12)
        row.addLayout(words)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(_close_button(self))


def _close_button(dialog: QDialog) -> QDialogButtonBox:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    box.rejected.connect(dialog.reject)
    return box
