"""What stands in the canvas's place when there is no photo to show, and what to do about it.

Knows sentences and actions; knows no photo.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from core.language import tr
from gui.context import Context
from gui.glyph import Glyph
from gui.panels.pieces import label

WIDTH = 460


class LabelNotice(QWidget):
    """An icon, a sentence and up to two buttons in the middle."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.mark = Glyph(context.theme, side=56)
        self.text = label("", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text.setFixedWidth(WIDTH)
        self.locate = self._button(tr("Locate…"), "photo.locate")
        self.import_ = self._button(tr("Import photos…"), "photos.import")
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.locate)
        row.addWidget(self.import_)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.text, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(row)
        column.addStretch(1)

    def no_photos(self) -> None:
        self._show(
            "mdi6.image-plus", tr("This project has no photos yet. Drop some here, or"), True
        )

    def opening(self) -> None:
        self._show("mdi6.image-outline", tr("Opening the photo…"), False)

    def choose_one(self) -> None:
        self._show("mdi6.image-outline", tr("Choose a photo in the gallery."), False)

    def nothing_matches(self) -> None:
        self._show("mdi6.filter-outline", tr("No photo matches the filter."), False)

    def unreadable(self, sentence: str) -> None:
        self._show("mdi6.image-off-outline", sentence, False, locate=True)

    def _show(self, icon: str, text: str, ask_import: bool, *, locate: bool = False) -> None:
        self.mark.put(icon, "muted")
        self.text.setText(text)
        # A layout that centres a label gives it one line, however many its text needs.
        self.text.setMinimumHeight(self.text.heightForWidth(WIDTH))
        self.import_.setVisible(ask_import)
        self.locate.setVisible(locate)

    def _button(self, text: str, action: str) -> QPushButton:
        made = QPushButton(text)
        made.setProperty("primary", True)
        act = self._context.actions[action]
        made.clicked.connect(act.trigger)
        act.changed.connect(lambda: made.setEnabled(act.isEnabled()))
        made.setEnabled(act.isEnabled())
        return made
