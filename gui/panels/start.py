"""The start page: what to do when no project is open.

Knows actions and recent folders; opens nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from gui.context import Context
from gui.glyph import Glyph
from gui.panels.pieces import Elided, column, label, row
from gui.plain import plain_tip
from gui.theme import RESOURCES

NAME = 300
"""Pixels that the name of a recent project may take before its folder is seen."""


class StartPage(QWidget):
    """Three ways in, and the projects of late. ``open_recent`` is called with a folder."""

    def __init__(self, context: Context, open_recent: Callable[[Path], None]) -> None:
        super().__init__()
        self.setObjectName("startPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._context, self._open_recent = context, open_recent
        page = QVBoxLayout()
        page.setSpacing(8)
        page.addLayout(self._headline())
        page.addSpacing(20)
        for action, hint in (
            ("project.new", tr("Start with a folder of leaf photos")),
            ("project.open", tr("Go on where you left off")),
            ("project.sample", tr("Look around with drawn leaves")),
        ):
            page.addWidget(self._button(action, hint))
        page.addSpacing(8)
        page.addWidget(self._build_busy())
        page.addSpacing(8)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        page.addLayout(self._recent)
        frame = QFrame()
        frame.setFixedWidth(480)
        frame.setLayout(page)
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
        self._busy.setLayout(column(bar, self._doing))
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
            self._recent.addWidget(label(tr("Recent projects"), "heading"))
        for folder in folders:
            self._recent.addWidget(self._recent_button(folder))

    def _headline(self) -> QHBoxLayout:
        mark = QLabel()
        mark.setPixmap(QIcon(str(RESOURCES / "icons" / "leafspot.svg")).pixmap(56, 56))
        what = tr("Outline lesions, train a model on them, take it away. Offline.")
        words = column(label("Leafspot", "title"), label(what, "muted"), spacing=0)
        made = row(mark, words, spacing=14)
        made.setStretch(1, 1)
        return made

    def _button(self, id_: str, hint: str) -> QPushButton:
        actions = self._context.actions
        action = actions[id_]
        picture = next(s.icon for s in actions.specs if s.id == id_)
        icon = Glyph(self._context.theme, picture, side=28)
        title = label(action.text().rstrip("…"), "choice")
        words = column(title, label(hint, "muted"), spacing=3)
        button = _Choice(row(icon, words, None, spacing=14), (18, 12, 18, 12))
        button.setAccessibleName(f"{title.text()}: {hint}")
        button.setEnabled(action.isEnabled())
        button.clicked.connect(action.trigger)
        return button

    def _recent_button(self, folder: Path) -> QPushButton:
        name, place = Elided(folder.stem), Elided(str(folder.parent), "muted", middle=True)
        name.setFixedWidth(min(NAME, name.sizeHint().width()))
        inside = row(
            Glyph(self._context.theme, "mdi6.folder-outline", "muted", side=16), name, place
        )
        inside.setStretch(2, 1)
        button = _Choice(inside, (12, 6, 12, 6))
        button.setProperty("flat", True)
        button.setAccessibleName(tr("{stem}, in {parent}", stem=folder.stem, parent=folder.parent))
        button.setToolTip(plain_tip(str(folder)))
        button.clicked.connect(lambda: self._open_recent(folder))
        return button


class _Choice(QPushButton):
    """A button with words in more than one weight: a layout in the place of its text."""

    def __init__(self, inside: QLayout, margins: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.setLayout(inside)
        inside.setContentsMargins(*margins)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for part in self.findChildren(QWidget):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        layout = self.layout()
        assert layout is not None
        return layout.sizeHint()
