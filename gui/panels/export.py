"""The Export workspace: the trained model on one card, the labels on the other.

Arranges the cards and carries their wishes to the controller. Knows which run is meant.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QWidget

from core.domain.ids import RunId
from core.errors import UserError
from core.language import tr
from core.services.runs import kept_first
from gui.context import Context
from gui.controllers.export import EXPORTABLE, ExportController, data_formats
from gui.controllers.focus import Focus
from gui.controllers.photo_choice import Choice, PhotoChoice
from gui.controllers.shared import shared
from gui.controllers.training import TrainingController
from gui.dialogs.replace import ask_to_replace
from gui.panels.export_adapter import AdapterCard
from gui.panels.export_data import DataCard
from gui.panels.pieces import button, card, centred, column, label, row, scrolled
from gui.panels.train import open_folder
from gui.tasks import Gone
from gui.workspaces import Workspace

WIDTH = 760


class ExportWorkspace(Workspace):
    """The page."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.training = shared(context, TrainingController)
        self._focus = shared(context, Focus)
        self._photos = shared(context, PhotoChoice)
        self.controller = ExportController(context, self)
        self.adapter = AdapterCard(context)
        self.data = DataCard(context, data_formats())
        go = button(tr("Go to Train"), partial(context.navigate, "train"), primary=True)
        self.none_yet = card(
            label(tr("The trained model"), "heading"),
            label(tr("No run yet: train a model first, then take it away from here."), wrap=True),
            row(go, None),
        )
        self._assemble()
        self._connect()
        self._project_changed()

    def _assemble(self) -> None:
        body = QWidget()
        body.setMaximumWidth(WIDTH)
        title = label(tr("Take your work away"), "title")
        body.setLayout(column(title, self.none_yet, self.adapter, self.data, None, spacing=14))
        self.setLayout(column(scrolled(centred(body), steady=True), margin=20))

    def _connect(self) -> None:
        controller, adapter, data = self.controller, self.adapter, self.data
        self.training.runs_changed.connect(self._runs_changed)
        self._focus.changed.connect(self._runs_changed)
        adapter.run_chosen.connect(self._focus.put)
        adapter.export_wanted.connect(self._export_adapter)
        adapter.open_wanted.connect(open_folder)
        controller.stepped.connect(adapter.step)
        controller.adapter_done.connect(adapter.succeed)
        controller.adapter_failed.connect(lambda e: adapter.fail(self._sentence(e)))
        data.export_wanted.connect(self._export_data)
        data.open_wanted.connect(lambda p: open_folder(p if p.is_dir() else p.parent))
        controller.data_moved.connect(data.show_progress)
        controller.data_done.connect(data.succeed)
        controller.data_failed.connect(lambda e: data.fail(self._sentence(e)))
        controller.data_in_the_way.connect(self._ask_to_replace)
        self._context.project.opened.connect(self._project_changed)

    def entered(self) -> None:
        self.data.offer({choice: self._photos.count(choice) for choice in Choice})

    def _project_changed(self) -> None:
        self.data.offer({})
        self.data.propose()
        self._runs_changed()

    def _runs_changed(self) -> None:
        runs = [r for r in kept_first(self.training.runs) if r.state in EXPORTABLE]
        self.none_yet.setVisible(not runs)
        self.adapter.setVisible(bool(runs))
        self.adapter.put_runs(runs, self._focus.run)

    def _export_adapter(self, run: RunId, out: Path, merged: Path | None) -> None:
        if (found := self.training.run(run)) is not None:
            self.adapter.begin()
            self.controller.export_adapter(found, out, merged)

    def _export_data(self, format_id: str, out: Path, *, replace: bool = False) -> None:
        self.data.begin()
        places = self.data.places.isChecked()
        only = self._photos.images(self.data.choice)
        self.controller.export_data(format_id, out, replace=replace, places=places, only=only)

    def _ask_to_replace(self, fact: str, format_id: str, out: Path) -> None:
        self.data.fail(tr("{fact} It was left as it is.", fact=fact))
        again = partial(self._export_data, format_id, out, replace=True)
        ask_to_replace(self, fact, again)

    def _sentence(self, error: object) -> str:
        """A sentence for the card; a bug is reported as one as well."""
        if isinstance(error, UserError):
            return str(error)
        if isinstance(error, Gone):
            return tr("The project was closed meanwhile; nothing was written.")
        if isinstance(error, BaseException):
            self._context.notices.show(error)
        return tr("The export failed because of a fault in Leafspot; nothing was written.")


def build(context: Context) -> ExportWorkspace:
    return ExportWorkspace(context)
