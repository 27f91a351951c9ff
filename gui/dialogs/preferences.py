"""The preferences dialog, drawn from the table in `core.settings`.

Knows one widget per kind of setting and no setting by name. Values are kept as they are changed.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.errors import Bug
from core.language import tr
from core.settings import SETTINGS, Choice, Flag, Number, Setting, Text
from gui.context import Context
from gui.forms import Form
from gui.panels.numbers import NumberBox
from gui.panels.pieces import BAR, label, scrolled
from gui.preferences import Preferences

WIDTH = 600
TITLE_BAR = 60


class PreferencesDialog(QDialog):
    """One form with the groups of the table."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Preferences"))
        column = QVBoxLayout(self)
        column.setSpacing(10)
        # One form for all groups, so that their fields stand in one column.
        form = Form()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(14)
        for number, group in enumerate(dict.fromkeys(s.group for s in SETTINGS if s.group)):
            heading = label(group, "heading")
            heading.setContentsMargins(0, 14 if number else 0, 0, 0)
            form.addRow(heading)
            for setting in SETTINGS:
                if setting.group == group:
                    form.addRow(setting.title, editor(setting, context.preferences))
                    if setting.note:
                        form.addRow("", _note(setting.note))
        page = QWidget()
        page.setLayout(form)
        column.addWidget(scrolled(page, steady=True), 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        buttons.setContentsMargins(BAR, 0, BAR, 0)  # under the fields, which leave room for a bar
        column.addWidget(buttons)
        self.resize(WIDTH, min(_height(page, buttons, column), self._most()))

    def _most(self) -> int:
        return self.screen().availableGeometry().height() - TITLE_BAR


def _note(text: str) -> QLabel:
    """As high as its lines are in the room it gets: a hint of its own would guess one too many."""
    made = label(text, "muted", wrap=True)
    made.setAlignment(Qt.AlignmentFlag.AlignTop)
    policy = made.sizePolicy()
    policy.setVerticalPolicy(QSizePolicy.Policy.Ignored)
    policy.setHeightForWidth(True)
    made.setSizePolicy(policy)
    return made


def _height(page: QWidget, buttons: QWidget, column: QVBoxLayout) -> int:
    """What shows all of it: notes wrap, and a dialog's own hint cuts their last lines."""
    around = column.contentsMargins()
    inside = WIDTH - around.left() - around.right() - 2 * BAR
    high = page.heightForWidth(inside) + buttons.sizeHint().height() + column.spacing()
    return high + around.top() + around.bottom()


def editor(setting: Setting, preferences: Preferences) -> QWidget:
    """The widget of one setting; what is changed in it is kept at once."""
    key, value = setting.key, preferences.get(setting.key)
    match setting.kind:
        case Flag():
            box = QCheckBox()
            box.setChecked(bool(value))
            box.toggled.connect(lambda on: preferences.put(key, on))
            widget: QWidget = box
        case Number(low, high, unit):
            spin = NumberBox(low, high, unit)
            spin.setValue(int(value))
            spin.valueChanged.connect(lambda number: preferences.put(key, number))
            widget = spin
        case Choice(options) if options:
            combo = QComboBox()
            for option, wording in options:
                combo.addItem(wording, option)
            combo.setCurrentIndex(combo.findData(value))
            combo.activated.connect(lambda _i: preferences.put(key, combo.currentData()))
            widget = combo
        case Text(longest):
            line = QLineEdit(str(value))
            line.setMaxLength(longest)
            line.editingFinished.connect(lambda: preferences.put(key, line.text()))
            widget = line
        case _:
            raise Bug(f"no widget for the setting {key!r}")
    widget.setObjectName(key)
    widget.setAccessibleName(setting.title)
    widget.setAccessibleDescription(setting.note)
    return widget
