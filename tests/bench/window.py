"""The real window over a real project, for the benches that drive it as a person would.

Knows the program as `gui.app` makes it; measures nothing by itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QEventLoop, QObject, QPointF, QSettings, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from gui.app import Leafspot
    from gui.panels.label import LabelPage

POLL_MS = 2


@contextmanager
def opened(project: Path, home: Path, *, engine: str) -> Iterator[tuple[Leafspot, LabelPage]]:
    """The program with ``project`` open in Label, its first photo complete. ``home`` is a new
    user's: settings and logs go there."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA"):
        os.environ[name] = str(home)
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(home))
    from gui.app import Leafspot
    from gui.shell import application

    program = Leafspot(application("leafspot"))
    program.preferences.put("assistant.engine", engine)
    program.shell.resize(1400, 900)
    program.shell.show()
    program.controller.open(project)
    until(lambda: program.window.current == "label")
    page: LabelPage = program.window.page("label")
    until(lambda: complete(page))
    try:
        yield program, page
    finally:
        program.context.guards.clear()
        program.shell.close()


def complete(page: LabelPage) -> bool:
    """Whether the photo that was asked for stands on the canvas, in full."""
    session = page.controller.session
    there = session is not None and session.image.id == page.controller.current.wanted
    return there and page.canvas.photo_complete


def until(ready: Callable[[], object], seconds: float = 120.0, poll_ms: int = POLL_MS) -> None:
    """Let the window and its threads work until ``ready``. Raises SystemExit after ``seconds``."""
    if ready():
        return
    loop = QEventLoop()
    end = time.monotonic() + seconds
    timer = QTimer(interval=poll_ms)
    timer.timeout.connect(lambda: loop.quit() if ready() or time.monotonic() > end else None)
    timer.start()
    loop.exec()
    timer.stop()
    if not ready():
        raise SystemExit("The window does not get ready.")


def rest(page: LabelPage, seconds: float = 0.0) -> None:
    """Until the canvas is sharp and nothing waits to be saved, and so long more."""
    from gui.controllers.saver import SaveState

    canvas, saver = page.canvas, page.controller.edits.saver
    end = time.monotonic() + seconds
    until(
        lambda: (
            canvas.photo_complete
            and canvas.smooth
            and canvas.regions.settled
            and saver.state is SaveState.SAVED
            and time.monotonic() >= end
        )
    )


def click(page: LabelPage, x: float, y: float, *, positive: bool = True) -> None:
    """Press and release over a photo point, as the mouse would: right for a minus."""
    canvas = page.canvas
    at = QPointF(*canvas.camera.transform.to_device(x, y)) / canvas.camera.ratio
    where = QPointF(canvas.mapToGlobal(at))
    button = Qt.MouseButton.LeftButton if positive else Qt.MouseButton.RightButton
    for kind, held in (
        (QEvent.Type.MouseButtonPress, button),
        (QEvent.Type.MouseButtonRelease, Qt.MouseButton.NoButton),
    ):
        event = QMouseEvent(kind, at, where, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(canvas, event)


def point(page: LabelPage, x: float, y: float) -> None:
    """Move the pointer to a photo point and leave it there."""
    canvas = page.canvas
    at = QPointF(*canvas.camera.transform.to_device(x, y)) / canvas.camera.ratio
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, at, QPointF(canvas.mapToGlobal(at)), none, none,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


class Painted(QObject):
    """Waits until the canvas has painted what fulfils a condition, and says when it had."""

    def __init__(self, page: LabelPage) -> None:
        super().__init__(page.canvas)
        self._loop: QEventLoop | None = None
        self._ready: Callable[[], object] = lambda: False
        self._at = 0.0
        page.canvas.installEventFilter(self)

    def wait(self, ready: Callable[[], object], seconds: float = 60.0) -> float:
        """``time.perf_counter`` when the first painting that began with ``ready`` was done; 0.0
        when none did in so many seconds."""
        self._ready, self._at, self._loop = ready, 0.0, QEventLoop()
        QTimer.singleShot(round(seconds * 1000), self._loop, self._loop.quit)
        self._loop.exec()
        self._loop = None
        return self._at

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self._loop is not None and self._ready():
            QTimer.singleShot(0, self, self._done)  # its turn comes when this painting is over
        return False

    def _done(self) -> None:
        if self._loop is not None and not self._at:
            self._at = time.perf_counter()
            self._loop.quit()
