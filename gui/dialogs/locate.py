"""How far the search for moved photos is, and a button that stops it.

Knows figures; searches nothing itself. Closing it stops the search; what was found stays found.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QVBoxLayout, QWidget

from core.language import tr
from core.services.locate import LocateProgress
from gui.panels.pieces import Elided, label


class LocateDialog(QDialog):
    """Modeless: labelling goes on beside it."""

    def __init__(self, folder: Path, stop: Callable[[], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._stop = stop
        self.setWindowTitle(tr("Searching for moved photos"))
        self.setMinimumWidth(420)
        self.where = Elided(str(folder), "muted", middle=True)
        self.what = label(tr("Looking which photos are missing…"))
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        buttons = QDialogButtonBox()
        stop_button = buttons.addButton(tr("Stop"), QDialogButtonBox.ButtonRole.RejectRole)
        stop_button.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 14)
        column.setSpacing(10)
        for part in (self.what, self.where, self.bar, buttons):
            column.addWidget(part)

    def show_progress(self, seen: LocateProgress) -> None:
        """Another photo or file has been looked at."""
        self.bar.setRange(0, seen.total)
        self.bar.setValue(seen.done)
        if seen.searching:
            self.what.setText(
                tr(
                    "Found {found:,} of {missing:,} missing photos",
                    found=seen.found,
                    missing=seen.missing,
                )
            )

    def finish(self) -> None:
        """The search is over."""
        self._stop = lambda: None
        self.accept()

    def reject(self) -> None:
        self._stop()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._stop()
        super().closeEvent(event)
