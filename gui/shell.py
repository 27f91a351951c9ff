"""The window itself, before there is anything in it.

Shown first and filled a moment later, so that starting the program never means waiting for a
window. Imports next to nothing; knows nothing of what will be in it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMainWindow


def application(program: str) -> QApplication:
    """The application in Fusion.

    The style is named here and not by ``setStyle``, which hands a QStyle back to Python: building
    that class with its six hundred enum members costs a fifth of the start.
    """
    return QApplication([program, "-style", "Fusion"])


class Shell(QMainWindow):
    """The bare window. ``dropped`` carries the paths of dropped files; ``may_close`` is asked."""

    dropped = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Leafspot")
        self.setAcceptDrops(True)
        self.resize(1280, 800)
        self.may_close: Callable[[], bool] = lambda: True

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()]
        event.acceptProposedAction()
        self.dropped.emit(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.may_close():
            event.accept()
        else:
            event.ignore()


def show_first(shell: Shell, fill: Callable[[], None]) -> None:
    """Put the window on the screen now, and call ``fill`` at the first turn of the event loop."""
    shell.show()
    shell.repaint()
    QTimer.singleShot(0, shell, fill)
