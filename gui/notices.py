"""Sentences for the person: what went wrong, what was done, what to press.

Anything may post; the window shows. Knows texts; knows neither who posts nor how it is drawn
(``gui.notice_view`` does that). All texts are shown as plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QObject, Signal

from core.errors import UserError
from gui.tasks import Gone


class Level(Enum):
    """How urgent a notice is; errors stay until they are closed."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Notice:
    """One sentence, with at most one button (``action_text`` calls ``action``)."""

    level: Level
    text: str
    action_text: str = ""
    action: Callable[[], None] | None = None


class Notices(QObject):
    """Where notices are posted. ``recent`` keeps the last ones for the bug report and the tests.

    ``withdrawn`` carries a notice that is true no longer.
    """

    posted = Signal(object)
    withdrawn = Signal(object)
    KEPT = 50

    def __init__(self, bug: Callable[[BaseException], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bug = bug
        self.recent: list[Notice] = []

    def post(self, notice: Notice) -> None:
        self.recent = [*self.recent[-self.KEPT + 1 :], notice]
        self.posted.emit(notice)

    def withdraw(self, notice: Notice) -> None:
        """What it says is over; nobody need close it."""
        self.withdrawn.emit(notice)

    def info(self, text: str) -> None:
        self.post(Notice(Level.INFO, text))

    def success(self, text: str) -> None:
        self.post(Notice(Level.SUCCESS, text))

    def warning(self, text: str) -> None:
        self.post(Notice(Level.WARNING, text))

    def error(self, text: str) -> None:
        self.post(Notice(Level.ERROR, text))

    def show(self, error: BaseException) -> None:
        """A ``UserError`` becomes its sentence; anything else is a bug and is reported as one.

        But for ``Gone``, which is no news to anybody.
        """
        if isinstance(error, UserError):
            self.error(str(error))
        elif not isinstance(error, Gone):
            self._bug(error)


class Standing:
    """The one notice of its owner that stands until what it says is over."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._notice: Notice | None = None

    def tell(self, notice: Notice) -> None:
        self._notice = notice
        self._notices.post(notice)

    def over(self) -> bool:
        """Whether anything was told; it no longer stands."""
        told, self._notice = self._notice, None
        if told is not None:
            self._notices.withdraw(told)
        return told is not None
