"""Message boxes whose texts are words and nothing else.

Qt guesses by the look of a text whether it is HTML; names of diseases, files and people are the
project's and may look like anything. Knows a box; knows no sentence.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMessageBox


def show_plainly(box: QMessageBox) -> None:
    """Once its texts are set: letter by letter from now on."""
    for text in box.findChildren(QLabel):
        text.setTextFormat(Qt.TextFormat.PlainText)
