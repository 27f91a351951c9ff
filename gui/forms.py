"""Forms whose titles stand at the height of what they name.

Qt places a title by its own height at the top of its row, which leaves it a few pixels above the
text in a field with a frame. Knows layout; knows no field.
"""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QFormLayout, QLabel, QLayoutItem

ONE_LINE = 40
"""What is higher than this has several lines, and its title stands at the first."""
FRAME = 10
"""How much higher than its text the first line of a field is; plain words have no frame."""


class Form(QFormLayout):
    """A `QFormLayout` that sets each title level with its field, or with the field's first line."""

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        for row in range(self.rowCount()):
            title = self.itemAt(row, QFormLayout.ItemRole.LabelRole)
            field = self.itemAt(row, QFormLayout.ItemRole.FieldRole)
            if title is not None and field is not None:
                words = isinstance(field.widget(), QLabel)
                _level(title, field.geometry(), frame=0 if words else FRAME)


def _level(title: QLayoutItem, field: QRect, *, frame: int) -> None:
    place = title.geometry()
    wraps = title.hasHeightForWidth()
    need = title.heightForWidth(place.width()) if wraps else title.sizeHint().height()
    line = title.sizeHint().height() + frame
    if frame and field.height() <= ONE_LINE:
        line = field.height()
    # A title of several lines beside a low field begins where the field does.
    title.setGeometry(QRect(place.x(), field.y(), place.width(), max(line, need)))
