"""The start page: what to do when no project is open.

Knows actions and recent folders; opens nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.context import Context
from gui.panels.pieces import label
from gui.theme import RESOURCES


class StartPage(QWidget):
    """Three ways in, and the projects of late. ``open_recent`` is called with a folder."""

    def __init__(self, context: Context, open_recent: Callable[[Path], None]) -> None:
        super().__init__()
        self.setObjectName("startPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._context, self._open_recent = context, open_recent
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(self._headline())
        column.addSpacing(20)
        for action, hint in (
            ("project.new", "Start with a folder of leaf photos"),
            ("project.open", "Go on where you left off"),
            ("project.sample", "Look around with drawn leaves"),
        ):
            column.addWidget(self._button(context.actions[action], hint))
        column.addSpacing(8)
        column.addWidget(self._build_busy())
        column.addSpacing(8)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        column.addLayout(self._recent)
        frame = QFrame()
        frame.setFixedWidth(480)
        frame.setLayout(column)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addWidget(frame, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(3)
        self.refresh()

    def show_busy(self, text: str) -> None:
        """What is going on; "" when it is over. The buttons wait meanwhile."""
        self._doing.setText(text)
        self._busy.setVisible(bool(text))
        for button in self.findChildren(QPushButton):
            button.setEnabled(not text)

    def _build_busy(self) -> QWidget:
        self._busy = QWidget()
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setFixedHeight(6)
        bar.setTextVisible(False)
        self._doing = label("", "muted")
        column = QVBoxLayout(self._busy)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(bar)
        column.addWidget(self._doing)
        keep = self._busy.sizePolicy()
        keep.setRetainSizeWhenHidden(True)  # the page must not jump
        self._busy.setSizePolicy(keep)
        self._busy.hide()
        return self._busy

    def refresh(self) -> None:
        """Read the recent projects anew."""
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        folders = self._context.preferences.recent()
        if folders:
            self._recent.addWidget(label("Recent projects", "heading"))
        for folder in folders:
            self._recent.addWidget(self._recent_button(folder))

    def _headline(self) -> QHBoxLayout:
        row = QHBoxLayout()
        mark = QLabel()
        mark.setPixmap(QIcon(str(RESOURCES / "icons" / "leafspot.svg")).pixmap(56, 56))
        row.addWidget(mark)
        row.addSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(label("Leafspot", "title"))
        words.addWidget(
            label("Outline lesions, train a model on them, take it away. Offline.", "muted")
        )
        row.addLayout(words, 1)
        return row

    def _button(self, action: QAction, hint: str) -> QPushButton:
        button = QPushButton(f"  {action.text().rstrip('…')}\n  {hint}")
        button.setProperty("big", True)
        button.setIcon(action.icon())
        button.setIconSize(QSize(28, 28))
        button.setEnabled(action.isEnabled())
        button.clicked.connect(action.trigger)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return button

    def _recent_button(self, folder: Path) -> QPushButton:
        button = QPushButton(f"{folder.stem}   {folder.parent}".replace("&", "&&"))
        button.setProperty("flat", True)
        button.setStyleSheet("text-align: left;")
        button.setIcon(self._context.theme.icon("mdi6.folder-outline", "muted"))
        button.setToolTip(str(folder))
        button.clicked.connect(lambda: self._open_recent(folder))
        return button
