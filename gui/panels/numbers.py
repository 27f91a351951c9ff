"""Boxes for numbers, with room before the first digit and units in singular or plural.

Knows numbers and units; knows nothing of what they are for.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox

ROOM = 7
"""Qt lets no stylesheet pad the field of a spin box: it starts at the frame, whatever is asked."""


class NumberBox(QSpinBox):
    """A whole number from ``low`` to ``high``.

    ``unit`` follows it: as it stands ("%"), or as it is said of a number; the box keeps its width.
    """

    def __init__(self, low: int, high: int, unit: str | Callable[[int], str] = "") -> None:
        super().__init__()
        self._unit: Callable[[int], str] = unit if callable(unit) else lambda _number: unit
        self.setRange(low, high)
        self.lineEdit().setTextMargins(ROOM, 0, 0, 0)
        self.valueChanged.connect(self._agree)
        self._agree(self.value())

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance
        hint = super().sizeHint()
        widest = max(width(self._unit(number)) for number in (1, self.maximum()))
        hint.setWidth(hint.width() + widest - width(self.suffix()))
        return hint

    def _agree(self, value: int) -> None:
        self.setSuffix(self._unit(value))


class DecimalBox(QDoubleSpinBox):
    """A number from ``low`` to ``high`` with ``decimals``, typed with a point or a comma."""

    def __init__(self, low: float, high: float, decimals: int, step: float) -> None:
        super().__init__()
        self.setDecimals(decimals)
        self.setRange(low, high)
        self.setSingleStep(step)
        self.lineEdit().setTextMargins(ROOM, 0, 0, 0)

    def validate(self, text: str, pos: int) -> tuple[QValidator.State, str, int]:
        return super().validate(self._pointed(text), pos)

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(self._pointed(text))

    def _pointed(self, text: str) -> str:
        """Nobody types the separators of thousands: each of the two signs is the decimal one."""
        point = self.locale().decimalPoint()
        return text.replace(".", point).replace(",", point)
