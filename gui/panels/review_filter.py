"""Which leaves Review lists: chips for the usual thresholds, and a slider for any other.

Knows thresholds and counts; knows no leaf.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QSlider, QWidget

from core.language import number_text, tr, trn
from core.services.review import THRESHOLDS
from gui.controllers.review import EVERY
from gui.panels.numbers import DecimalBox
from gui.panels.pieces import chip, column, label, row

STEPS = 100
SIDE, MARGIN = 286, 12


class ThresholdFilter(QWidget):
    """``changed`` carries the Dice below which leaves are listed."""

    changed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._count: Callable[[float], int] = lambda _threshold: 0
        self._value = EVERY
        self.chips: dict[float, QPushButton] = {}
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.spin = DecimalBox(0.01, 1.0, 2, 0.01)
        self._assemble()
        self.put(EVERY)

    @property
    def value(self) -> float:
        return self._value

    def count_with(self, count: Callable[[float], int]) -> None:
        """Another run: ``count`` tells how many leaves have a Dice below a threshold."""
        self._count = count
        for threshold, made in self.chips.items():
            name = _name(threshold)
            made.setText(f"{name} · {number_text(count(threshold), ',')}")
            made.setAccessibleName(
                trn("{name}, {n:,} leaf", "{name}, {n:,} leaves", count(threshold), name=name)
            )

    def put(self, value: float) -> None:
        """List leaves below ``value``."""
        self._value = value
        shown = min(1.0, value)
        for widget in (self.slider, self.spin):
            widget.blockSignals(True)
        self.slider.setValue(round(shown * STEPS))
        self.spin.setValue(shown)
        for widget in (self.slider, self.spin):
            widget.blockSignals(False)
        for threshold, made in self.chips.items():
            made.setChecked(abs(threshold - value) < 1e-6)
        self.changed.emit(value)

    def _assemble(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(6)
        for index, threshold in enumerate((*THRESHOLDS, EVERY)):
            made = chip("", partial(self.put, threshold))
            made.setAccessibleName(_name(threshold))
            self.chips[threshold] = made
            if threshold == EVERY:
                grid.addWidget(made, index // 2, 0, 1, 2)
            else:
                grid.addWidget(made, index // 2, index % 2)
        self.slider.setRange(1, STEPS)
        self.slider.setAccessibleName(tr("Dice threshold"))
        self.slider.valueChanged.connect(lambda v: self.put(EVERY if v == STEPS else v / STEPS))
        self.spin.setAccessibleName(tr("Dice threshold"))
        self.spin.setKeyboardTracking(False)
        self.spin.valueChanged.connect(lambda v: self.put(EVERY if v >= 1.0 else v))
        line = row(label(tr("Dice below"), "muted"), self.slider, self.spin, spacing=8)
        self.setLayout(column(grid, line, spacing=8))


def _name(threshold: float) -> str:
    return tr("All") if threshold == EVERY else tr("Below {threshold:.2f}", threshold=threshold)


def fit_side(side: QWidget, filter_: ThresholdFilter, button: QWidget) -> None:
    """Whole words on the buttons of ``side``: long numbers and other languages take more room."""
    layout = filter_.layout()
    assert layout is not None
    layout.activate()  # else its grid tells of the words before
    needed = max(part.sizeHint().width() for part in (filter_, button))
    side.setFixedWidth(max(SIDE, needed + 2 * MARGIN))
