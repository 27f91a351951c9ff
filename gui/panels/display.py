"""How photo and outlines are shown, as sliders: opened from the tool bar, gone with a click beside.

Knows the view's actions and their figures; shows nothing on the photo itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QLabel,
    QSlider,
    QToolButton,
    QWidget,
)

from core.language import tr
from gui.canvas.look import CHANNELS, LIMIT
from gui.context import Context
from gui.controllers.view_actions import ViewActions
from gui.keys_shown import written
from gui.panels.pieces import button, label

TONES = (
    ("brightness", tr("Brightness"), "look.darker", "look.brighter"),
    ("contrast", tr("Contrast"), "look.less_contrast", "look.more_contrast"),
    ("gamma", tr("Shadows"), "look.darker_shadows", "look.lighter_shadows"),
)
BOXES = ("mask.outline", "mask.hatching", "view.masks")
ICON = QSize(22, 22)


class DisplayPanel(QFrame):
    """The popup. Whatever is changed is seen at once."""

    def __init__(self, context: Context, view: ViewActions, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("popup")
        self.setAccessibleName(tr("Display"))
        self._context, self._view = context, view
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 12, 14, 14)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(8)
        self._heading(tr("Photo"))
        self.tones = {part: self._tone(part, title, *keys) for part, title, *keys in TONES}
        self.channel = QComboBox()
        self.channel.setAccessibleName(tr("Channel"))
        for channel in CHANNELS:
            self.channel.addItem(channel.value)
        self.channel.activated.connect(lambda place: view.set_channel(CHANNELS[place]))
        self._row(tr("Channel"), self.channel, self._keys("look.next_channel"))
        self.reset = button(tr("Photo as it is"), view.reset)
        self._row("", self.reset, self._keys("look.reset"))
        self._heading(tr("Outlines"))
        self.opacity = self._slider(tr("Opacity"), 10, 90, view.set_opacity)
        self._row(tr("Opacity"), self.opacity, self._keys("mask.fainter", "mask.stronger"))
        for action in BOXES:
            self._grid.addWidget(self._box(action), self._grid.rowCount(), 1)
            self._hint(self._keys(action))
        view.changed.connect(self._follow)
        self._follow()

    def _heading(self, text: str) -> None:
        self._grid.addWidget(label(text, "heading"), self._grid.rowCount(), 0, 1, 3)

    def _row(self, title: str, widget: QWidget, keys: str) -> None:
        self._grid.addWidget(label(title), self._grid.rowCount(), 0)
        self._grid.addWidget(widget, self._grid.rowCount() - 1, 1)
        self._hint(keys)

    def _hint(self, keys: str) -> None:
        self._grid.addWidget(label(keys, "muted"), self._grid.rowCount() - 1, 2)

    def _tone(self, part: str, title: str, *actions: str) -> QSlider:
        made = self._slider(title, -LIMIT, LIMIT, partial(self._view.set_tone, part))
        self._row(title, made, self._keys(*actions))
        return made

    def _slider(self, title: str, low: int, high: int, put: Callable[[int], object]) -> QSlider:
        made = QSlider(Qt.Orientation.Horizontal)
        made.setRange(low, high)
        made.setPageStep(20)
        made.setMinimumWidth(180)
        made.setAccessibleName(title)
        made.valueChanged.connect(put)
        return made

    def _box(self, action: str) -> QCheckBox:
        act = self._context.actions[action]
        made = QCheckBox(act.text())
        made.setChecked(act.isChecked())
        made.clicked.connect(act.trigger)
        act.toggled.connect(made.setChecked)
        return made

    def _keys(self, *actions: str) -> str:
        """One key of each."""
        return "  ".join(written(self._context.actions[action].shortcut()) for action in actions)

    def _follow(self) -> None:
        values = {self.opacity: self._view.opacity}
        values |= {slider: self._view.tone(part) for part, slider in self.tones.items()}
        for slider, value in values.items():
            slider.blockSignals(True)
            slider.setValue(value)
            slider.blockSignals(False)
        self.channel.setCurrentIndex(CHANNELS.index(self._view.channel))


class DisplayButton(QToolButton):
    """Opens the panel below itself; stays lit while the photo is not shown as it is."""

    def __init__(self, context: Context, view: ViewActions) -> None:
        super().__init__()
        self._context, self._view = context, view
        self.setIcon(context.theme.icon("mdi6.tune-variant"))
        self.setIconSize(ICON)
        self.setToolTip(tr("Brightness, contrast, channels and outlines"))
        self.setAccessibleName(tr("Display"))
        self.setAccessibleDescription(tr("Brightness, contrast, channels and outlines"))
        self.setCheckable(True)
        self.panel: DisplayPanel | None = None
        self.clicked.connect(lambda _checked: self.open())
        view.changed.connect(self._follow)

    def open(self) -> None:
        """Show the panel."""
        if self.panel is None:
            self.panel = DisplayPanel(self._context, self._view, self)
        self.panel.adjustSize()
        left = self.width() - self.panel.width()
        if self.isRightToLeft():
            left = 0
        self.panel.move(self.mapToGlobal(QPoint(left, self.height() + 4)))
        self.panel.show()
        self.panel.tones["brightness"].setFocus()
        self._follow()

    def _follow(self) -> None:
        self.setChecked(self._view.altered)


def altered_badge(view: ViewActions) -> QLabel:
    """Says on the status line which channel is shown; empty for all colours as they are."""
    made = label("", "muted")
    view.changed.connect(lambda: made.setText(view.altered_words))
    return made
