"""Bugs: writes a report, tells the person once, and lets the program go on.

Work is saved action by action, so there is nothing to rescue here but calm. Knows exceptions and
where reports are kept; knows no project.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal

from core.language import tr

log = logging.getLogger("leafspot.gui")
KEPT = 20


def report_folder() -> Path:
    """Where bug reports are kept."""
    from platformdirs import user_log_path  # only when there is something to report

    return user_log_path("leafspot", appauthor=False) / "reports"


def write_report(error: BaseException, folder: Path | None = None) -> Path | None:
    """The traceback and the versions in a text file; None when not even that can be written."""
    import platform  # only when there is something to report

    folder = folder or report_folder()
    text = "".join(traceback.format_exception(error))
    lines = (
        f"Leafspot bug report, {time.strftime('%Y-%m-%d %H:%M:%S')}",
        f"Python {platform.python_version()} on {platform.platform()}",
        "",
        text,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**6:06d}.txt"
        path = folder / name
        path.write_text("\n".join(lines), encoding="utf-8")
        for old in sorted(folder.glob("*.txt"))[:-KEPT]:
            old.unlink()
    except OSError:
        return None
    return path


class CrashHandler(QObject):
    """Catches what nobody caught, on any thread. ``tell`` is called on the GUI thread.

    ``tell`` gets (sentence, report path or None).
    """

    _caught = Signal(object)

    def __init__(
        self, tell: Callable[[str, Path | None], None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._tell = tell
        self._seen: set[tuple[str, int]] = set()
        self._caught.connect(self._handle, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Take over the hooks of the main thread and of all others."""
        sys.excepthook = self._hook
        threading.excepthook = lambda args: self.report(
            args.exc_value or RuntimeError("a thread ended without saying why")
        )

    def report(self, error: BaseException) -> None:
        """From any thread."""
        self._caught.emit(error)

    def _hook(
        self, kind: type[BaseException], error: BaseException, tb: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, tb)
            return
        self.report(error)

    def _handle(self, error: BaseException) -> None:
        log.error("%s", "".join(traceback.format_exception(error)))
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        key = (type(error).__name__, place.tb_lineno if place else 0)
        if key in self._seen:  # one report per bug: a bug in a paint event comes every frame
            return
        self._seen.add(key)
        path = write_report(error)
        self._tell(
            tr(
                "Something in Leafspot did not work as it should. Your saved work is not affected; "
                "please send us the report."
            ),
            path,
        )
