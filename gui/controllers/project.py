"""Opening, making and closing projects.

Knows the dialogs and the lane they lead to. How a project is kept is hidden behind `Projects`,
which the composition root fills in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.errors import ProjectError
from core.language import tr
from gui.context import Context
from gui.file_dialog import file_dialog
from gui.notices import Level, Notice
from gui.tasks import Lane

if TYPE_CHECKING:
    from core.ports import ProjectStore
    from gui.shell import Shell


@dataclass(frozen=True)
class Projects:
    """How projects are opened and made. All run on the store lane and raise ProjectError.

    ``sample`` gives the folder of the sample project, drawing it first when it is not there yet;
    ``open`` gives a read-only store when somebody else is writing.
    """

    open: Callable[[Path], ProjectStore]
    create: Callable[[Path], ProjectStore]
    sample: Callable[[], Path]


class ProjectController(QObject):
    """The File menu's project part. One project at a time."""

    recent_changed = Signal()
    busy = Signal(str)
    """What is going on, as a sentence; "" when it is over."""
    created = Signal()
    """A new, empty project has been opened: time to ask for photos."""

    def __init__(self, context: Context, shell: Shell, projects: Projects) -> None:
        super().__init__(shell)
        self._context, self._shell, self._projects = context, shell, projects
        self._opening = False
        actions = context.actions
        actions.on("project.new", self.ask_new)
        actions.on("project.open", self.ask_open)
        actions.on("project.sample", self.open_sample)
        actions.on("project.close", self.close)

    def ask_new(self) -> None:
        from gui.dialogs.new_project import NewProjectDialog

        dialog = NewProjectDialog(self._context, self._shell)
        dialog.chosen.connect(self.create)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_open(self) -> None:
        dialog = file_dialog(self._shell, tr("Open project"), folders=True)
        dialog.setDirectory(self._context.preferences.last_folder("projects"))
        dialog.fileSelected.connect(lambda name: self.open(Path(name)))
        dialog.open()

    def open(self, folder: Path) -> None:
        """Open ``folder`` in place of the current project."""
        self._replace(lambda: self._projects.open(folder))

    def create(self, folder: Path, crops: Sequence[str] = ()) -> None:
        """Make a project in ``folder``, with the diseases of ``crops``, and open it."""

        def make() -> ProjectStore:
            from core.services.starter_list import take_over

            store = self._projects.create(folder)
            take_over(store, crops)
            return store

        self._replace(make, self.created.emit)

    def open_sample(self) -> None:
        """Open the drawn leaves, and say where to begin: who opens them is mostly new here."""
        begin = Notice(
            Level.INFO,
            tr(
                "Drawn leaves to try everything on: press A and click a lesion, Enter accepts its "
                "outline; then train."
            ),
            tr("Show the keys"),
            self._context.actions["help.keys"].trigger,
        )
        self._replace(
            lambda: self._projects.open(self._projects.sample()),
            lambda: self._context.notices.post(begin),
            saying=tr("Drawing the sample leaves; this takes some seconds the first time…"),
        )

    def close(self) -> None:
        """Back to the start page."""
        if self.may_leave(self.close):
            self.close_store()

    def close_store(self) -> None:
        """Close the store behind everything that is still to be written."""
        store = self._context.project.store
        if store is None:
            return
        self._context.project.put(None)
        self._context.tasks.run(store.close, lane=Lane.STORE)

    def may_leave(self, then: Callable[[], object]) -> bool:
        """Whether nothing would be lost. Otherwise asks, and calls ``then`` when it may be lost."""
        losses = [text for guard in self._context.guards if (text := guard())]
        if not losses:
            return True
        from gui.dialogs.leave import ask_to_leave

        ask_to_leave(self._shell, losses, lambda: self._leave_anyway(then))
        return False

    def _leave_anyway(self, then: Callable[[], object]) -> None:
        guards, self._context.guards[:] = list(self._context.guards), []
        then()
        self._context.guards[:] = guards

    def _replace(
        self,
        opening: Callable[[], ProjectStore],
        then: Callable[[], None] | None = None,
        *,
        saying: str = tr("Opening the project…"),
    ) -> None:
        again = partial(self._replace, opening, then, saying=saying)
        if self._opening or not self.may_leave(again):
            return
        self._opening = True
        self.busy.emit(saying)
        # The old project stays open until the new one is there: a failed open changes nothing.
        self._context.tasks.run(
            opening,
            on_done=lambda store: self._opened(store, then),
            on_error=self._failed,
            lane=Lane.STORE,
        )

    def _opened(self, store: ProjectStore, then: Callable[[], None] | None) -> None:
        self._opening = False
        self.busy.emit("")
        if self._writes(store.folder):  # the lock that made this one read-only is our own
            self._context.tasks.run(store.close, lane=Lane.STORE)
            self._context.notices.info(tr("This project is open already."))
            return
        self.close_store()
        self._context.project.put(store)
        self._context.preferences.add_recent(store.folder)
        self._context.preferences.put_last_folder("projects", store.folder.parent)
        self.recent_changed.emit()
        if then is not None:
            then()

    def _writes(self, folder: Path) -> bool:
        """Whether ``folder`` is the open project, and open for writing."""
        info = self._context.project.info
        if info is None or info.read_only:
            return False
        return os.path.realpath(info.folder) == os.path.realpath(folder)

    def _failed(self, error: BaseException) -> None:
        self._opening = False
        self.busy.emit("")
        self._context.notices.show(error)
        if isinstance(error, ProjectError):
            recent = self._context.preferences.recent()
            gone = [p for p in recent if not os.path.exists(p)]  # noqa: PTH110 - does not raise
            for folder in gone:
                self._context.preferences.forget_recent(folder)
            self.recent_changed.emit()
