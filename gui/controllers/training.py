"""Training runs as the window sees them: prepare, start, follow, stop, resume, take in.

One run is live at a time. Its worker is a process; what it says is folded into a `RunProgress`.
Knows the training use-cases and the worker's commands; knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from core.changes import Changes
from core.domain.ids import RunId
from core.domain.run import Run, RunState
from core.errors import TrainingRefused, UserError
from core.language import tr
from core.machine_lock import MachineLock
from core.services import second_try
from core.training.events import from_fields
from core.training.run_folder import RunFolder
from gui.context import Context
from gui.controllers.run_preparation import RunPreparation, RunRequest
from gui.controllers.run_progress import RunProgress
from gui.controllers.shared import Shared

if TYPE_CHECKING:
    from core.ports import ProjectStore
    from core.workers.outcome import Outcome
    from gui.worker_process import WorkerProcess

STOP_GRACE_MS = 180_000
"""Saving a checkpoint of a large model on a slow disk takes its time."""


@dataclass(slots=True)
class LiveRun:
    """The run that is being trained now."""

    id: RunId
    folder: RunFolder
    progress: RunProgress
    process: WorkerProcess | None = None
    stopping: bool = False
    memory_kills: int = 0


class TrainingController(Shared):
    """``runs_changed``: the list or a state; ``progressed``: the live run said something;
    ``began`` and ``ended`` carry a RunId.
    """

    runs_changed = Signal()
    progressed = Signal()
    began = Signal(object)
    ended = Signal(object)
    refused = Signal(object)
    """A run could not be prepared; carries the problems as a list of sentences."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.runs: list[Run] = []
        self.live: LiveRun | None = None
        self.preparing = False
        self._lock: MachineLock | None = None
        self._preparation = RunPreparation(context, self)
        self._preparation.moved.connect(self.runs_changed)
        self._preparation.ready.connect(
            lambda folder, notes: self._begin(folder, RunProgress(notices=notes))
        )
        self._preparation.failed.connect(self._not_prepared)
        self._folder: Path | None = None
        context.project.opened.connect(self._opened)
        context.project.changed.connect(self._changed)
        context.guards.append(self._guard)
        self._opened()

    def run(self, run: RunId | None) -> Run | None:
        return next((r for r in self.runs if r.id == run), None)

    def folder(self, run: Run) -> RunFolder:
        """Where ``run`` lies. The project must be open."""
        info = self.context.project.info
        assert info is not None
        return RunFolder(info.folder / run.folder)

    @property
    def busy_sentence(self) -> str:
        """Why no run can be started now; "" when one can."""
        if self.preparing:
            return self._preparation.sentence
        return tr("Another run is going on; stop it or wait for it.") if self.live else ""

    # -- starting

    def start(self, request: RunRequest) -> None:
        """Prepare a run in the background, then train it. ``refused`` says why not."""
        if self._claim():
            self._preparation.begin(request)

    def _claim(self) -> bool:
        """Whether this window may prepare a run now: one at a time on this computer."""
        info = self.context.project.info
        if self.preparing or self.live is not None or info is None:
            return False
        lock = MachineLock(tr("the project “{name}”", name=info.name))
        try:
            lock.acquire()
        except TrainingRefused as error:
            self.refused.emit(error.problems)
            return False
        self._lock = lock
        self.preparing = True
        self.runs_changed.emit()
        return True

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def resume(self, run: Run) -> None:
        """Go on with a run that was prepared, stopped, interrupted or failed."""
        if not self._claim():
            return
        folder = self.folder(run)
        self.context.tasks.run(
            lambda: RunProgress.replayed(folder.events),
            on_done=lambda progress: self._begin(folder, progress),
            on_error=self._not_prepared,
            owner=self,
        )

    def stop(self) -> None:
        """Ask the live run to save a checkpoint and end."""
        live = self.live
        if live is not None and not live.stopping:
            live.stopping = True
            if live.process is not None:
                live.process.stop(grace_ms=STOP_GRACE_MS)
            self.progressed.emit()

    def _not_prepared(self, error: BaseException) -> None:
        self.preparing = False
        self._release()
        self.runs_changed.emit()
        if isinstance(error, UserError):
            self.refused.emit(getattr(error, "problems", [str(error)]))
        else:
            self.context.notices.show(error)

    def _begin(self, folder: RunFolder, progress: RunProgress) -> None:
        self.preparing = False
        self.live = live = LiveRun(folder.id, folder, progress)
        self.context.project.change(lambda s: s.set_run_state(live.id, RunState.RUNNING))
        self.began.emit(live.id)
        # The assistant and a model that answers hold memory the run will want.
        self.context.workers.release_residents(lambda: self._launch(live))

    def _launch(self, live: LiveRun) -> None:
        if self.live is not live:
            return
        live.memory_kills = second_try.memory_kills()
        process = self.context.workers.start("train", str(live.folder.root), log=live.folder.log)
        live.process = process
        process.received.connect(lambda fields: self._received(live, fields))
        process.exited.connect(lambda outcome: self._exited(live, outcome))
        if live.stopping:  # asked for before there was a process to ask
            process.stop(grace_ms=STOP_GRACE_MS)

    # -- following

    def _received(self, live: LiveRun, fields: dict[str, object]) -> None:
        event = from_fields(fields)
        if event is None:
            return
        live.progress.take(event)
        if self.live is live:
            self.progressed.emit()

    def _exited(self, live: LiveRun, outcome: Outcome) -> None:
        if self.live is not live:
            return
        live.process = None
        if outcome.ok or live.stopping:
            self._over(live, outcome)
            return

        def decided(again: bool) -> None:
            if again and not live.stopping:
                self._launch(live)
            else:
                self._over(live, outcome)

        self.context.tasks.run(
            lambda: second_try.prepare(live.folder, outcome, kills_before=live.memory_kills),
            on_done=decided,
            on_error=lambda _error: self._over(live, outcome),
            owner=self,
        )

    def _over(self, live: LiveRun, outcome: Outcome) -> None:
        """The run's process has ended and will not be started again by itself."""
        if self.live is not live:
            return
        self.live = None
        self._release()
        if not outcome.ok:
            self.context.notices.error(outcome.sentence())
        self._take_in(live.folder, lambda: self.ended.emit(live.id))

    def _take_in(self, folder: RunFolder, then: Callable[[], None]) -> None:
        """Fold what the run left behind into the project."""
        from core.services.train import ingest

        def failed(error: BaseException) -> None:
            self.context.notices.show(error)
            then()

        task = self.context.project.change(
            lambda store: ingest(store, folder), on_done=lambda _changes: then(), on_error=failed
        )
        if task is None:
            then()

    # -- the project

    def _opened(self) -> None:
        info = self.context.project.info
        folder = info.folder if info else None
        if folder == self._folder:
            return
        self._folder = folder
        if self.live is not None:
            # The project went away under the run: its own files keep what it reached, and the
            # run is taken in when the project is opened again.
            live, self.live = self.live, None
            if live.process is not None:
                live.process.stop()
        self._release()
        self.runs, self.preparing = [], False
        self.runs_changed.emit()
        self.refresh(recovered=False)

    def refresh(self, *, recovered: bool = True) -> None:
        """Read the runs anew; first, unless ``recovered``, end those that a dead window left."""

        def read(store: ProjectStore) -> list[Run]:
            from core.services.train import recover

            if not recovered:
                recover(store)
            return store.runs()

        def done(runs: list[Run]) -> None:
            self.runs = runs
            self.runs_changed.emit()

        self.context.project.ask(read, on_done=done, owner=self)

    def _changed(self, changes: Changes) -> None:
        if changes.runs or changes.everything:
            self.refresh()

    def _guard(self) -> str:
        if self.live is None and not self.preparing:
            return ""
        return tr(
            "A model is being trained. Leaving stops it and keeps its checkpoint; "
            "Resume in the Train workspace goes on from there."
        )
