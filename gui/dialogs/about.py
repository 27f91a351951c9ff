"""What this program is, and which keys it knows.

Knows the action table; the texts are here.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QIcon, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.actions import MENUS
from gui.context import Context
from gui.panels.pieces import label
from gui.theme import RESOURCES

MOUSE = (
    ("Wheel", "Zoom at the pointer"),
    ("Middle button or Space + drag", "Move the photo"),
    ("1 … 9", "Name the disease (of the selected region, or the next one)"),
    ("Alt + 1 … 9", "Name the disease of the whole leaf"),
)


def program_version() -> str:
    """The installed version; "development" when run from a folder that was not installed."""
    try:
        return version("leafspot")
    except PackageNotFoundError:
        return "development"


class AboutDialog(QDialog):
    """Name, version, licence."""

    def __init__(self, _context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Leafspot")
        row = QHBoxLayout()
        mark = QLabel()
        mark.setPixmap(QIcon(str(RESOURCES / "icons" / "leafspot.svg")).pixmap(72, 72))
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.addWidget(label("Leafspot", "title"))
        text = label(
            f"Version {program_version()} · "
            f"Python {platform.python_version()} · Qt {qVersion()}\n\n"
            "Outline lesions on leaf photos, train a vision-language model on them, "
            "and take the adapter away. Everything runs on this machine; nothing leaves it.\n\n"
            "Apache License 2.0"
        )
        text.setWordWrap(True)
        text.setMinimumWidth(380)
        words.addWidget(text)
        row.addSpacing(12)
        row.addLayout(words)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(_close_button(self))


class KeysDialog(QDialog):
    """Every key, read from the action table."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.resize(560, 640)
        body = QWidget()
        grid = QGridLayout(body)
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(24)
        line = 0
        for menu in MENUS:
            lines = [s for s in context.actions.specs if s.menu == menu and s.shortcuts]
            line = _section(
                grid, line, menu, [(_keys(s.shortcuts), s.text.rstrip("…")) for s in lines]
            )
        _section(grid, line, "On the photo", list(MOUSE))
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(body)
        area.setMinimumWidth(body.sizeHint().width() + 24)
        column = QVBoxLayout(self)
        column.addWidget(area)
        column.addWidget(_close_button(self))


def _section(grid: QGridLayout, line: int, title: str, rows: list[tuple[str, str]]) -> int:
    if not rows:
        return line
    grid.addWidget(label(title, "heading"), line, 0, 1, 2)
    for keys, what in rows:
        line += 1
        grid.addWidget(label(keys), line, 0)
        grid.addWidget(label(what, "muted"), line, 1)
    return line + 1


def _keys(shortcuts: tuple[str, ...]) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    return ", ".join(QKeySequence(text).toString(native) for text in shortcuts)


def _close_button(dialog: QDialog) -> QDialogButtonBox:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    box.rejected.connect(dialog.reject)
    return box
