"""Takes an adapter or the labels away, step by step, off the GUI thread.

Knows the export use-cases and their steps; knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.domain.run import Run, RunState
from core.errors import ExportInTheWay, ExportRefused, UserError
from core.exporters.base import ExporterSpec, Only
from core.language import tr
from core.training.run_folder import RunFolder
from gui.context import Context
from gui.controllers.stoppable import Stoppable
from gui.tasks import Gone

if TYPE_CHECKING:
    from core.exporters.base import ExportReport
    from core.services.answering import Verified
    from core.services.export import AdapterExport
    from core.services.export_merged import MergedExport

EXPORTABLE = (RunState.FINISHED, RunState.STOPPED)


class AdapterStep(Enum):
    """What happens between pressing Export and the green tick, in this order."""

    COPY = tr("Copy the adapter and write the checksum of every file")
    RELOAD = tr("Reload the copy from its own files")
    SCORE = tr("Score leaves again with the copy")
    PLACE = tr("Put the folder in its place")
    MERGE = tr("Merge it into the base model, reload that and score it again")


INSIDE = (
    ("adapter_model.safetensors", tr("what was learnt: the LoRA weights")),
    ("head.safetensors", tr("the mask head, which draws the outlines")),
    ("adapter_config.json", tr("how the weights fit onto the base model")),
    ("tokenizer", tr("how text is turned into tokens, the mask token included")),
    ("processor", tr("how photos are prepared")),
    ("chat_template", tr("how a question is put to the model")),
    ("leafspot.json", tr("which classes it knows, and how it was trained")),
    ("README.md", tr("the card: data, figures, licence, limits")),
    ("manifest.json", tr("the checksum of every file, and of the base model it needs")),
)


def inside(names: list[str]) -> list[tuple[str, str]]:
    """(file name, what it is) in plain words, the important ones first; others as they are."""
    known: list[tuple[str, str]] = []
    rest = sorted(names)
    for start, meaning in INSIDE:
        for name in [n for n in rest if n.startswith(start)]:
            known.append((name, meaning))
            rest.remove(name)
    return known + [(name, "") for name in rest]


class ExportController(QObject):
    """One adapter and one data export at a time. Every failure is an error to show."""

    stepped = Signal(object)
    """The `AdapterStep` that has begun."""
    adapter_done = Signal(object)
    """(`AdapterExport`, `MergedExport` or None)."""
    adapter_failed = Signal(object)
    data_moved = Signal(int, int)
    """(done, of) photos."""
    data_done = Signal(object)
    data_failed = Signal(object)
    data_in_the_way = Signal(str, str, object)
    """(the fact as a sentence, format id, Path): a file that is not to be written over unasked."""

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.adapter_busy = self.data_busy = False
        self._going: dict[str, Stoppable] = {}
        context.project.leaving.connect(self._stop)
        context.guards.append(
            lambda: (
                tr("An export is under way and will not be finished.")
                if self.adapter_busy or self.data_busy
                else ""
            )
        )

    def folder(self, run: Run) -> RunFolder:
        info = self._context.project.info
        assert info is not None
        return RunFolder(info.folder / run.folder)

    def export_adapter(self, run: Run, out: Path, merged: Path | None = None) -> None:
        """Copy, reload, score again. The folder appears only when all of it went well.

        ``merged``: where base and adapter go as one model as well.
        """
        if self.adapter_busy:
            return
        self.adapter_busy = True
        folder, going = self.folder(run), self._begin("adapter")
        self._context.tasks.run(
            lambda: _adapter(folder, out, merged, self._tell, going),
            on_done=self._adapter_done,
            on_error=self._adapter_failed,
            owner=self,
        )

    def export_data(
        self,
        format_id: str,
        out: Path,
        *,
        replace: bool = False,
        places: bool = False,
        only: Only = None,
    ) -> None:
        """Write the labels in a format of the registry; ``replace`` over whatever is there.

        ``places``: with where and when photos were taken; ``only`` of these photos.
        """
        store = self._context.project.from_afar()
        if self.data_busy or store is None:
            return

        going = self._begin("data")

        def moved(done: int, of: int) -> None:
            going.check()
            self._moved(done, of)

        def write() -> ExportReport:
            from core.services.export import export_project

            return export_project(
                store,
                out,
                format_id=format_id,
                replace=replace,
                places=places,
                only=only,
                progress=moved,
            )

        def failed(error: BaseException) -> None:
            self.data_busy = False
            if isinstance(error, ExportInTheWay):
                self.data_in_the_way.emit(error.fact, format_id, out)
            else:
                self.data_failed.emit(error)

        self.data_busy = True
        self._context.tasks.run(write, on_done=self._data_done, on_error=failed, owner=self)

    def _begin(self, what: str) -> Stoppable:
        going = self._going[what] = Stoppable()
        return going

    def _stop(self) -> None:
        """The project or the window goes: nothing half written may stay."""
        for going in self._going.values():
            going.stop()

    def _tell(self, step: AdapterStep) -> None:
        """From the free lane."""
        self._context.tasks.post(lambda: self.stepped.emit(step))

    def _moved(self, done: int, of: int) -> None:
        """From the free lane; a hundred times in all is enough."""
        if done == of or done % max(1, of // 100) == 0:
            self._context.tasks.post(lambda: self.data_moved.emit(done, of))

    def _adapter_done(self, made: tuple[AdapterExport, MergedExport | None]) -> None:
        self.adapter_busy = False
        self.adapter_done.emit(made)

    def _adapter_failed(self, error: BaseException) -> None:
        self.adapter_busy = False
        self.adapter_failed.emit(error)

    def _data_done(self, report: ExportReport) -> None:
        self.data_busy = False
        self.data_done.emit(report)


def _adapter(
    folder: RunFolder,
    out: Path,
    merged: Path | None,
    tell: Callable[[AdapterStep], None],
    going: Stoppable,
) -> tuple[AdapterExport, MergedExport | None]:
    """In the free lane; the answering worker ends with the block that holds it."""
    from core.services import export
    from core.services.export_merged import export_merged
    from core.services.runs import run_config

    base = run_config(folder).base_path

    def verify(draft: Path) -> Verified:
        tell(AdapterStep.RELOAD)
        with going.answering(draft, base=base) as model:
            tell(AdapterStep.SCORE)
            verified = model.verify(folder, export.probes(folder))
        tell(AdapterStep.PLACE)
        return verified

    def merge(draft: Path) -> None:
        with going.answering(made.path, base=base) as model:
            model.merge(draft)

    def reload(draft: Path) -> Verified:
        with going.answering(draft, merged=True) as model:
            return model.verify(folder, export.probes(folder))

    tell(AdapterStep.COPY)
    made = export.export_adapter(folder, out, verify=verify)
    if merged is None:
        return made, None
    tell(AdapterStep.MERGE)
    try:
        return made, export_merged(folder, made.path, merged, merge=merge, verify=reload)
    except (UserError, Gone) as error:
        why = error if isinstance(error, UserError) else tr("The project was closed meanwhile.")
        raise ExportRefused(
            tr(
                "The adapter is in “{name}”; the merged model was not written. {why}",
                name=made.path.name,
                why=why,
            )
        ) from error


def data_formats() -> list[ExporterSpec]:
    """Every registered format, by title."""
    from core.services.export import formats

    return sorted(formats().values(), key=lambda spec: spec.title)
