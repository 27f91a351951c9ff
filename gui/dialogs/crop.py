"""The field for a crop: those of the starter list to choose from, any other may be typed.

Knows the names of common crops; knows no disease and no photo.
"""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox

from core.domain.disease import LONGEST_NAME
from core.services.starter_list import crops


def crop_box(crop: str = "") -> QComboBox:
    """``crop`` is what it shows first; "" is none."""
    box = QComboBox()
    box.setEditable(True)
    box.addItems(["", *crops()])
    box.setCurrentText(crop)
    return box


def crop_in(box: QComboBox) -> str:
    """What was chosen or typed, with single spaces."""
    return " ".join(box.currentText().split())[:LONGEST_NAME]
