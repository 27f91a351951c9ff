"""Puts the window together: the only place where the window meets storage.

`gui.start` has shown the window by then; whatever is heavy is imported when it is needed. Knows
every service by name and nothing of what they do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

from core.language import tr
from gui.actions import Actions
from gui.context import Context, Navigator, ProjectHolder
from gui.controllers.project import ProjectController, Projects
from gui.crash import CrashHandler
from gui.focus_guard import FocusGuard
from gui.main_window import MainWindow
from gui.notices import Level, Notice, Notices
from gui.panels.start import StartPage
from gui.preferences import Preferences
from gui.shell import Shell
from gui.tasks import Tasks
from gui.theme import Theme
from gui.worker_process import Workers

if TYPE_CHECKING:
    from core.ports import ProjectStore
    from gui.controllers.import_ import ImportController


def _open(folder: Path) -> ProjectStore:
    from storage.projects import open_project

    return open_project(folder)


def _create(folder: Path) -> ProjectStore:
    from storage.projects import create_project

    return create_project(folder)


def _sample() -> Path:
    """The project that ``leafspot demo`` uses as well."""
    from platformdirs import user_data_path

    from core.commands.demo import WITHHELD
    from core.services.sample import sample_project

    home = user_data_path("leafspot", appauthor=False) / "demo"
    return sample_project(home, _create, withheld=WITHHELD)


PROJECTS = Projects(open=_open, create=_create, sample=_sample)


class Leafspot:
    """The running program: fills ``shell``, or a window of its own. Tests make one and close it."""

    def __init__(
        self,
        app: QApplication,
        projects: Projects = PROJECTS,
        *,
        shell: Shell | None = None,
        theme: Theme | None = None,
    ) -> None:
        self.app = app
        self._importer: ImportController | None = None
        self.shell = shell or Shell()
        self.preferences = Preferences(self.shell)
        self.theme = theme or Theme(app, self.preferences.text("appearance.theme"))
        self.theme.setParent(self.shell)  # it holds all that hears it change
        self.crash = CrashHandler(self._tell_bug, self.shell)
        self.notices = Notices(self.crash.report, self.shell)
        self.tasks = Tasks(self.notices.show, self.shell)
        self.context = Context(
            tasks=self.tasks,
            project=ProjectHolder(self.tasks, self.shell),
            notices=self.notices,
            actions=Actions(self.shell, self.theme),
            theme=self.theme,
            workers=Workers(self.shell),
            preferences=self.preferences,
            navigator=Navigator(self.shell),
            guards=[],
        )
        self.controller = ProjectController(self.context, self.shell, projects)
        self.start_page = StartPage(self.context, self.controller.open)
        FocusGuard(app, self.shell)
        self.window = MainWindow(self.shell, self.context, self.start_page)
        self.controller.recent_changed.connect(self.start_page.refresh)
        self.controller.busy.connect(self.start_page.show_busy)
        self.preferences.changed.connect(self._preference_changed)
        self._wire_menus()
        self.shell.dropped.connect(self._dropped)
        self.controller.created.connect(lambda: self.importer().ask([]))
        self.shell.may_close = self._close

    def _wire_menus(self) -> None:
        actions = self.context.actions
        actions.on("app.quit", self.shell.close)
        self.context.project.opened.connect(self._project_opened)
        actions.on("photos.prepared", lambda: self._dialog("prepared", "PreparedDialog"))
        actions.on("app.preferences", lambda: self._dialog("preferences", "PreferencesDialog"))
        actions.on("help.about", lambda: self._dialog("about", "AboutDialog"))
        actions.on("help.keys", lambda: self._dialog("keys", "KeysDialog"))

    def importer(self) -> ImportController:
        """Made when a project is there to import into: it brings numpy and the decoders along."""
        if self._importer is None:
            from gui.controllers.import_ import ImportController

            self._importer = ImportController(self.context, self.shell)
        return self._importer

    def _project_opened(self) -> None:
        if self.context.project.info is not None:
            self.importer()

    def _dropped(self, paths: list[Path]) -> None:
        """A project is opened; anything else is taken for photos."""
        projects = [p for p in paths if p.suffix == ".leafspot" and p.is_dir()]
        if projects:
            self.controller.open(projects[0])
        elif self.context.project.info is None:
            self.notices.info(tr("Open or make a project first, then drop the photos on it."))
        else:
            self.importer().ask(paths)

    def _dialog(self, module: str, name: str) -> None:
        """Dialogs are imported when first asked for, and never wait in a loop of their own."""
        import importlib

        made = getattr(importlib.import_module(f"gui.dialogs.{module}"), name)
        made(self.context, self.shell).open()

    def _preference_changed(self, key: str) -> None:
        if key == "appearance.theme":
            self.theme.apply(self.preferences.text(key))

    def _tell_bug(self, sentence: str, report: Path | None) -> None:
        text = f"{sentence}\n{report}" if report else sentence
        self.notices.post(Notice(Level.ERROR, text))

    def _close(self) -> bool:
        """Called when the window is to go. Saves first; False when the person decides to stay."""
        if not self.controller.may_leave(self.shell.close):
            return False
        self.preferences.put_geometry("shell", self.shell.saveGeometry())
        self.window.left()
        self.context.workers.close()
        self.controller.close_store()
        self.tasks.close()
        return True
