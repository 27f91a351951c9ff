"""What every part of the window is given: one object instead of a window full of state.

Knows which services there are; holds no widget. Built once, in `gui.app`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from PySide6.QtCore import QObject, Signal

from core.changes import Changes
from gui.tasks import Gone, Lane, Task, Tasks

if TYPE_CHECKING:
    from core.domain.ids import ImageId
    from core.ports import ProjectStore
    from gui.actions import Actions
    from gui.notices import Notices
    from gui.preferences import Preferences
    from gui.theme import Theme
    from gui.worker_process import Workers

T = TypeVar("T")


@dataclass(frozen=True)
class ProjectInfo:
    """What may be read of the open project on the GUI thread."""

    folder: Path
    name: str
    read_only: bool
    locked_by: str


class ProjectHolder(QObject):
    """The open project, if any. The store itself is only touched on the store lane.

    ``opened`` fires after another project came in or the last one went (``info`` is None then),
    ``leaving`` while that one is still there: what is to be written is given to its lane now.
    ``changed`` carries the `Changes` of every committed action.
    """

    opened = Signal()
    leaving = Signal()
    changed = Signal(object)

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._store: ProjectStore | None = None
        self.info: ProjectInfo | None = None

    @property
    def store(self) -> ProjectStore | None:
        """For the store lane. Use ``ask`` and ``change`` where they do."""
        return self._store

    @property
    def writable(self) -> bool:
        return self.info is not None and not self.info.read_only

    def put(self, store: ProjectStore | None) -> None:
        """Make ``store`` the current project. The caller closes the one before, on its lane."""
        if self._store is not None:
            self.leaving.emit()
        self._store = store
        self.info = (
            ProjectInfo(store.folder, store.name, store.read_only, store.locked_by)
            if store is not None
            else None
        )
        self.opened.emit()

    def from_afar(self) -> ProjectStore | None:
        """The store for work on the free lane; see `LaneStore`."""
        store = self._store
        if store is None:
            return None
        afar = LaneStore(store, self._tasks, lambda: self._store is store)
        return cast("ProjectStore", afar)

    def ask(
        self,
        question: Callable[[ProjectStore], T],
        *,
        on_done: Callable[[T], None],
        on_error: Callable[[BaseException], None] | None = None,
        owner: QObject | None = None,
    ) -> Task | None:
        """Read on the store lane. An answer about a project that has gone is dropped."""
        store = self._store
        if store is None:
            return None

        def deliver(answer: T) -> None:
            if self._store is store:
                on_done(answer)

        return self._tasks.run(
            lambda: question(store),
            on_done=deliver,
            on_error=on_error,
            lane=Lane.STORE,
            owner=owner,
        )

    def change(
        self,
        mutation: Callable[[ProjectStore], Changes],
        *,
        on_done: Callable[[Changes], None] | None = None,
        on_error: Callable[[BaseException], None] | None = None,
    ) -> Task | None:
        """Write on the store lane; every view hears the `Changes` once they are on disk."""

        def deliver(changes: Changes) -> None:
            self.changed.emit(changes)
            if on_done is not None:
                on_done(changes)

        return self.ask(mutation, on_done=deliver, on_error=on_error)


class LaneStore:
    """The open store for long work on another lane: every call is one trip to the store lane.

    So an import or a search leaves room for the autosave between its own writes. A call raises Gone
    once the project is no longer open, for the store may be closed by then.
    """

    def __init__(self, store: ProjectStore, tasks: Tasks, is_open: Callable[[], bool]) -> None:
        self._store, self._tasks, self._is_open = store, tasks, is_open

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found

        def call(*args: object, **named: object) -> Any:
            return self._tasks.call(lambda: self._while_open(found, args, named), Lane.STORE)

        return call

    def _while_open(
        self, found: Callable[..., Any], args: tuple[object, ...], named: dict[str, object]
    ) -> Any:
        if not self._is_open():
            raise Gone
        return found(*args, **named)


class Navigator(QObject):
    """Asks the window for a workspace; ``requested`` carries (workspace id, image id or None)."""

    requested = Signal(str, object)


@dataclass(frozen=True)
class Context:
    """The services of the window.

    ``guards`` are asked before the project or the window goes: each gives back "" or a sentence
    about what would be lost ("A training run is under way; it will be stopped.").
    """

    tasks: Tasks
    project: ProjectHolder
    notices: Notices
    actions: Actions
    theme: Theme
    workers: Workers
    preferences: Preferences
    navigator: Navigator
    guards: list[Callable[[], str]]

    def navigate(self, workspace: str, image_id: ImageId | None = None) -> None:
        """Bring ``workspace`` to the front, with a photo when one is given."""
        self.navigator.requested.emit(workspace, image_id)
