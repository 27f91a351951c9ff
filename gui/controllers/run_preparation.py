"""Makes a run's folder in the background: every photo is looked at before training may begin.

Knows the use-case and its progress; starts no worker.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core.domain.run import Run
from core.language import tr
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder
from gui.context import Context

TELL_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Fold:
    """Fold ``number`` (from 0) of ``of`` of the leaves that ``run`` learnt from."""

    run: Run
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class RunRequest:
    """``parent``: the run whose adapter is continued; ``adapter``: the person's own folder to start
    from. ``config.hard`` are drawn more often. A ``fold`` says all by itself.
    """

    config: TrainConfig
    parent: Run | None = None
    adapter: Path | None = None
    fold: Fold | None = None


class RunPreparation(QObject):
    """``ready`` carries (RunFolder, notes), ``failed`` an exception; neither once another project
    has come.
    """

    moved = Signal()
    ready = Signal(object, object)
    failed = Signal(object)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._told = 0.0
        self._photos = (0, 0)

    @property
    def sentence(self) -> str:
        done, of = self._photos
        return (
            tr("Checking the photos: {done:,} of {of:,}", done=done, of=of)
            if of
            else tr("Checking the photos…")
        )

    def begin(self, request: RunRequest) -> None:
        """Freeze the project into a run."""
        project = self._context.project
        current, store, notes = project.store, project.from_afar(), list[str]()
        self._photos = (0, 0)
        if store is None:
            return

        def prepare() -> RunFolder:
            from core.services.folds import prepare_fold
            from core.services.train import prepare_run

            if (fold := request.fold) is not None:
                return prepare_fold(store, fold.run, fold.number, fold.of)
            # From afar: an autosave must not wait until every photo has been looked at.
            return prepare_run(
                store,
                request.config,
                parent=request.parent,
                adapter=request.adapter,
                progress=self._tell,
                on_snapshot=lambda taken: notes.extend(taken.notes),
            )

        def prepared(folder: RunFolder) -> None:
            if project.store is current:
                self.ready.emit(folder, notes)

        def failed(error: BaseException) -> None:
            if project.store is current:
                self.failed.emit(error)

        self._context.tasks.run(prepare, on_done=prepared, on_error=failed, owner=self)

    def _tell(self, done: int, of: int) -> None:
        """From the free lane."""
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            self._context.tasks.post(lambda: self._show((done, of)))

    def _show(self, photos: tuple[int, int]) -> None:
        self._photos = photos
        self.moved.emit()
