"""The tool bar's menu of what can be done to regions, with the numbers that it is done by.

Knows the action table and the settings; does nothing by itself.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QSpinBox,
    QToolButton,
    QWidget,
    QWidgetAction,
)

from core.language import tr
from core.settings import Number, setting
from gui.context import Context
from gui.forms import Form
from gui.keys_shown import Menu

NUMBERS = ("label.specks", "label.smooth", "label.grow")


class RegionMenuButton(QToolButton):
    """``numbers`` are the spin boxes, by setting."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.numbers: dict[str, QSpinBox] = {}
        self.setIcon(context.theme.icon("mdi6.vector-circle"))
        self.setIconSize(QSize(22, 22))
        self.setToolTip(tr("Change the chosen regions: fill, clean, grow, split, merge …"))
        self.setAccessibleName(tr("Change the chosen regions"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._menu = Menu(self)
        self._menu.setToolTipsVisible(True)
        form = QWidgetAction(self)
        form.setDefaultWidget(self._form())
        context.actions.fill_menu(self._menu, tr("Region"))
        self._menu.addSeparator()
        self._menu.addAction(form)
        self._menu.aboutToShow.connect(self._read)
        self.setMenu(self._menu)

    def _form(self) -> QWidget:
        form = QWidget()
        rows = Form(form)
        rows.setContentsMargins(14, 6, 14, 8)
        rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for key in NUMBERS:
            entry = setting(key)
            assert isinstance(entry.kind, Number)
            box = QSpinBox()
            box.setRange(entry.kind.low, entry.kind.high)
            box.setSuffix(entry.kind.unit)
            box.valueChanged.connect(lambda value, k=key: self._context.preferences.put(k, value))
            rows.addRow(entry.title, box)
            self.numbers[key] = box
        self._read()
        return form

    def _read(self) -> None:
        for key, box in self.numbers.items():
            box.setValue(self._context.preferences.number(key))
