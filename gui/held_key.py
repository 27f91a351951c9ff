"""Something that lasts as long as a key is held down.

An action hears of the press alone; the release goes to the widget that has the focus. Knows events
and one action; knows nothing of what is held.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QApplication


class HeldKey(QObject):
    """Calls ``change(True)`` when ``action`` is triggered and ``change(False)`` when its key is let
    go, or the focus is.
    """

    def __init__(self, action: QAction, change: Callable[[bool], object]) -> None:
        super().__init__(action)
        self._change = change
        self._watched: QObject | None = None
        action.triggered.connect(lambda _checked=False: self._press())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            gone = event.type() == QEvent.Type.KeyRelease and not event.isAutoRepeat()
        else:
            gone = event.type() in (QEvent.Type.FocusOut, QEvent.Type.WindowDeactivate)
        if gone:
            self._let_go()
        return False

    def _press(self) -> None:
        focus = QApplication.focusWidget()
        if focus is not None and self._watched is None:
            self._watched = focus
            focus.installEventFilter(self)
            self._change(True)

    def _let_go(self) -> None:
        watched, self._watched = self._watched, None
        if watched is not None:
            watched.removeEventFilter(self)
            self._change(False)
