"""One checkpoint on its way: its files one after the other, off the window's thread.

Knows the download service and the free lane; shows nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core.errors import UserError
from core.language import tr
from core.services.downloads import Fetched, fetch
from core.services.published import Published, weights_home
from gui.context import Context


class Fetching(QObject):
    """``progressed`` carries (file name, bytes there, bytes in all or 0) as objects, ``finished``
    a list of `Fetched`, ``failed`` a sentence, ``stopped`` nothing. ``stopping`` fires at once,
    ``stopped`` when the connection has been let go of. One checkpoint at a time."""

    progressed = Signal(str, object, object)
    finished = Signal(object)
    failed = Signal(str)
    stopping = Signal()
    stopped = Signal()

    def __init__(self, context: Context, parent: QObject, home: Path | None = None) -> None:
        """``home`` is the folder of all weights, the user's own when None."""
        super().__init__(parent)
        self._context = context
        self.home = home or weights_home()
        self._stop: threading.Event | None = None

    @property
    def running(self) -> bool:
        return self._stop is not None

    def start(self, wanted: Published | Callable[[], Published]) -> None:
        """Begin, unless another one is on its way. What is called is asked in the background."""
        if self.running:
            return
        stop = self._stop = threading.Event()
        post = self._context.tasks.post

        def told(name: str, have: int, of: int | None) -> None:
            post(lambda: self._tell(stop, name, have, of or 0), self)

        def work() -> tuple[list[Fetched], bool]:
            found: list[Fetched] = []
            listed = wanted if isinstance(wanted, Published) else wanted()
            folder = listed.folder(self.home)
            for file in listed.files:
                got = fetch(
                    file,
                    folder / file.name,
                    progress=partial(told, file.name),
                    cancelled=stop.is_set,
                )
                if got is None:
                    break
                found.append(got)
            return found, len(found) == len(listed.files)

        self._context.tasks.run(
            work,
            on_done=lambda found: self._done(found[0], whole=found[1]),
            on_error=self._failed,
            owner=self,
        )

    def stop(self) -> None:
        """What has arrived stays and is gone on with the next time."""
        if self._stop is not None:
            self._stop.set()
            self.stopping.emit()

    def _tell(self, stop: threading.Event, name: str, have: int, of: int) -> None:
        if not stop.is_set():
            self.progressed.emit(name, have, of)

    def _done(self, found: list[Fetched], *, whole: bool) -> None:
        self._stop = None
        if whole:
            self.finished.emit(found)
        else:
            self.stopped.emit()

    def _failed(self, error: BaseException) -> None:
        self._stop = None
        if isinstance(error, UserError):
            self.failed.emit(str(error))
            return
        self._context.notices.show(error)
        self.failed.emit(tr("An error of the program."))
