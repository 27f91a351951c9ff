"""Autosave: every finished action goes to disk at once, in order, and says when it is there.

An edit that cannot be written stays in memory and is tried again, by itself and on demand; edits
after it wait their turn, because they build on it. Knows edits and the store lane; knows no canvas.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from core.changes import Changes
from core.domain.edits import Edit
from core.domain.ids import ImageId
from core.errors import UserError
from core.language import tr, trn
from gui.context import Context
from gui.notices import Level, Notice, Standing

if TYPE_CHECKING:
    from core.ports import ProjectStore

RETRY_MS = (2_000, 5_000, 15_000, 30_000)


class SaveState(Enum):
    """The status dot: green, amber, red."""

    SAVED = "saved"
    SAVING = "saving"
    FAILED = "failed"


class Saver(QObject):
    """``state_changed`` follows the dot; ``all_saved`` fires when nothing waits any more."""

    state_changed = Signal(object)
    all_saved = Signal()

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._queue: deque[Edit] = deque()
        self._writing = False
        self._on_disk: list[Edit] = []
        """The one being written, once it is there; the store lane puts it in."""
        self._failures = 0
        self.state = SaveState.SAVED
        self.problem = ""
        self._told = Standing(context.notices)
        self._retry = QTimer(self)
        self._retry.setSingleShot(True)
        self._retry.timeout.connect(self._write)
        self._guard: Callable[[], str] = self._unsaved_sentence
        context.guards.append(self._guard)
        context.project.leaving.connect(self._leaving)
        context.project.opened.connect(self._opened)

    def save(self, edit: Edit) -> None:
        """Queue one finished action. It is on disk once ``state`` is SAVED."""
        self._queue.append(edit)
        if self.state is not SaveState.FAILED:
            self._set(SaveState.SAVING)
        if not self._retry.isActive():
            self._write()

    def retry_now(self) -> None:
        self._retry.stop()
        self._write()

    def pending(self, image: ImageId) -> list[Edit]:
        """Edits of a photo that are not on disk yet, oldest first."""
        return [e for e in self._queue if e.image == image]

    def _write(self) -> None:
        if self._writing or not self._queue:
            return
        edit, home = self._queue[0], self._context.project.store
        self._writing = True
        on_disk = self._on_disk = []

        def commit(store: ProjectStore) -> Changes:
            changes = store.commit(edit)
            on_disk.append(edit)
            return changes

        def failed(error: BaseException) -> None:
            if self._context.project.store is home:
                self._failed(error)
            else:  # closed meanwhile: there is nothing to try again
                self._context.notices.show(error)

        asked = self._context.project.change(commit, on_done=self._written, on_error=failed)
        if asked is None:
            self._writing = False

    def _written(self, _changes: Changes) -> None:
        self._writing = False
        self._failures = 0
        if self._queue:
            self._queue.popleft()
        if self._queue:
            self._set(SaveState.SAVING)
            self._write()
        else:
            self._set(SaveState.SAVED)
            if self._told.over():
                self._context.notices.success(tr("Everything is saved now."))
            self.all_saved.emit()

    def _failed(self, error: BaseException) -> None:
        self._writing = False
        self.problem = (
            str(error) if isinstance(error, UserError) else tr("An error of the program.")
        )
        if not isinstance(error, UserError):
            self._context.notices.show(error)
        wait = RETRY_MS[min(self._failures, len(RETRY_MS) - 1)]
        self._failures += 1
        self._retry.start(wait)
        self._set(SaveState.FAILED)
        if self._failures == 1:
            text = tr(
                "Not saved yet: {problem} Your work is kept and saving is tried again.",
                problem=self.problem,
            )
            self._told.tell(Notice(Level.ERROR, text, tr("Try again"), self.retry_now))

    def _set(self, state: SaveState) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)

    def _leaving(self) -> None:
        """The project is about to be closed: what waits for its turn goes to the lane at once.

        What could not be written before is not tried again: the person was asked.
        """
        if self.state is SaveState.FAILED or not self._queue:
            return
        first, on_disk = self._writing, self._on_disk
        rest = list(self._queue)[int(first) :]

        def commit(store: ProjectStore) -> Changes:
            if not first or on_disk:  # else what they build on was refused, and that is said
                for edit in rest:
                    store.commit(edit)
            return Changes()

        self._context.project.change(commit)

    def _opened(self) -> None:
        """Another project: what could not be written to the old one was given up by the person."""
        self._retry.stop()
        self._queue.clear()
        self._writing = False
        self._failures = 0
        self._told.over()
        self._set(SaveState.SAVED)

    def _unsaved_sentence(self) -> str:
        if self.state is not SaveState.FAILED or not self._queue:
            return ""
        return trn(
            "{n} action is not saved yet and would be lost. {problem}",
            "{n} actions are not saved yet and would be lost. {problem}",
            len(self._queue),
            problem=self.problem,
        )
