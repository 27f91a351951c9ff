"""Opens the window in the pseudo-language and prints every text in it that nobody translated.

    LEAFSPOT_LANGUAGE=pseudo python pseudo_window.py FOLDER

A process of its own, because tables of words are made when they are imported. A text that went
through the catalogue has no plain vowel left. Prints one text a line; nothing where all is well.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDialogButtonBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMenu,
    QTabBar,
    QTableWidget,
    QWidget,
)  # fmt: skip

from core.services.starter_list import crops
from gui.app import Leafspot
from gui.dialogs.about import AboutDialog
from gui.dialogs.diseases import DiseasesDialog
from gui.dialogs.import_photos import ImportDialog
from gui.dialogs.keys import KeysDialog
from gui.dialogs.new_project import NewProjectDialog
from gui.dialogs.preferences import PreferencesDialog
from gui.dialogs.prepared import PreparedDialog
from gui.panels.label import LabelPage
from gui.shell import application
from gui.workspaces import WORKSPACES

# Names of models, formats and keys, and what the drawn project calls its own things.
NAMES = re.compile(
    r"Leafspot|Segment Anything|SAM [\d.]+|MobileSAM|EdgeTAM|ViT-[BLH]|Gemma \d|LoRA|QLoRA|COCO|"
    r"JSON|RLE|PNG|CSV|PDF|EPPO|HEMIVA|UTF-8|NF4|Lab a\*|IoU|English|Português \(Brasil\)|"
    r"(Ctrl|Shift|Alt|Meta)\+\S+|^[A-Z]$|\([A-Z]\)|\b(Esc|Enter|Return|Space|Tab|PgDown|PgUp|Delete|Del|Backspace|"
    r"Left|Right|Up|Down|Home|End)\b|https?://\S+|\S*/\S+|\S+\.(png|jpe?g|leafspot|json)\b"
)
ALIEN = {"Export", "Export..."}
"""In a menu of pyqtgraph's that our charts never open."""
VOWEL = re.compile(r"[aeiouAEIOU]")


def texts(root: QWidget) -> Iterator[str]:
    """What a person can read or hear of ``root`` and of everything in it."""
    for widget in (root, *root.findChildren(QWidget)):
        if widget.objectName().startswith("qt_"):
            continue
        if isinstance(widget.parentWidget(), QDialogButtonBox):  # Qt's words, in Qt's catalogue
            continue
        yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription())
        if widget.isWindow():
            yield widget.windowTitle()
        yield from _own(widget)
    for action in root.findChildren(QAction):
        yield from (action.text(), action.toolTip())


def _own(widget: QWidget) -> Iterator[str]:
    match widget:
        case QLabel() | QAbstractButton():
            yield widget.text()
        case QMenu() | QGroupBox():
            yield widget.title()
        case QLineEdit():
            yield widget.placeholderText()
        case QComboBox():
            yield from (widget.itemText(i) for i in range(widget.count()))
        case QTabBar():
            yield from (widget.tabText(i) for i in range(widget.count()))
        case QAbstractSpinBox():
            yield widget.text()
        case QTableWidget():
            heads = (widget.horizontalHeaderItem(i) for i in range(widget.columnCount()))
            yield from (head.text() for head in heads if head is not None)
        case _:
            pass


def plain(said: Iterator[str], own: set[str]) -> Iterator[str]:
    """Those of them that no catalogue has changed; ``own`` are words of the project."""
    for text in said:
        if text in ALIEN:
            continue
        bare = re.sub(r"<[^>]*>|&nbsp;|&(?=\w)", "", text)
        for word in sorted(own, key=len, reverse=True):
            bare = re.sub(re.escape(word), "", bare, flags=re.IGNORECASE)
        if VOWEL.search(NAMES.sub("", bare)):
            yield text.replace("\n", " ")


def settle(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def main(folder: Path) -> int:
    from whole_window import labelled_project

    project = labelled_project(folder)
    app = application("leafspot")
    program = Leafspot(app)
    shell = program.shell
    shell.show()
    settle(100)
    found = dict.fromkeys(plain(texts(shell), set()))
    program.controller.open(project)
    for _ in range(100):
        settle(50)
        page = program.window.page("label")
        if isinstance(page, LabelPage) and page.controller.session is not None:
            break
    else:
        print("the project did not open")
        return 1
    own = {project.stem, *(n for d in page.diseases.all for n in d.names)}
    own |= set(crops())  # of the starter list: a table, translated in its own columns
    for workspace in WORKSPACES:
        program.window.show_workspace(workspace.id)
        settle(150)
        found |= dict.fromkeys(plain(texts(shell), own))
    context = program.context
    for dialog in (
        AboutDialog(context, shell), KeysDialog(context, shell), PreferencesDialog(context, shell),
        NewProjectDialog(context, shell), ImportDialog(context, program.importer(), [], shell),
        DiseasesDialog(
            context, page.diseases, page.controller.bulk, shell, unsaved=lambda: False
        ),
        PreparedDialog(context, shell),
    ):  # fmt: skip
        found |= dict.fromkeys(plain(texts(dialog), own))
        dialog.deleteLater()
    context.guards.clear()
    shell.close()
    for text in found:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
