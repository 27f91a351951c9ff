"""Asks where a new project goes.

Knows a name and a folder; makes nothing itself.
"""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.files import at_home, is_folder, is_there
from core.language import tr
from gui.context import Context
from gui.file_dialog import file_dialog
from gui.forms import Form
from gui.panels.pieces import label

SUFFIX = ".leafspot"
# Names that some system refuses: so that a project can be carried from one to another.
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]|[. ]$|^ ')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def problem(name: str, parent: Path) -> str:
    """What is wrong with making ``name`` in ``parent``, as a sentence; "" when nothing is."""
    if not name.strip():
        return tr("Give the project a name.")
    if FORBIDDEN.search(name) or RESERVED.fullmatch(name):
        return tr('The name may not contain < > : " / \\ | ? * nor end with a dot or a space.')
    if not is_folder(parent):
        return tr("Choose a folder that exists.")
    if is_there(parent / f"{name}{SUFFIX}"):
        return tr("There is already a project of that name; choose another name or open it.")
    return ""


class CheckMenu(QMenu):
    """Stays open while its boxes are checked."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        action = self.actionAt(event.position().toPoint())
        if action is not None and action.isCheckable():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)


class NewProjectDialog(QDialog):
    """``chosen`` carries the project's folder and the crops whose diseases it begins with."""

    chosen = Signal(object, object)

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("New project"))
        self.setMinimumWidth(520)
        self._name = QLineEdit(tr("Leaves"))
        self._name.selectAll()
        self._folder = QLineEdit(context.preferences.last_folder("projects"))
        self._folder.setAccessibleName(tr("In the folder"))
        browse = QPushButton(tr("Browse…"))
        browse.setAutoDefault(False)  # Enter in the name makes the project
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self._folder, 1)
        row.addWidget(browse)
        form = Form()
        form.addRow(tr("Name"), self._name)
        form.addRow(tr("In the folder"), row)
        form.addRow(tr("Crops"), self._crops_button())
        self._problem = label("", "danger")
        self._problem.setWordWrap(True)
        note = label(
            tr(
                "The project is one folder with the labels, the training runs and backups. "
                "Your photos stay where they are and are never changed."
            ),
            "muted",
        )
        note.setWordWrap(True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._make = self._buttons.addButton(tr("Create"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._make.setDefault(True)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(note)
        column.addWidget(self._problem)
        column.addWidget(self._buttons)
        self._name.textChanged.connect(self._check)
        self._folder.textChanged.connect(self._check)
        self._check()

    @property
    def folder(self) -> Path:
        return at_home(self._folder.text()) / f"{self._name.text()}{SUFFIX}"

    @property
    def crops(self) -> list[str]:
        """Those that are checked."""
        return [action.data() for action in self._menu.actions() if action.isChecked()]

    def _crops_button(self) -> QPushButton:
        from core.services.starter_list import crops

        self._menu = CheckMenu(self)
        for crop in crops():
            action = self._menu.addAction(crop.capitalize())
            action.setCheckable(True)
            action.setData(crop)
            action.toggled.connect(lambda _on: self._show_crops())
        self._crops = QPushButton()
        self._crops.setAutoDefault(False)
        self._crops.setToolTip(tr("The project begins with the diseases of these crops."))
        self._crops.setMenu(self._menu)
        self._show_crops()
        return self._crops

    def _show_crops(self) -> None:
        text = ", ".join(crop.capitalize() for crop in self.crops)
        self._crops.setText(text if len(text) <= 44 else tr("{count} crops", count=len(self.crops)))
        if not text:
            self._crops.setText(tr("None; I name the diseases myself"))

    def accept(self) -> None:
        self.chosen.emit(self.folder, self.crops)
        super().accept()

    def _check(self) -> None:
        text = problem(self._name.text(), at_home(self._folder.text()))
        self._problem.setText(text)
        self._make.setEnabled(not text)

    def _browse(self) -> None:
        dialog = file_dialog(self, tr("Folder for the project"), self._folder.text(), folders=True)
        dialog.fileSelected.connect(self._folder.setText)
        dialog.open()
