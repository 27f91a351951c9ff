"""The Train workspace: one big button, the run that is going on, and the runs before it.

Arranges the setup, the run view and the history, and carries their wishes to the training
controller. Knows which of them is in front.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QStackedWidget

from core.changes import Changes
from core.domain.ids import ImageId, RunId
from core.errors import TrainingRefused
from core.language import tr
from core.services import run_facts
from core.services.runs import run_config
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder
from gui.context import Context
from gui.controllers.focus import Focus
from gui.controllers.programme import Programme
from gui.controllers.run_preparation import RunRequest
from gui.controllers.run_progress import RunProgress
from gui.controllers.shared import shared
from gui.controllers.train_survey import Survey, TrainingData, base_models, mask_heads
from gui.controllers.training import TrainingController
from gui.dialogs.run_facts import RunFactsDialog
from gui.panels.pieces import button, column, label, row
from gui.panels.train_compare import CompareView
from gui.panels.train_history import History
from gui.panels.train_run import RunView
from gui.panels.train_setup import SetupView
from gui.workspaces import Workspace

if TYPE_CHECKING:
    from core.ports import ProjectStore

SIDE = 286


class TrainWorkspace(Workspace):
    """The page. ``shown`` is the run in front, None for the setup."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.training = shared(context, TrainingController)
        self._focus = shared(context, Focus)
        self.programme = shared(context, Programme)
        self.shown: RunId | None = None
        self.compared: tuple[RunId, ...] = ()
        self._stale = True
        self._survey = Survey(context, self._surveyed)
        self.setup = SetupView(context, base_models(), mask_heads())
        self.view = RunView(context)
        self.comparison = CompareView(context)
        self.history = History(context.theme)
        self.new = button(tr("New run"), self.show_setup)
        self._pages = QStackedWidget()
        self._assemble()
        self._connect()
        self._runs_changed()

    def _assemble(self) -> None:
        self.new.setIcon(self._context.theme.icon("mdi6.plus"))
        side = QFrame()
        side.setObjectName("panel")
        side.setFixedWidth(SIDE)
        self.none_yet = label(tr("Runs appear here."), "muted", wrap=True)
        self.hint = label(tr("Ctrl+click several to compare them."), "muted", wrap=True)
        head = row(label(tr("Runs"), "heading"), None, self.new)
        side.setLayout(inner := column(head, self.none_yet, self.hint, self.history, margin=12))
        keep = self.history.sizePolicy()
        keep.setRetainSizeWhenHidden(True)  # or what is said in its place would drift down
        self.history.setSizePolicy(keep)
        inner.setStretch(3, 1)
        inner.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages.addWidget(self.setup)
        self._pages.addWidget(self.view)
        self._pages.addWidget(self.comparison)
        layout = row(side, self._pages, spacing=0)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def _connect(self) -> None:
        training, view = self.training, self.view
        self.setup.train_wanted.connect(self.start)
        training.refused.connect(self.setup.problems.put)
        training.runs_changed.connect(self._runs_changed)
        training.progressed.connect(self._progressed)
        training.began.connect(self.show_run)
        training.ended.connect(self._ended)
        self.history.chosen.connect(self.show_run)
        self.history.several.connect(self.show_comparison)
        view.stop_wanted.connect(self._stop)
        view.resume_wanted.connect(self._resume)
        view.review_wanted.connect(partial(self._go, "review"))
        view.export_wanted.connect(partial(self._go, "export"))
        view.again_wanted.connect(self.show_setup)
        view.folder_wanted.connect(self._open_folder)
        view.facts_wanted.connect(self._show_facts)
        self._context.project.changed.connect(self._changed)
        self._context.project.opened.connect(self._opened)

    # -- what the window tells

    def entered(self) -> None:
        if self._stale:
            self._stale = False
            self._survey.begin()
        if self.training.live is not None and self.shown is None:
            self.show_run(self.training.live.id)

    def _opened(self) -> None:
        self.shown, self._stale = None, True
        self._pages.setCurrentWidget(self.setup)
        if self.isVisible():
            self.entered()

    def _changed(self, changes: Changes) -> None:
        if changes.images or changes.diseases or changes.everything:
            self._stale = True
            if self.isVisible():
                self.entered()

    # -- what the person wants

    def start(self) -> None:
        """The big button."""
        start = self.setup.start
        request = RunRequest(self.setup.config, parent=start.parent_run, adapter=start.adapter)
        self.programme.begin(request, self.setup.then.stages)

    def show_setup(self) -> None:
        self.shown, self.compared = None, ()
        self._pages.setCurrentWidget(self.setup)
        self.history.put(self.training.runs)
        self.setup.show_preparing(self.training.busy_sentence)

    def show_run(self, run: RunId) -> None:
        """Bring a run to the front, as it is in its folder or as it goes on."""
        self.shown, self.compared = run, ()
        self.history.put(self.training.runs, run)
        live, found = self.training.live, self.training.run(run)
        if live is not None and live.id == run:
            self._show(run, live.folder, live.progress)
        elif found is not None:
            folder = self.training.folder(found)
            self._context.tasks.run(
                lambda: RunProgress.replayed(folder.events),
                on_done=lambda progress: self._show(run, folder, progress),
                owner=self,
            )

    def show_comparison(self, runs: list[RunId]) -> None:
        """Bring several runs to the front side by side."""
        self.shown, self.compared = None, tuple(runs)
        found = [run for id_ in runs if (run := self.training.run(id_)) is not None]
        self._pages.setCurrentWidget(self.comparison)
        self.comparison.show_runs(found)

    def _show(self, run: RunId, folder: RunFolder, progress: RunProgress) -> None:
        found = self.training.run(run)
        if self.shown != run or found is None:
            return
        self._pages.setCurrentWidget(self.view)
        live = self.training.live is not None and self.training.live.id == run
        self.view.show_run(found, progress, live=live)

        def film(watched: Watched) -> None:
            if self.shown == run:
                self.view.film.show_run(
                    folder.root,
                    watched.thumbnails,
                    watched.names,
                    continued=watched.continued,
                )
                self.view.film.show_evaluations(self.view.progress.evaluations)

        self._context.project.ask(partial(watched, folder=folder), on_done=film, owner=self)

    def _stop(self) -> None:
        self.training.stop()
        self.view.say_stopping()

    def _resume(self) -> None:
        if (run := self.training.run(self.shown)) is not None:
            self.training.resume(run)

    def _go(self, workspace: str) -> None:
        if self.shown is not None:
            self._focus.put(self.shown)
        self._context.navigate(workspace)

    def _open_folder(self) -> None:
        if (run := self.training.run(self.shown)) is not None:
            open_folder(self.training.folder(run).root)

    def _show_facts(self) -> None:
        run = self.training.run(self.shown)
        if run is None:
            return
        folder = self.training.folder(run)
        self._context.tasks.run(
            lambda: run_facts.text(run_facts.facts(folder, run)),
            on_done=lambda text: RunFactsDialog(text, self).open(),
            owner=self,
        )

    # -- what the controller tells

    def _surveyed(self, data: TrainingData) -> None:
        self.setup.show_data(data)

    def _runs_changed(self) -> None:
        runs = self.training.runs
        self.none_yet.setVisible(not runs)
        self.history.setVisible(bool(runs))
        self.hint.setVisible(len(runs) > 1)
        self.history.put(runs, *(self.compared or ((self.shown,) if self.shown else ())))
        self.setup.start.put(runs)
        self.setup.show_preparing(self.training.busy_sentence)
        shown, live = self.training.run(self.shown), self.training.live
        if shown is None:
            return
        if self.view.run is not None and self.view.run.id == shown.id:
            self.view.show_state(shown, live=live is not None and live.id == shown.id)
        elif live is not None and live.id == shown.id:
            self._show(shown.id, live.folder, live.progress)

    def _progressed(self) -> None:
        live = self.training.live
        if live is not None and live.id == self.shown:
            self.view.show_progress(live.progress, live=True)

    def _ended(self, run: RunId) -> None:
        if self.shown == run:
            self.show_run(run)


@dataclass(frozen=True, slots=True)
class Watched:
    """Thumbnails and file names of a run's watched leaves, by image id as text; ``continued``
    runs began with an adapter."""

    thumbnails: dict[str, bytes]
    names: dict[str, str]
    continued: bool


def watched(store: ProjectStore, *, folder: RunFolder) -> Watched:
    """Of the run in ``folder``."""
    try:
        config = run_config(folder)
    except TrainingRefused:  # the curves are shown all the same
        config = TrainConfig()
    ids = [ImageId(i) for i in config.watch]
    found = store.thumbnails(ids)
    names = {card.id: card.name for card in store.cards(ids)}
    return Watched(
        {str(i): found.get(i, b"") for i in ids},
        {str(i): names.get(i, "") for i in ids},
        continued=bool(config.parent),
    )


def open_folder(folder: Path) -> None:
    """Show ``folder`` in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def build(context: Context) -> TrainWorkspace:
    return TrainWorkspace(context)
