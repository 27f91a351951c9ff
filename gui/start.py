"""Starts the window: shows it bare, then fills it.

Knows the order of things and the program's name; what is in the window is put together in
`gui.app`, which is imported only when the window is on the screen.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon

from gui import language
from gui.preferences import Preferences
from gui.shell import Shell, application, show_first
from gui.theme import RESOURCES, Theme

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from gui.app import Leafspot


class Start:
    """One start of the program. ``program`` is None until the window is filled."""

    def __init__(
        self, app: QApplication, project: Path | None = None, *, sample: bool = False
    ) -> None:
        self._app, self._project, self._sample = app, project, sample
        self.program: Leafspot | None = None
        preferences = Preferences()
        self._theme = Theme(app, preferences.text("appearance.theme"))
        self.shell = Shell()
        self.shell.restoreGeometry(preferences.geometry("shell"))
        show_first(self.shell, self._fill)

    def _fill(self) -> None:
        from gui.app import Leafspot

        self.program = program = Leafspot(self._app, shell=self.shell, theme=self._theme)
        program.crash.install()
        self._app.setWindowIcon(QIcon(str(RESOURCES / "icons" / "leafspot.svg")))
        if self._sample:
            program.controller.open_sample()
        elif self._project is not None:
            program.controller.open(self._project)


def run(project: Path | None = None, *, sample: bool = False) -> int:
    """Show the window, then open ``project`` or the sample. Gives back the exit status."""
    app = application(sys.argv[0])
    app.setApplicationName("Leafspot")
    app.setDesktopFileName("leafspot")
    language.dress(app)
    start = Start(app, project, sample=sample)
    _quit_on_interrupt(start.shell)
    return ended(app.exec())


def ended(status: int) -> int:
    """``status``; does not come back where the interpreter's own end would be an abort."""
    from gui.tasks import still_working

    if still_working():
        from core import files

        files.drop_drafts()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _quit_on_interrupt(shell: Shell) -> None:
    """Ctrl+C in the terminal closes the window as its own button does."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, lambda *_: shell.close())
    # Python runs signal handlers between bytecodes only: give it some.
    ticker = QTimer(shell)
    ticker.timeout.connect(lambda: None)
    ticker.start(500)
